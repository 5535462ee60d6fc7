"""Lines on our disk that InfluxDB has not confirmed yet, and the counts that must add up: one SQLite file.

A batch of messages is one transaction with one fsync: its lines, the fate of each message, what formats must
remember, and the packet identifiers that a redelivery would carry. Only then may the broker be told to forget it.
Settling a batch (InfluxDB has it) is one transaction too, so the counts add up after any crash.

All statements run on one thread, because SQLite has one writer; the event loop only waits for it.
"""

import asyncio
import contextlib
import sqlite3
import time
from array import array
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self, TypeVar

from ingest import counts, handed, heard, quarantine, remembered
from ingest.counts import AGED, Counts
from ingest.handed import Handed
from ingest.heard import Heard
from ingest.journalfile import FILE, FullError, JournalFile, broken
from ingest.quarantine import Kept
from ingest.remembered import Remembered
from ingest.rollup import touched
from ingest.rollup.touched import Touched

VERSION: Final = 1
_TABLES: Final = (
    # sizes: how many lines each message has, array('I')
    "CREATE TABLE IF NOT EXISTS batch (id INTEGER PRIMARY KEY, received INTEGER NOT NULL, messages INTEGER NOT NULL,"
    " count INTEGER NOT NULL, sizes BLOB NOT NULL, lines BLOB NOT NULL)",
    counts.TABLE,
    handed.TABLE,
    remembered.TABLE,
    heard.TABLE,
    quarantine.TABLE,
    touched.TABLE,
)
_T = TypeVar("_T")


@dataclass(slots=True)
class Entry:
    """One transaction's worth of messages."""

    received: int = 0
    """since when its lines are ours, ns: the arrival of the oldest message, or when a history was read"""
    lines: list[str] = field(default_factory=list)
    sizes: "array[int]" = field(default_factory=lambda: array("I"))
    """lines of each message that has any, in the order of `lines`"""
    packets: "array[int]" = field(default_factory=lambda: array("Q"))
    """packet identifier << 32 | CRC-32 of topic and payload, of each message that will be acknowledged"""
    tally: Counter[tuple[str, str]] = field(default_factory=Counter)
    """(name, reason) → how many"""
    kept: list[Kept] = field(default_factory=list)
    states: list[Remembered] = field(default_factory=list)
    """what formats must remember"""


@dataclass(frozen=True, slots=True)
class Row:
    """Journalled lines, ready to be written."""

    id: int
    received: int
    messages: int
    count: int
    sizes: bytes
    lines: bytes


class Journal:
    """The journal of one ingest process, locked against a second one.

    Args:
        folder: made if missing.
        max_bytes: of lines; beyond that `append` raises `FullError`.
        keep_packets: how many packet identifiers to remember: the receive maximum.
    """

    def __init__(
        self,
        folder: Path,
        *,
        max_bytes: int,
        keep_packets: int,
        quarantine_bytes: int,
        quarantine_age: int,
        clock: Callable[[], int] = time.time_ns,
    ) -> None:
        self._folder = folder
        self._max_bytes = max_bytes
        self._quarantine_bytes = quarantine_bytes
        self._quarantine_age = quarantine_age
        self._clock = clock
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="journal")
        self._handed = Handed(keep_packets)
        self._quarantined = 0
        self.bytes = 0
        """of lines not settled"""
        self.grown = asyncio.Event()
        """set when lines were appended"""
        self.full = ""
        """why nothing is taken; empty while it is"""

    @property
    def packets(self) -> dict[int, int]:
        """Packet identifier → CRC-32 of what was committed under it last, for the last `keep_packets`."""
        return self._handed.packets

    async def __aenter__(self) -> Self:
        try:
            await self._run(self._open)
        except BaseException:
            await self.__aexit__(None, None, None)
            raise
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._run(self._close)
        self._thread.shutdown()

    async def append(self, entry: Entry) -> None:
        """Commit an entry to disk.

        Raises:
            FullError: nothing was written; try again later.
        """
        await self._run(self._append, entry)
        self._handed.note(entry.packets)
        if entry.lines:
            self.grown.set()

    async def peek(self, after: int, lines: int) -> list[Row]:
        """The oldest rows with an id above `after`, up to about so many lines, at least one row if there is any."""
        return await self._run(self._peek, after, lines)

    async def settle(
        self,
        rows: Sequence[Row],
        tally: Counter[tuple[str, str]],
        kept: Sequence[Kept],
        half_hours: Collection[int] = (),
    ) -> None:
        """InfluxDB has answered for these rows: forget them, count what became of their messages.

        Args:
            half_hours: those whose roll-ups are out of date now, by their start, ns.
        """
        await self._run(self._settle, rows, tally, kept, half_hours)

    async def counts(self) -> Counts:
        """What is where, at one moment."""
        return await self._run(lambda: counts.read(self._db))

    async def states(self) -> list[Remembered]:
        """What formats must remember."""
        return await self._run(lambda: remembered.read(self._db))

    async def recall(self, source: str, key: str) -> bytes:
        """One value that is remembered; empty where there is none."""
        return await self._run(lambda: remembered.recall(self._db, source, key))

    async def remember(self, source: str, key: str, value: bytes) -> None:
        """Remember one value outside an entry."""
        await self._run(lambda: self._file.grow(lambda: remembered.save(self._db, [(source, key, value)])))

    async def heard(self) -> list[Heard]:
        """When each device was last heard, as saved last."""
        return await self._run(lambda: heard.read(self._db))

    async def save_heard(self, devices: Iterable[Heard]) -> None:
        """Save when devices were last heard."""
        known = list(devices)
        await self._run(lambda: self._file.grow(lambda: heard.save(self._db, known)))

    async def touched(self, before: int, limit: int) -> list[Touched]:
        """So many half-hours to roll up that start before a time, ns, the newest first."""
        return await self._run(lambda: touched.newest(self._db, before, limit))

    async def rolled_up(self, done: Sequence[Touched], read: int) -> None:
        """The roll-ups of these are written, from readings as they were at `read`, ns, or later.

        Raises:
            FullError: they are not forgotten.
        """
        await self._run(lambda: self._file.free(lambda: touched.forget(self._db, done, read)))

    async def tidy(self) -> None:
        """Age out quarantine, and count what went."""
        await self._run(self._tidy)

    async def _run(self, function: Callable[..., _T], *arguments: Any) -> _T:
        return await asyncio.get_running_loop().run_in_executor(self._thread, function, *arguments)

    def _open(self) -> None:
        self._file = JournalFile(self._folder, VERSION, _TABLES)
        self._db = self._file.db
        try:
            self._restore()
        except sqlite3.DatabaseError as error:
            raise broken(self._folder / FILE, error) from error
        if self.bytes:
            self.grown.set()

    def _close(self) -> None:
        if hasattr(self, "_file"):
            self._file.close()

    def _restore(self) -> None:
        (self.bytes,) = self._db.execute("SELECT COALESCE(SUM(LENGTH(lines)), 0) FROM batch").fetchone()
        self._quarantined = quarantine.size(self._db)
        self._handed.restore(self._db)

    def _append(self, entry: Entry) -> None:
        try:
            self._take(entry)
        except FullError as error:
            self.full = str(error)
            raise
        self.full = ""

    def _take(self, entry: Entry) -> None:
        blob = "\n".join(entry.lines).encode()
        # an entry larger than the bound would wait for ever, so an empty journal takes any
        if blob and self.bytes and self.bytes + len(blob) > self._max_bytes:
            raise FullError(f"the journal holds {self.bytes} bytes, at most {self._max_bytes} are allowed")
        forget = self._handed.surplus(len(entry.packets))
        kept = sum(row.size() for row in entry.kept)
        self._file.grow(lambda: self._write(entry, blob, forget))
        self.bytes += len(blob)
        self._quarantined += kept
        if self._quarantined > self._quarantine_bytes:
            with contextlib.suppress(FullError):  # the entry is on disk; ageing out can wait for space
                self._tidy()

    def _write(self, entry: Entry, blob: bytes, forget: int) -> None:
        db = self._db
        if entry.lines:
            db.execute(
                "INSERT INTO batch (received, messages, count, sizes, lines) VALUES (?,?,?,?,?)",
                (entry.received, len(entry.sizes), len(entry.lines), entry.sizes.tobytes(), blob),
            )
        counts.add(db, entry.tally)
        if entry.packets:
            self._handed.write(db, entry.packets, forget)
        if entry.states:
            remembered.save(db, entry.states)
        if entry.kept:
            quarantine.insert(db, entry.kept)

    def _peek(self, after: int, lines: int) -> list[Row]:
        rows: list[Row] = []
        cursor = self._db.execute(
            "SELECT id, received, messages, count, sizes, lines FROM batch WHERE id > ? ORDER BY id", (after,)
        )
        for values in cursor:
            rows.append(Row(*values))
            lines -= rows[-1].count
            if lines <= 0:
                break
        if not rows and not after:
            self.bytes = 0  # a replay by another process was not counted when it came, only when it went
        return rows

    def _settle(
        self,
        rows: Sequence[Row],
        tally: Counter[tuple[str, str]],
        kept: Sequence[Kept],
        half_hours: Collection[int],
    ) -> None:
        def work() -> None:
            self._db.executemany("DELETE FROM batch WHERE id = ?", [(row.id,) for row in rows])
            counts.add(self._db, tally)
            if kept:
                quarantine.insert(self._db, kept)
            if half_hours:
                touched.touch(self._db, half_hours, self._clock())

        self._file.free(work)
        self.bytes -= sum(len(row.lines) for row in rows)
        self._quarantined += sum(row.size() for row in kept)
        if not self._file.spare and not self.bytes:
            self._file.shrink()

    def _tidy(self) -> None:
        self._quarantined = quarantine.size(self._db)  # a replay by another process may have taken rows away
        excess = self._quarantined - int(self._quarantine_bytes * 0.9)
        freed = 0

        def work() -> None:
            nonlocal freed
            rows, freed = quarantine.age_out(
                self._db,
                older_than=self._clock() - self._quarantine_age,
                excess=excess if self._quarantined > self._quarantine_bytes else 0,
            )
            counts.add(self._db, Counter({(AGED, ""): rows}))

        self._file.free(work)
        self._quarantined -= freed
