"""Elsys sensor payload: type byte, then a value of the type's length, big-endian (Elsys payload document).

A type that is not in the table has no known length, so reading stops there.
"""

from collections.abc import Mapping
from typing import Any, Final

from devices.codecs import Frame, Values
from devices.codecs.layout import record

TYPES: Final[Mapping[int, str]] = {
    0x01: "temperature:i16/10",
    0x02: "humidity:u8",
    0x03: "x:i8 y:i8 z:i8",
    0x04: "light:u16",
    0x05: "motion:u8",
    0x06: "co2:u16",
    0x07: "vdd:u16",
    0x08: "analog1:u16",
    0x09: "_:u24 _:u24",
    0x0A: "pulse1:u16",
    0x0B: "pulseAbs1:u32",
    0x0C: "externalTemperature:i16/10",
    0x0D: "digital:u8",
    0x0E: "distance:u16",
    0x0F: "accMotion:u8",
    0x10: "irInternalTemperature:i16/10 irExternalTemperature:i16/10",
    0x11: "occupancy:u8",
    0x12: "waterleak:u8",
    0x14: "pressure:i32/1000",
    0x15: "soundPeak:u8 soundAvg:u8",
    0x16: "pulse2:u16",
    0x17: "pulseAbs2:u32",
    0x18: "analog2:u16",
    0x19: "externalTemperature2:i16/10",
    0x1A: "digital2:u8",
    0x1B: "analogUv:i32",
    0x1C: "tvoc:u16",
    0x3D: "_:u32",
}
_GRID_EYE: Final = 0x13
_GRID_EYE_SIZE: Final = 65


def decode(data: bytes, port: int, layout: Mapping[str, Any]) -> Frame:
    """Read the values up to the end, or up to the first type that is not known."""
    del port, layout
    values: Values = {}
    at = 0
    while at < len(data):
        kind = data[at]
        at += 1
        if kind == _GRID_EYE:
            at += _GRID_EYE_SIZE
            continue
        if kind not in TYPES:
            return Frame(values, complaint=f"byte {at - 1}: type {kind:02x} is not known")
        group = record(TYPES[kind])
        try:
            values.update(group.read(data, at))
        except ValueError as error:
            return Frame(values, complaint=str(error))
        at += group.size
    return Frame(values)
