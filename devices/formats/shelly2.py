"""Shelly of the second and later generations: `<prefix>/events/rpc` and `<prefix>/status/<component>`.

Learned from the maker's API documentation and from recorded device states.

A prefix is the device's id unless its owner chose another, and may hold slashes; a source's topic is put before it.
Both routes say the same: a device that notifies by `events/rpc`, which also tells the time, is read there only.

Options: `<component>`, or `<prefix>/<component>`, names the field of a component whose meaning only the device's
settings hold, and its unit: `bthomesensor:200 = temperature Cel`.
"""

from collections.abc import Iterator, Mapping
from typing import Final, TypeVar

import orjson

from devices import clock
from devices.formats.shelly_components import COMPONENT, OWN_DEVICES, components, model_measures_room, read
from devices.gather import Gathering, measures, refused, told_presence
from devices.message import Decoded, Message, Reason, Reject, Sample, SourceConfig
from devices.payload import member, number, read_object
from devices.schema import BY_NAME
from devices.timestamps import SECOND

DEFAULT_TOPIC: Final = ""
_EVENTS: Final = "/events/rpc"
_ONLINE: Final = "/online"
_STATUS: Final = "/status/"
_COMMANDS: Final = ("/rpc", "/command")
_PRESENCE: Final = {b"true": True, b"false": False}
_NOTIFIES: Final = ("NotifyStatus", "NotifyFullStatus")
_ROUTE_LASTS: Final = 3_600 * SECOND
"""A device that has not notified for so long is read from `status` again, ns"""
MAX_DEVICES: Final = 20_000
MAX_COMPONENTS: Final = 256
_V = TypeVar("_V")


class Shelly2Source:
    """Reads what newer devices publish; remembers which route each of them takes."""

    def __init__(self, config: SourceConfig) -> None:
        self._base = f"{config.topic}/" if config.topic else ""
        self._models = config.models
        self._assigned = dict(_assignments(config.options))
        self._notified: dict[str, int] = {}
        self._room: dict[str, bool] = {}
        ends = ("events/rpc", "status/+", "online")
        self.filters: tuple[str, ...] = tuple(f"{self._base}{depth}/{end}" for depth in ("+", "+/+") for end in ends)

    def claims(self, topic: str) -> bool:
        """Topics that end as such a device's do, below the base."""
        if not topic.startswith(self._base):
            return False
        prefix, route = _split(topic.removeprefix(self._base))
        if not prefix or not route:
            return False
        return bool(self._base) or route != _ONLINE or self._known(prefix)

    def _known(self, prefix: str) -> bool:
        return prefix in self._models or prefix in self._notified or "shelly" in prefix.lower()

    def describes(self, topic: str) -> bool:
        """No topic does."""
        return False

    def state(self) -> dict[str, bytes]:
        """Nothing: the route of a device is learned again from its next message."""
        return {}

    def restore(self, state: Mapping[str, bytes]) -> None:
        """Nothing to take back."""

    def decode(self, message: Message) -> Decoded:
        """Read one message; see `devices.model.Source`."""
        prefix, route = _split(message.topic.removeprefix(self._base))
        if route == _ONLINE:
            return told_presence(prefix, message.payload, _PRESENCE)
        if route in _COMMANDS:
            return refused(prefix, Reason.COMMAND, "a request to the device")
        if route == _EVENTS:
            return self._notification(prefix, message)
        if route != _STATUS:
            return refused(prefix, Reason.UNKNOWN_TOPIC, "no topic of such a device")
        last = self._notified.get(prefix)
        if last is not None and message.received - last < _ROUTE_LASTS:
            return refused(prefix, Reason.OTHER_ROUTE, "the device notifies by events/rpc")
        body = read_object(message.payload)
        if isinstance(body, Reject):
            return Decoded(prefix, rejects=[body])
        return self._components(prefix, {message.topic.rpartition("/")[2]: body}, None, message)

    def _notification(self, prefix: str, message: Message) -> Decoded:
        body = read_object(message.payload)
        if isinstance(body, Reject):
            return Decoded(prefix, rejects=[body])
        params = member(body, "params")
        if body.get("method") not in _NOTIFIES:
            return refused(prefix, Reason.NO_VALUE, "an event or an answer, which holds no status")
        source = body.get("src")
        measures = model_measures_room(source) if isinstance(source, str) else None
        if measures is not None:
            _remember(self._room, prefix, measures)
        time = clock.from_epoch_s(number(params.get("ts")))
        decoded = self._components(prefix, params, time, message)
        if not message.retained and decoded.samples:
            _remember(self._notified, prefix, message.received)
        return decoded

    def _components(self, prefix: str, bodies: dict[str, object], time: int | None, message: Message) -> Decoded:
        decoded = Decoded(prefix)
        own = Gathering()
        room = self._measures_room(prefix, bodies)
        for component, body in list(bodies.items())[:MAX_COMPONENTS]:
            if not isinstance(body, dict):
                continue
            meaning = self._assigned.get(f"{prefix}/{component}", self._assigned.get(component))
            if component.partition(":")[0] in OWN_DEVICES:
                other = Gathering()
                read(component, body, None, meaning, other)
                decoded.samples += other.sample(message, time, address=f"{prefix}/{component}")
                decoded.rejects += other.rejects
            else:
                read(component, body, room, meaning, own)
        if own.readings or own.rejects or not (decoded.samples or decoded.rejects):
            decoded.samples += own.sample(message, time)
        decoded.rejects += own.rejects
        return decoded

    def _measures_room(self, prefix: str, bodies: dict[str, object]) -> bool | None:
        if "humidity:0" in bodies and prefix not in self._room:
            _remember(self._room, prefix, True)
        for name in (self._models.get(prefix, ""), prefix.rpartition("/")[2]):
            if (found := model_measures_room(name)) is not None:
                return found
        return self._room.get(prefix)


def source(config: SourceConfig) -> Shelly2Source:
    """The decoding side.

    Raises:
        ValueError: an option is wrong; the text says which, and how to write it.
    """
    return Shelly2Source(config)


def _remember(memory: dict[str, _V], key: str, value: _V) -> None:
    memory.pop(key, None)
    if len(memory) >= MAX_DEVICES:
        del memory[next(iter(memory))]
    memory[key] = value


def _split(topic: str) -> tuple[str, str]:
    """Prefix and route of a topic below the base; an empty route where it is none of a device's."""
    for route in (_EVENTS, _ONLINE):
        if topic.endswith(route):
            return topic.removesuffix(route), route
    head, _, last = topic.rpartition("/")
    if head.endswith("/status") and COMPONENT.fullmatch(last):
        return head.removesuffix("/status"), _STATUS
    for route in _COMMANDS:
        prefix, found, _ = f"{topic}/".rpartition(f"{route}/")
        if found:
            return prefix, route
    return topic, ""


def _assignments(options: Mapping[str, str]) -> Iterator[tuple[str, tuple[str, str]]]:
    for key, text in options.items():
        if COMPONENT.fullmatch(key.rpartition("/")[2]) is None or ":" not in key:
            continue
        name, _, unit = text.strip().partition(" ")
        if name not in BY_NAME:
            raise ValueError(f"{key}: {name!r} is no field of the schema: write a name such as temperature")
        if unit and not measures(unit, BY_NAME[name]):
            raise ValueError(f"{key}: {unit!r} is no unit of {name}: write one such as {BY_NAME[name].unit}")
        yield key, (name, unit.strip())


def encode(config: SourceConfig, sample: Sample) -> list[Message]:
    """What such a device sends: one NotifyStatus where a time is known, else one status for each component."""
    base = f"{config.topic}/" if config.topic else ""
    found = components(sample.readings)
    if sample.time is None:
        return [
            Message(f"{base}{sample.address}{_STATUS}{component}", orjson.dumps(body), 0)
            for component, body in found.items()
        ]
    params: dict[str, object] = {"ts": sample.time / SECOND, **found}
    body = {"src": sample.address, "dst": f"{sample.address}/events", "method": _NOTIFIES[0], "params": params}
    return [Message(f"{base}{sample.address}{_EVENTS}", orjson.dumps(body), sample.time)]


def encode_presence(config: SourceConfig, address: str, *, online: bool) -> Message:
    """The device's retained last will, or its opposite."""
    base = f"{config.topic}/" if config.topic else ""
    return Message(f"{base}{address}{_ONLINE}", b"true" if online else b"false", 0, retained=True)
