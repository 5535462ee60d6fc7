"""Deletes occupancy that is older than `influx.occupancy_days`, once a day, after it is rolled up.

InfluxQL's DELETE works on 1.x and 2.x with the credential that writes; other readings are not touched. InfluxDB 3 has
no DELETE: there only the retention of a whole database ends anything.
"""

import asyncio
import logging
import time
from collections.abc import Callable
from typing import Final

from devices.rollups import database_of
from devices.schema import FIELDS, OCCUPANCY
from devices.timestamps import SECOND
from ingest.influx import DatabaseError, Influx
from ingest.journal import Journal
from ingest.journalfile import FullError
from ingest.rollup import occupancy

log = logging.getLogger(__name__)

DAY: Final = 86_400 * SECOND
LOOK_S: Final = 600.0
"""Between two looks whether a day is over, and between attempts while the database is away."""
NO_DELETE: Final = 3
"""The generation of InfluxDB from which on there is no DELETE."""
KEYS: Final = tuple(field.key for field in FIELDS if field.measurement == OCCUPANCY)
DONE: Final = ("retention", "occupancy")
"""Under which (source, key) the journal remembers when it was done last, ns."""


async def keep_tidy(
    influx: Influx, journal: Journal, days: int, clock: Callable[[], int] = time.time_ns, *, look_s: float = LOOK_S
) -> None:
    """Delete occupancy older than `days` now and every day, until cancelled; its roll-ups stay."""
    done = int(await journal.recall(*DONE) or 0)
    while True:
        now = clock()
        if now - done >= DAY:
            try:
                major, _ = influx.version or await influx.connect()
                if major >= NO_DELETE:
                    log.warning(
                        "occupancy is not deleted: InfluxDB %d has no DELETE; set the retention of its database", major
                    )
                    return
                before = kept_since(now, days)
                if not done or await journal.touched(before, 1):  # else they are rolled up, from more than is left
                    await roll_up(influx, kept_since(done, days), before)
                await forget(influx, before)
                await journal.remember(*DONE, str(now).encode())
            except DatabaseError as error:
                log.warning("occupancy older than %d days is not deleted: %s", days, error)
            except FullError as error:
                log.warning("when occupancy was deleted is not remembered: %s", error)
                done = now
            else:
                log.info("occupancy older than %d days is deleted", days)
                done = now
        await asyncio.sleep(look_s)


def kept_since(now: int, days: int) -> int:
    """Since when occupancy is kept, ns: the beginning of a day in UTC; 0 is for ever."""
    return max(0, (now - days * DAY) // DAY * DAY) if days else 0


async def whole_since(influx: Influx, now: int, days: int) -> int:
    """Since when readings of occupancy are all there, ns; InfluxDB 3 keeps them for ever.

    Raises:
        DatabaseError: the database did not answer.
    """
    major, _ = influx.version or await influx.connect()
    return kept_since(now, days) if major < NO_DELETE else 0


async def roll_up(influx: Influx, start: int, end: int) -> None:
    """Roll up what is left of occupancy from `start` up to `end`, ns, a day at a time.

    Raises:
        DatabaseError: the database did not answer, or refused.
    """
    first = await oldest(influx, end)
    if first is None:
        return
    await influx.ensure_database(database_of(influx.database))
    for day in range(max(start, first // DAY * DAY), end, DAY):
        await occupancy.recompute(influx, day, day + DAY)


async def forget(influx: Influx, before: int) -> None:
    """Delete occupancy older than `before`, ns; raises `DatabaseError` if it may not be."""
    await influx.query(f'DELETE FROM "{OCCUPANCY}" WHERE time < {before}', post=True)  # noqa: S608  the schema's


async def oldest(influx: Influx, before: int) -> int | None:
    """When the oldest occupancy before `before` was measured, ns; None where there is none."""
    return await influx.end(OCCUPANCY, KEYS, where=f"time < {before}")
