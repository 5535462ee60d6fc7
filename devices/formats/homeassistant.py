"""Devices that describe themselves by Home Assistant's MQTT discovery, whatever their own topics are.

Learned from Home Assistant's documentation. `<prefix>/<component>/[<node>/]<object>/config` describes a value, and
`<prefix>/device/<id>/config` a whole device; the values come on the topics that are named there, which are added to
`filters` as they become known. An address is the first identifier of the device, else the unique id. Templates are
never run: a path with harmless filters is read, and anything else is rejected.
"""

from collections.abc import Iterable, Mapping
from typing import Final

import orjson

from devices import meaning
from devices.formats.catalogue import Catalogue, Payload, gather
from devices.formats.discovery import spell
from devices.gather import Gathering, refused
from devices.message import Decoded, Message, Reading, Reason, Reject, Sample, SourceConfig
from devices.schema import Kind
from devices.text import printable

DEFAULT_TOPIC: Final = "homeassistant"


class HomeAssistantSource:
    """Reads what discovery describes; remembers the descriptions."""

    def __init__(self, config: SourceConfig) -> None:
        self._catalogue = Catalogue(config.topic)
        self.filters: tuple[str, ...] = self._catalogue.filters

    def claims(self, topic: str) -> bool:
        """Discovery topics, and topics that were described."""
        return self._catalogue.describes(topic) or self._catalogue.knows(topic)

    def describes(self, topic: str) -> bool:
        """Discovery topics."""
        return self._catalogue.describes(topic)

    def state(self) -> dict[str, bytes]:
        """Discovery messages that changed."""
        return self._catalogue.changes()

    def restore(self, state: Mapping[str, bytes]) -> None:
        """Read discovery messages again, and add the topics that they name to `filters`."""
        self._catalogue.restore(state)
        self._subscribe(set().union(*(self._catalogue.topics(topic) for topic in state)))

    def _subscribe(self, topics: set[str]) -> None:
        new = topics.difference(self.filters)
        if new:
            self.filters += tuple(sorted(new))

    def decode(self, message: Message) -> Decoded:
        """Read one message; see `devices.model.Source`."""
        topic = message.topic
        if self._catalogue.describes(topic):
            rejects = self._catalogue.learn(topic, message.payload)
            self._subscribe(self._catalogue.topics(topic))
            return Decoded(rejects=rejects or [Reject(Reason.DESCRIPTION, "discovery")])
        entities = self._catalogue.entities(topic)
        if not entities:
            return self._presence(message)
        payload = Payload(message.payload)
        gatherings: dict[str, Gathering] = {}
        for entity in entities:
            channel = "" if self._catalogue.alone(entity) else entity.name
            gather(entity, payload, channel, gatherings.setdefault(entity.address, Gathering()))
        decoded = Decoded(next(iter(gatherings)) if len(gatherings) == 1 else "")
        for address, into in gatherings.items():
            decoded.samples += into.sample(message, address=address)
            decoded.rejects += into.rejects
        return decoded

    def _presence(self, message: Message) -> Decoded:
        known = self._catalogue.availability(message.topic)
        addresses = {one.address for one in known}
        if not known:
            return refused("", Reason.UNKNOWN_TOPIC, "nothing describes this topic")
        address = addresses.pop() if len(addresses) == 1 else ""
        template = known[0].template
        value = None if template is None else Payload(message.payload).value(template)
        if spell(value) not in (known[0].online, known[0].offline):
            return refused(address, Reason.MALFORMED, f"expected {known[0].online} or {known[0].offline}")
        online = spell(value) == known[0].online
        return refused(address, Reason.PRESENCE, "online" if online else "offline", online if address else None)


def source(config: SourceConfig) -> HomeAssistantSource:
    """The decoding side."""
    return HomeAssistantSource(config)


_CLASSES: Final = {
    "temperature": "temperature",
    "heating_setpoint": "temperature",
    "outdoor_temperature": "temperature",
    "probe_temperature": "temperature",
    "water_temperature": "temperature",
    "device_temperature": "temperature",
    "humidity": "humidity",
    "battery": "battery",
    "battery_voltage": "voltage",
    "voltage": "voltage",
    "co2": "carbon_dioxide",
    "electricity_import": "energy",
    "electricity_export": "energy",
    "heat": "energy",
    "gas_energy": "energy",
    "gas": "gas",
    "water": "water",
    "illuminance": "illuminance",
    "power": "power",
    "apparent_power": "apparent_power",
    "reactive_power": "reactive_power",
    "power_factor": "power_factor",
    "current": "current",
    "frequency": "frequency",
    "pressure": "atmospheric_pressure",
    "pm1": "pm1",
    "pm2_5": "pm25",
    "pm4": "pm4",
    "pm10": "pm10",
    "tvoc": "volatile_organic_compounds_parts",
    "tvoc_mass": "volatile_organic_compounds",
    "rssi": "signal_strength",
    "sound_level": "sound_pressure",
    "flow": "volume_flow_rate",
    "distance": "distance",
    "open": "door",
    "motion": "motion",
    "occupied": "occupancy",
    "leak": "moisture",
    "smoke": "smoke",
    "tamper": "tamper",
    "battery_low": "battery",
}
_UNITS: Final = {
    "Cel": "°C",
    "%RH": "%",
    "%EL": "%",
    "/": None,
    "1": None,
    "ug/m3": "µg/m³",
    "mg/m3": "mg/m³",
    "m3": "m³",
}


def _key(reading: Reading) -> str:
    return f"{meaning.written(reading.field.name)}{'_' if reading.channel else ''}{reading.channel}"


def encode(config: SourceConfig, sample: Sample) -> list[Message]:
    """The device's state as one JSON message on `<address>/state`, as `encode_description` announces it."""
    body = {
        _key(reading): ("ON" if reading.value else "OFF") if reading.field.kind is Kind.STATE else reading.value
        for reading in sample.readings
    }
    return [Message(f"{sample.address}/state", orjson.dumps(body), sample.time or 0)] if body else []


def encode_description(config: SourceConfig, address: str, readings: Iterable[Reading]) -> list[Message]:
    """The retained discovery message of a device with these readings, whose values do not matter."""
    parts = {}
    for reading in readings:
        key, state = _key(reading), reading.field.kind is Kind.STATE
        switch = reading.field.name == "switched"
        part: dict[str, object] = {
            "p": "switch" if switch else "binary_sensor" if state else "sensor",
            "val_tpl": f"{{{{ value_json['{key}'] }}}}",
            "uniq_id": f"{address}_{key}",
            "obj_id": reading.channel or key,
        }
        if reading.field.name in _CLASSES:
            part["dev_cla"] = _CLASSES[reading.field.name]
        if not state:
            part["unit_of_meas"] = _UNITS.get(reading.field.unit, reading.field.unit)
            part["stat_cla"] = "total_increasing" if reading.field.kind is Kind.REGISTER else "measurement"
        parts[key] = {name: value for name, value in part.items() if value is not None}
    body = {
        "dev": {"ids": [address]},
        "o": {"name": "tolbooth"},
        "cmps": parts,
        "stat_t": f"{address}/state",
        "avty_t": f"{address}/online",
    }
    return [Message(f"{config.topic}/device/{_object_id(address)}/config", orjson.dumps(body), 0, retained=True)]


def encode_presence(config: SourceConfig, address: str, *, online: bool) -> Message:
    """The device's retained availability, on the topic that `encode_description` announces."""
    return Message(f"{address}/online", b"online" if online else b"offline", 0, retained=True)


def _object_id(address: str) -> str:
    return "".join(c if c.isascii() and c.isalnum() else "_" for c in printable(address))
