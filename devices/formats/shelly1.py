"""Shelly of the first generation: `shellies/<device>/<component>/<n>/<quantity>`, one plain value for each topic.

Learned from the maker's API pages and from the topic tables of public adapters.

Option `temperature_unit` (C or F; also as `<device>/temperature_unit`): sensors publish the unit that their own
settings choose, and the message does not say which; the default is C. No message tells its time.
"""

import re
from collections.abc import Mapping
from typing import Final

import orjson

from devices.gather import Gathering, refused, told_presence
from devices.message import Decoded, Message, Reason, Reject, Sample, SourceConfig
from devices.payload import is_missing, member, read_object, read_text

DEFAULT_TOPIC: Final = "shellies"
_PRESENCE: Final = {b"true": True, b"false": False}
_N: Final = r"(?P<n>[0-9]{1,3})"
_SETTING: Final = "as the device is set"

_NUMBERS: Final = {
    rf"relay/(?:{_N}/)?power": ("power", "W"),
    rf"relay/(?:{_N}/)?energy": ("electricity_import", "Wmin"),
    rf"(?:light|white|color|roller)/(?:{_N}/)?power": ("power", "W"),
    rf"(?:light|white|color|roller)/(?:{_N}/)?energy": ("electricity_import", "Wmin"),
    rf"emeter/{_N}/power": ("power", "W"),
    rf"emeter/{_N}/reactive_power": ("reactive_power", "var"),
    rf"emeter/{_N}/voltage": ("voltage", "V"),
    rf"emeter/{_N}/current": ("current", "A"),
    rf"emeter/{_N}/pf": ("power_factor", "/"),
    rf"emeter/{_N}/total": ("electricity_import", "Wh"),
    rf"emeter/{_N}/total_returned": ("electricity_export", "Wh"),
    "voltage": ("voltage", "V"),
    "temperature": ("device_temperature", "Cel"),
    "sensor/temperature": ("temperature", _SETTING),
    "sensor/humidity": ("humidity", "%"),
    "sensor/battery": ("battery", "%"),
    "sensor/lux": ("illuminance", "lx"),
    rf"ext_temperature/{_N}": ("probe_temperature", "Cel"),
    rf"ext_humidity/{_N}": ("humidity", "%"),
}
_STATES: Final[dict[str, tuple[str, dict[str, float]]]] = {
    rf"relay/{_N}": ("switched", {}),
    rf"(?:light|white|color)/{_N}": ("on", {}),
    "sensor/motion": ("motion", {}),
    "sensor/state": ("open", {"open": 1.0, "close": 0.0, "closed": 0.0}),
    "sensor/flood": ("leak", {}),
    "sensor/smoke": ("smoke", {}),
}
_NUMBER_ROUTES: Final = tuple((re.compile(pattern), *row) for pattern, row in _NUMBERS.items())
_STATE_ROUTES: Final = tuple((re.compile(pattern), *row) for pattern, row in _STATES.items())
_LIGHT_STATUS: Final = re.compile(rf"(?:light|white|color)/{_N}/status")
_SECOND_ROUTE: Final = re.compile(r".*_f(?:/[0-9]+)?|emeter/[0-9]+/(?:energy|returned_energy)|ext_temperatures|info")
_COMMAND: Final = re.compile(r"(?:.*/)?(?:command|set|rpc)")
_FAULT_WORDS: Final = frozenset({"overpower", "overtemperature", "overvoltage"})
_THREE_PHASES: Final = re.compile(r"shellyem3\b.*", re.IGNORECASE)
_DEEP: Final = (
    *("relay/+", "relay/+/power", "relay/+/energy", "relay/power", "relay/energy", "roller/+/power", "roller/+/energy"),
    *(f"{kind}/+{end}" for kind in ("light", "white", "color") for end in ("", "/power", "/energy", "/status")),
    *("emeter/+/+", "sensor/+", "ext_temperature/+", "ext_humidity/+", "temperature", "voltage", "status", "online"),
)


class Shelly1Source:
    """Reads what first-generation devices publish; it has nothing to remember."""

    def __init__(self, config: SourceConfig) -> None:
        self._base = f"{config.topic}/" if config.topic else ""
        self._options = config.options
        self._models = config.models
        self.filters: tuple[str, ...] = tuple(f"{self._base}+/{deep}" for deep in _DEEP)

    def claims(self, topic: str) -> bool:
        """Whatever lies below the base topic."""
        return topic.startswith(self._base) and "/" in topic.removeprefix(self._base)

    def describes(self, topic: str) -> bool:
        """No topic does."""
        return False

    def state(self) -> dict[str, bytes]:
        """Nothing."""
        return {}

    def restore(self, state: Mapping[str, bytes]) -> None:
        """Nothing to take back."""

    def decode(self, message: Message) -> Decoded:
        """Read one message; see `devices.model.Source`."""
        address, _, rest = message.topic.removeprefix(self._base).partition("/")
        if _COMMAND.fullmatch(rest):
            return refused(address, Reason.COMMAND, "a command to the device")
        if rest == "online":
            return told_presence(address, message.payload, _PRESENCE)
        if rest == "announce":
            return refused(address, Reason.DESCRIPTION, "announce describes the device")
        if _SECOND_ROUTE.fullmatch(rest):
            return refused(address, Reason.OTHER_ROUTE, f"{rest} repeats what comes on another topic")
        into = Gathering()
        if found := _LIGHT_STATUS.fullmatch(rest):
            fault = _light(message.payload, _channel(found["n"]), into)
        elif rest == "status":
            fault = self._status(message.payload, into)
        else:
            fault = self._plain(address, rest, message.payload, into)
        if fault is not None:
            return Decoded(address, rejects=[fault])
        return Decoded(address, into.sample(message), into.rejects)

    def _plain(self, address: str, rest: str, payload: bytes, into: Gathering) -> Reject | None:
        text = read_text(payload)
        if isinstance(text, Reject):
            return text
        for pattern, name, unit in _NUMBER_ROUTES:
            if found := pattern.fullmatch(rest):
                index = found.groupdict().get("n") or "0"
                phases = rest.startswith("emeter/") and self._has_phases(address)
                channel = f"l{int(index) + 1}" if phases else _channel(index)
                into.number(name, text, rest, self._unit(address) if unit == _SETTING else unit, channel)
                return None
        for pattern, name, words in _STATE_ROUTES:
            if found := pattern.fullmatch(rest):
                if text.lower() in _FAULT_WORDS:
                    return Reject(Reason.DEVICE_ERROR, f"{rest} is {text}: the device has switched itself off")
                if text == "-1":
                    return Reject(Reason.NO_VALUE, f"{rest} is -1, which stands for no value")
                into.state(name, text, rest, _channel(found.groupdict().get("n") or "0"), words)
                return None
        if rest == "sensor/error" and not is_missing(text) and text != "0":
            into.reject(Reason.DEVICE_ERROR, f"sensor/error is {text}")
        return None

    def _has_phases(self, address: str) -> bool:
        return bool(_THREE_PHASES.match(address) or "em3" in self._models.get(address, "").lower())

    def _unit(self, address: str) -> str:
        chosen = self._options.get(f"{address}/temperature_unit", self._options.get("temperature_unit", "C"))
        return "[degF]" if chosen.upper() == "F" else "Cel"

    def _status(self, payload: bytes, into: Gathering) -> Reject | None:
        """The whole state of a Motion or a TRV, which publish no single values."""
        body = read_object(payload)
        if isinstance(body, Reject):
            return body
        for key, name in (("tmp", "temperature"), ("target_t", "heating_setpoint")):
            measured = member(body, key)
            if "value" not in measured:
                continue
            if measured.get("is_valid") is False:
                into.reject(Reason.DEVICE_ERROR, f"{key} is not valid")
                continue
            unit = measured.get("units", "C")
            into.number(name, measured["value"], key, unit if isinstance(unit, str) else "?")
        for key, name in (("lux", "illuminance"), ("bat", "battery")):
            if key in body and not isinstance(body[key], dict):
                into.number(name, body[key], key)
        if "motion" in body:
            into.state("motion", body["motion"], "motion")
        return None


def source(config: SourceConfig) -> Shelly1Source:
    """The decoding side."""
    return Shelly1Source(config)


def _channel(index: str) -> str:
    return "" if int(index) == 0 else str(int(index))


def _light(payload: bytes, channel: str, into: Gathering) -> Reject | None:
    """Brightness and colour of a light; whether it is on comes on its own topic."""
    body = read_object(payload)
    if isinstance(body, Reject):
        return body
    if body.get("mode", "white") != "white":
        return None
    for key, name, unit in (("brightness", "brightness", "%"), ("temp", "color_temperature", "K")):
        if key in body:
            into.number(name, body[key], key, unit, channel)
    return None


_WRITTEN: Final = {
    "temperature": "sensor/temperature",
    "humidity": "sensor/humidity",
    "battery": "sensor/battery",
    "illuminance": "sensor/lux",
    "motion": "sensor/motion",
    "open": "sensor/state",
    "leak": "sensor/flood",
    "smoke": "sensor/smoke",
    "device_temperature": "temperature",
    "probe_temperature": "ext_temperature/{n}",
    "switched": "relay/{n}",
    "on": "light/{n}",
    "power": "relay/{n}/power",
    "electricity_import": "relay/{n}/energy",
    "electricity_export": "emeter/{n}/total_returned",
    "voltage": "emeter/{n}/voltage",
    "current": "emeter/{n}/current",
    "power_factor": "emeter/{n}/pf",
    "reactive_power": "emeter/{n}/reactive_power",
}
_METERED: Final = {"power": "emeter/{n}/power", "electricity_import": "emeter/{n}/total"}
_WORDS: Final = {"motion": ("false", "true"), "leak": ("false", "true"), "smoke": ("false", "true")}


def encode(config: SourceConfig, sample: Sample) -> list[Message]:
    """One message for each reading that such a device has a topic for; temperatures in °C.

    A device that measures voltage or current is written as an energy meter, any other as a relay.
    """
    meter = any(reading.field.name in ("voltage", "current", "power_factor") for reading in sample.readings)
    messages = []
    for field, value, channel in sample.readings:
        rest = (_METERED if meter else {}).get(field.name) or _WRITTEN.get(field.name)
        if rest is None:
            continue
        index = channel.removeprefix("l")
        n = str(int(index) - 1 if channel.startswith("l") else int(index or 0))
        if field.name in ("switched", "on"):
            text = "on" if value else "off"
        elif field.name == "open":
            text = "open" if value else "close"
        elif field.name in _WORDS:
            text = _WORDS[field.name][int(value)]
        elif field.unit == "kWh":
            text = repr(value * (1_000 if rest.startswith("emeter") else 60_000))
        else:
            text = repr(value)
        topic = f"{config.topic}/{sample.address}/{rest.format(n=n)}"
        messages.append(Message(topic, text.encode(), sample.time or 0))
    lights = [reading for reading in sample.readings if reading.field.name in ("brightness", "color_temperature")]
    for channel in dict.fromkeys(reading.channel for reading in lights):
        keys = {"brightness": "brightness", "color_temperature": "temp"}
        body = {"mode": "white"} | {keys[r.field.name]: r.value for r in lights if r.channel == channel}
        topic = f"{config.topic}/{sample.address}/light/{int(channel or 0)}/status"
        messages.append(Message(topic, orjson.dumps(body), sample.time or 0))
    return messages


def encode_presence(config: SourceConfig, address: str, *, online: bool) -> Message:
    """The device's retained last will, or its opposite."""
    return Message(f"{config.topic}/{address}/online", b"true" if online else b"false", 0, retained=True)
