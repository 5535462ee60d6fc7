"""ESPHome's own MQTT: `<prefix>/<component>/<object>/state`, one plain value for each topic.

Learned from ESPHome's documentation of its MQTT client. A value states no unit: that stands in the Home Assistant
discovery which ESPHome publishes unless told not to (option `discovery`, the prefix, default `homeassistant`). Without
it only the units in which ESPHome's own sensors always publish are taken, by the last word of the object's name.
An address is the topic prefix.
"""

import re
from collections.abc import Iterable, Mapping
from typing import Final

import orjson

from devices import meaning
from devices.formats.catalogue import Catalogue, Payload, gather
from devices.formats.discovery import HEATING
from devices.gather import Gathering, refused, told_presence
from devices.message import Decoded, Message, Reading, Reason, Reject, Sample, SourceConfig
from devices.payload import number, read_object, read_text
from devices.schema import Kind

DEFAULT_TOPIC: Final = ""
DISCOVERY: Final = "homeassistant"
_TOPIC: Final = re.compile(
    r"(?P<prefix>.+?)/(?P<component>sensor|binary_sensor|switch|light|climate|text_sensor|number|select|button|cover|fan"
    r"|lock|valve|event|update)/(?P<object>[^/]+)/(?P<rest>(?:[^/]+/)?(?:state|command))"
)
_PRESENCE: Final = {b"online": True, b"offline": False}
_UNITS: Final = {
    "temperature": "°C",
    "temp": "°C",
    "humidity": "%",
    "co2": "ppm",
    "eco2": "ppm",
    "tvoc": "ppb",
    "illuminance": "lx",
    "pressure": "hPa",
    "pm25": "µg/m³",
    "pm10": "µg/m³",
    "power": "W",
    "current": "A",
    "voltage": "V",
    "frequency": "Hz",
    "signal": "dBm",
}
"""Units of the sensors of ESPHome itself, by the last word of the name"""
_NOT_A_RELAY: Final = frozenset(
    {"restart", "reboot", "safe", "safemode", "update", "factory", "enable", "mode", "status"}
)
_QUANTITIES: Final = frozenset(
    {*_UNITS, "energy", "sensor", "wifi", "pir", "motion", "occupancy", "presence", "door", "window", "relay", "switch"}
)
_CLIMATE: Final = {
    "current_temperature/state": ("temperature", "°C"),
    "target_temperature/state": ("heating_setpoint", "°C"),
    "target_temperature_low/state": ("heating_setpoint", "°C"),
    "current_humidity/state": ("humidity", "%"),
}
_FULL: Final = 255
_PARTICLES: Final = re.compile(r"pm_?<?_?(1|2|4|10)(?:[._]([05]))?(?:_?u?m)?$")


class EspHomeSource:
    """Reads ESPHome nodes; remembers what their discovery messages say."""

    def __init__(self, config: SourceConfig) -> None:
        self._base = f"{config.topic}/" if config.topic else ""
        self._catalogue = Catalogue(config.options.get("discovery", DISCOVERY))
        ends = (*(f"{part}/+/state" for part in ("sensor", "binary_sensor", "switch", "light")), "climate/+/+/state")
        depths = ("+", "+/+") if self._base else ("+",)
        own = tuple(f"{self._base}{depth}/{end}" for depth in depths for end in (*ends, "status"))
        self.filters: tuple[str, ...] = (*own, *self._catalogue.filters)

    def claims(self, topic: str) -> bool:
        """Topics of ESPHome's shape below the base, and discovery topics."""
        if self._catalogue.describes(topic):
            return True
        rest = topic.removeprefix(self._base)
        if not topic.startswith(self._base):
            return False
        if rest.endswith(("/status", "/debug")):
            return bool(self._base) or rest.count("/") == 1
        return _TOPIC.fullmatch(rest) is not None

    def describes(self, topic: str) -> bool:
        """Discovery topics."""
        return self._catalogue.describes(topic)

    def state(self) -> dict[str, bytes]:
        """Discovery messages that changed."""
        return self._catalogue.changes()

    def restore(self, state: Mapping[str, bytes]) -> None:
        """Read discovery messages again."""
        self._catalogue.restore(state)

    def decode(self, message: Message) -> Decoded:
        """Read one message; see `devices.model.Source`."""
        topic = message.topic
        if self._catalogue.describes(topic):
            rejects = self._catalogue.learn(topic, message.payload)
            return Decoded(rejects=rejects or [Reject(Reason.DESCRIPTION, "discovery")])
        rest = topic.removeprefix(self._base)
        if rest.endswith("/status"):
            return told_presence(rest.removesuffix("/status"), message.payload, _PRESENCE)
        found = _TOPIC.fullmatch(rest)
        if found is None:
            return refused(rest.partition("/")[0], Reason.NO_VALUE, "no state of a component")
        address, component, name = found["prefix"], found["component"], found["object"]
        if found["rest"].endswith("command"):
            return refused(address, Reason.COMMAND, "a command to the device")
        into = Gathering()
        described = self._catalogue.entities(topic)
        for entity in described:
            gather(entity, Payload(message.payload), _channel(name), into)
        if not described:
            _undescribed(component, name, found["rest"], message.payload, into)
        return Decoded(address, into.sample(message), into.rejects)


def source(config: SourceConfig) -> EspHomeSource:
    """The decoding side."""
    return EspHomeSource(config)


def _undescribed(component: str, name: str, rest: str, payload: bytes, into: Gathering) -> None:
    """A value without a description: only what ESPHome's documentation fixes."""
    if component == "light":
        _light(payload, name, into)
        return
    text = read_text(payload)
    if isinstance(text, Reject):
        into.rejects.append(text)
    elif component == "climate":
        _climate(rest, text, into)
    elif component == "sensor" and rest == "state":
        field, unit = _sensor(name)
        if field:
            into.number(field, text, name, unit, _channel(name))
        elif number(text) is not None:
            into.reject(Reason.NO_DESCRIPTION, f"{name}: no unit is known; leave discovery on in ESPHome")
    elif component in ("binary_sensor", "switch") and rest == "state":
        _state(component, name, text, into)


def _state(component: str, name: str, text: str, into: Gathering) -> None:
    found = meaning.words(name)
    if component == "switch":
        if not found & _NOT_A_RELAY:
            into.state("switched", text, name, _channel(name))
    elif field := meaning.state_field(found):
        into.state(field, text, name, _channel(name))
    else:
        into.reject(Reason.NO_DESCRIPTION, f"{name}: no device class is known; leave discovery on in ESPHome")


def _sensor(name: str) -> tuple[str, str]:
    particles = _PARTICLES.search(name)
    if particles:
        size = particles[1] + ("_5" if particles[1] == "2" else "")
        return f"pm{size}", "µg/m³"
    found = meaning.words(name)
    parts = re.split(r"[^a-z0-9]+", name.lower())
    for last in (parts[-1], "".join(parts[-2:])):
        if last in _UNITS:
            field = "rssi" if last == "signal" else meaning.number_field(found, _UNITS[last])
            return field, _UNITS[last]
    return "", ""


def _channel(name: str) -> str:
    """What is left of an object's name without the quantity, so that two sensors of a node stay apart."""
    parts = re.split(r"[^a-z0-9]+", _PARTICLES.sub("", name.lower()))
    return "_".join(part for part in parts if part and part not in _QUANTITIES)[:64]


def _light(payload: bytes, name: str, into: Gathering) -> None:
    body = read_object(payload)
    if isinstance(body, Reject):
        into.rejects.append(body)
        return
    channel = _channel(name)
    if "state" in body:
        into.state("on", body["state"], f"{name}.state", channel)
    if "brightness" in body:
        level = number(body["brightness"])
        value = body["brightness"] if level is None else level * 100 / _FULL
        into.number("brightness", value, f"{name}.brightness", "%", channel)
    if body.get("color_mode") == "color_temp" and "color_temp" in body:
        into.number("color_temperature", body["color_temp"], f"{name}.color_temp", "mired", channel)


def _climate(rest: str, text: str, into: Gathering) -> None:
    if rest in _CLIMATE:
        field, unit = _CLIMATE[rest]
        into.number(field, text, rest, unit)
    elif rest == "action/state":
        into.state("heating", text, rest, words=HEATING)


_SENSORS: Final = {
    "temperature": "°C",
    "humidity": "%",
    "co2": "ppm",
    "eco2": "ppm",
    "tvoc": "ppb",
    "illuminance": "lx",
}
_METERS: Final = {"pressure": "hPa", "power": "W", "current": "A", "voltage": "V", "frequency": "Hz", "rssi": "dBm"}
_OBJECTS: Final = {"rssi": "wifi_signal", "occupied": "occupancy", "switched": "relay"}
_BINARY: Final = ("motion", "occupied", "open", "leak", "smoke", "tamper")


def _place(reading: Reading) -> tuple[str, str, bytes]:
    """Component, object and payload of a reading; empty strings where ESPHome has none."""
    name = _OBJECTS.get(reading.field.name, "door" if reading.field.name == "open" else reading.field.name)
    named = f"{reading.channel}_{name}" if reading.channel else name
    if reading.field.name in _SENSORS or reading.field.name in _METERS:
        return "sensor", named, repr(reading.value).encode()
    state = b"ON" if reading.value else b"OFF"
    if reading.field.name in _BINARY:
        return "binary_sensor", named, state
    return ("switch", named, state) if reading.field.name == "switched" else ("", "", b"")


def encode(config: SourceConfig, sample: Sample) -> list[Message]:
    """One message for each reading that such a node has a component for, not retained, as a subscriber sees it live."""
    base = f"{config.topic}/" if config.topic else ""
    messages = []
    for component, name, payload in map(_place, sample.readings):
        if component:
            messages.append(Message(f"{base}{sample.address}/{component}/{name}/state", payload, sample.time or 0))
    return messages


def encode_description(config: SourceConfig, address: str, readings: Iterable[Reading]) -> list[Message]:
    """The retained discovery messages of a node with these readings, whose values do not matter."""
    base = f"{config.topic}/" if config.topic else ""
    prefix = config.options.get("discovery", DISCOVERY)
    messages = []
    for reading in readings:
        component, name, _ = _place(reading)
        if not component:
            continue
        body: dict[str, object] = {
            "name": name,
            "stat_t": f"{base}{address}/{component}/{name}/state",
            "avty_t": f"{base}{address}/status",
            "uniq_id": f"ESP{component}{name}",
            "dev": {"ids": address, "mf": "Espressif"},
        }
        if reading.field.kind is not Kind.STATE:
            body |= {"unit_of_meas": (_SENSORS | _METERS)[reading.field.name], "stat_cla": "measurement"}
        node = address.replace("/", "-")
        messages.append(Message(f"{prefix}/{component}/{node}/{name}/config", orjson.dumps(body), 0, retained=True))
    return messages


def encode_presence(config: SourceConfig, address: str, *, online: bool) -> Message:
    """The node's retained birth message, or its last will."""
    base = f"{config.topic}/" if config.topic else ""
    return Message(f"{base}{address}/status", b"online" if online else b"offline", 0, retained=True)
