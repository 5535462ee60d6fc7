"""Decentlab protocol version 2: 02, device id, flags, then 16-bit words for each sensor whose flag is set.

The layout lists the sensors in the order of their flags, each in the notation of `devices.codecs.layout`:

    sensors: ["air_temperature:u16*175/65535-45 air_humidity:u16*100/65535", "battery_voltage:u16/1000"]

Source: Decentlab's data sheets ("Decoding") of each device.
"""

from collections.abc import Mapping
from typing import Any, Final

from devices.codecs import Frame, Value, Values
from devices.codecs.layout import record

_VERSION, _HEADER = 2, 5
_BOTH, _INFRARED, _LUX = "ambient_light_visible_infrared", "ambient_light_infrared", "illuminance"
_LUX_FACTOR: Final = 1.5504


def decode(data: bytes, port: int, layout: Mapping[str, Any]) -> Frame:
    """Read the sensors whose flags are set; flags that ask for more or fewer words are those of another model."""
    del port
    if "sensors" not in layout:
        return Frame(complaint="the sensors of this Decentlab device are not described: give it a model file")
    if len(data) < _HEADER or data[0] != _VERSION:
        return Frame(complaint="no frame of Decentlab's protocol version 2")
    flags = int.from_bytes(data[3:5], "big")
    sensors = [record(text) for text in layout["sensors"]]
    wanted = [sensor for bit, sensor in enumerate(sensors) if flags >> bit & 1]
    needed = sum(sensor.size for sensor in wanted)
    if flags >> len(sensors) or len(data) - _HEADER != needed:
        return Frame(
            complaint=f"flags {flags:04x} ask for {needed} bytes, {len(data) - _HEADER} follow: another model?"
        )
    values: Values = {}
    at = _HEADER
    for sensor in wanted:
        values.update(sensor.read(data, at))
        at += sensor.size
    both, infrared = values.get(_BOTH), values.get(_INFRARED)
    if both is not None and infrared is not None:
        values[_LUX] = _illuminance(both, infrared)
    return Frame(values)


def _illuminance(both: Value, infrared: Value) -> float:
    """Lux of a light sensor with a channel for all light and one for infrared."""
    b, i = float(str(both)), float(str(infrared))
    return max(b - 1.64 * i, 0.59 * b - 0.86 * i, 0.0) * _LUX_FACTOR
