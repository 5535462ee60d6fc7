"""An edge node that speaks Sparkplug B for the devices behind it: born anew with each connection.

A birth names all metrics of a device with their values; a device that has not told everything yet is therefore born
with its first whole message. Births, data and wills are not retained (Sparkplug 3.0, chapter 6), and the birth and the
will of a session carry the same bdSeq, one more than the session before.
"""

from collections.abc import Iterable

from devices.formats import sparkplug
from devices.message import Message, Reading, SourceConfig
from devices.model import Device
from simulators.sensors import tells
from simulators.speakers import Due
from simulators.unplayable import UnplayableError

_SEQUENCE = 256


class EdgeNode:
    """See `gateways.Connection`.

    Raises:
        UnplayableError: the devices are not all behind one node.
    """

    __slots__ = ("_alive", "_bd_seq", "_born", "_known", "_node", "_seq", "_will", "name")

    def __init__(self, source: SourceConfig, devices: list[Device]) -> None:
        nodes = {"/".join(device.address.split("/")[:2]) for device in devices}
        if len(nodes) != 1:
            listed = ", ".join(sorted(nodes))
            raise UnplayableError(f"source {source.id}: one edge node a source, not {listed}: make a source for each")
        self.name = f"{source.council}.{source.id}"
        self._node = nodes.pop()
        self._bd_seq, self._seq = 0, 0
        self._alive = self._will = False
        self._known: dict[str, dict[tuple[str, str], Reading]] = {}
        self._born: set[str] = set()

    def hello(self, at: int) -> list[Message]:
        if not self._will:
            self._next_session()
        self._alive, self._will = True, False
        self._seq, self._born = 0, set()
        births = [self._message("NBIRTH", self._node, (), at, at, bd_seq=self._bd_seq)]
        return births + [self._birth(address, at, at) for address in self._known]

    def goodbye(self, at: int) -> Message:
        """The will of the session that is, or else of the one that is about to begin."""
        if not self._alive:
            self._next_session()
            self._will = True
        self._alive = False
        topic, payload = sparkplug.encode("NDEATH", self._node, (), at, 0, bd_seq=self._bd_seq)
        return Message(topic, payload, at)

    def messages(self, due: Due) -> list[Message]:
        address = due.device.address
        if address not in self._known and {one.field for one in due.readings} < set(tells(due.device)):
            return []
        known = self._known.setdefault(address, {})
        known.update({(one.field.name, one.channel): one for one in due.readings})
        if address not in self._born:
            return [self._birth(address, due.claimed, due.time)]
        return [self._message("DDATA", address, due.readings, due.claimed, due.time)]

    def _birth(self, address: str, claimed: int, sent: int) -> Message:
        self._born.add(address)
        return self._message("DBIRTH", address, self._known[address].values(), claimed, sent)

    def _message(
        self, kind: str, address: str, readings: Iterable[Reading], claimed: int, sent: int, bd_seq: int | None = None
    ) -> Message:
        topic, payload = sparkplug.encode(kind, address, readings, claimed, self._seq, bd_seq=bd_seq)
        self._seq = (self._seq + 1) % _SEQUENCE
        return Message(topic, payload, sent)

    def _next_session(self) -> None:
        self._bd_seq = (self._bd_seq + 1) % _SEQUENCE
