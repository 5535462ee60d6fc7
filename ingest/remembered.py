"""What formats and loops must remember over a restart, kept in the journal's file: (source, key) → value."""

import sqlite3
from collections.abc import Sequence
from typing import Final

TABLE: Final = (
    "CREATE TABLE IF NOT EXISTS remembered (source TEXT NOT NULL, key TEXT NOT NULL, value BLOB NOT NULL,"
    " PRIMARY KEY (source, key)) WITHOUT ROWID"
)

Remembered = tuple[str, str, bytes]
"""Source, key, value."""


def read(db: sqlite3.Connection) -> list[Remembered]:
    """All of it."""
    return db.execute("SELECT source, key, value FROM remembered").fetchall()


def recall(db: sqlite3.Connection, source: str, key: str) -> bytes:
    """One value; empty where there is none."""
    question = "SELECT value FROM remembered WHERE source = ? AND key = ?"
    row: tuple[bytes] | None = db.execute(question, (source, key)).fetchone()
    return row[0] if row else b""


def save(db: sqlite3.Connection, values: Sequence[Remembered]) -> None:
    """Remember these; an empty value forgets its key. The transaction is the caller's."""
    db.executemany("INSERT OR REPLACE INTO remembered (source, key, value) VALUES (?,?,?)", values)
    forgotten = [(source, key) for source, key, value in values if not value]
    if forgotten:
        db.executemany("DELETE FROM remembered WHERE source = ? AND key = ?", forgotten)
