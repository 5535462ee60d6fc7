"""What could not be stored, kept with its reason, so that a person can mend the cause and replay it.

The table lives in the journal's file, so that a message enters quarantine in the same transaction that counts it.
Functions here take the connection and leave transactions to the caller.
"""

import re
import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from hashlib import blake2s
from typing import Any, Final, NamedTuple

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
MAX_DETAIL: Final = 1_000
"""Characters of `detail`."""
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


class Row(NamedTuple):
    """One row with its identity."""

    id: int
    kept: Kept


class Choice(NamedTuple):
    """Which rows; what is empty does not choose."""

    reason: str = ""
    device: str = ""
    """the address within its source, or `source: address`"""
    group: str = ""
    id: int = 0

    def takes(self, row: int, kept: Kept) -> bool:
        """Whether a row is chosen."""
        return (
            self.reason in ("", kept.reason)
            and self.device in ("", kept.address, f"{kept.source}: {kept.address}")
            and self.group in ("", group_id(kept))
            and self.id in (0, row)
        )


class Group(NamedTuple):
    """Rows with the same fault."""

    id: str
    reason: str
    source: str
    address: str
    detail: str
    """of the last row"""
    rows: int
    first: int
    """arrival, ns"""
    last: int


def group_id(kept: Kept) -> str:
    """Eight hexadecimal digits, the same for all rows whose reason, source and address agree, and whose details do too
    but for the figures in them."""
    shape = re.sub(r"-?[0-9]+(?:\.[0-9]+)?(?:e[+-]?[0-9]+)?", "#", kept.detail)
    key = "\0".join((kept.reason, kept.source, kept.address, shape))
    return blake2s(key.encode(errors="replace"), digest_size=4).hexdigest()


def read(connection: sqlite3.Connection, choice: Choice, *, after: int = 0) -> Iterator[Row]:
    """The chosen rows with an id above `after`, oldest first."""
    cursor = connection.execute(f"SELECT id, {_COLUMNS} FROM quarantine WHERE id > ? ORDER BY id", (after,))  # noqa: S608  constants
    for row, *values in cursor:
        kept = _kept(values)
        if choice.takes(row, kept):
            yield Row(row, kept)


def find(connection: sqlite3.Connection, which: str) -> list[Row]:
    """The row with this id, or the rows of the group that is called so."""
    if which.isdecimal() and len(which) < 19:
        rows = list(read(connection, Choice(id=int(which)), after=int(which) - 1))
        if rows:
            return rows
    return list(read(connection, Choice(group=which)))


def groups(connection: sqlite3.Connection, choice: Choice) -> list[Group]:
    """The chosen rows by fault, the most frequent first. Payloads are not read."""
    found: dict[str, Group] = {}
    columns = _COLUMNS.replace("payload", "X''")
    for row, *values in connection.execute(f"SELECT id, {columns} FROM quarantine ORDER BY id"):  # noqa: S608  constants
        kept = _kept(values)
        if not choice.takes(row, kept):
            continue
        key = group_id(kept)
        known = found.get(key)
        rows, first = (known.rows, known.first) if known else (0, kept.received)
        found[key] = Group(
            key,
            kept.reason,
            kept.source,
            kept.address,
            kept.detail,
            rows + 1,
            min(first, kept.received),
            max(known.last if known else 0, kept.received),
        )
    return sorted(found.values(), key=lambda group: (-group.rows, group.id))


def delete(connection: sqlite3.Connection, rows: Iterable[int]) -> None:
    """Remove rows by their ids."""
    connection.executemany("DELETE FROM quarantine WHERE id = ?", [(row,) for row in rows])


def replace(connection: sqlite3.Connection, rows: Iterable[Row]) -> None:
    """Write rows anew in their old places."""
    connection.executemany(
        "UPDATE quarantine SET received=?, topic=?, payload=?, retained=?, reason=?, detail=?, source=?, address=?,"
        " whole=? WHERE id=?",
        [(*row.kept, row.id) for row in rows],
    )


def _kept(values: Sequence[Any]) -> Kept:
    received, topic, payload, retained, reason, detail, source, address, whole = values
    return Kept(received, topic, payload, bool(retained), reason, detail, source, address, bool(whole))


_COLUMNS: Final = ", ".join(Kept._fields)
