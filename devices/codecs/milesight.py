"""Milesight (Ursalink) payload: channel byte, type byte, value, little-endian (user guides, "Uplink Packet").

The type gives the value's length, and often its meaning; where it does not, the channel's meaning differs from model
to model and is the model's `channels`:

    channels: {"05 00": pir, "07 7d": co2, "04 c9": "people_counter_all:u8 region_count:u8 _:u16"}
    history: "temperature:i16/10 humidity:u8/2"      what follows the time in a stored record (20 CE)

A channel with its top bit set repeats a value with an alarm byte. A channel from B3 to BF says that the sensor failed.
FF leads what the device says about itself. A pair of unknown length ends the reading.
"""

from collections.abc import Mapping
from functools import lru_cache
from typing import Any, Final

from devices.codecs import Frame
from devices.codecs.layout import Record, record
from devices.timestamps import SECOND

TYPES: Final[Mapping[int, str]] = {
    0x00: "status:u8",
    0x01: "flag:u8",
    0x65: "illumination:u16 infrared_and_visible:u16 infrared:u16",
    0x67: "temperature:i16/10",
    0x68: "humidity:u8/2",
    0x6A: "activity:u16",
    0x6E: "relays:u8",
    0x70: "socket:u8",
    0x73: "pressure:u16/10",
    0x74: "voltage:u16/10",
    0x75: "battery:u8",
    0x77: "depth:u16",
    0x7B: "kilopascal:u16",
    0x7D: "gas:u16",
    0x7F: "ec:u16",
    0x80: "power:u32",
    0x81: "power_factor:u8",
    0x82: "distance:u16?",
    0x83: "energy:u32",
    0x88: "_:u32 _:u32 _:u8",
    0x8E: "state:u8",
    0x90: "stroke:u16",
    0x92: "opening:u8",
    0x94: "illumination:u32",
    0x97: "total_current:u32/100",
    0x98: "current:u16?/100",
    0x99: "current:u16?/10",
    0xBC: "event:u8",
    0xC8: "pulse:u32",
    0xCB: "light_level:u8",
    0xCC: "in:u16 out:u16",
    0xCF: "_:u32 _:u24",
    0xD2: "count:u32",
    0xD4: "_:u24 _:u24",
    0xD5: "_:u32 _:u32",
    0xD6: "remaining:u8",
    0xD9: "_:u32 _:u32 _:u8",
    0xE1: "water_conv:u16/10 pulse_conv:u16/10 water:f32",
    0xE5: "calibration:u8",
    0xE7: "mode:u8",
    0xE8: "fan:u8",
    0xED: "liquid:u8",
}
"""layout by type; a key that is only the type's own word is replaced by `<key>_<channel>` unless the model names it"""

MEANING_OF_TYPE: Final = frozenset({0x65, 0x67, 0x68, 0x6A, 0x73, 0x75, 0x82, 0x94, 0xCB})
"""types that mean the same on every channel of every model"""

ABOUT_ITSELF: Final[Mapping[int, int]] = {
    0x01: 1, 0x03: 2, 0x08: 6, 0x09: 2, 0x0A: 2, 0x0B: 1, 0x0F: 1, 0x16: 8, 0x1F: 4, 0x2E: 1,
    0xC8: 5, 0xC9: 6, 0xCA: 3, 0xCB: 3, 0xF6: 1, 0xFE: 1, 0xFF: 2,
}  # fmt: skip
"""length of what follows FF and this byte"""

_CURRENTS: Final = (0x98, 0x99)
_ALARM: Final = 0x80
_NOT_MEASURED: Final = 0xA0
"""channels from here on are no sensors and no alarms of sensors"""
_EXTREMES: Final = 4
"""bytes of the highest and the lowest current, which lead the present one in an alarm"""
_INFO, _HISTORY, _HISTORY_TYPE = 0xFF, (0x20, 0x21), 0xCE


def decode(data: bytes, port: int, layout: Mapping[str, Any]) -> Frame:
    """Read the channels up to the end, or up to the first pair whose length is not known."""
    del port
    frame = Frame()
    channels = layout.get("channels", {})
    at, end = 0, len(data)
    try:
        while at + 1 < end:
            channel, kind = data[at], data[at + 1]
            if channel < _ALARM and channel not in _HISTORY and not frame.history:
                values = _record(kind, channels.get(_pair(channel, kind)), channel)
                frame.values.update(values.read(data, at + 2))
                at += 2 + values.size
            else:
                at = _other(data, at, channels, layout.get("history"), frame)
    except ValueError as error:
        frame.complaint = str(error)
    else:
        if at < end:
            frame.complaint = f"byte {at}: a channel without a type"
        elif at > end:
            frame.complaint = f"frame ends after {end} bytes, {at} are needed"
    return frame


def _other(data: bytes, at: int, channels: Mapping[str, str], history: object, frame: Frame) -> int:
    """Read what is no plain channel at `at` into `frame`; the place of the next one."""
    channel, kind = data[at], data[at + 1]
    if channel == _INFO:
        if kind not in ABOUT_ITSELF:
            raise ValueError(f"byte {at}: ff {kind:02x} has no known length")
        return at + 2 + ABOUT_ITSELF[kind]
    if channel in _HISTORY and kind == _HISTORY_TYPE:
        return _read_history(data, at + 2, history, frame)
    if frame.history:
        frame.history.clear()
        raise ValueError(f"byte {at}: stored records are of another length than the model says; none of them is read")
    pair = _pair(channel, kind)
    failed = record(TYPES[kind]).items if 0xB3 <= channel <= 0xBF and kind in TYPES else ()
    if failed:
        frame.values[f"{failed[0].key}_exception"] = 1
        return at + 3
    if channel >= _NOT_MEASURED and pair not in channels:
        raise ValueError(f"byte {at}: {pair} answers a command, or is not known")
    values = _record(kind, channels.get(pair, channels.get(_pair(channel & ~_ALARM, kind))), channel & ~_ALARM)
    alarm = bool(channel & _ALARM) and pair not in channels
    if alarm and kind in _CURRENTS:
        at += _EXTREMES
    frame.values.update(values.read(data, at + 2))
    return at + 2 + values.size + alarm


@lru_cache(maxsize=0x10000)
def _pair(channel: int, kind: int) -> str:
    """As a model's `channels` name it."""
    return f"{channel:02x} {kind:02x}"


@lru_cache(maxsize=4_096)
def _record(kind: int, named: str | None, channel: int) -> Record:
    if named is not None and ":" in named:
        return record(named, little=True)
    if kind not in TYPES:
        raise ValueError(f"channel {channel:02x} type {kind:02x} has no known length")
    layout = TYPES[kind]
    if named is not None:
        layout = f"{named}:{layout.split(':', 1)[1]}"
    elif kind not in MEANING_OF_TYPE:
        layout = " ".join(
            item if item.startswith("_") else item.replace(":", f"_{channel:02x}_{kind:02x}:", 1)
            for item in layout.split()
        )
    return record(layout, little=True)


def _read_history(data: bytes, at: int, history: object, frame: Frame) -> int:
    """One stored record: seconds since 1970, then what the model says; never read as a present value."""
    if at + 5 > len(data):
        raise ValueError(f"byte {at}: a stored record is cut short")
    layout = history.get(f"{data[at + 4]:02x}") if isinstance(history, Mapping) else history
    if not layout:
        raise ValueError(f"byte {at}: stored records of this model are not described")
    stored = record(str(layout), little=True)
    seconds = int.from_bytes(data[at : at + 4], "little")
    frame.history.append((seconds * SECOND, stored.read(data, at + 4)))
    return at + 4 + stored.size
