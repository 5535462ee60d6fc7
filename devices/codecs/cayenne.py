"""Cayenne Low Power Payload: channel, type, value, big-endian (myDevices, IPSO object numbers minus 3200).

Keys are `<type>_<channel>`, as the built-in decoder of The Things Stack writes them. It looks like Milesight's
payload and is not: the byte order differs, so a device says by its model which of the two it sends.
"""

from collections.abc import Mapping
from typing import Any, Final

from devices.codecs import Frame, Values
from devices.codecs.layout import record

TYPES: Final[Mapping[int, str]] = {
    0x00: "digital_in:u8",
    0x01: "digital_out:u8",
    0x02: "analog_in:i16/100",
    0x03: "analog_out:i16/100",
    0x64: "generic:u32",
    0x65: "luminosity:u16",
    0x66: "presence:u8",
    0x67: "temperature:i16/10",
    0x68: "relative_humidity:u8/2",
    0x71: "accelerometer_x:i16/1000 accelerometer_y:i16/1000 accelerometer_z:i16/1000",
    0x73: "barometric_pressure:u16/10",
    0x74: "voltage:u16/100",
    0x75: "current:u16/1000",
    0x76: "frequency:u32",
    0x78: "percentage:u8",
    0x79: "altitude:i16",
    0x7D: "concentration:u16",
    0x80: "power:u16",
    0x82: "distance:u32/1000",
    0x83: "energy:u32/1000",
    0x84: "direction:u16",
    0x85: "unixtime:u32",
    0x86: "gyrometer_x:i16/100 gyrometer_y:i16/100 gyrometer_z:i16/100",
    0x87: "_:u24",
    0x88: "_:u24 _:u24 _:u24",
    0x8E: "switch:u8",
}


def decode(data: bytes, port: int, layout: Mapping[str, Any]) -> Frame:
    """Read the values up to the end, or up to the first type that is not known."""
    del port, layout
    values: Values = {}
    at = 0
    while at + 2 <= len(data):
        channel, kind = data[at], data[at + 1]
        if kind not in TYPES:
            return Frame(values, complaint=f"byte {at + 1}: type {kind:02x} is not known")
        group = record(TYPES[kind])
        try:
            found = group.read(data, at + 2)
        except ValueError as error:
            return Frame(values, complaint=str(error))
        values.update({f"{key}_{channel}": value for key, value in found.items()})
        at += 2 + group.size
    return Frame(values, complaint="" if at == len(data) else f"byte {at}: a channel without a type")
