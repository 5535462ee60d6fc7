"""The loop of the roll-ups: what new readings touched is recomputed, the newest first, and then forgotten.

A pass goes from now into the past, a part of a day at a time, and begins anew every period: so today's figures stay
right while a long history is caught up. Whatever goes wrong here, readings go on.
"""

import asyncio
import logging
import random
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Final, Protocol

from devices.localdays import HALF_HOUR_NS, day_of, midnight
from devices.rollups import database_of
from devices.timestamps import FOREVER
from ingest.influx import DatabaseError, Influx
from ingest.journal import Journal
from ingest.journalfile import FullError
from ingest.retention import whole_since
from ingest.rollup.recompute import recompute
from ingest.rollup.touched import Touched

log = logging.getLogger(__name__)

FIRST_DELAY, LAST_DELAY = 1.0, 30.0
"""Seconds between attempts while the database is away or refuses, doubled each time."""
NEAR: Final = 4 * HALF_HOUR_NS
"""Half-hours no further apart are recomputed together, with those between them."""
MOST: Final = 50
"""Half-hours of the longest day."""


class Recompute(Protocol):
    """Recomputes what readings of a span may have changed: `ingest.rollup.recompute`."""

    async def __call__(self, influx: Influx, start: int, end: int, *, occupancy_since: int) -> int: ...


@dataclass(slots=True)
class State:
    """What to tell a person about the roll-ups."""

    text: str = "not begun yet"
    ok: bool = True

    def say(self, text: str, *, ok: bool = False) -> None:
        """Keep it, and log what is new."""
        if text != self.text:
            log.log(logging.INFO if ok else logging.WARNING, "roll-ups: %s", text)
        self.text, self.ok = text, ok


@dataclass(slots=True)
class RollUps:
    """What is to be rolled up, and how."""

    journal: Journal
    influx: Influx
    occupancy_days: int
    """how long readings of occupancy are kept, 0 for ever"""
    recompute: Recompute = recompute
    state: State = field(default_factory=State)
    _there: bool = False

    async def run(self, period: float) -> None:
        """Roll up every `period` seconds, until cancelled; while there is more to do, without a pause."""
        delay = FIRST_DELAY
        while True:
            try:
                finished = await self.catch_up(lambda _: None, until=time.monotonic() + period, gently=True)
            except Exception as error:
                self._failed(error)
                await asyncio.sleep(delay * random.uniform(0.5, 1.0))  # noqa: S311  jitter, not a secret
                delay = min(delay * 2, LAST_DELAY)
                continue
            delay = FIRST_DELAY
            self.state.say("ok", ok=True)
            if finished:
                await asyncio.sleep(period)

    def _failed(self, error: Exception) -> None:
        self._there = False
        if isinstance(error, DatabaseError | FullError):
            self.state.say(f"waiting: {error}")
            return
        text = f"failed: {type(error).__name__}: {error}"
        if text != self.state.text:
            log.error("the roll-ups cannot be worked out, which is a bug; readings go on", exc_info=error)
        self.state.say(text)

    async def catch_up(self, told: Callable[[int], None], *, until: float = float("inf"), gently: bool = False) -> bool:
        """One pass over all that is touched, the newest first; whether it came to the end.

        Args:
            told: is called with the number of half-hours done at a time.
            until: the monotonic time from which no further part is begun.
            gently: rest between two parts as long as one took: the database has readings to take as well.

        Raises:
            DatabaseError, FullError: what is not done stays.
            Exception: a bug; all parts but those that it struck are done.
        """
        await self._ensure()
        before, fault, finished = FOREVER, None, False
        while time.monotonic() < until:
            read, began = time.time_ns(), time.monotonic()
            part = newest_part(await self.journal.touched(before, MOST))
            if not part:
                finished = True
                break
            before = part[-1].start
            whole = await whole_since(self.influx, read, self.occupancy_days)
            try:
                await self.recompute(self.influx, before, part[0].start + HALF_HOUR_NS, occupancy_since=whole)
            except DatabaseError:
                raise
            except Exception as error:  # a bug: it holds up its own part alone
                fault = error
            else:
                await self.journal.rolled_up(part, read)
                told(len(part))
            if gently:
                await asyncio.sleep(time.monotonic() - began)
        if fault:
            raise fault
        return finished

    async def _ensure(self) -> None:
        if not self._there:
            await ensure(self.influx)
            self._there = True


async def ensure(influx: Influx) -> None:
    """Make the database of roll-ups where it is missing; raises `DatabaseError` where it may not be made."""
    name = database_of(influx.database)
    try:
        await influx.connect()
        await influx.ensure_database(name)
    except DatabaseError as error:
        mend = f"create the database {name}, and give the account of ingest the right to read and write it"
        raise DatabaseError(f"{error}; if it answers and this stays, {mend}") from error


def newest_part(touched: Sequence[Touched]) -> list[Touched]:
    """The first of these, which are in falling order, and those of its local day that are near to each other."""
    part = list(touched[:1])
    if part:
        begins = midnight(day_of(part[0].start))
        for one in touched[1:]:
            if one.start < begins or part[-1].start - one.start > NEAR:
                break
            part.append(one)
    return part
