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


@dataclass(frozen=True, slots=True)
class Item:
    """One number of a frame."""

    key: str
    at: int
    size: int
    kind: str
    order: str
    absent: bool
    ops: tuple[tuple[_Operation, float], ...]

    def read(self, data: bytes, start: int) -> float | int | None:
        """The number at `start` plus its own offset; None where the device says that it has no value."""
        raw = data[start + self.at : start + self.at + self.size]
        if self.kind == "f":
            value: float | int = struct.unpack("<f" if self.order == "le" else ">f", raw)[0]
        else:
            raw = raw[2:] + raw[:2] if self.order == "ws" else raw
            value = int.from_bytes(raw, "little" if self.order == "le" else "big", signed=self.kind == "i")
            top = 1 << (8 * self.size)
            if self.absent and value in ((top - 1,) if self.kind == "u" else (-1, top // 2 - 1)):
                return None
        for operation, operand in self.ops:
            value = operation(value, operand)
        return value


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
        for item in self.items:
            value = item.read(data, start)
            if value is not None:
                found[item.key] = value
        return found


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
            ops = tuple((_OPERATIONS[op], float(n) if "." in n else int(n, 0)) for op, n in _OP.findall(match["ops"]))
            order = match["order"] or ("le" if little else "")
            items.append(Item(match["key"], position, length, match["kind"], order, match["absent"] is not None, ops))
        position += length
        size = max(size, position)
    return Record(tuple(items), size)
