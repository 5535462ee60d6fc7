"""Which half-hours new readings may change, and the readings that those are worked out from.

A reading changes what is known since the reading before it and until the one after it. So the half-hours that readings
of a span may change reach from the last reading before it to the first one after it, for each series; and what is
worked out for those needs one more reading on either side.
"""

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from devices.localdays import HALF_HOUR_NS, Span
from devices.schema import Field
from ingest.influx import Influx, identifiers
from ingest.rollup.readings import Readings

MARGINS: Final = (HALF_HOUR_NS, 4 * HALF_HOUR_NS, 16 * HALF_HOUR_NS, 52 * HALF_HOUR_NS)
"""Series whose nearest reading is about as far away are recomputed together, over so much before or after."""
NAMED: Final = 50
"""Up to so many names are asked for, more by leaving them out."""

Key = tuple[str, ...]
"""The values of the tags of a series."""


@dataclass(frozen=True, slots=True)
class Series:
    """How readings are told apart, and how far one of them reaches."""

    tags: tuple[str, ...]
    named: str
    """the tag by which a few of them are asked for"""
    look: int
    """ns; readings further apart have nothing to do with each other"""

    @property
    def groups(self) -> str:
        """The tags for `GROUP BY`."""
        return identifiers(self.tags)

    def key(self, answer: Mapping[str, Any]) -> Key:
        """Which series one of InfluxDB's answer is."""
        return tuple(answer["tags"][tag] for tag in self.tags)


async def changed(influx: Influx, field: Field, series: Series, start: int, end: int) -> Mapping[Span, set[Key]]:
    """Which half-hours of which series readings from `start` up to `end` may change: (first, last) → series.

    Raises:
        DatabaseError: the database did not answer, or refused.
    """
    inside = {key for key, _ in await _ask(influx, field, series, (start, end), "ASC LIMIT 1")}
    if not inside:
        return {}
    before = dict(await _ask(influx, field, series, (start - series.look, start), "DESC LIMIT 1"))
    after = dict(await _ask(influx, field, series, (end, end + series.look), "ASC LIMIT 1"))
    spans: dict[Span, set[Key]] = defaultdict(set)
    for key in inside:
        earlier = start - int(before[key].times[0]) if key in before else 0
        later = int(after[key].times[0]) - end if key in after else 0
        spans[start - _margin(earlier), end + _margin(later)].add(key)
    return spans


async def around(influx: Influx, field: Field, series: Series, span: Span, keys: set[Key]) -> dict[Key, Readings]:
    """Readings of a span with the nearest one on either side: of all series that share a name with one of `keys`.

    Raises:
        DatabaseError: the database did not answer, or refused.
    """
    start, end = span
    at = series.tags.index(series.named)
    names = {key[at] for key in keys}
    parts = [
        await _ask(influx, field, series, (start - series.look, start), "DESC LIMIT 1", names),
        await _ask(influx, field, series, span, "ASC", names),
        await _ask(influx, field, series, (end, end + series.look), "ASC LIMIT 1", names),
    ]
    found: dict[Key, list[Readings]] = defaultdict(list)
    for part in parts:
        for key, readings in part:
            if key[at] in names:
                found[key].append(readings)
    return {key: _joined(several) for key, several in found.items()}


def _margin(distance: int) -> int:
    """Whole half-hours, a little more than needed, so that few margins serve all series."""
    near = next((margin for margin in MARGINS if distance <= margin), distance)
    return -(-near // HALF_HOUR_NS) * HALF_HOUR_NS if distance else 0


def _joined(several: Sequence[Readings]) -> Readings:
    return Readings(
        np.concatenate([readings.times for readings in several]),
        np.concatenate([readings.values for readings in several]),
    )


async def _ask(
    influx: Influx, field: Field, series: Series, span: Span, order: str, names: Iterable[str] = ()
) -> list[tuple[Key, Readings]]:
    """Readings of a span; of `names` at least, where they are given."""
    where = f"time >= {span[0]} AND time < {span[1]}"
    known = sorted(re.escape(name).replace("/", r"\/") for name in names)
    if 0 < len(known) <= NAMED:
        where += f' AND "{series.named}" =~ /^({"|".join(known)})$/'
    question = (
        f'SELECT "{field.key}" FROM "{field.measurement}" WHERE {where} '  # noqa: S608 - our names
        f"GROUP BY {series.groups} ORDER BY time {order}"
    )
    return [
        (tuple(one["tags"][tag] for tag in series.tags), _readings(one["values"]))
        for one in await influx.query(question)
    ]


def _readings(rows: Sequence[Sequence[Any]]) -> Readings:
    times, values = zip(*rows, strict=True)
    return Readings(np.array(times, np.int64), np.array(values, np.float64))
