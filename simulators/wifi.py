"""Devices on Wi-Fi, which speak for themselves in the way of their makers: Shelly of the second generation, Tasmota."""

from devices.formats import shelly2, tasmota
from devices.message import Message, Sample, SourceConfig
from devices.model import Device
from simulators.noise import key
from simulators.speakers import Due


class ShellyDevice:
    """A Shelly that notifies its status by `events/rpc`; see `gateways.Connection`."""

    __slots__ = ("_address", "_source", "name")

    def __init__(self, source: SourceConfig, device: Device) -> None:
        self.name = f"{device.council}.{device.id}"
        self._source = source
        self._address = device.address

    def hello(self, at: int) -> list[Message]:
        return [self._presence(at, online=True)]

    def goodbye(self, at: int) -> Message:
        return self._presence(at, online=False)

    def messages(self, due: Due) -> list[Message]:
        return shelly2.encode(self._source, Sample(due.readings, due.claimed, address=self._address))

    def _presence(self, at: int, *, online: bool) -> Message:
        return shelly2.encode_presence(self._source, self._address, online=online)._replace(received=at)


class TasmotaDevice:
    """A plug with Tasmota, which tells what it measures by SENSOR and its relay by STATE; see `gateways.Connection`."""

    __slots__ = ("_address", "_mac", "_source", "name")

    def __init__(self, source: SourceConfig, device: Device) -> None:
        self.name = f"{device.council}.{device.id}"
        self._source = source
        self._address = device.address
        self._mac = f"{key(0, device.council, device.id) & 0xFFFF_FFFF_FFFF:012X}"

    def hello(self, at: int) -> list[Message]:
        described = tasmota.encode_description(self._source, self._address, self._mac, [False])
        return [described._replace(received=at), self._presence(at, online=True)]

    def goodbye(self, at: int) -> Message:
        return self._presence(at, online=False)

    def messages(self, due: Due) -> list[Message]:
        return tasmota.encode(self._source, Sample(due.readings, due.claimed, address=self._address))

    def _presence(self, at: int, *, online: bool) -> Message:
        return tasmota.encode_presence(self._source, self._address, online=online)._replace(received=at)
