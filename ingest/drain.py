"""The second loop: journal → InfluxDB → settle. What InfluxDB refuses for good goes to quarantine, line by line."""

import asyncio
import contextlib
import logging
import random
import time
from array import array
from bisect import bisect_right
from collections import Counter
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import accumulate, compress
from typing import Final, NamedTuple, Protocol

from devices.message import Fate, Reason
from ingest.influx import DatabaseError, Faulty, Halt, Stored, TooLarge, Verdict
from ingest.journal import Journal, Row
from ingest.journalfile import FullError
from ingest.quarantine import Kept
from ingest.rollup.touched import half_hours
from ingest.suspects import Suspects, alike, in_time

log = logging.getLogger(__name__)

LINGER: Final = 0.05
"""Seconds that a small batch waits for company; a full one goes at once."""
REPLAY_CHECK: Final = 1.0
"""Seconds between looks for lines that a replay of quarantine put into the journal from another process."""
FIRST_DELAY, LAST_DELAY, HALT_DELAY = 0.25, 30.0, 30.0
"""Seconds between attempts: doubled each time while the database is busy or away, fixed while a person must mend it."""

UNANSWERED: Final = 5.0
"""Seconds after which a person is told that a write has no answer; it is tried again after `influx.timeout`."""
FULL_WAIT: Final = 1.0
"""Seconds between attempts to settle while the disk is full."""
SAY_AGAIN: Final = 60.0
"""Seconds between two lines of the log about lines refused for reasons that are known."""


class Database(Protocol):
    """What the loop needs of InfluxDB."""

    async def write(self, body: bytes, lines: int) -> Verdict: ...

    async def ensure_database(self) -> None: ...


@dataclass(slots=True)
class State:
    """What to tell a person about the database."""

    text: str = "not connected yet"
    ok: bool = False
    halted: bool = False
    lag: float | None = None
    """seconds from arrival to confirmation of the oldest message of the last batch"""
    confirmed: int = 0
    """batches confirmed since the start"""
    asked: list[float] = field(default_factory=list)
    """when each write that has no answer yet was sent, s of the writer's clock"""

    def look(self, now_s: float) -> tuple[str, bool]:
        """What to tell a person at `now_s` of the writer's clock, and whether the database takes what is written."""
        silent_s = now_s - min(self.asked, default=now_s)
        if silent_s < UNANSWERED:
            return self.text, self.ok
        return f"no answer to a write for {silent_s:.0f} s: look into the database's log, and at its disk", False


class RefusedLine(NamedTuple):
    line: bytes
    detail: str


class Writer:
    """Writes lines until each is stored or refused for good, however long the database is away.

    Lines are written in the order they have, but for those set aside as suspects (see `ingest.suspects`): they are
    written beside the others. Two lines of one series and time may change places only where one of them is a suspect
    that the database then takes, and they have another field in common.
    """

    def __init__(self, database: Database, state: State, clock: Callable[[], float] = time.monotonic) -> None:
        self._database = database
        self._state = state
        self._clock = clock
        self._suspects = Suspects()
        self._silent_until = 0.0
        self._unsaid = 0

    async def write(self, body: bytes, count: int) -> list[RefusedLine]:
        """Write `count` lines; those that the database refused come back."""
        refused: list[RefusedLine] = []
        rest, aside = self._suspects.set_aside(body, self._clock())
        if not aside:
            await self._until_settled(body, count, refused)
        else:
            async with asyncio.TaskGroup() as both:
                both.create_task(self._until_settled(b"\n".join(aside), len(aside), refused), name="suspects")
                if rest:
                    await self._until_settled(rest, count - len(aside), refused)
        if refused:
            self._tell(refused)
        return refused

    async def _until_settled(self, body: bytes, count: int, refused: list[RefusedLine]) -> None:
        work = [(body, count)]
        while work:
            body, count = work.pop()
            verdict = await self._patiently(body, count)
            if not isinstance(verdict, Stored):
                parts = _split(body.split(b"\n"), verdict, refused)
                work += [(b"\n".join(part), len(part)) for part in reversed(parts)]

    def _tell(self, refused: Sequence[RefusedLine]) -> None:
        """Remember why, and say so: at once where it is new, else now and then."""
        now_s = self._clock()
        reasons: dict[str, list[bytes]] = {}
        for line, detail in refused:
            reasons.setdefault(detail, []).append(line)
        new = [self._suspects.note(lines, detail, now_s) for detail, lines in reasons.items()]
        self._unsaid += len(refused)
        if any(new) or now_s >= self._silent_until:
            log.warning("the database refused %d lines for good, the last: %s", self._unsaid, refused[-1].detail)
            self._silent_until, self._unsaid = now_s + SAY_AGAIN, 0

    async def _patiently(self, body: bytes, count: int) -> Stored | Faulty | TooLarge:
        delay, created = FIRST_DELAY, False
        while True:
            verdict = await self._write(body, count)
            if isinstance(verdict, Stored | Faulty | TooLarge):
                self._say("ok", ok=True)
                return verdict
            if isinstance(verdict, Halt):
                self._say(f"halted: {verdict.detail}", halted=True)
                if verdict.missing_database and not created and await self._created():
                    created = True
                    continue
                await asyncio.sleep(HALT_DELAY * random.uniform(0.5, 1.0))  # noqa: S311  jitter, not a secret
                continue
            self._say(f"waiting: {verdict.detail}")
            pause = verdict.seconds if verdict.seconds is not None else delay * random.uniform(0.5, 1.0)  # noqa: S311
            await asyncio.sleep(pause)
            delay = min(delay * 2, LAST_DELAY)

    async def _write(self, body: bytes, count: int) -> Verdict:
        asked = self._clock()
        self._state.asked.append(asked)
        try:
            return await self._database.write(body, count)
        finally:
            self._state.asked.remove(asked)

    async def _created(self) -> bool:
        try:
            await self._database.ensure_database()
        except DatabaseError as error:
            self._say(f"halted: {error}", halted=True)
            return False
        return True

    def _say(self, text: str, *, ok: bool = False, halted: bool = False) -> None:
        if text != self._state.text:
            log.log(logging.INFO if ok else logging.WARNING, "database %s", text)
        self._state.text, self._state.ok, self._state.halted = text, ok, halted


def _split(lines: list[bytes], verdict: Faulty | TooLarge, refused: list[RefusedLine]) -> list[list[bytes]]:
    """What is left to write of lines that were answered so; lines refused for good go to `refused`."""
    if len(lines) == 1 or (isinstance(verdict, Faulty) and verdict.all_refused):
        refused += [RefusedLine(line, verdict.detail[:500]) for line in lines]
        return []
    # a name that is none of our lines was not read in full, and so may hide a refused one
    if isinstance(verdict, Faulty) and verdict.named and verdict.named.issubset(lines):
        refused += [RefusedLine(line, verdict.detail[:500]) for line in lines if line in verdict.named]
        rest = [line for line in lines if line not in verdict.named]
        return [rest] if rest and not verdict.rest_stored else []
    some = alike(lines, verdict.detail)
    if 0 < len(some) < len(lines):
        known = set(some)
        return [[line for line in lines if line not in known], some]
    ordered, middle = in_time(lines), len(lines) // 2
    return [ordered[:middle], ordered[middle:]]


async def drain(journal: Journal, writer: Writer, state: State, batch_lines: int) -> None:
    """Run the loop until cancelled; what is not settled then is written again at the next start."""
    while True:
        rows = await journal.peek(0, batch_lines)
        if not rows:
            journal.grown.clear()
            if not journal.bytes:
                await _grown(journal)
            continue
        if sum(row.count for row in rows) < batch_lines // 2:
            await asyncio.sleep(LINGER)
            rows = await journal.peek(0, batch_lines)
        await write_rows(rows, journal, writer)
        state.confirmed += 1
        state.lag = (time.time_ns() - rows[0].received) / 1e9


async def _grown(journal: Journal) -> None:
    with contextlib.suppress(TimeoutError):
        await asyncio.wait_for(journal.grown.wait(), REPLAY_CHECK)


async def write_rows(rows: Sequence[Row], journal: Journal, writer: Writer) -> None:
    """Write journalled lines, and settle their messages."""
    body = b"\n".join(row.lines for row in rows)
    refused = await writer.write(body, sum(row.count for row in rows))
    messages = sum(row.messages for row in rows)
    if not refused:
        await _settle(journal, rows, Counter({(Fate.STORED.value, ""): messages}), [], half_hours(body))
        return
    reasons = dict(refused)
    kept = _kept(rows, reasons)
    lost = sum(row.whole for row in kept)
    tally = Counter({(Fate.STORED.value, ""): messages - lost})
    tally[Fate.QUARANTINED.value, Reason.DATABASE_REFUSED.value] = lost
    stored = b"\n".join(line for line in body.split(b"\n") if line not in reasons)
    await _settle(journal, rows, tally, kept, half_hours(stored))


async def _settle(
    journal: Journal,
    rows: Sequence[Row],
    tally: Counter[tuple[str, str]],
    kept: Sequence[Kept],
    touched: Collection[int],
) -> None:
    """Settle, waiting for space as long as it takes: on a full disk even forgetting needs some."""
    full = False
    while True:
        try:
            return await journal.settle(rows, tally, kept, touched)
        except FullError as error:
            if not full:
                log.warning("%s: what InfluxDB has confirmed stays in the journal until there is space", error)
            full = True
            await asyncio.sleep(FULL_WAIT)


def _kept(rows: Sequence[Row], refused: Mapping[bytes, str]) -> list[Kept]:
    """The refused lines (line → why): one row of quarantine for each message, whole where it has no other line.

    Lines behind those of messages are ingest's own, and of one kind.
    """
    kept = []
    for row in rows:
        lines = row.lines.split(b"\n")
        ends = list(accumulate(array("I", row.sizes)))
        bad: dict[int, list[bytes]] = {}
        for index, line in compress(enumerate(lines), map(refused.__contains__, lines)):
            bad.setdefault(bisect_right(ends, index), []).append(line)
        for message, own in bad.items():
            size = ends[message] - (ends[message - 1] if message else 0) if message < len(ends) else 0
            detail, reason = refused[own[0]], Reason.DATABASE_REFUSED.value
            kept.append(Kept(row.received, "", b"\n".join(own), False, reason, detail, "", "", len(own) == size))
    return kept
