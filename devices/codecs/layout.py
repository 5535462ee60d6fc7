"""A small notation for numbers in a frame, so that most devices need a line of data and no code.

    temperature:i16/10          a signed 16-bit number, divided by ten
    count:u24le                 little-endian; without `le` it is big-endian
    total:u32ws                 big-endian words of 16 bits, the lower word first
    battery@1:u8&0x0f+25/10     at byte 1, masked, then plus 25, then divided by ten
    co2:u16?                    all ones (or the largest signed number) means that there is no value
    _:u8                        skipped

Items are separated by spaces and follow one another, unless one says where it stands. Operations apply from left to
right: & >> << + - * /.
"""

import operator
import re
import struct
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Final, NamedTuple

from devices.codecs import Values

_ITEM: Final = re.compile(
    r"(?P<key>[A-Za-z_][\w.]*)(?:@(?P<at>\d+))?:(?P<kind>[uif])(?P<bits>8|16|24|32)(?P<order>le|ws)?(?P<absent>\?)?"
    r"(?P<ops>(?:(?:&|>>|<<|[-+*/])(?:0x[0-9a-fA-F]+|\d+(?:\.\d+)?))*)"
)
_OP: Final = re.compile(r"(&|>>|<<|[-+*/])(0x[0-9a-fA-F]+|\d+(?:\.\d+)?)")
_Operation = Callable[[float, float], float]
_OPERATIONS: Final[Mapping[str, _Operation]] = {
    "&": lambda value, operand: int(value) & int(operand),
    ">>": lambda value, operand: int(value) >> int(operand),
    "<<": lambda value, operand: int(value) << int(operand),
    "+": operator.add,
    "-": operator.sub,
    "*": operator.mul,
    "/": operator.truediv,
}


Raw = Callable[[bytes, int], tuple[float | int]]
"""Reads the bytes at a place of a frame as a number, before any operation; a tuple, as `struct` gives it."""
_CODES: Final[Mapping[tuple[str, int], str]] = {
    ("u", 1): "B", ("i", 1): "b", ("u", 2): "H", ("i", 2): "h", ("u", 4): "I", ("i", 4): "i", ("f", 4): "f",
}  # fmt: skip


class Item(NamedTuple):
    """One number of a record."""

    key: str
    at: int
    """where it stands in the record"""
    raw: Raw
    absent: tuple[int, ...]
    """raw numbers by which the device says that it has no value"""
    operations: tuple[tuple[_Operation, float], ...]


@dataclass(frozen=True, slots=True)
class Record:
    """Numbers that belong together, `size` bytes long."""

    items: tuple[Item, ...]
    size: int

    def read(self, data: bytes, start: int = 0) -> Values:
        """All numbers of the record at `start`.

        Raises:
            ValueError: the frame ends before the record does.
        """
        if start + self.size > len(data):
            raise ValueError(f"frame ends after {len(data)} bytes, {start + self.size} are needed")
        found: Values = {}
        for key, at, raw, absent, operations in self.items:
            (value,) = raw(data, start + at)
            if value not in absent:
                for operation, operand in operations:
                    value = operation(value, operand)
                found[key] = value
        return found


def _item(at: int, size: int, match: re.Match[str], little: bool) -> Item:
    kind, order = match["kind"], match["order"] or ("le" if little else "")
    ops = tuple((_OPERATIONS[op], float(n) if "." in n else int(n, 0)) for op, n in _OP.findall(match["ops"]))
    top = 1 << (8 * size)
    absent = () if not match["absent"] or kind == "f" else (top - 1,) if kind == "u" else (-1, top // 2 - 1)
    return Item(match["key"], at, _raw(size, kind, order), absent, ops)


def _raw(size: int, kind: str, order: str) -> Raw:
    if (kind, size) in _CODES and order != "ws":
        return struct.Struct(("<" if order == "le" else ">") + _CODES[kind, size]).unpack_from
    signed, endian = kind == "i", "little" if order == "le" else "big"

    def read(data: bytes, at: int) -> tuple[int]:
        raw = data[at : at + size]
        return (int.from_bytes(raw[2:] + raw[:2] if order == "ws" else raw, endian, signed=signed),)  # type: ignore[arg-type]  # mypy widens the literals

    return read


@lru_cache(maxsize=1024)
def record(text: str, *, little: bool = False) -> Record:
    """Read the notation; `little` makes little-endian the default.

    Raises:
        ValueError: an item is not written as the notation wants it.
    """
    items, position, size = [], 0, 0
    for word in text.split():
        match = _ITEM.fullmatch(word)
        if match is None:
            raise ValueError(f"{word!r} is no item: write key:u16/10, see devices/codecs/layout.py")
        if match["at"] is not None:
            position = int(match["at"])
        length = int(match["bits"]) // 8
        if match["key"] != "_":
            items.append(_item(position, length, match, little))
        position += length
        size = max(size, position)
    return Record(tuple(items), size)
