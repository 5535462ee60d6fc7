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
from typing import Final

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


Number = float | int | None
Reader = Callable[[bytes, int], Number]
"""The number of an item in a frame whose record starts there; None where the device says that it has no value."""
_CODES: Final[Mapping[tuple[str, int], str]] = {
    ("u", 1): "B", ("i", 1): "b", ("u", 2): "H", ("i", 2): "h", ("u", 4): "I", ("i", 4): "i", ("f", 4): "f",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Record:
    """Numbers that belong together, `size` bytes long."""

    items: tuple[tuple[str, Reader], ...]
    """key and reader of each"""
    size: int

    def read(self, data: bytes, start: int = 0) -> Values:
        """All numbers of the record at `start`.

        Raises:
            ValueError: the frame ends before the record does.
        """
        if start + self.size > len(data):
            raise ValueError(f"frame ends after {len(data)} bytes, {start + self.size} are needed")
        found: Values = {}
        for key, read in self.items:
            value = read(data, start)
            if value is not None:
                found[key] = value
        return found


def _reader(at: int, size: int, match: re.Match[str], little: bool) -> Reader:
    kind, order = match["kind"], match["order"] or ("le" if little else "")
    ops = tuple((_OPERATIONS[op], float(n) if "." in n else int(n, 0)) for op, n in _OP.findall(match["ops"]))
    top = 1 << (8 * size)
    absent = () if not match["absent"] or kind == "f" else (top - 1,) if kind == "u" else (-1, top // 2 - 1)
    raw = _raw(at, size, kind, order)

    def read(data: bytes, start: int) -> Number:
        value = raw(data, start)
        if value in absent:
            return None
        for operation, operand in ops:
            value = operation(value, operand)
        return value

    return read


def _raw(at: int, size: int, kind: str, order: str) -> Callable[[bytes, int], float | int]:
    """Reads the bytes as a number, before any operation."""
    if (kind, size) in _CODES and order != "ws":
        unpack = struct.Struct(("<" if order == "le" else ">") + _CODES[kind, size]).unpack_from
        return lambda data, start: unpack(data, start + at)[0]
    signed, endian = kind == "i", "little" if order == "le" else "big"

    def read(data: bytes, start: int) -> int:
        raw = data[start + at : start + at + size]
        return int.from_bytes(raw[2:] + raw[:2] if order == "ws" else raw, endian, signed=signed)  # type: ignore[arg-type]  # mypy widens the literals

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
            items.append((match["key"], _reader(position, length, match, little)))
        position += length
        size = max(size, position)
    return Record(tuple(items), size)
