"""Roll-ups of past days worked out again, from whatever readings the database has: no journal is asked."""

import time
from collections.abc import Callable, Iterable
from datetime import date
from typing import Final

from devices.errors import MendableError
from devices.localdays import Span, day_of, days
from devices.rollups import HALF_HOUR, OCCUPANCY, ROLLED, database_of, key_over
from devices.schema import METER
from ingest.influx import DatabaseError, Influx
from ingest.retention import whole_since
from ingest.rollup.recompute import extent, recompute
from ingest.rollup.service import ensure
from ingest.settings import Influx as Options

CONSUMPTION: Final = tuple(field.key for field in ROLLED)
"""Keys of registers, and of what is taken."""
_ALL: Final = (*CONSUMPTION, *(key_over(*each) for each in OCCUPANCY))


class NothingError(MendableError):
    """There is nothing to roll up; the text says where, and what to do."""


async def roll_up(options: Options, since: date | None, until: date | None, told: Callable[[float], None]) -> int:
    """Roll up the local days from `since` to `until`, both included, the newest first; how many points were written.

    Args:
        told: hears which share is done.

    Raises:
        NothingError: no readings are of these days.
        DatabaseError: the database does not answer, or refuses; what was written so far is right.
    """
    async with Influx(options) as influx:
        days = await _days(influx, since, until)
        whole, written = await whole_since(influx, time.time_ns(), options.occupancy_days), 0
        for done, (start, end) in enumerate(reversed(days), 1):
            written += await recompute(influx, start, end, occupancy_since=whole)
            told(done / len(days))
    return written


async def _days(influx: Influx, since: date | None, until: date | None) -> list[Span]:
    """The local days from `since` to `until` that may have readings.

    Where older roll-ups show that earlier readings have ended, the first day is left: only a part of it is there.
    """
    found = await _extent(influx)
    if found is None:
        raise NothingError(
            f"there is nothing to roll up in {influx.database}: name the settings of the readings with --settings"
        )
    await ensure(influx)
    there = list(days(found[0], found[1] + 1))
    earliest = await first_rolled(influx, _ALL)
    if earliest is not None and earliest < there[0][0]:
        there = there[1:]
    wanted = [(start, end) for start, end in there if (since or date.min) <= day_of(start) <= (until or date.max)]
    if not wanted:
        first, last = (day_of(at) for at in found)
        raise NothingError(
            f"no readings to roll up are of these days: {influx.database} has them from {first} to {last}"
        )
    return wanted


async def _extent(influx: Influx) -> tuple[int, int] | None:
    try:
        return await extent(influx)
    except DatabaseError as error:
        if "not found" in str(error):  # the database itself, by the words of each generation
            return None
        raise


async def first_reading(influx: Influx) -> int | None:
    """When the oldest register was read, ns; None where none was. Raises `DatabaseError`."""
    return await influx.end(METER, CONSUMPTION)


async def first_rolled(influx: Influx, keys: Iterable[str]) -> int | None:
    """When the oldest half-hour with one of these begins, ns; None where there is none. Raises `DatabaseError`."""
    return await influx.end(HALF_HOUR, keys, database=database_of(influx.database))
