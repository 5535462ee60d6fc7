"""LoRaWAN byte codecs: a frame → the maker's words, which a device model then maps to the schema.

Each module has `decode(data, port, layout)`; `layout` is the part of the device model that only this codec
understands. Bytes are hostile: a codec checks length before it reads and stops where it no longer understands, keeping
what it read before.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cache
from importlib import import_module
from typing import Any, Final

CODECS: Final = (
    "cayenne",
    "decentlab",
    "elsys",
    "fixed",
    "milesight",
    "tektelic",
)
MAX_FRAME: Final = 255
"""bytes; LoRaWAN carries at most 242 of application payload"""

Value = float | int | bool | str | list[Any] | None
Values = dict[str, Value]


@dataclass(slots=True)
class Frame:
    """What a codec read out of one frame."""

    values: Values = field(default_factory=dict)
    """measured when the frame was sent"""
    history: list[tuple[int, Values]] = field(default_factory=list)
    """(time as the device says, ns; values)"""
    complaint: str = ""
    """where and why reading stopped; empty when the whole frame was understood"""


def decode(codec: str, data: bytes, port: int, layout: Mapping[str, Any]) -> Frame:
    """Read `data`, received on `port`, with the codec of that name."""
    if len(data) > MAX_FRAME:
        return Frame(complaint=f"{len(data)} bytes are no LoRaWAN frame")
    return _decoder(codec)(data, port, layout)


@cache
def _decoder(codec: str) -> Callable[[bytes, int, Mapping[str, Any]], Frame]:
    decoder: Callable[[bytes, int, Mapping[str, Any]], Frame] = import_module(f"devices.codecs.{codec}").decode
    return decoder
