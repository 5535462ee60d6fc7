"""OpenMQTTGateway and Theengs Gateway: `home/<gateway>/BTtoMQTT/<MAC>`, and rtl_433's sensors beside it.

Learned from the documentation of both and from the decoder's property tables (decoder.theengs.io).

An address is the MAC in capitals without colons, `rtl433/<model>/<id>` for a radio sensor, or a gateway's name. Where
several gateways hear one sensor, the one that hears it best is read. Telephones, wearables and scales are people's:
nothing of them is read, kept or shown.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import orjson

from devices.gather import Gathering, refused, told_presence
from devices.message import Decoded, Message, Reason, Reject, Sample, SourceConfig
from devices.payload import is_missing, number, read_object
from devices.timestamps import SECOND

DEFAULT_TOPIC: Final = "home"
_PRESENCE: Final = {b"online": True, b"offline": False, b"Online": True, b"Offline": False}
_MAC: Final = re.compile(r"[0-9A-F]{12}")
_TOPIC: Final = re.compile(
    r"(?P<gateway>[^/]+)/(?:(?P<bluetooth>BTtoMQTT)/(?P<mac>[^/]+)|(?P<radio>RTL_433toMQTT)(?:/.*)?|(?P<other>.+))"
)
_PERSONAL: Final = frozenset({"TRACK", "RMAC", "BODY", "SCALE"})
"""Types of devices that people carry or stand on"""
_AIR: Final = frozenset({"THB", "THBX", "AIR", "ACEL", "PLANT", "BCON", "CTMO", "BATT", ""})
"""Types whose temperature is that of the air around them"""
_LEVELS: Final = {
    "hum": ("humidity", "%"),
    "batt": ("battery", "%"),
    "volt": ("battery_voltage", "V"),
    "lux": ("illuminance", "lx"),
    "pres": ("pressure", "hPa"),
    "co2": ("co2", "ppm"),
    "pm25": ("pm2_5", "ug/m3"),
    "pm10": ("pm10", "ug/m3"),
    "for": ("formaldehyde", "mg/m3"),
}
_METERED: Final = {"avg": "power", "sum": "electricity_import"}
"""What a meter sends; `<key>u` names the unit, for the same meter also counts gas and water"""
_CONTACTS: Final = {"open": 1.0, "closed": 0.0, "timeout not closed": 1.0}
_PROBES: Final = 6
_BETTER: Final = 8.0
"""dB by which another gateway must hear a sensor better to take it over"""
_ROUTE_LASTS: Final = 180 * SECOND
"""A gateway that has not heard a sensor for so long loses it, ns"""
MAX_DEVICES: Final = 20_000


@dataclass(slots=True)
class _Route:
    gateway: str
    rssi: float
    heard: int


class TheengsSource:
    """Reads what gateways hear; remembers for each sensor which gateway hears it best."""

    def __init__(self, config: SourceConfig) -> None:
        self._base = f"{config.topic}/" if config.topic else ""
        self._routes: dict[str, _Route] = {}
        ends = ("BTtoMQTT/+", "RTL_433toMQTT/#", "LWT")
        self.filters: tuple[str, ...] = tuple(f"{self._base}+/{end}" for end in ends)

    def claims(self, topic: str) -> bool:
        """Topics of a gateway below the base."""
        return topic.startswith(self._base) and _TOPIC.fullmatch(topic.removeprefix(self._base)) is not None

    def describes(self, topic: str) -> bool:
        """No topic does."""
        return False

    def state(self) -> dict[str, bytes]:
        """Nothing: the best gateway is found again from the next messages."""
        return {}

    def restore(self, state: Mapping[str, bytes]) -> None:
        """Nothing to take back."""

    def decode(self, message: Message) -> Decoded:
        """Read one message; see `devices.model.Source`."""
        found = _TOPIC.fullmatch(message.topic.removeprefix(self._base))
        if found is None:
            return refused("", Reason.UNKNOWN_TOPIC, "no topic of a gateway")
        gateway, other = found["gateway"], found["other"]
        if other == "LWT":
            return told_presence(gateway, message.payload, _PRESENCE)
        if other is not None:
            command = other.startswith("commands/")
            return refused(gateway, Reason.COMMAND if command else Reason.NO_VALUE, "nothing of a sensor")
        body = read_object(message.payload)
        if isinstance(body, Reject):
            return Decoded("" if found["mac"] else gateway, rejects=[body])
        if found["radio"]:
            return _radio(body, message)
        return self._bluetooth(gateway, found["mac"].replace(":", "").upper(), body, message)

    def _bluetooth(self, gateway: str, mac: str, body: dict[str, object], message: Message) -> Decoded:
        stated = body.get("type", "")
        kind = stated if isinstance(stated, str) else "?"
        if _MAC.fullmatch(mac) is None:
            return refused("", Reason.MALFORMED, "the last level of the topic is no MAC address")
        if kind in _PERSONAL or body.get("prmac") is True:
            return refused("", Reason.NO_VALUE, "something that people carry: not read")
        into = Gathering()
        _sensor(kind, body, into)
        if not into.readings and not into.rejects:
            if "cipher" in body:
                into.reject(Reason.NO_DESCRIPTION, "encrypted: give the gateway the sensor's bind key")
                return Decoded(mac, rejects=into.rejects)
            return refused("", Reason.NO_VALUE, "holds no value that is stored")
        rssi = number(body.get("rssi"))
        if not self._best(mac, gateway, -200.0 if rssi is None else rssi, message):
            return refused(mac, Reason.OTHER_ROUTE, f"read from the gateway {self._routes[mac].gateway}")
        if rssi is not None:
            into.number("rssi", rssi, "rssi", "dBm")
        return Decoded(mac, into.sample(message), into.rejects)

    def _best(self, mac: str, gateway: str, rssi: float, message: Message) -> bool:
        """Whether to read this message. A better gateway takes over with its next one, so that none is read twice."""
        route = self._routes.get(mac)
        if message.retained:
            return route is None or route.gateway == gateway
        if route is None or message.received - route.heard > _ROUTE_LASTS:
            if route is None and len(self._routes) >= MAX_DEVICES:
                del self._routes[next(iter(self._routes))]
            self._routes[mac] = _Route(gateway, rssi, message.received)
            return True
        if route.gateway == gateway:
            route.rssi, route.heard = rssi, message.received
            return True
        if rssi >= route.rssi + _BETTER:
            route.gateway, route.rssi = gateway, rssi
        return False


def source(config: SourceConfig) -> TheengsSource:
    """The decoding side."""
    return TheengsSource(config)


def _sensor(kind: str, body: dict[str, object], into: Gathering) -> None:
    if kind == "TIRE" or (kind == "BCON" and "tempc" not in body):
        return
    _temperatures(kind, body, into)
    for key, (name, unit) in _LEVELS.items():
        if key in body:
            into.number(name, body[key], key, unit)
    if kind == "CTMO":
        _contact_and_motion(body, into)
    for key, name in _METERED.items() if kind == "ENRG" else ():
        stated = body.get(f"{key}u")
        if key in body and stated in ("W", "kW", "kWh"):
            into.number(name, body[key], key, str(stated))
    if "lowbatt" in body:
        into.state("battery_low", body["lowbatt"], "lowbatt")


def _contact_and_motion(body: dict[str, object], into: Gathering) -> None:
    if isinstance(body.get("open"), bool | str):
        into.state("open", body["open"], "open")
    if "contact" in body:
        into.state("open", body["contact"], "contact", words=_CONTACTS)
    if "motion" in body:
        into.state("motion", body["motion"], "motion")


def _temperatures(kind: str, body: dict[str, object], into: Gathering) -> None:
    """`tempc` and `tempf` are one reading; thermometers for food number their probes."""
    probe = kind not in _AIR or "probe" in str(body.get("model", "")).lower()
    for index in range(_PROBES + 1):
        suffix = str(index or "")
        for key, unit in ((f"tempc{suffix}", "Cel"), (f"tempf{suffix}", "[degF]")):
            if key in body:
                channel = suffix if index > 1 else ""
                name = "probe_temperature" if probe or index > 1 else "temperature"
                into.number(name, body[key], key, unit, channel)
                break


def _radio(body: dict[str, object], message: Message) -> Decoded:
    model, identity = body.get("model"), body.get("id")
    if not isinstance(model, str) or is_missing(identity) or not isinstance(identity, int | str):
        return refused("", Reason.NO_VALUE, "a radio message without model and id")
    into = Gathering()
    for key, unit in (("temperature_C", "Cel"), ("temperature_F", "[degF]")):
        if key in body:
            into.number("temperature", body[key], key, unit)
            break
    for key, name in (("humidity", "humidity"), ("pressure_hPa", "pressure")):
        if key in body:
            into.number(name, body[key], key)
    if (fresh := number(body.get("battery_ok"))) is not None:
        into.state("battery_low", 1.0 if fresh < 0.5 else 0.0, "battery_ok")
    channel = body.get("channel")
    end = f"/{channel}" if isinstance(channel, int | str) and not is_missing(channel) else ""
    return Decoded(f"rtl433/{model}/{identity}{end}", into.sample(message), into.rejects)


_WRITTEN: Final = {
    **{name: key for key, (name, _) in _LEVELS.items()},
    "temperature": "tempc",
    "open": "open",
    "motion": "motion",
    "battery_low": "lowbatt",
    "rssi": "rssi",
}


def encode(config: SourceConfig, gateway: str, sample: Sample) -> list[Message]:
    """The message of one sensor, heard by `gateway`; what such a gateway has no key for is left out."""
    body: dict[str, object] = {"id": ":".join(re.findall("..", sample.address))}
    states = {reading.field.name for reading in sample.readings} & {"open", "motion"}
    body["type"] = "CTMO" if states else "THB"
    for field, value, channel in sample.readings:
        if field.name == "probe_temperature":
            body["type"], body[f"tempc{channel}"] = "BBQ", value
        elif field.name in _WRITTEN:
            body[_WRITTEN[field.name]] = bool(value) if field.unit == "1" else value
    if len(body) == len(("id", "type")):
        return []
    topic = f"{config.topic}/{gateway}/BTtoMQTT/{sample.address}"
    return [Message(topic, orjson.dumps(body), sample.time or 0)]


def encode_presence(config: SourceConfig, gateway: str, *, online: bool) -> Message:
    """A gateway's retained last will, or its opposite."""
    return Message(f"{config.topic}/{gateway}/LWT", b"online" if online else b"offline", 0, retained=True)
