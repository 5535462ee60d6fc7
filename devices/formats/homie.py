"""Homie 4 and 5 (homieiot.github.io), and what version 3 shares with 4.

`<base>/<device>/<node>/<property>` holds one plain value; what it is stands in attributes beside it (4) or in the
device's `$description` (5). Everything is retained and nothing tells its time. A value that comes before its
attributes is held until they are there, and is then read with the time at which it came.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

import orjson

from devices import meaning
from devices.gather import Gathering, refused
from devices.memory import Memory
from devices.message import Decoded, Message, Reading, Reason, Reject, Sample, SourceConfig
from devices.payload import member, read_object, read_text
from devices.schema import BY_NAME, Kind

DEFAULT_TOPIC: Final = "homie"
MAX_HELD: Final = 10_000
MAX_DEVICES: Final = 20_000
MAX_PROPERTIES: Final = 1_000
_FIVE: Final = "5/"
_STATES: Final = {"ready": True, "alert": True, "lost": False, "disconnected": False, "init": None, "sleeping": None}
_ATTRIBUTES: Final = ("$datatype", "$unit", "$format")
_STATS: Final = {"battery": ("battery", "%"), "cputemp": ("device_temperature", "Cel")}
_OPEN_WORDS: Final = {"open": 1.0, "opened": 1.0, "closed": 0.0, "close": 0.0}


@dataclass(frozen=True, slots=True)
class _Property:
    """What a device says of one property; empty strings where it has said nothing yet."""

    datatype: str = ""
    unit: str = ""
    format: str = ""
    complete: bool = False
    """no more will be said: it comes from a version 5 description"""


class HomieSource:
    """Reads Homie devices; remembers their descriptions, and holds values that came before them."""

    def __init__(self, config: SourceConfig) -> None:
        self._base = f"{config.topic}/" if config.topic else ""
        self._memory = Memory()
        self._devices: dict[str, dict[str, _Property]] = {}
        self._fields: dict[str, dict[str, str]] = {}
        self._held: dict[str, Message] = {}
        ends = ("+/$state", "+/$stats/+", "+/+/+", *(f"+/+/+/{attribute}" for attribute in _ATTRIBUTES))
        fives = ("+/$state", "+/$description", "+/+/+")
        self.filters: tuple[str, ...] = tuple(
            dict.fromkeys((*(self._base + end for end in ends), *(f"{self._base}{_FIVE}{end}" for end in fives)))
        )

    def claims(self, topic: str) -> bool:
        """Whatever lies below the base topic."""
        return topic.startswith(self._base)

    def describes(self, topic: str) -> bool:
        """Descriptions of version 5."""
        return topic.endswith("/$description")

    def state(self) -> dict[str, bytes]:
        """Attributes and descriptions that changed."""
        return self._memory.changes()

    def restore(self, state: Mapping[str, bytes]) -> None:
        """Read attributes and descriptions again."""
        for rest, payload in self._memory.recall(state):
            self._learn(rest, payload)

    def decode(self, message: Message) -> Decoded:
        """Read one message; see `devices.model.Source`."""
        rest = message.topic.removeprefix(self._base)
        device, _, path = rest.removeprefix(_FIVE).partition("/")
        if not path or device.startswith("$"):
            return refused("", Reason.UNKNOWN_TOPIC, "no topic of a device")
        levels = path.split("/")
        if levels[-1] == "set":
            return refused(device, Reason.COMMAND, "a command to the device")
        if path == "$state":
            return self._presence(device, message)
        if path == "$description" or levels[-1] in _ATTRIBUTES:
            return self._describe(rest, device, path, message)
        if levels[0] in ("$stats", "$alert") and len(levels) == len(("$stats", "battery")):
            return _about_itself(device, levels, message)
        if any(level.startswith("$") for level in levels):
            return refused(device, Reason.DESCRIPTION, "an attribute")
        if len(levels) != len(("node", "property")):
            return refused(device, Reason.UNKNOWN_TOPIC, "neither a property nor an attribute")
        return self._value(device, path, message)

    def _presence(self, device: str, message: Message) -> Decoded:
        text = message.payload[:32].decode(errors="replace")
        if not text:
            for topic in [f"{five}{device}/$description" for five in ("", _FIVE)]:
                self._memory.keep(topic, b"")
            self._devices.pop(device, None)
            self._fields.pop(device, None)
            return refused(device, Reason.DESCRIPTION, "the device is removed")
        if text not in _STATES:
            return refused(device, Reason.MALFORMED, f"$state: expected a state of Homie, found {text!r}")
        return refused(device, Reason.PRESENCE, text, _STATES[text])

    def _describe(self, rest: str, device: str, path: str, message: Message) -> Decoded:
        if not self._memory.keep(rest, message.payload):
            return refused(device, Reason.TOO_LARGE, "no room to remember more descriptions")
        fault = self._learn(rest, message.payload)
        if fault is not None:
            return Decoded(device, rejects=[fault])
        decoded = refused(device, Reason.DESCRIPTION, "a description")
        properties = [path.rpartition("/")[0]] if path != "$description" else self._devices.get(device, {})
        for described in properties:
            held = self._held.get(f"{device}/{described}")
            if held is None:
                continue
            value = self._value(device, described, held)
            decoded.samples += [Sample(sample.readings, held.received) for sample in value.samples]
            if value.samples:
                self._held.pop(f"{device}/{described}", None)
        return decoded

    def _learn(self, rest: str, payload: bytes) -> Reject | None:
        device, _, path = rest.removeprefix(_FIVE).partition("/")
        known = self._devices.get(device, {})
        if not known and len(self._devices) >= MAX_DEVICES:
            return Reject(Reason.TOO_LARGE, f"more than {MAX_DEVICES} devices")
        if path == "$description":
            body: dict[str, object] | Reject = read_object(payload) if payload else {}
            if isinstance(body, Reject):
                return body
            known = _properties(body)
            self._fields[device] = {key: _field(key, prop) for key, prop in known.items()}
        else:
            described, _, attribute = path.rpartition("/")
            text = read_text(payload)
            if isinstance(text, Reject):
                return text
            old = known.get(described, _Property())
            if len(known) >= MAX_PROPERTIES and described not in known:
                return Reject(Reason.TOO_LARGE, f"more than {MAX_PROPERTIES} properties")
            values = {"$datatype": old.datatype, "$unit": old.unit, "$format": old.format, attribute: text}
            known = known | {described: _Property(values["$datatype"], values["$unit"], values["$format"])}
            self._fields[device] = self._fields.get(device, {}) | {described: _field(described, known[described])}
        self._devices[device] = known
        return None

    def _value(self, device: str, path: str, message: Message) -> Decoded:
        text = read_text(message.payload)
        if isinstance(text, Reject):
            return Decoded(device, rejects=[text])
        described = self._devices.get(device, {}).get(path)
        prop = described or _Property()
        if not prop.datatype and text in ("true", "false"):
            prop = _Property("boolean", complete=True)
        name = _field(path, prop)
        into = Gathering()
        if not name and not (
            prop.complete or prop.datatype in ("string", "enum", "color", "datetime", "duration", "json")
        ):
            if not message.retained:
                self._hold(f"{device}/{path}", message)
            into.reject(Reason.NO_DESCRIPTION, f"{path}: no unit or datatype that gives it a meaning has come yet")
        elif not name:
            known = prop.datatype in ("float", "integer", "boolean")
            into.reject(Reason.UNKNOWN_FIELD if known else Reason.NO_VALUE, f"{path} has no field: unit {prop.unit!r}")
        elif prop.datatype == "boolean" and text not in ("true", "false"):
            into.reject(Reason.NO_VALUE if not text else Reason.WRONG_TYPE, f"{path}: neither true nor false")
        elif BY_NAME[name].kind is Kind.STATE:
            into.state(name, text, path, self._channel(device, path, name), _OPEN_WORDS)
        else:
            into.number(name, text.strip("\0"), path, prop.unit, self._channel(device, path, name))
        return Decoded(device, into.sample(message), into.rejects)

    def _hold(self, key: str, message: Message) -> None:
        self._held.pop(key, None)
        if len(self._held) >= MAX_HELD:
            del self._held[next(iter(self._held))]
        self._held[key] = message

    def _channel(self, device: str, path: str, name: str) -> str:
        """The node, and where that is not enough the property, of a device that has several properties of one field."""
        alike = [other for other, field in self._fields.get(device, {}).items() if field == name and other != path]
        if not alike:
            return ""
        node = path.partition("/")[0]
        return path.replace("/", "-") if any(other.partition("/")[0] == node for other in alike) else node


def source(config: SourceConfig) -> HomieSource:
    """The decoding side."""
    return HomieSource(config)


def _about_itself(device: str, levels: list[str], message: Message) -> Decoded:
    kind, name = levels
    into = Gathering()
    if kind == "$alert":
        raised = bool(message.payload)
        if "battery" in name:
            into.state("battery_low", raised, f"$alert/{name}")
        elif raised:
            into.reject(Reason.DEVICE_ERROR, f"$alert/{name}: {message.payload[:100].decode(errors='replace')}")
    elif name in _STATS:
        text = read_text(message.payload)
        field, unit = _STATS[name]
        into.number(field, "" if isinstance(text, Reject) else text, f"$stats/{name}", unit)
    return Decoded(device, into.sample(message), into.rejects)


def _properties(description: dict[str, object]) -> dict[str, _Property]:
    found: dict[str, _Property] = {}
    for node, body in member(description, "nodes").items():
        for name, prop in member(body, "properties").items():
            if isinstance(prop, dict) and len(found) < MAX_PROPERTIES:
                datatype, unit, form = (prop.get(key) for key in ("datatype", "unit", "format"))
                found[f"{node}/{name}"] = _Property(_text(datatype), _text(unit), _text(form), complete=True)
    return found


def _text(value: object) -> str:
    return value[:256] if isinstance(value, str) else ""


def _field(path: str, prop: _Property) -> str:
    """The field of a property; empty where its meaning is not certain."""
    node, _, name = path.partition("/")
    node_words, own = meaning.words(node), meaning.words(name)
    if prop.datatype == "boolean":
        return meaning.state_field(own, node_words)
    if prop.datatype == "enum":
        options = {option.strip().lower() for option in prop.format.split(",")}
        return "open" if options and options <= set(_OPEN_WORDS) else ""
    if prop.datatype not in ("float", "integer", "percent", ""):
        return ""
    unit = prop.unit or ("%" if prop.datatype == "percent" else "1" if prop.datatype else "")
    own |= node_words & {"outdoor", "outside", "battery"}
    return meaning.number_field(own, unit) or meaning.number_field(own | node_words, unit)


_UNITS: Final = {
    "Cel": "°C",
    "%RH": "%",
    "%EL": "%",
    "1": "#",
    "ug/m3": "µg/m³",
    "mg/m3": "mg/m³",
    "m3": "m³",
}


def _place(reading: Reading) -> tuple[str, str]:
    node = "".join(c if c.isalnum() else "-" for c in reading.channel.lower()).strip("-") or "main"
    return node, meaning.written(reading.field.name).replace("_", "-")


def encode(config: SourceConfig, sample: Sample) -> list[Message]:
    """One message for each reading, not retained, as a subscriber sees it live; version 5, or option `version` = 4."""
    base = _encode_base(config)
    messages = []
    for reading in sample.readings:
        text = ("true" if reading.value else "false") if reading.field.kind is Kind.STATE else repr(reading.value)
        node, name = _place(reading)
        messages.append(Message(f"{base}{sample.address}/{node}/{name}", text.encode(), sample.time or 0))
    return messages


def encode_description(config: SourceConfig, address: str, readings: Iterable[Reading]) -> list[Message]:
    """The retained messages that describe a device with these readings, whose values do not matter."""
    base = f"{_encode_base(config)}{address}"
    nodes: dict[str, dict[str, dict[str, str]]] = {}
    for reading in readings:
        node, name = _place(reading)
        state = reading.field.kind is Kind.STATE
        about = {"datatype": "boolean"} if state else {"datatype": "float", "unit": _unit(reading)}
        nodes.setdefault(node, {})[name] = about
    if config.options.get("version", "5") != "5":
        return [
            Message(f"{base}/{node}/{name}/${key}", text.encode(), 0, retained=True)
            for node, properties in nodes.items()
            for name, about in properties.items()
            for key, text in about.items()
        ]
    body = {"homie": "5.0", "version": 1, "nodes": {node: {"properties": found} for node, found in nodes.items()}}
    return [Message(f"{base}/$description", orjson.dumps(body), 0, retained=True)]


def encode_presence(config: SourceConfig, address: str, *, online: bool) -> Message:
    """The device's retained `$state`: ready, or lost as its last will says."""
    return Message(f"{_encode_base(config)}{address}/$state", b"ready" if online else b"lost", 0, retained=True)


def _unit(reading: Reading) -> str:
    return _UNITS.get(reading.field.unit, reading.field.unit)


def _encode_base(config: SourceConfig) -> str:
    return f"{config.topic}/{_FIVE if config.options.get('version', '5') == '5' else ''}"
