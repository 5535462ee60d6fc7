"""Readings in InfluxDB → roll-ups in InfluxDB, for any span of time, as often as one likes: the same every time."""

import asyncio
from collections.abc import Mapping
from typing import Any, Final

from devices import localdays
from devices.model import SECOND
from devices.rollups import DAY, HALF_HOUR, MONTH, OCCUPANCY, ROLLED, TAGS, database_of, estimated
from devices.schema import Field
from ingest.influx import Influx
from ingest.rollup import occupancy
from ingest.rollup.neighbours import Key, Series, around, changed
from ingest.rollup.points import line_of, tags_of, write
from ingest.rollup.readings import Readings
from ingest.rollup.registers import half_hours

LOOK: Final = 62 * 86_400 * SECOND
"""How far away the next reading of a register may be: what it took over a longer silence is not counted."""
SERIES: Final = Series(TAGS, "device", LOOK)
_GROUPS: Final = ", ".join(f'"{tag}"' for tag in TAGS)


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
    for field in {*ROLLED, *(field for field, _ in OCCUPANCY)}:
        for order in ("ASC", "DESC"):
            question = f'SELECT "{field.key}" FROM "{field.measurement}" ORDER BY time {order} LIMIT 1'  # noqa: S608 - our names
            times += [row[0] for series in await influx.query(question) for row in series["values"]]
    return (min(times), max(times)) if times else None


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
    keys = [key for field in ROLLED for key in (field.key, estimated(field))]
    sums = ", ".join(f'sum("{key}")' for key in keys)
    question = f'SELECT {sums} FROM "{of}" WHERE time >= {start} AND time < {end} GROUP BY {_GROUPS}'  # noqa: S608 - our names
    lines = []
    for series in await influx.query(question, database=database_of(influx.database)):
        amounts = zip(keys, series["values"][0][1:], strict=True)
        taken = {key: amount for key, amount in amounts if amount is not None}
        lines.append(line_of(into, tags_of(TAGS, _key(series)), taken, start))
    return lines


def _key(series: Mapping[str, Any]) -> Key:
    return tuple(series["tags"][tag] for tag in TAGS)
