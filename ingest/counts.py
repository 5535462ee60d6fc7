"""What became of the messages, as the journal counts it; the counts add up at every moment, and after any crash."""

import sqlite3
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from devices.message import Fate
from ingest.journalfile import FILE, JournalError
from ingest.rollup import touched

RECEIVED, VALUES, REJECTED, AGED, REWRITTEN = "received", "values", "rejected", "aged", "rewritten"
"""Names of counts that are not fates: messages received, values stored, values rejected, quarantine rows aged out, and
stored values that took the place of another."""

TABLE: Final = (
    "CREATE TABLE IF NOT EXISTS tally (name TEXT NOT NULL, reason TEXT NOT NULL, n INTEGER NOT NULL,"
    " PRIMARY KEY (name, reason)) WITHOUT ROWID"
)


@dataclass(frozen=True, slots=True)
class Counts:
    """What a look at the journal says, all from one moment."""

    tally: dict[tuple[str, str], int]
    messages: int
    """in the journal"""
    rows: int
    bytes: int
    oldest: int | None
    """since when the oldest lines in the journal are ours, ns: `Entry.received`"""
    quarantine: int
    """rows in quarantine now"""
    touched: int
    """half-hours that wait to be rolled up"""
    touched_since: int | None
    """since when the one that waits longest does, ns"""

    def fate(self, fate: Fate) -> int:
        """Messages with this fate."""
        if fate is Fate.JOURNALLED:
            return self.messages
        return sum(n for (name, _), n in self.tally.items() if name == fate)

    @property
    def received(self) -> int:
        return self.tally.get((RECEIVED, ""), 0)

    @property
    def residual(self) -> int:
        """Messages that have no fate: 0, or the accounting is broken."""
        return self.received - sum(self.fate(fate) for fate in Fate)


def look(folder: Path) -> Counts:
    """The counts of a journal that another process may be writing.

    Raises:
        JournalError: there is none.
    """
    path = folder / FILE
    if not path.exists():
        raise JournalError(f"{path} is not there: ingest has not run with this data folder")
    db = sqlite3.connect(f"file:{path}?mode=ro", uri=True, isolation_level=None)
    try:
        return read(db)
    except sqlite3.DatabaseError as error:
        raise JournalError(f"{path}: {error}") from error
    finally:
        db.close()


def read(db: sqlite3.Connection) -> Counts:
    """All counts, at one moment."""
    db.execute("BEGIN")
    try:
        tally = {(name, reason): n for name, reason, n in db.execute("SELECT name, reason, n FROM tally")}
        messages, rows, size, oldest = db.execute(
            "SELECT COALESCE(SUM(messages), 0), COUNT(*), COALESCE(SUM(LENGTH(lines)), 0), MIN(received) FROM batch"
        ).fetchone()
        (kept,) = db.execute("SELECT COUNT(*) FROM quarantine").fetchone()
        waiting, since = touched.waiting(db)
    finally:
        db.execute("COMMIT")
    return Counts(tally, messages, rows, size, oldest, kept, waiting, since)


def add(db: sqlite3.Connection, tally: Counter[tuple[str, str]]) -> None:
    """Add to the counts, by (name, reason); the transaction is the caller's."""
    db.executemany(
        "INSERT INTO tally (name, reason, n) VALUES (?,?,?) ON CONFLICT DO UPDATE SET n = n + excluded.n",
        [(name, reason, n) for (name, reason), n in tally.items() if n],
    )
