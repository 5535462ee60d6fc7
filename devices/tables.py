"""Tables for analysts as files: CSV, or Parquet where `tolbooth[parquet]` is installed.

A column is the same in both; in Parquet its unit is in the field's metadata too, and times are timestamps in UTC. A
cell without a value is empty in CSV, and null in Parquet.
"""

import csv
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager, nullcontext
from datetime import UTC, datetime
from enum import StrEnum
from functools import lru_cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Final, NamedTuple

from devices.errors import ConfigurationError

Row = tuple[int | float | str | None, ...]
Write = Callable[[Iterable[Row]], None]


class Kind(StrEnum):
    """What the cells of a column are."""

    TIME = "time"
    """whole seconds since 1970"""
    INSTANT = "instant"
    """nanoseconds since 1970"""
    TEXT = "text"
    NUMBER = "number"


class TableFormat(StrEnum):
    CSV = "csv"
    PARQUET = "parquet"


class Column(NamedTuple):
    name: str
    kind: Kind = Kind.TEXT
    digits: int | None = 0
    """behind the point, of numbers; None: as many as they have"""
    unit: str = ""
    """of numbers; empty where another column says it"""


def check_installed(form: TableFormat) -> None:
    """Whether tables of this format can be written here.

    Raises:
        ConfigurationError: pyarrow is not installed; the text says what to do.
    """
    if form is TableFormat.PARQUET and find_spec("pyarrow") is None:
        raise ConfigurationError("pyarrow writes Parquet and is not installed: pip install 'tolbooth[parquet]'")


@contextmanager
def table(path: Path | None, columns: tuple[Column, ...], form: TableFormat) -> Iterator[Write]:
    """A new table in a file, or of CSV on standard output: what is yielded writes more rows into it.

    Raises:
        ConfigurationError: Parquet is wanted and pyarrow is not installed.
    """
    writer = _parquet if form is TableFormat.PARQUET else _csv
    with writer(path, columns) as write:
        yield write


@lru_cache(maxsize=64)
def time_text(second: int) -> str:
    """RFC 3339, in UTC."""
    return datetime.fromtimestamp(second, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


@lru_cache(maxsize=64)
def _instant_text(time: int) -> str:
    second, part = divmod(time, 10**9)
    return f"{time_text(second)[:-1]}.{part:09d}".rstrip("0") + "Z" if part else time_text(second)


@contextmanager
def _csv(path: Path | None, columns: tuple[Column, ...]) -> Iterator[Write]:
    texts = [_text(column) for column in columns]
    with path.open("w", encoding="utf-8", newline="") if path else nullcontext(sys.stdout) as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(column.name for column in columns)
        yield lambda rows: writer.writerows([text(cell) for text, cell in zip(texts, row, strict=True)] for row in rows)


_TEXTS: Final[Mapping[Kind, Callable[[Any], str]]] = {
    Kind.TIME: time_text,
    Kind.INSTANT: _instant_text,
    Kind.TEXT: str,
    Kind.NUMBER: lambda cell: repr(float(cell)),
}


def _text(column: Column) -> Callable[[Any], str]:
    text = _TEXTS[column.kind]
    if column.kind is Kind.NUMBER and column.digits is not None:
        text = f"{{:.{column.digits}f}}".format
    return lambda cell: "" if cell is None else text(cell)


@contextmanager
def _parquet(path: Path | None, columns: tuple[Column, ...]) -> Iterator[Write]:
    check_installed(TableFormat.PARQUET)
    import pyarrow as pa
    from pyarrow import parquet

    types = {
        Kind.TIME: pa.timestamp("s", tz="UTC"),
        Kind.INSTANT: pa.timestamp("ns", tz="UTC"),
        Kind.TEXT: pa.string(),
        Kind.NUMBER: pa.float64(),
    }
    schema = pa.schema(
        [pa.field(one.name, types[one.kind], metadata={"unit": one.unit} if one.unit else None) for one in columns]
    )
    with parquet.ParquetWriter(path, schema, compression="zstd") as writer:

        def write(rows: Iterable[Row]) -> None:
            cells = list(zip(*rows, strict=True)) or [()] * len(columns)
            arrays = [
                pa.array(_rounded(values, one) if one.kind is Kind.NUMBER else values, field.type)
                for one, values, field in zip(columns, cells, schema, strict=True)
            ]
            writer.write_table(pa.table(arrays, schema=schema))

        yield write


def _rounded(values: tuple[Any, ...], column: Column) -> Iterable[float | None]:
    if column.digits is None:
        return values
    return [None if value is None else round(value, column.digits) for value in values]
