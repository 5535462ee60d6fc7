"""A backfill: messages of the past through the same decode, validate, journal and write as live ones."""

import asyncio
import time
from collections.abc import Callable, Iterable
from itertools import islice

from devices.message import Message
from ingest import receive
from ingest.drain import State, Writer, drain
from ingest.influx import Influx
from ingest.journal import Journal
from ingest.rollup.service import RollUps
from ingest.service import kit, make_journal
from ingest.session import Delivery
from ingest.settings import Settings

AHEAD_BYTES = 64 * 2**20
"""How far reading may run ahead of the database."""

Progress = Callable[[int, int], None]
"""Called with the number of messages so far and the arrival time (ns) of the last."""


async def load(messages: Iterable[Message], settings: Settings, progress: Progress) -> None:
    """Store messages as if each had arrived at its `received` time; returns when the database has them all.

    Their roll-ups are left to `roll_up`, or to an ingest that runs later.

    Raises:
        RegistryError, JournalError, DatabaseError: it cannot start; the text says what to do.
    """
    state = State()
    async with kit(settings) as parts, Influx(settings.influx) as influx:
        await influx.connect()
        await influx.ensure_database()
        writer = Writer(influx, state)
        draining = asyncio.create_task(drain(parts.journal, writer, state, settings.influx.batch_lines))
        try:
            count, source = 0, iter(messages)
            while batch := list(islice(source, receive.BATCH)):
                deliveries = [Delivery(message, 0, False) for message in batch]
                entry = parts.digest(deliveries)
                entry.received = time.time_ns()  # its messages are of the past, but it waits for InfluxDB from now on
                await receive.commit(parts.journal, entry)
                count += len(batch)
                progress(count, batch[-1].received)
                await _below(parts.journal, AHEAD_BYTES, draining)
            await _below(parts.journal, 0, draining)
            await parts.journal.save_heard(parts.fleet.heard())
        finally:
            draining.cancel()
            await asyncio.gather(draining, return_exceptions=True)


async def roll_up(settings: Settings, told: Callable[[float], None]) -> None:
    """Roll up what waits for that in the journal of an ingest that does not run; `told` hears which share is done.

    Raises:
        JournalError, DatabaseError: the text says what to do; what is not done stays.
    """
    if not settings.rollup.period:
        return
    async with make_journal(settings) as journal, Influx(settings.influx) as influx:
        done, waiting = 0, (await journal.counts()).touched

        def count(more: int) -> None:
            nonlocal done
            done += more
            told(done / waiting)

        # A history brings all readings of its half-hours, also of those whose earlier readings were deleted.
        await RollUps(journal, influx, occupancy_days=0).catch_up(count)


async def _below(journal: Journal, limit: int, draining: asyncio.Task[None]) -> None:
    """Wait until the journal holds no more than `limit` bytes."""
    while journal.bytes > limit:
        await asyncio.wait([draining], timeout=0.02)
        if draining.done():
            draining.result()
