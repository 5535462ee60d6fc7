"""Frames whose numbers stand at fixed places: Netvox, Browan, Dragino and many others.

The layout is a list `frames`; the first entry that matches port and bytes reads the frame:

    ports: [6, 2]        frames on other ports answer commands and hold no readings; absent, any port may
    frames:
      - {port: 6, starts: "010b01", read: "battery@3:u8&0x7f/10 temperature:i16/100 humidity:u16/100"}
      - {port: 2, match: {6: "01"}, read: "…"}        byte 6 is 01
      - {starts: "010b"}                              a frame without readings
"""

from collections.abc import Mapping
from typing import Any

from devices.codecs import Frame
from devices.codecs.layout import record


def decode(data: bytes, port: int, layout: Mapping[str, Any]) -> Frame:
    """Read the frame with the first entry of `frames` that fits it."""
    if port not in layout.get("ports", (port,)):
        return Frame()
    for entry in layout.get("frames", ()):
        if not _fits(entry, data, port):
            continue
        try:
            return Frame(record(entry.get("read", "")).read(data))
        except ValueError as error:
            return Frame(complaint=str(error))
    return Frame(complaint=f"port {port} with {data[:4].hex(' ')} … is no frame of this model")


def _fits(entry: Mapping[str, Any], data: bytes, port: int) -> bool:
    if entry.get("port", port) != port or not data.startswith(bytes.fromhex(entry.get("starts", ""))):
        return False
    wanted = entry.get("match", {})
    return all(data[at : at + 1] == bytes.fromhex(byte) for at, byte in wanted.items())
