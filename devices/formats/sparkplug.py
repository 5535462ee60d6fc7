"""Sparkplug B 3.0: edge nodes that are born, send data by alias, and die.

    spBv1.0/<group>/<NBIRTH|DBIRTH|NDATA|DDATA|NDEATH|DDEATH>/<node>[/<device>]

The base topic is the namespace (`spBv1.0`), or namespace and group. The address is `<group>/<node>` for an edge node's
own metrics, `<group>/<node>/<device>` for a device's. A birth says name, datatype and unit of each metric, and its
values are readings; data may then name a metric by its alias alone. Data that no birth explains is not guessed at: it
waits as `no_description`, and the source wishes for a rebirth (`Decoded.requests`). A gap in the sequence numbers
raises the same wish, but what the births explain is still read.

What a metric measures: the device's model where the registry names one, else its name together with its unit
(property `engUnit`); see `devices.meaning`. Source: Sparkplug 3.0, chapters 4 to 6.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final, NamedTuple

import orjson

from devices.devicemodel import find
from devices.formats import sparkplug_metrics as metrics
from devices.formats import sparkplug_payload as wire
from devices.formats.sparkplug_metrics import UNIT, Described
from devices.formats.sparkplug_payload import Metric, Payload
from devices.message import Decoded, Message, Reading, Reason, Reject, Sample, Source, SourceConfig, TimeSource
from devices.normalise import capped
from devices.text import printable
from devices.timestamps import SECOND
from devices.topics import ByTopic

DEFAULT_TOPIC: Final = "spBv1.0"
REBIRTH: Final = "Node Control/Rebirth"
BIRTH_SEQUENCE: Final = "bdSeq"
ASK_AGAIN: Final = 60 * SECOND
"""a wish for a rebirth is not repeated sooner"""
MAX_NODES: Final = 10_000

_KINDS: Final = ("NBIRTH", "NDEATH", "NDATA", "DBIRTH", "DDEATH", "DDATA")
_NOT_MEASURED: Final = ("Node Control/", "Device Control/", "Properties/", "Node Info/", "Device Info/")


@dataclass(slots=True)
class _Node:
    """What is known of one edge node; it lives from birth to death."""

    born: int = 0
    """time of arrival of its birth, ns; 0 when it is not alive"""
    bd_seq: int | None = None
    seq: int | None = None
    """of the last message; None when the next one may have any"""
    heard: int = 0
    asked: int = -ASK_AGAIN
    by_alias: dict[int, Described] = field(default_factory=dict)
    by_name: dict[tuple[str, str], Described] = field(default_factory=dict)

    def forget(self, device: str) -> None:
        self.by_alias = {alias: known for alias, known in self.by_alias.items() if known.device != device}
        self.by_name = {key: known for key, known in self.by_name.items() if known.device != device}


class _Place(NamedTuple):
    kind: str
    group: str
    node: str
    device: str
    node_address: str
    address: str


def commands(config: SourceConfig) -> tuple[str, ...]:
    """Topic filters of the commands that its requests are, and of no device's commands."""
    base = config.topic or DEFAULT_TOPIC
    return (f"{base}/NCMD/+" if _has_group(base) else f"{base}/+/NCMD/+",)


def _has_group(base: str) -> bool:
    """Whether a base topic names a group below its namespace."""
    _, slash, group = base.rpartition("/")
    return bool(slash) and group != DEFAULT_TOPIC


def source(config: SourceConfig) -> Source:
    """Every edge node of the namespace, or of one group of it."""
    return _Sparkplug(config)


class _Sparkplug:
    __slots__ = ("_changed", "_group", "_models", "_namespace", "_nodes", "_places", "_prefix", "filters")

    def __init__(self, config: SourceConfig) -> None:
        base = config.topic or DEFAULT_TOPIC
        namespace, _, group = base.rpartition("/")
        whole = not _has_group(base)
        self._namespace, self._group = (base, "") if whole else (namespace, group)
        self._prefix = f"{base}/"
        below = f"{base}/+" if whole else base
        self.filters: tuple[str, ...] = tuple(
            f"{below}/{kind}/+" + ("/+" if kind.startswith("D") else "") for kind in _KINDS
        )
        self._models = config.models
        self._nodes: dict[str, _Node] = {}
        self._changed: set[str] = set()
        self._places = ByTopic(self._find)

    def claims(self, topic: str) -> bool:
        return topic.startswith(self._prefix)

    def describes(self, topic: str) -> bool:
        place = self._places[topic]
        return place is not None and place.kind.endswith("BIRTH")

    def decode(self, message: Message) -> Decoded:
        place = self._places[message.topic]
        if place is None:
            return Decoded(rejects=[_not_data(message.topic.removeprefix(self._prefix))])
        try:
            payload = wire.read(message.payload)
        except ValueError as error:
            return Decoded(place.address, rejects=[Reject(Reason.MALFORMED, str(error))])
        node = self._nodes.get(place.node_address)
        if node is None:
            if len(self._nodes) >= MAX_NODES:
                return Decoded(place.address, rejects=[Reject(Reason.TOO_LARGE, f"more than {MAX_NODES} edge nodes")])
            node = self._nodes[place.node_address] = _Node()
        if message.received < node.heard:
            return self._again(place, payload, node)
        node.heard = message.received
        match place.kind:
            case "NBIRTH":
                return self._node_birth(place, payload, node, message.received)
            case "NDEATH":
                return self._node_death(place, payload, node)
            case "DBIRTH":
                return self._device_birth(place, payload, node, message.received)
            case "DDEATH":
                return self._device_death(place, payload, node, message.received)
            case _:
                return self._data(place, payload, node, message.received)

    def _find(self, topic: str) -> _Place | None:
        levels = topic.removeprefix(self._prefix).split("/")
        if self._group:
            levels.insert(0, self._group)
        wanted = 4 if len(levels) > 1 and levels[1].startswith("D") else 3
        if len(levels) != wanted or levels[1] not in _KINDS or not all(levels):
            return None
        device = levels[3] if wanted == 4 else ""
        node = f"{levels[0]}/{levels[2]}"
        return _Place(levels[1], levels[0], levels[2], device, node, f"{node}/{device}" if device else node)

    def _node_birth(self, place: _Place, payload: Payload, node: _Node, received: int) -> Decoded:
        node.by_alias, node.by_name = {}, {}
        node.born, node.seq, node.asked = received, payload.seq, -ASK_AGAIN
        node.bd_seq = _bd_seq(payload)
        return self._birth(place, payload, node)

    def _device_birth(self, place: _Place, payload: Payload, node: _Node, received: int) -> Decoded:
        """A birth explains itself, so it is read even where the edge node's own was missed."""
        requests = self._follow(place, payload, node, received)
        if not node.born:
            requests = self._wish(place, node, received)
        node.forget(place.device)
        decoded = self._birth(place, payload, node)
        decoded.requests = requests
        return decoded

    def _birth(self, place: _Place, payload: Payload, node: _Node) -> Decoded:
        for metric in payload.metrics:
            if metric.name:
                unit = metric.properties.get(UNIT)
                known = Described(place.device, metric.name, metric.datatype, unit if isinstance(unit, str) else "")
                node.by_name[place.device, metric.name] = known
                if metric.alias is not None:
                    node.by_alias[metric.alias] = known
        self._changed.add(place.node_address)
        named = [(metric, node.by_name[place.device, metric.name]) for metric in payload.metrics if metric.name]
        decoded = self._read(place, payload, named)
        decoded.presence = True
        return decoded

    def _node_death(self, place: _Place, payload: Payload, node: _Node) -> Decoded:
        """The will of the session that the birth began; that of an older session comes late and means nothing."""
        said = _bd_seq(payload)
        if node.born and node.bd_seq is not None and said != node.bd_seq:
            detail = f"the will of session {said}, but {node.bd_seq} is alive"
            return Decoded(place.address, rejects=[Reject(Reason.PRESENCE, detail)])
        self._nodes[place.node_address] = _Node(heard=node.heard)
        self._changed.add(place.node_address)
        return Decoded(place.address, rejects=[Reject(Reason.PRESENCE, "the edge node is offline")], presence=False)

    def _device_death(self, place: _Place, payload: Payload, node: _Node, received: int) -> Decoded:
        requests = self._follow(place, payload, node, received)
        node.forget(place.device)
        self._changed.add(place.node_address)
        rejects = [Reject(Reason.PRESENCE, "the device is offline")]
        return Decoded(place.address, rejects=rejects, presence=False, requests=requests)

    def _data(self, place: _Place, payload: Payload, node: _Node, received: int) -> Decoded:
        requests = self._follow(place, payload, node, received)
        explained = list(_explained(place, payload, node))
        if len(explained) < len(payload.metrics) or not node.by_name:
            detail = (
                "no birth explains this data" if not explained else "an alias that no birth of this device explains"
            )
            rejects = [Reject(Reason.NO_DESCRIPTION, detail)]
            return Decoded(place.address, rejects=rejects, requests=self._wish(place, node, received) or requests)
        decoded = self._read(place, payload, explained)
        decoded.requests = requests
        return decoded

    def _again(self, place: _Place, payload: Payload, node: _Node) -> Decoded:
        """A replay: it tells nothing of the present, and only a birth that came before it may explain its aliases."""
        if place.kind.endswith("DEATH"):
            return Decoded(place.address, rejects=[Reject(Reason.PRESENCE, "an old death")])
        named = [metric for metric in payload.metrics if metric.name]
        if not place.kind.endswith("BIRTH") and len(named) < len(payload.metrics):
            return Decoded(
                place.address, rejects=[Reject(Reason.NO_DESCRIPTION, "old data by alias, from before a birth")]
            )
        unknown = Described(place.device, "", 0, "")
        return self._read(place, payload, [(m, node.by_name.get((place.device, m.name), unknown)) for m in named])

    def _follow(self, place: _Place, payload: Payload, node: _Node, received: int) -> list[tuple[str, bytes]]:
        """Check the sequence number, which runs from 0 to 255 over all messages of the edge node but its death."""
        gap = node.seq is not None and payload.seq != (node.seq + 1) % 256
        node.seq = payload.seq
        return self._wish(place, node, received) if gap else []

    def _wish(self, place: _Place, node: _Node, received: int) -> list[tuple[str, bytes]]:
        if received - node.asked < ASK_AGAIN:
            return []
        node.asked = received
        ask = Metric(name=REBIRTH, timestamp=received // 1_000_000, datatype=wire.BOOLEAN, value=True)
        topic = f"{self._namespace}/{place.group}/NCMD/{place.node}"
        return [(topic, wire.write(Payload(received // 1_000_000, None, [ask])))]

    def _read(self, place: _Place, payload: Payload, told: Iterable[tuple[Metric, Described]]) -> Decoded:
        decoded = Decoded(place.address)
        model = find(self._models.get(place.address, ""))
        samples: dict[int | None, Sample] = {}
        unmapped: list[str] = []
        for metric, known in told:
            name = metric.name or known.name
            if name == BIRTH_SEQUENCE or name.startswith(_NOT_MEASURED) or metric.null or metric.value is None:
                continue
            try:
                time = metrics.time(metric, payload)
            except ValueError as error:
                decoded.rejects.append(Reject(Reason.BAD_TIME, f"{printable(name, 60)}: {error}"))
                continue
            reading = metrics.reading(metric, known, name, model, decoded.rejects, unmapped)
            if reading is not None:
                sample = samples.get(time)
                if sample is None:
                    source_ = TimeSource.ARRIVAL if time is None else TimeSource.DEVICE
                    sample = samples[time] = Sample([], time, source_)
                sample.readings.append(reading)
        decoded.rejects = capped(decoded.rejects)
        decoded.samples = list(samples.values())
        if unmapped:
            more = f" and {len(unmapped) - 10} more" if len(unmapped) > 10 else ""
            decoded.rejects.append(Reject(Reason.UNKNOWN_FIELD, f"not mapped: {', '.join(unmapped[:10])}{more}"))
        elif not samples and not decoded.rejects and place.kind.endswith("BIRTH"):
            decoded.rejects.append(Reject(Reason.DESCRIPTION, "a birth without readings"))
        elif not samples and not decoded.rejects:
            decoded.rejects.append(Reject(Reason.NO_VALUE, "data without a value"))
        return decoded

    def state(self) -> dict[str, bytes]:
        changed = {address: _dump(self._nodes[address]) for address in self._changed if address in self._nodes}
        self._changed.clear()
        return changed

    def restore(self, state: Mapping[str, bytes]) -> None:
        self._nodes.update({address: _load(value) for address, value in state.items()})


def _not_data(below: str) -> Reject:
    levels = below.split("/")
    if levels[0] == "STATE":
        return Reject(Reason.PRESENCE, "the state of a host application")
    if any(level in ("NCMD", "DCMD") for level in levels[:2]):
        return Reject(Reason.COMMAND, "a command")
    return Reject(Reason.BAD_TOPIC, printable(below))


def _bd_seq(payload: Payload) -> int | None:
    """Birth and death sequence number; gateways write it as Int64 or UInt64."""
    found = next((m.value for m in payload.metrics if m.name == BIRTH_SEQUENCE), None)
    return found if isinstance(found, int) else None


def _explained(place: _Place, payload: Payload, node: _Node) -> Iterator[tuple[Metric, Described]]:
    for metric in payload.metrics:
        if metric.name:
            known = node.by_name.get((place.device, metric.name))
        else:
            known = node.by_alias.get(metric.alias) if metric.alias is not None else None
        if known is not None and known.device == place.device:
            yield metric, known


def _dump(node: _Node) -> bytes:
    aliases = {known: alias for alias, known in node.by_alias.items()}
    metrics = [[*known, aliases.get(known)] for known in node.by_name.values()]
    return orjson.dumps({"born": node.born, "bd_seq": node.bd_seq, "metrics": metrics})


def _load(value: bytes) -> _Node:
    """A node as it was; its sequence number is not known any more, so the next message may have any."""
    saved = orjson.loads(value)
    node = _Node(born=saved["born"], bd_seq=saved["bd_seq"])
    for device, name, datatype, unit, alias in saved["metrics"]:
        known = Described(device, name, datatype, unit)
        node.by_name[device, name] = known
        if alias is not None:
            node.by_alias[alias] = known
    return node


def encode(
    kind: str, address: str, readings: Iterable[Reading], time_ns: int, seq: int, *, bd_seq: int | None = None
) -> tuple[str, bytes]:
    """Topic and payload of a message of an edge node or a device; metrics are `<channel>/<name>` with their unit.

    Args:
        kind: NBIRTH, DBIRTH, NDATA, DDATA, NDEATH or DDEATH.
        address: `group/node` or `group/node/device`.
        bd_seq: of the session, for NBIRTH and NDEATH.
    """
    group, _, rest = address.partition("/")
    stamp = time_ns // 1_000_000
    sent = [] if bd_seq is None else [Metric(BIRTH_SEQUENCE, timestamp=stamp, datatype=wire.INT64, value=bd_seq)]
    sent += [metrics.encode(reading, stamp) for reading in readings]
    payload = Payload(stamp, None if kind == "NDEATH" else seq, sent)
    return f"{DEFAULT_TOPIC}/{group}/{kind}/{rest}", wire.write(payload)
