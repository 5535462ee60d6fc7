"""Readings in InfluxDB → roll-ups in InfluxDB, for any span of time, as often as one likes: the same every time.

A reading changes what was taken since the reading before it and until the one after it. So the half-hours that
readings of a span may change reach from the last reading before it to the first one after it, for each register; and
what is worked out for those needs one more reading on either side.
"""

import asyncio
import re
from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any, Final

import numpy as np

from devices import localdays
from devices.localdays import HALF_HOUR_NS
from devices.model import SECOND
from devices.rollups import DAY, HALF_HOUR, MONTH, OCCUPANCY, ROLLED, TAGS, database_of, estimated
from devices.schema import METER, Field
from ingest.influx import Influx
from ingest.rollup import occupancy
from ingest.rollup.points import line_of, tags_of, write
from ingest.rollup.registers import Register, half_hours

LOOK: Final = 62 * 86_400 * SECOND
"""How far away the next reading of a register may be: what it took over a longer silence is not counted."""
MARGINS: Final = (HALF_HOUR_NS, 4 * HALF_HOUR_NS, 16 * HALF_HOUR_NS, 52 * HALF_HOUR_NS)
"""Registers whose nearest reading is about as far away are recomputed together, over so much before or after."""
NAMED: Final = 50
"""Up to so many registers are asked for by name, more by leaving the name out."""
_DEVICE: Final = TAGS.index("device")
_GROUPS: Final = ", ".join(f'"{tag}"' for tag in TAGS)

Key = tuple[str, ...]
"""The values of `TAGS` of a register."""


async def recompute(influx: Influx, start: int, end: int, *, occupancy_since: int = 0) -> int:
    """Recompute what readings from `start` up to `end` (ns, on half-hours) may have changed; the points written.

    Args:
        occupancy_since: a half-hour; before it occupancy is left as it is, since its readings may have been deleted.

    Raises:
        DatabaseError: the database did not answer, or refused; what was written so far is right, and not all.
    """
    written = await occupancy.recompute(influx, max(start, occupancy_since), end)
    spans = []
    for field in ROLLED:
        for (first, last), keys in (await _changed(influx, field, start, end)).items():
            registers = await _readings(influx, field, first, last, keys)
            lines = await asyncio.to_thread(_rolled, registers, field, first, last)
            written += await write(influx, lines)
            spans.append((first, last))
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


async def _changed(influx: Influx, field: Field, start: int, end: int) -> dict[tuple[int, int], set[Key]]:
    """Which half-hours of which registers readings of a span may change: (first, last) → registers."""
    inside = {key for key, _ in await _ask(influx, field, start, end, "ASC LIMIT 1")}
    if not inside:
        return {}
    before = dict(await _ask(influx, field, start - LOOK, start, "DESC LIMIT 1"))
    after = dict(await _ask(influx, field, end, end + LOOK, "ASC LIMIT 1"))
    spans: dict[tuple[int, int], set[Key]] = defaultdict(set)
    for key in inside:
        earlier = start - int(before[key].times[0]) if key in before else 0
        later = int(after[key].times[0]) - end if key in after else 0
        spans[start - _margin(earlier), end + _margin(later)].add(key)
    return spans


def _margin(distance: int) -> int:
    """Whole half-hours, a little more than needed, so that few margins serve all registers."""
    near = next((margin for margin in MARGINS if distance <= margin), distance)
    return -(-near // HALF_HOUR_NS) * HALF_HOUR_NS if distance else 0


async def _readings(influx: Influx, field: Field, start: int, end: int, keys: set[Key]) -> dict[Key, Register]:
    """Readings of registers from `start` up to `end`, with the nearest one on either side."""
    parts = [
        await _ask(influx, field, start - LOOK, start, "DESC LIMIT 1", keys),
        await _ask(influx, field, start, end, "ASC", keys),
        await _ask(influx, field, end, end + LOOK, "ASC LIMIT 1", keys),
    ]
    found: dict[Key, list[Register]] = defaultdict(list)
    for part in parts:
        for key, register in part:
            found[key].append(register)
    return {key: _joined(registers) for key, registers in found.items() if key in keys}


def _joined(registers: Sequence[Register]) -> Register:
    return Register(
        np.concatenate([register.times for register in registers]),
        np.concatenate([register.values for register in registers]),
    )


def _rolled(registers: Mapping[Key, Register], field: Field, start: int, end: int) -> list[str]:
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


async def _ask(
    influx: Influx, field: Field, start: int, end: int, order: str, keys: set[Key] | None = None
) -> list[tuple[Key, Register]]:
    """Readings of registers from `start` up to `end`; of `keys` at least, where they are given."""
    where = f"time >= {start} AND time < {end}"
    if keys and len(keys) <= NAMED:
        names = "|".join(sorted(re.escape(key[_DEVICE]).replace("/", r"\/") for key in keys))
        where += f' AND "device" =~ /^({names})$/'
    question = f'SELECT "{field.key}" FROM "{METER}" WHERE {where} GROUP BY {_GROUPS} ORDER BY time {order}'  # noqa: S608 - our names
    return [(_key(series), _register(series["values"])) for series in await influx.query(question)]


def _register(rows: Sequence[Sequence[Any]]) -> Register:
    times, values = zip(*rows, strict=True)
    return Register(np.array(times, np.int64), np.array(values, np.float64))


def _key(series: Mapping[str, Any]) -> Key:
    return tuple(series["tags"][tag] for tag in TAGS)
