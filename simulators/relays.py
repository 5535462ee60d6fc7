"""What speaks for devices without a connection of their own and says nothing of itself: a LoRaWAN network server, and
the gateway of a meter bus."""

from typing import Final

from devices.devicemodel import Model, find
from devices.formats import senml, thethingsstack
from devices.message import Message, SourceConfig
from devices.model import Device
from devices.timestamps import SECOND
from simulators.speakers import Due
from simulators.unplayable import UnplayableError

_FIRST_FRAME: Final = 1_577_836_800 * SECOND
"""2020: frames are counted in seconds since then, so that no restart of the simulators repeats a count"""


class LorawanServer:
    """The Things Stack with the devices of one application, whose decoders it runs; see `gateways.Connection`.

    Raises:
        UnplayableError: there is no model file for a device.
    """

    __slots__ = ("_application", "_models", "name")

    def __init__(self, source: SourceConfig, devices: list[Device]) -> None:
        self.name = f"{source.council}.{source.id}"
        self._application = source.topic.removeprefix(f"{thethingsstack.DEFAULT_TOPIC}/")
        self._models = {device.address: _model(device) for device in devices}

    def hello(self, at: int) -> list[Message]:
        del at
        return []

    def goodbye(self, at: int) -> None:
        del at

    def messages(self, due: Due) -> list[Message]:
        device = due.device
        count = (due.time - _FIRST_FRAME) // SECOND
        topic, payload = thethingsstack.encode(
            self._application, device.id, device.address, self._models[device.address], due.readings, due.time, count
        )
        return [Message(topic, payload, due.time)]


def _model(device: Device) -> Model:
    model = find(device.model)
    if model is None:
        raise UnplayableError(f"no model file of {device.model!r}, the model of {device.id}: see docs/supported.md")
    return model


class MeterGateway:
    """A gateway that reads the meters of a building over their bus, and sends SenML; see `gateways.Connection`."""

    __slots__ = ("_base", "name")

    def __init__(self, source: SourceConfig, devices: list[Device]) -> None:
        del devices
        self.name = f"{source.council}.{source.id}"
        self._base = source.topic

    def hello(self, at: int) -> list[Message]:
        del at
        return []

    def goodbye(self, at: int) -> None:
        del at

    def messages(self, due: Due) -> list[Message]:
        topic, payload = senml.encode(self._base, due.device.address, due.readings, due.claimed)
        return [Message(topic, payload, due.time)]
