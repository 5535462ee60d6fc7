"""Answers of InfluxDB as frames, the shape in which Grafana hands data to transformations and panels."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from dashboards.queries import TIME

Value = float | str | None
"""Times are milliseconds since 1970."""

_ALIAS: Final = re.compile(r"\$tag_([\w-]+)|\[\[tag_([\w-]+)\]\]|\$(m|col)\b")


@dataclass(frozen=True, slots=True)
class Column:
    """One named column; `time` marks the column of times."""

    name: str
    values: tuple[Value, ...]
    time: bool = False


@dataclass(frozen=True, slots=True)
class Frame:
    """Columns of equal length, from the target `ref`."""

    ref: str
    columns: tuple[Column, ...]

    @property
    def length(self) -> int:
        return len(self.columns[0].values) if self.columns else 0

    def column(self, name: str) -> Column | None:
        return next((column for column in self.columns if column.name == name), None)


@dataclass(frozen=True, slots=True)
class Series:
    """One series of an InfluxQL answer."""

    name: str
    columns: tuple[str, ...]
    rows: tuple[tuple[Any, ...], ...]
    tags: Mapping[str, str] = field(default_factory=dict)


class QueryError(Exception):
    """The database refused a query; the text is its answer."""


def series_of(answer: Any) -> list[Series]:
    """The series of the first result, the only one that Grafana reads.

    Raises:
        QueryError: the answer holds an error, which InfluxDB sends with status 200.
    """
    if "error" in answer:
        raise QueryError(str(answer["error"]))
    result = (answer.get("results") or [{}])[0]
    if "error" in result:
        raise QueryError(str(result["error"]))
    return [_series(one) for one in result.get("series", [])]


def as_time_series(ref: str, alias: str, answer: Sequence[Series]) -> list[Frame]:
    """One frame of time and value for each series and value column."""
    frames = []
    for series in answer:
        times = Column(TIME, tuple(row[0] for row in series.rows), time=True)
        for place, name in enumerate(series.columns[1:], 1):
            values = tuple(row[place] for row in series.rows)
            frames.append(Frame(ref, (times, Column(_named(alias, series, name), values))))
    return frames


def as_table(ref: str, answer: Sequence[Series]) -> list[Frame]:
    """One frame of all series: time, tags, values."""
    if not answer:
        return []
    tags = sorted({tag for series in answer for tag in series.tags})
    names = answer[0].columns[1:]
    rows = [(row[0], *(series.tags.get(tag, "") for tag in tags), *row[1:]) for series in answer for row in series.rows]
    columns = zip(*rows, strict=True) if rows else ((),) * (1 + len(tags) + len(names))
    named = zip((TIME, *tags, *names), columns, strict=True)
    return [Frame(ref, tuple(Column(name, tuple(values), time=name == TIME) for name, values in named))]


def _series(one: Any) -> Series:
    rows = tuple(map(tuple, one.get("values", [])))
    return Series(one.get("name", ""), tuple(one["columns"]), rows, one.get("tags", {}))


def _named(alias: str, series: Series, column: str) -> str:
    def replace(match: re.Match[str]) -> str:
        if match[3]:
            return series.name if match[3] == "m" else column
        return series.tags.get(match[1] or match[2], "")

    return _ALIAS.sub(replace, alias)
