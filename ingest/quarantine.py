"""What could not be stored, kept with its reason, so that a person can mend the cause and replay it.

The table lives in the journal's file, so that a message enters quarantine in the same transaction that counts it.
Functions here take the connection and leave transactions to the caller.
"""

import sqlite3
from collections.abc import Sequence
from typing import Final, NamedTuple

TABLE: Final = """
CREATE TABLE IF NOT EXISTS quarantine (
    id INTEGER PRIMARY KEY,
    received INTEGER NOT NULL,  -- ns
    topic TEXT NOT NULL,        -- empty for a line that the database refused
    payload BLOB NOT NULL,      -- the original bytes, or the refused lines
    retained INTEGER NOT NULL,
    reason TEXT NOT NULL,
    detail TEXT NOT NULL,
    source TEXT NOT NULL,
    address TEXT NOT NULL,
    whole INTEGER NOT NULL      -- 1: nothing of the message was stored; 0: some values of it
)"""
OVERHEAD: Final = 100
"""Bytes that a row costs beside its payload and texts, roughly."""


class Kept(NamedTuple):
    """One row of quarantine, in the order of its columns."""

    received: int
    topic: str
    payload: bytes
    retained: bool
    reason: str
    detail: str
    source: str
    address: str
    whole: bool

    def size(self) -> int:
        """Bytes that it takes up, roughly."""
        return len(self.payload) + len(self.topic) + len(self.detail) + len(self.address) + OVERHEAD


def insert(connection: sqlite3.Connection, rows: Sequence[Kept]) -> None:
    """Add rows at the end."""
    connection.executemany(
        "INSERT INTO quarantine (received, topic, payload, retained, reason, detail, source, address, whole)"
        " VALUES (?,?,?,?,?,?,?,?,?)",
        rows,
    )


def size(connection: sqlite3.Connection) -> int:
    """Bytes in quarantine, as `Kept.size` counts them."""
    (total,) = connection.execute(
        f"SELECT COALESCE(SUM({_SIZE}), 0) FROM quarantine",  # noqa: S608  a constant
    ).fetchone()
    return int(total)


_SIZE: Final = f"LENGTH(payload) + LENGTH(topic) + LENGTH(detail) + LENGTH(address) + {OVERHEAD}"


def age_out(connection: sqlite3.Connection, *, older_than: int, excess: int) -> tuple[int, int]:
    """Delete what was received before `older_than` (ns), then the oldest rows until `excess` bytes are free.

    Returns:
        rows and bytes deleted.
    """
    rows = freed = 0
    cursor = connection.execute(f"SELECT id, received, {_SIZE} FROM quarantine ORDER BY id")  # noqa: S608  a constant
    last = 0
    for row, received, length in cursor:
        if received >= older_than and freed >= excess:
            break
        last, rows, freed = row, rows + 1, freed + length
    connection.execute("DELETE FROM quarantine WHERE id <= ?", (last,))
    return rows, freed
