"""Devices and gateways as the broker sees them: one connection each, with its birth, its will and its messages.

A native device speaks for itself. A Zigbee2MQTT bridge speaks for all devices of its source: it describes them, says
which are there, and repeats the whole last state of a device in each message about it, as the real one does. It sends
`last_seen`, so that the time of a reading is the device's. Wi-Fi devices (`wifi`) and what relays for devices without
an own connection (`relays`) stand in modules of their own.
"""

from collections.abc import Callable, Mapping
from functools import cache
from typing import Any, Final, Protocol

import orjson

from devices.formats import native, zigbee2mqtt
from devices.formats.z2m_exposes import Plan
from devices.formats.zigbee2mqtt import Described
from devices.message import Message, SourceConfig
from devices.model import Device, Estate
from simulators.data import zigbee2mqtt_definitions
from simulators.edge import EdgeNode
from simulators.noise import key
from simulators.relays import LorawanServer, MeterGateway
from simulators.speakers import Due
from simulators.unplayable import UnplayableError
from simulators.wifi import ShellyDevice, TasmotaDevice


class Connection(Protocol):
    """One MQTT client. Its messages' `received` is the time they are about; `retained` asks for retention, of wills
    too."""

    name: str
    """the client id"""

    def hello(self, at: int) -> list[Message]:
        """What it publishes once connected, `at` in ns."""

    def goodbye(self, at: int) -> Message | None:
        """Its will, and what it publishes before it leaves; None where it has none."""

    def messages(self, due: Due) -> list[Message]:
        """What a device of it has to tell."""


class NativeDevice:
    """A device that speaks Tolbooth's own format."""

    __slots__ = ("_device", "_root", "name")

    def __init__(self, source: SourceConfig, device: Device) -> None:
        self.name = f"{device.council}.{device.id}"
        self._device = device
        self._root = source.topic or native.DEFAULT_TOPIC

    def hello(self, at: int) -> list[Message]:
        return [self._status(at, online=True)]

    def goodbye(self, at: int) -> Message:
        return self._status(at, online=False)

    def messages(self, due: Due) -> list[Message]:
        building = _building(self._device, due.time)
        topic, payload = native.encode(
            self._root, self._device.council, building, self._device.address, due.readings, due.claimed
        )
        return [Message(topic, payload, due.time)]

    def _status(self, at: int, *, online: bool) -> Message:
        device = self._device
        building = _building(device, at)
        topic, payload = native.encode_status(self._root, device.council, building, device.address, online=online)
        return Message(topic, payload, at, retained=True)


class Zigbee2MqttBridge:
    """A Zigbee2MQTT gateway with its devices.

    Raises:
        LookupError: a device is of a model whose definition the simulators do not have.
    """

    __slots__ = ("_base", "_cached", "_described", "_plans", "name")

    def __init__(self, source: SourceConfig, devices: list[Device]) -> None:
        self.name = f"{source.council}.{source.id}"
        self._base = source.topic or zigbee2mqtt.DEFAULT_TOPIC
        self._described = [_described(device) for device in devices]
        self._plans: dict[str, Plan] = {device.address: _plan(device.model) for device in devices}
        self._cached: dict[str, Mapping[str, Any]] = {}

    def hello(self, at: int) -> list[Message]:
        pairs = [
            zigbee2mqtt.encode_bridge_state(self._base, online=True),
            zigbee2mqtt.encode_devices(self._base, self._described),
            *(zigbee2mqtt.encode_availability(self._base, name, online=True) for name in self._plans),
        ]
        return [Message(topic, payload, at, retained=True) for topic, payload in pairs]

    def goodbye(self, at: int) -> Message:
        return Message(*zigbee2mqtt.encode_bridge_state(self._base, online=False), at, retained=True)

    def messages(self, due: Due) -> list[Message]:
        name = due.device.address
        topic, payload = zigbee2mqtt.encode(
            self._base, name, self._plans[name], due.readings, due.claimed, self._cached.get(name)
        )
        self._cached[name] = orjson.loads(payload)
        return [Message(topic, payload, due.time)]


ALONE: Final[Mapping[str, Callable[[SourceConfig, Device], Connection]]] = {
    "native": NativeDevice,
    "shelly2": ShellyDevice,
    "tasmota": TasmotaDevice,
}
"""format → a device that connects for itself"""
_TOGETHER: Final[Mapping[str, Callable[[SourceConfig, list[Device]], Connection]]] = {
    "zigbee2mqtt": Zigbee2MqttBridge,
    "thethingsstack": LorawanServer,
    "senml": MeterGateway,
    "sparkplug": EdgeNode,
}
"""format → what connects for all devices of a source"""


def connections(estate: Estate) -> tuple[list[Connection], dict[tuple[str, str], Connection]]:
    """Every connection of an estate, and which of them speaks for the device (council, id).

    Raises:
        LookupError: a source's format or a device's model is none that the simulators can play.
    """
    found: list[Connection] = []
    speaker: dict[tuple[str, str], Connection] = {}
    for council in estate.councils.values():
        for source in council.sources.values():
            devices = [device for device in council.devices.values() if device.source == source.id]
            for connection, spoken_for in _of_source(source, devices):
                found.append(connection)
                speaker.update({(device.council, device.id): connection for device in spoken_for})
    return found, speaker


def _of_source(source: SourceConfig, devices: list[Device]) -> list[tuple[Connection, list[Device]]]:
    if not devices:
        return []
    alone = ALONE.get(source.format)
    if alone is not None:
        return [(alone(source, device), [device]) for device in devices]
    together = _TOGETHER.get(source.format)
    if together is not None:
        return [(together(source, devices), devices)]
    known = ", ".join(sorted([*ALONE, *_TOGETHER]))
    raise UnplayableError(f"source {source.id}: the simulators play {known}, not {source.format}")


def _building(device: Device, at: int) -> str:
    """Where the device is, or is next, or was last: its topic needs a building."""
    placed = next((one for one in device.assignments if at < one.end), device.assignments[-1])
    return placed.building


def _entry(model: str) -> dict[str, Any]:
    definitions = zigbee2mqtt_definitions()
    if model not in definitions:
        known = ", ".join(sorted(definitions))
        raise UnplayableError(f"no Zigbee2MQTT definition of {model!r}: the simulators have {known}")
    return definitions[model]


def _described(device: Device) -> Described:
    entry = _entry(device.model)
    ieee = f"0x{key(0, device.council, device.id):016x}"
    return Described(ieee, device.address, entry["power_source"], entry["definition"])


@cache
def _plan(model: str) -> Plan:
    entry = _entry(model)
    return Described("", "", entry["power_source"], entry["definition"]).plan()
