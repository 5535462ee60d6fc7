"""Readings in InfluxDB → roll-ups in InfluxDB, for any span of time, as often as one likes: the same every time."""

import asyncio
from collections.abc import Mapping
from itertools import groupby
from operator import attrgetter
from typing import Final

from devices import localdays
from devices.rollups import DAY, HALF_HOUR, MONTH, OCCUPANCY, ROLLED, TAGS, database_of, estimated
from devices.schema import Field
from devices.timestamps import SECOND
from ingest.influx import Influx
from ingest.rollup import occupancy
from ingest.rollup.neighbours import Key, Series, around, changed
from ingest.rollup.points import line_of, tags_of, write
from ingest.rollup.readings import Readings
from ingest.rollup.registers import half_hours

LOOK: Final = 62 * 86_400 * SECOND
"""How far away the next reading of a register may be: what it took over a longer silence is not counted."""
SERIES: Final = Series(TAGS, "device", LOOK)
_KEYS: Final = [key for field in ROLLED for key in (field.key, estimated(field))]
_SUMS: Final = ", ".join(f'sum("{key}")' for key in _KEYS)


async def recompute(influx: Influx, start: int, end: int, *, occupancy_since: int = 0) -> int:
    """Recompute what readings from `start` up to `end` (ns, on half-hours) may have changed; the points written.

    Args:
        occupancy_since: a half-hour; before it occupancy is left as it is, since its readings may have been deleted.

    Raises:
        DatabaseError: the database did not answer, or refused; what was written so far is right, and not all.
    """
    written = await occupancy.recompute(influx, start, end, occupancy_since)
    spans = []
    for field in ROLLED:
        for span, keys in (await changed(influx, field, SERIES, start, end)).items():
            registers = await around(influx, field, SERIES, span, keys)
            wanted = {key: registers[key] for key in keys}
            written += await write(influx, await asyncio.to_thread(_rolled, wanted, field, *span))
            spans.append(span)
    if spans:
        written += await _sum_up(influx, min(first for first, _ in spans), max(last for _, last in spans))
    return written


async def extent(influx: Influx) -> tuple[int, int] | None:
    """The times (ns) of the first and the last reading that is rolled up; None where there is none.

    Raises:
        DatabaseError: it did not answer, or refused.
    """
    times = []
    for measurement, fields in groupby((*ROLLED, *(field for field, _ in OCCUPANCY)), attrgetter("measurement")):
        keys = [field.key for field in fields]
        times += [await influx.end(measurement, keys, last=last) for last in (False, True)]
    there = [time for time in times if time is not None]
    return (min(there), max(there)) if there else None


def _rolled(registers: Mapping[Key, Readings], field: Field, start: int, end: int) -> list[str]:
    """The lines of the half-hours of these registers."""
    return [
        line_of(HALF_HOUR, tags, {field.key: use.amount, estimated(field): use.estimated}, time)
        for key, register in registers.items()
        for tags in (tags_of(TAGS, key),)
        for time, use in half_hours(register, field, start, end).items()
    ]


async def _sum_up(influx: Influx, start: int, end: int) -> int:
    """Days, then months, of Europe/London that have a part between `start` and `end`; the points written."""
    spans = ((HALF_HOUR, DAY, localdays.days(start, end)), (DAY, MONTH, localdays.months(start, end)))
    written = 0
    for of, into, periods in spans:
        lines: list[str] = []
        for first, last in periods:
            lines += await _summed(influx, of, into, first, last)
        written += await write(influx, lines)
    return written


async def _summed(influx: Influx, of: str, into: str, start: int, end: int) -> list[str]:
    question = f'SELECT {_SUMS} FROM "{of}" WHERE time >= {start} AND time < {end} GROUP BY {SERIES.groups}'  # noqa: S608 - our names
    lines = []
    for series in await influx.query(question, database=database_of(influx.database)):
        amounts = zip(_KEYS, series["values"][0][1:], strict=True)
        taken = {key: amount for key, amount in amounts if amount is not None}
        lines.append(line_of(into, tags_of(TAGS, SERIES.key(series)), taken, start))
    return lines
