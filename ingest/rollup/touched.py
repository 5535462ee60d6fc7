"""Half-hours whose roll-ups are out of date, since InfluxDB has new readings in them: a table of the journal.

A half-hour enters in the transaction that settles its lines, so none is forgotten in a crash. It leaves when its
roll-ups are written, unless it was touched again meanwhile: then its mark is another.
"""

import re
import sqlite3
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from devices.localdays import HALF_HOUR_NS
from devices.schema import METER, OCCUPANCY

TABLE: Final = (
    "CREATE TABLE IF NOT EXISTS touched"
    " (start INTEGER PRIMARY KEY, mark INTEGER NOT NULL, since INTEGER NOT NULL)"  # ns, a number, ns
)
_TIMES: Final = re.compile(rf"\n(?:{METER}|{OCCUPANCY}),[^\n]* (\d+)".encode())


@dataclass(frozen=True, slots=True)
class Touched:
    """A half-hour that is to be rolled up, by its start, ns."""

    start: int
    mark: int
    """how often it was touched"""
    since: int
    """since when it has waited, ns"""


def half_hours(lines: bytes) -> set[int]:
    """The starts of the half-hours, ns, of the lines whose measurement is rolled up."""
    return {time - time % HALF_HOUR_NS for time in map(int, set(_TIMES.findall(b"\n" + lines)))}


def touch(db: sqlite3.Connection, starts: Iterable[int], now: int) -> None:
    """Note half-hours, ns; the transaction is the caller's."""
    db.executemany(
        "INSERT INTO touched (start, mark, since) VALUES (?,1,?) ON CONFLICT DO UPDATE SET mark = mark + 1",
        [(start, now) for start in starts],
    )


def newest(db: sqlite3.Connection, before: int, limit: int) -> list[Touched]:
    """So many of those that start before a time, ns, the newest first."""
    question = "SELECT start, mark, since FROM touched WHERE start < ? ORDER BY start DESC LIMIT ?"
    return [Touched(*row) for row in db.execute(question, (before, limit))]


def forget(db: sqlite3.Connection, done: Sequence[Touched], read: int) -> None:
    """Forget those that were not touched again; the others wait since they were read, ns.

    The transaction is the caller's.
    """
    db.executemany("DELETE FROM touched WHERE start = ? AND mark = ?", [(one.start, one.mark) for one in done])
    db.executemany("UPDATE touched SET since = MAX(since, ?) WHERE start = ?", [(read, one.start) for one in done])


def waiting(db: sqlite3.Connection) -> tuple[int, int | None]:
    """How many wait, and since when the one that waits longest does, ns."""
    if not db.execute("SELECT 1 FROM sqlite_master WHERE name = 'touched'").fetchone():
        return 0, None  # a journal that an older ingest left
    count, since = db.execute("SELECT COUNT(*), MIN(since) FROM touched").fetchone()
    return count, since
