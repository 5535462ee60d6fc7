"""The Sparkplug B payload in protobuf's wire format, read and written by hand: the dozen fields that carry values.

Source: Sparkplug 3.0, chapter 6; protobuf, "Encoding". What is not needed (data sets, templates, metadata) is skipped,
as protobuf wants unknown fields to be. Bytes are hostile: every length is checked before it is followed.
"""

import re
import struct
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Final

MAX_METRICS: Final = 50_000
MAX_PROPERTIES: Final = 100
SMALL_PROPERTIES: Final = 256
"""bytes of a metric's properties that are remembered"""

_VARINT, _FIXED64, _BYTES, _FIXED32 = 0, 1, 2, 5

INT8, INT16, INT32, INT64 = 1, 2, 3, 4
UINT8, UINT16, UINT32, UINT64 = 5, 6, 7, 8
FLOAT, DOUBLE, BOOLEAN, STRING = 9, 10, 11, 12
SIGNED_BITS: Final = {INT8: 8, INT16: 16, INT32: 32, INT64: 64}
UNSIGNED: Final = frozenset({UINT8, UINT16, UINT32, UINT64})

Scalar = int | float | bool | str
_DIGITS: Final = re.compile(rb"[\x80-\xff]{0,9}[\x00-\x7f]")
_NO_PROPERTIES: Final[Mapping[str, Scalar]] = {}
_SINGLE: Final = struct.Struct("<f").unpack
_DOUBLE: Final = struct.Struct("<d").unpack


@dataclass(slots=True)
class Metric:
    """One metric. An integer is as on the wire, unsigned; `number` knows the datatype's sign."""

    name: str = ""
    alias: int | None = None
    timestamp: int | None = None
    """ms"""
    datatype: int = 0
    historical: bool = False
    null: bool = False
    properties: Mapping[str, Scalar] = field(default_factory=dict)
    value: Scalar | None = None
    """None where there is none, or one that is no scalar"""


@dataclass(slots=True)
class Payload:
    """One message."""

    timestamp: int | None = None
    """ms"""
    seq: int | None = None
    metrics: list[Metric] = field(default_factory=list)


def number(value: Scalar | None, datatype: int) -> float | bool | None:
    """The value as the datatype means it; None where it is no number and no truth value.

    Integers are two's complement in an unsigned field; a value that fits neither the sign nor the width is none. A
    32-bit float is rounded to the seven digits that it holds.
    """
    if datatype == DOUBLE and type(value) is float:
        return value
    if isinstance(value, bool):
        return value if datatype == BOOLEAN else None
    if datatype in SIGNED_BITS and isinstance(value, int):
        bits = SIGNED_BITS[datatype]
        wire = 64 if bits == 64 else 32
        fits = value < 1 << bits or (1 << wire) - (1 << bits - 1) <= value < 1 << wire
        return (value + (1 << bits - 1)) % (1 << bits) - (1 << bits - 1) if fits else None
    if datatype in UNSIGNED and isinstance(value, int):
        return value
    return float(f"{value:.7g}") if datatype == FLOAT and isinstance(value, float) else None


def read(data: bytes) -> Payload:
    """Read a payload.

    Raises:
        ValueError: the bytes are no such protobuf message; the text says where.
    """
    payload = Payload()
    for tag, value in _fields(data):
        if tag == 2 and type(value) is bytes:
            if len(payload.metrics) >= MAX_METRICS:
                raise ValueError(f"more than {MAX_METRICS} metrics")
            payload.metrics.append(_metric(value))
        elif tag == 1 and type(value) is int:
            payload.timestamp = value
        elif tag == 3 and type(value) is int:
            payload.seq = value
    return payload


def _metric(data: bytes) -> Metric:
    metric = Metric("", None, None, 0, False, False, _NO_PROPERTIES)
    for tag, found in _fields(data):
        if 10 <= tag <= 15:
            metric.value = _scalar(tag - 10, found)
        elif isinstance(found, bytes):
            if tag == 1:
                metric.name = _text(found)
            elif tag == 9:
                metric.properties = _known_properties(found) if len(found) <= SMALL_PROPERTIES else _properties(found)
        elif tag == 3:
            metric.timestamp = found
        elif tag == 4:
            metric.datatype = found
        else:
            _note(metric, tag, found)
    return metric


def _note(metric: Metric, tag: int, found: int) -> None:
    if tag == 2:
        metric.alias = found
    elif tag == 5:
        metric.historical = bool(found)
    elif tag == 7:
        metric.null = bool(found)


@lru_cache(maxsize=4_096)
def _known_properties(data: bytes) -> Mapping[str, Scalar]:
    """Properties say the same in every message: unit and quality."""
    return _properties(data)


def _properties(data: bytes) -> Mapping[str, Scalar]:
    keys: list[str] = []
    values: list[Scalar | None] = []
    for tag, value in _fields(data):
        if tag == 1 and isinstance(value, bytes):
            keys.append(_text(value))
        elif tag == 2 and isinstance(value, bytes):
            values.append(_property(value))
        if max(len(keys), len(values)) > MAX_PROPERTIES:
            raise ValueError(f"more than {MAX_PROPERTIES} properties of one metric")
    return {key: value for key, value in zip(keys, values, strict=False) if value is not None}


def _property(data: bytes) -> Scalar | None:
    found: Scalar | None = None
    for tag, value in _fields(data):
        if 3 <= tag <= 8:
            found = _scalar(tag - 3, value)
    return found


def _scalar(kind: int, value: int | bytes) -> Scalar:
    """A value of the oneof int, long, float, double, boolean, string, in this order everywhere in Sparkplug."""
    if type(value) is int:
        if kind < 2:
            return value
        if kind == 4:
            return bool(value)
    elif type(value) is bytes:
        if kind == 3 and len(value) == 8:
            return float(_DOUBLE(value)[0])
        if kind == 2 and len(value) == 4:
            return float(_SINGLE(value)[0])
        if kind == 5:
            return _text(value)
    raise ValueError(f"value {kind} has another wire type than Sparkplug's")


def _text(data: bytes) -> str:
    return data.decode("utf-8", "replace")


def _fields(data: bytes) -> list[tuple[int, int | bytes]]:
    """Tag and value of each field. Numbers of one byte, which most are, are read in place: this is the hot path."""
    found: list[tuple[int, int | bytes]] = []
    at, end = 0, len(data)
    while at < end:
        key = data[at]
        at += 1
        if key > 0x7F:
            key, at = _varint(data, at - 1)
        wire = key & 7
        if wire == _FIXED64:
            size = 8
        elif wire == _FIXED32:
            size = 4
        elif wire in (_VARINT, _BYTES):
            if at < end and (size := data[at]) < 0x80:
                at += 1
            else:
                size, at = _varint(data, at)
            if wire == _VARINT:
                found.append((key >> 3, size))
                continue
        else:
            raise ValueError(f"not protobuf: wire type {wire} at byte {at}")
        stop = at + size
        if key < 8 or stop > end:
            raise ValueError(f"not protobuf: field {key >> 3} of {size} bytes ends beyond byte {end}")
        found.append((key >> 3, data[at:stop]))
        at = stop
    return found


def _varint(data: bytes, at: int) -> tuple[int, int]:
    """A number that begins at `at`, and where it ends. The times of a message are mostly one and the same."""
    digits = _DIGITS.match(data, at)
    if digits is None:
        short = len(data) - at < 10
        ends = (
            f"it ends within a number at byte {len(data)}" if short else f"a number longer than ten bytes at byte {at}"
        )
        raise ValueError(f"not protobuf: {ends}")
    return _of_digits(digits[0]), digits.end()


@lru_cache(maxsize=256)
def _of_digits(digits: bytes) -> int:
    result = 0
    for place, byte in enumerate(digits):
        result |= (byte & 0x7F) << (7 * place)
    return result & 0xFFFF_FFFF_FFFF_FFFF


def write(payload: Payload) -> bytes:
    """The payload as bytes; fields in the order of their numbers."""
    parts = [] if payload.timestamp is None else [_put(1, payload.timestamp)]
    parts += [_put(2, _write_metric(metric)) for metric in payload.metrics]
    if payload.seq is not None:
        parts.append(_put(3, payload.seq))
    return b"".join(parts)


def _write_metric(metric: Metric) -> bytes:
    parts = [_put(1, metric.name.encode())] if metric.name else []
    parts += [_put(tag, value) for tag, value in ((2, metric.alias), (3, metric.timestamp)) if value is not None]
    if metric.datatype:
        parts.append(_put(4, metric.datatype))
    parts += [_put(tag, 1) for tag, flag in ((5, metric.historical), (7, metric.null)) if flag]
    if metric.properties:
        keys = [_put(1, key.encode()) for key in metric.properties]
        values = [_put(2, _write_property(value)) for value in metric.properties.values()]
        parts.append(_put(9, b"".join(keys + values)))
    if metric.value is not None and not metric.null:
        parts.append(_write_scalar(10, metric.value, metric.datatype))
    return b"".join(parts)


def _write_property(value: Scalar) -> bytes:
    datatype = (
        BOOLEAN
        if isinstance(value, bool)
        else INT32
        if isinstance(value, int)
        else DOUBLE
        if isinstance(value, float)
        else STRING
    )
    return _put(1, datatype) + _write_scalar(3, value, datatype)


def _write_scalar(first: int, value: Scalar, datatype: int) -> bytes:
    if isinstance(value, bool):
        return _put(first + 4, int(value))
    if isinstance(value, str):
        return _put(first + 5, value.encode())
    if datatype == FLOAT:
        return _fixed(first + 2, _FIXED32, struct.pack("<f", value))
    if datatype == DOUBLE or isinstance(value, float):
        return _fixed(first + 3, _FIXED64, struct.pack("<d", value))
    wide = datatype in (INT64, UINT64)
    return _put(first + wide, int(value) & (0xFFFF_FFFF_FFFF_FFFF if wide else 0xFFFF_FFFF))


def _put(tag: int, value: int | bytes) -> bytes:
    if isinstance(value, int):
        return _number(tag << 3 | _VARINT) + _number(value)
    return _number(tag << 3 | _BYTES) + _number(len(value)) + value


def _fixed(tag: int, wire: int, value: bytes) -> bytes:
    return _number(tag << 3 | wire) + value


def _number(value: int) -> bytes:
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)
