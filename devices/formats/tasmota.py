"""Tasmota: `tele/<topic>/SENSOR` and its fellows, in the order of levels that FullTopic prescribes.

Learned from Tasmota's documentation (tasmota.github.io/docs: MQTT, JSON of SENSOR, Zigbee, commands).

A source's topic is put before FullTopic. Options: `full_topic` (default `%prefix%/%topic%`), `timezone` (of times
without an offset, default Europe/London), `temperature_unit` (C or F where a message has no TempUnit, default C).
An address is the device's topic; a device behind a gateway is `<topic>/<its key>`.
"""

import re
from collections.abc import Mapping
from typing import Final
from zoneinfo import ZoneInfo

import orjson

from devices import clock
from devices.formats import tasmota_keys
from devices.gather import Gathering, refused, told_presence
from devices.localdays import ZONE
from devices.memory import Memory
from devices.message import Decoded, Message, Reason, Reject, Sample, SourceConfig, TimeSource
from devices.payload import member, number, read_object
from devices.topics import ByTopic

DEFAULT_TOPIC: Final = ""
FULL_TOPIC: Final = "%prefix%/%topic%"
MAX_LIGHTS: Final = 50_000
"""devices of which is remembered which relays switch lights"""
DISCOVERY: Final = "tasmota/discovery"
_PRESENCE: Final = {b"Online": True, b"Offline": False, b"online": True, b"offline": False}
_POWER: Final = re.compile(r"POWER([0-9]{0,2})")
_RL_LIGHT: Final = 2
"""kind of relay in the list `rl` of a discovery message: 1 relay, 2 light, 3 shutter"""
_DESCRIBES: Final = re.compile(r"INFO[0-9]|STATUS(?:[0-7]|9)?|LOGGING|UPTIME|MARGINS")
_DIMMED: Final = frozenset({"Dimmer", "CT", "Color", "HSBColor"})
_GATEWAYS: Final = ("ZbReceived", "LwReceived")
_NO_SENSORS: Final = frozenset({*_GATEWAYS, "IBEACON", "RDM6300", "RFID", "PN532", "IrReceived", "RfReceived"})


class _Layout:
    """Where the prefix and the device's topic stand in a topic, after FullTopic."""

    def __init__(self, base: str, full_topic: str) -> None:
        template = "/".join(part for part in (base, full_topic.strip("/")) if part)
        if template.count("%prefix%") != 1 or template.count("%topic%") != 1:
            raise ValueError(f"full_topic {template!r}: write %prefix% and %topic% once each, as FullTopic does")
        pattern = re.escape(template).replace("%prefix%", "(?P<prefix>tele|stat|cmnd)")
        pattern = pattern.replace("%topic%", "(?P<topic>.+?)")
        self.template = template
        self.pattern = re.compile(f"{pattern}/(?P<last>[^/]+)")
        ends = (("tele", "+"), ("stat", "+"))
        shapes = [template.replace("%topic%", topic) for topic in ("+", "+/+")]
        self.filters = tuple(f"{shape.replace('%prefix%', prefix)}/{last}" for shape in shapes for prefix, last in ends)

    def levels(self, topic: str) -> tuple[str, str, str] | None:
        """Prefix, the device's topic and the last level; None where `topic` is of another shape."""
        found = self.pattern.fullmatch(topic)
        return (found["prefix"], found["topic"], found["last"]) if found else None

    def topic(self, prefix: str, address: str, last: str) -> str:
        return f"{self.template.replace('%prefix%', prefix).replace('%topic%', address)}/{last}"


class TasmotaSource:
    """Reads what Tasmota devices publish; remembers from discovery which of their relays switch lights."""

    def __init__(self, config: SourceConfig) -> None:
        self._layout = _Layout(config.topic, config.options.get("full_topic", FULL_TOPIC))
        self._zone = zone_of(config)
        self._fahrenheit = config.options.get("temperature_unit", "C").upper() == "F"
        self._memory = Memory()
        self._lights: dict[str, frozenset[int]] = {}
        self._levels = ByTopic(self._layout.levels)
        self.filters: tuple[str, ...] = (*self._layout.filters, f"{DISCOVERY}/+/config")

    def claims(self, topic: str) -> bool:
        """Topics of FullTopic's shape, and those of discovery."""
        return topic.startswith(f"{DISCOVERY}/") or self._layout.pattern.fullmatch(topic) is not None

    def describes(self, topic: str) -> bool:
        """Discovery messages."""
        return topic.startswith(f"{DISCOVERY}/")

    def state(self) -> dict[str, bytes]:
        """Discovery messages that changed."""
        return self._memory.changes()

    def restore(self, state: Mapping[str, bytes]) -> None:
        """Read the discovery messages again."""
        for _, payload in self._memory.recall(state):
            self._learn(payload)

    def decode(self, message: Message) -> Decoded:
        """Read one message; see `devices.model.Source`."""
        if self.describes(message.topic):
            return self._describe(message)
        levels = self._levels[message.topic]
        if levels is None:
            return refused("", Reason.UNKNOWN_TOPIC, "not of FullTopic's shape")
        prefix, address, last = levels
        if prefix == "cmnd":
            return refused(address, Reason.COMMAND, "a command to the device")
        if last == "LWT":
            return told_presence(address, message.payload, _PRESENCE)
        if _DESCRIBES.fullmatch(last):
            return refused(address, Reason.DESCRIPTION, f"{last} describes the device")
        if not message.payload.lstrip().startswith(b"{"):
            if _POWER.fullmatch(last):
                return refused(address, Reason.OTHER_ROUTE, "the same state comes as RESULT")
            return refused(address, Reason.NO_VALUE, f"{last} holds no sensor")
        body = read_object(message.payload)
        if isinstance(body, Reject):
            return Decoded(address, rejects=[body])
        return self._body(address, member(body, "StatusSNS") or member(body, "StatusSTS") or body, message)

    def _describe(self, message: Message) -> Decoded:
        if message.topic.endswith("/config"):
            if not self._memory.keep(message.topic, message.payload):
                return refused("", Reason.TOO_LARGE, "no room to remember more discovery messages")
            self._learn(message.payload)
        return refused("", Reason.DESCRIPTION, "discovery describes a device; a snapshot in it is no reading")

    def _learn(self, payload: bytes) -> None:
        body = read_object(payload)
        if isinstance(body, Reject):
            return
        address, relays = body.get("t"), body.get("rl")
        if isinstance(address, str) and isinstance(relays, list):
            if address not in self._lights and len(self._lights) >= MAX_LIGHTS:
                del self._lights[next(iter(self._lights))]
            self._lights[address] = frozenset(i for i, kind in enumerate(relays[:32], 1) if kind == _RL_LIGHT)

    def _body(self, address: str, body: dict[str, object], message: Message) -> Decoded:
        decoded = Decoded(address)
        time = self._time(body, message.received)
        source = TimeSource.ARRIVAL if time is None else TimeSource.DEVICE
        own = Gathering()
        units = tasmota_keys.Units.of(body, "F" if self._fahrenheit else "C")
        wired, others = _parts(body)
        self._power(address, body, own)
        tasmota_keys.sensors(wired, units, own)
        for key, device, kind in others:
            other = Gathering()
            tasmota_keys.device(kind, device, units, other)
            name = key if kind == "trv" else f"{address}/{key}"
            decoded.samples += other.sample(message, time, source, name)
            decoded.rejects += other.rejects
        if own.readings or own.rejects or not (decoded.samples or decoded.rejects):
            decoded.samples += own.sample(message, time, source)
        decoded.rejects += own.rejects
        return decoded

    def _time(self, body: dict[str, object], received: int) -> int | None:
        epoch = clock.from_epoch_s(number(body.get("Epoch")))
        if epoch is not None:
            return epoch
        text = body.get("Time")
        if isinstance(text, str):
            return clock.from_local(text, self._zone, received)
        return clock.from_epoch_s(number(text))

    def _power(self, address: str, body: dict[str, object], own: Gathering) -> None:
        relays = {_relay(key): key for key in body if key.startswith("POWER") and _POWER.fullmatch(key)}
        dimmed = not _DIMMED.isdisjoint(body)
        if relays or dimmed:
            self._switches(relays, dimmed, address, body, own)
        if "Signal" in (wifi := member(body, "Wifi")):
            own.number("rssi", wifi["Signal"], "Wifi.Signal")

    def _switches(
        self, relays: dict[int, str], dimmed: bool, address: str, body: dict[str, object], own: Gathering
    ) -> None:
        lights = self._lights.get(address)
        if lights is None:
            lights = frozenset({max(relays)}) if relays and dimmed else frozenset()
        for index, key in sorted(relays.items()):
            own.state("on" if index in lights else "switched", body[key], key, key.removeprefix("POWER"))
        if dimmed and (lights or not relays):
            if "Dimmer" in body:
                own.number("brightness", body["Dimmer"], "Dimmer")
            if "CT" in body:
                own.number("color_temperature", body["CT"], "CT", "mired")


def source(config: SourceConfig) -> TasmotaSource:
    """The decoding side.

    Raises:
        ValueError: an option is wrong; the text says which, and how to write it.
    """
    return TasmotaSource(config)


def zone_of(config: SourceConfig) -> ZoneInfo:
    """The zone of times without an offset.

    Raises:
        ValueError: the option `timezone` names no zone.
    """
    name = config.options.get("timezone", ZONE)
    try:
        return ZoneInfo(name)
    except (KeyError, ValueError, OSError) as error:
        raise ValueError(f"timezone {name!r} is unknown: write it as Europe/London") from error


_Values = dict[str, object]


def _relay(key: str) -> int:
    return int(key.removeprefix("POWER") or 1)


def _parts(body: _Values) -> tuple[dict[str, _Values], list[tuple[str, _Values, str]]]:
    """The sensors wired to the device by key; and the devices that a gateway reports: key, values and kind."""
    wired: dict[str, _Values] = {}
    nearby: list[tuple[str, _Values, str]] = []
    for key, values in body.items():
        if isinstance(values, dict) and key not in _NO_SENSORS:
            if mac := tasmota_keys.ble_address(key, values):
                nearby.append((mac, values, "ble"))
            else:
                wired[key] = values
    others = [
        (key, values, gateway)
        for gateway in _GATEWAYS
        if gateway in body
        for key, values in member(body, gateway).items()
        if isinstance(values, dict)
    ]
    valve = body.get("trv")
    if isinstance(valve, str) and valve:
        nearby.append((valve, body, "trv"))
    return wired, others + nearby


def encode(config: SourceConfig, sample: Sample) -> list[Message]:
    """A device's SENSOR and STATE messages with these readings, not retained; `sample.address` is its topic."""
    layout = _Layout(config.topic, config.options.get("full_topic", FULL_TOPIC))
    stamp: dict[str, object] = {} if sample.time is None else {"Time": clock.to_local(sample.time, zone_of(config))}
    sensor, state = tasmota_keys.bodies(sample.readings)
    received = sample.time or 0
    return [
        Message(layout.topic("tele", sample.address, last), orjson.dumps(stamp | body), received)
        for last, body in (("SENSOR", sensor), ("STATE", state))
        if body
    ]


def encode_description(config: SourceConfig, address: str, mac: str, relays: list[bool]) -> Message:
    """The retained discovery message of a device; `relays` says for each relay whether it switches a light."""
    body = {"t": address, "ft": f"{config.options.get('full_topic', FULL_TOPIC)}/", "mac": mac}
    listed = {**body, "rl": [_RL_LIGHT if light else 1 for light in relays]}
    return Message(f"{DISCOVERY}/{mac}/config", orjson.dumps(listed), 0, retained=True)


def encode_presence(config: SourceConfig, address: str, *, online: bool) -> Message:
    """The device's retained last will, or its opposite."""
    layout = _Layout(config.topic, config.options.get("full_topic", FULL_TOPIC))
    return Message(layout.topic("tele", address, "LWT"), b"Online" if online else b"Offline", 0, retained=True)
