"""Frames whose numbers stand at fixed places: Netvox, Browan, Dragino and many others.

The layout is a list `frames`; the first entry that matches port and leading bytes reads the frame:

    frames:
      - {port: 6, starts: "010b01", read: "battery@3:u8&0x7f/10 temperature:i16/100 humidity:u16/100"}
      - {port: 7}        a frame without readings: an answer to a command
"""

from collections.abc import Mapping
from typing import Any

from devices.codecs import Frame
from devices.codecs.layout import record


def decode(data: bytes, port: int, layout: Mapping[str, Any]) -> Frame:
    """Read the frame with the first entry of `frames` that fits it."""
    for entry in layout.get("frames", ()):
        if entry.get("port", port) != port or not data.startswith(bytes.fromhex(entry.get("starts", ""))):
            continue
        try:
            return Frame(record(entry.get("read", "")).read(data))
        except ValueError as error:
            return Frame(complaint=str(error))
    return Frame(complaint=f"port {port} with {data[:4].hex(' ')} … is no frame of this model")
