"""Tektelic sensors (Comfort, Vivid, Kiwi, Clover, Agriculture): data id of two bytes, then a value, big-endian.

Source: Tektelic technical reference manuals, confirmed by frames of the published decoders. The second byte is a
type, but its meaning depends on the first, so the table is of pairs; a pair that is not in it ends the reading.
"""

from collections.abc import Mapping
from typing import Any, Final

from devices.codecs import Frame, Values
from devices.codecs.layout import record

IDS: Final[Mapping[int, str]] = {
    0x00BA: "battery_voltage:i16/1000",
    0x00BD: "rem_batt_days:u16",
    0x00D3: "rem_batt_capacity:u8",
    0x00FF: "battery_voltage:i16/100",
    0x0100: "reed_state:u8",
    0x0104: "input1_frequency:u16",
    0x0200: "light_detected:u8",
    0x0202: "input2_voltage:u16",
    0x0367: "ambient_temperature:i16/10",
    0x0468: "relative_humidity:u8/2",
    0x0804: "reed_count:u16",
    0x0965: "light_intensity:u16",
    0x0A00: "motion_event_state:u8",
    0x0B67: "ambient_temperature:i16/10",
    0x0B68: "relative_humidity:u8/2",
    0x0D04: "motion_event_count:u16",
}


def decode(data: bytes, port: int, layout: Mapping[str, Any]) -> Frame:
    """Read the values of port 10; other ports answer commands and hold no readings."""
    del layout
    if port != 10:
        return Frame()
    values: Values = {}
    at = 0
    while at + 2 <= len(data):
        pair = int.from_bytes(data[at : at + 2], "big")
        if pair not in IDS:
            return Frame(values, complaint=f"byte {at}: data id {pair:04x} is not known")
        group = record(IDS[pair])
        try:
            values.update(group.read(data, at + 2))
        except ValueError as error:
            return Frame(values, complaint=str(error))
        at += 2 + group.size
    return Frame(values, complaint="" if at == len(data) else f"byte {at}: half a data id")
