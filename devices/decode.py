"""From a message to what of it may be stored: which source, which device, which place, and is the value plausible.

Everything here is pure: time comes with the message, and what a source must remember it hands over as `state`.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

from devices.formats import make_source
from devices.message import (
    NO_PAYLOAD,
    REFUSED,
    Decoded,
    Message,
    Reading,
    Reason,
    Reject,
    Sample,
    Source,
    SourceConfig,
    TimeSource,
)
from devices.model import Assignment, Device, Estate
from devices.privacy import Gate
from devices.schema import Kind
from devices.text import printable
from devices.timestamps import SECOND, to_rfc3339
from devices.topics import ByTopic

_Route = tuple[str, Source, bool]
"""`council/source`, the source, and whether the topic describes devices"""


@dataclass(frozen=True, slots=True)
class Window:
    """How far a claimed time may lie from the time of arrival, ns."""

    past: int = 30 * 86_400 * SECOND
    future: int = 600 * SECOND


@dataclass(slots=True)
class Placed:
    """A sample that passed, with the assignment of its device at its time."""

    device: Device
    assignment: Assignment
    time: int
    time_source: TimeSource
    readings: list[Reading]


@dataclass(slots=True)
class Outcome:
    """What became of one message. Without `placed` nothing of it is stored, and `rejects` says why."""

    device: Device | None
    placed: list[Placed]
    rejects: list[Reject]
    presence: bool | None = None
    source: str = ""
    """`council/source`, empty where no source claims the topic"""
    address: str = ""
    requests: Sequence[tuple[str, bytes]] = ()
    """topic and payload of what the source would like to be sent (see `Decoded.requests`)"""


class Decoder:
    """Decodes and validates messages of all sources of an estate.

    Args:
        estate: the registry; an unknown device writes nothing.
        window: how far claimed times may lie from arrival.
        max_payload: bytes; a longer payload is refused unless it describes devices.
    """

    def __init__(self, estate: Estate, *, window: Window | None = None, max_payload: int = 262_144) -> None:
        self.window: Final = window or Window()
        self.max_payload: Final = max_payload
        self._sources: dict[str, Source] = {}
        self._devices: dict[str, dict[str, Device]] = {}
        for key, config in configs(estate):
            self._sources[key] = make_source(config)
            self._devices[key] = {}
        for council in estate.councils.values():
            for device in council.devices.values():
                self._devices[f"{council.id}/{device.source}"][device.address] = device
        self._gate = Gate(estate)
        self._by_topic = ByTopic(self._find)
        self.described = False
        """set when a message described devices: `filters` may have grown; whoever looks resets it"""

    @property
    def filters(self) -> tuple[str, ...]:
        """Every topic filter to subscribe to, sorted, without repeats."""
        return tuple(sorted({topic for source in self._sources.values() for topic in source.filters}))

    @property
    def sources(self) -> Mapping[str, Source]:
        """The sources by `council/source`, in the order in which they are asked for a topic."""
        return self._sources

    def device(self, source: str, address: str) -> Device | None:
        """The registered device at an address of a source."""
        return self._devices[source].get(address)

    def restore(self, states: Iterable[tuple[str, str, bytes]]) -> None:
        """Give sources back what they remembered: (source, key, value) as `states` returned them."""
        grouped: dict[str, dict[str, bytes]] = {}
        for source, key, value in states:
            grouped.setdefault(source, {})[key] = value
        for name, state in grouped.items():
            if name in self._sources:
                self._sources[name].restore(state)

    def states(self) -> list[tuple[str, str, bytes]]:
        """What sources must remember since the last call."""
        return [(name, key, value) for name, source in self._sources.items() for key, value in source.state().items()]

    def decode(self, message: Message) -> Outcome:
        """Decode and validate one message. Never raises for what came from outside."""
        topic = message.topic
        route = self._by_topic[topic]
        if route is None:
            unknown = Reject(Reason.UNKNOWN_TOPIC, "no source of the registry claims it")
            return Outcome(None, [], [unknown if message.payload else NO_PAYLOAD])
        name, source, describes = route
        if describes:
            self.described = True
        elif len(message.payload) > self.max_payload:
            return Outcome(None, [], [too_large(message, self.max_payload)], source=name)
        return self.judge(name, source.decode(message), message)

    def judge(self, name: str, decoded: Decoded, message: Message) -> Outcome:
        """Place and validate what the source `name` made of a message."""
        devices = self._devices[name]
        address = decoded.address
        outcome = Outcome(devices.get(address), [], decoded.rejects, decoded.presence, name, address, decoded.requests)
        for sample in decoded.samples:
            address = sample.address or decoded.address
            device = devices.get(address)
            if device is None:
                outcome.rejects.append(Reject(Reason.UNKNOWN_DEVICE, printable(f"{name}: {address}")))
            else:
                self._place(sample, message.received, device, outcome)
        return outcome if message.payload else _cleared(outcome)

    def _find(self, topic: str) -> _Route | None:
        for name, source in self._sources.items():
            if source.claims(topic):
                return name, source, source.describes(topic)
        return None

    def _place(self, sample: Sample, received: int, device: Device, outcome: Outcome) -> None:
        told = moment(sample, received, self.window, outcome.rejects)
        if told is None:
            return
        time, time_source = told
        for assignment in device.assignments:
            if assignment.start <= time < assignment.end:
                break
        else:
            outcome.rejects.append(Reject(Reason.NOT_ASSIGNED, f"{device.id} has no place at {time} ns"))
            return
        readings = self._gate.sift(plausible(sample.readings, outcome.rejects), device, assignment, outcome.rejects)
        if readings:
            outcome.placed.append(Placed(device, assignment, time, time_source, readings))


def _cleared(outcome: Outcome) -> Outcome:
    """What an empty payload comes to: it clears what the broker had kept, and that it cannot be read is no fault."""
    if not outcome.placed and any(reject.reason not in REFUSED for reject in outcome.rejects):
        outcome.rejects = [NO_PAYLOAD]
    return outcome


def too_large(message: Message, limit: int) -> Reject:
    """The reject of a message whose payload has more than `limit` bytes."""
    return Reject(Reason.TOO_LARGE, f"{len(message.payload)} bytes, at most {limit} are read")


def moment(sample: Sample, received: int, window: Window, rejects: list[Reject]) -> tuple[int, TimeSource] | None:
    """When the sample was measured (ns) and who says so; None, and a reject, where that lies outside the window."""
    time = sample.time
    if time is None:
        return received, TimeSource.ARRIVAL
    if received - window.past <= time <= received + window.future:
        return time, sample.time_source
    rejects.append(Reject(Reason.TIME_OUT_OF_WINDOW, _claim(time, received)))
    return None


def plausible(readings: list[Reading], rejects: list[Reject]) -> list[Reading]:
    """The readings that are finite and within the schema's range; the others become rejects."""
    for field, value, _ in readings:
        if not field.low <= value <= field.high:
            return list(_sifted(readings, rejects))
    return readings


def configs(estate: Estate) -> Iterator[tuple[str, SourceConfig]]:
    """Every source as `council/source`, with the models that the registry knows by address."""
    for council in estate.councils.values():
        for source in council.sources.values():
            models: Mapping[str, str] = {d.address: d.model for d in council.devices.values() if d.source == source.id}
            yield f"{council.id}/{source.id}", replace(source, models=models)


def _claim(time: int, received: int) -> str:
    ahead = (time - received) / SECOND
    return f"claimed {_shown(time)}, {abs(ahead):.0f} s {'after' if ahead > 0 else 'before'} arrival"


def _shown(time: int) -> str:
    try:
        return to_rfc3339(time)
    except (ValueError, OverflowError, OSError):
        return f"{time} ns, which is no year of a calendar"


def _sifted(readings: list[Reading], rejects: list[Reject]) -> Iterator[Reading]:
    for reading in readings:
        field, value, _ = reading
        if field.low <= value <= field.high:
            yield reading
        elif value - value != 0:
            rejects.append(Reject(Reason.NOT_FINITE, f"{field.name} is {value}"))
        else:
            wanted = "0 or 1" if field.kind is Kind.STATE else f"{field.low:g} to {field.high:g} {field.unit}"
            rejects.append(Reject(Reason.OUT_OF_RANGE, f"{field.name} is {value:g}, plausible is {wanted}"))
