"""The way from a device to the broker, and what can go wrong on it: messages lost, doubled, late, broken."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from heapq import heappop, heappush
from typing import Final

from devices.message import Message
from devices.model import Device
from devices.timestamps import SECOND
from simulators.faults import Fault, Scope
from simulators.gateways import Connection
from simulators.noise import key, uniform
from simulators.speakers import Due

_MS: Final = 1_000_000


@dataclass(slots=True)
class Way:
    """Carries messages. Without faults it only asks the connection for them."""

    faults: Sequence[Fault]
    seed: int
    _near: dict[tuple[str, str], list[Fault]] = field(default_factory=dict)
    """the faults that may strike each device"""
    _silent: set[str] = field(default_factory=set)
    _last: dict[tuple[str, str], Message] = field(default_factory=dict)
    _replayed: dict[tuple[str, str], int] = field(default_factory=dict)
    _late: list[tuple[int, int, Message]] = field(default_factory=list)
    _count: int = 0

    def carry(self, connection: Connection, due: Due) -> list[Message]:
        """What arrives when a device speaks, in the order of arrival; `received` is never before an earlier one's."""
        at = due.time // SECOND
        device = due.device.council, due.device.id
        near = self._near.get(device)
        if near is None:
            near = self._near[device] = [fault for fault in self.faults if _strikes(fault, due.device)]
        mine = [fault for fault in near if fault.start <= at < fault.end]
        sent = connection.messages(due)
        if any(fault.kind == "gateway_silence" for fault in mine):
            begins = connection.name not in self._silent
            self._silent.add(connection.name)
            will = connection.goodbye(due.time) if begins else None
            sent = [will] if will else []
        elif connection.name in self._silent:
            self._silent.remove(connection.name)
            sent = [*connection.hello(due.time), *sent]
        for fault in mine:
            sent = self._through(fault, sent, connection, due)
        return [*self._arriving(due.time), *(one._replace(received=due.time) for one in sent)]

    def _through(self, fault: Fault, sent: list[Message], connection: Connection, due: Due) -> list[Message]:
        self._count += 1
        chance = uniform(key(self.seed, "way", fault.id, due.device.id), due.time // SECOND)
        hit, at = chance < fault.severity, due.time
        if fault.kind == "loss":
            return [] if hit else sent
        if fault.kind == "duplication":
            return sent * 2 if hit else sent
        if fault.kind == "malformed":
            return [one._replace(payload=one.payload[: len(one.payload) // 2]) for one in sent] if hit else sent
        if fault.kind == "flood":
            more = range(1, int(fault.severity))
            return [
                *sent,
                *(one for n in more for one in connection.messages(due._replace(claimed=due.claimed + n * _MS))),
            ]
        if fault.kind == "reordering":
            for one in sent:
                heappush(self._late, (at + int(chance * fault.severity * SECOND), self._count, one))
            return []
        if fault.kind == "retained_replay":
            return self._replay(fault, sent, due)
        return sent

    def _replay(self, fault: Fault, sent: list[Message], due: Due) -> list[Message]:
        device = due.device.council, due.device.id
        before = self._last.get(device)
        self._last[device] = sent[-1] if sent else self._last.get(device, Message("", b"", 0))
        if before is None or due.time - self._replayed.get(device, 0) < fault.severity * 3_600 * SECOND:
            return sent
        self._replayed[device] = due.time
        return [*sent, before._replace(received=due.time, retained=True)]

    def _arriving(self, now: int) -> list[Message]:
        """Late messages whose time has come."""
        answer = []
        while self._late and self._late[0][0] <= now:
            answer.append(heappop(self._late)[2]._replace(received=now))
        return answer


def way(faults: Sequence[Fault], seed: int) -> Way:
    """The way with the faults of transport among these."""
    return Way([fault for fault in faults if fault.scope is Scope.SOURCE], seed)


def _strikes(fault: Fault, device: Device) -> bool:
    if fault.council != device.council:
        return False
    return device.id == fault.device if fault.device else device.source == fault.source
