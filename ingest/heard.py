"""When each device was last heard, kept in the journal's file over a restart."""

import sqlite3
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

TABLE: Final = (
    "CREATE TABLE IF NOT EXISTS heard (council TEXT NOT NULL, device TEXT NOT NULL, time INTEGER NOT NULL,"
    " own_time INTEGER NOT NULL, online INTEGER, PRIMARY KEY (council, device)) WITHOUT ROWID"
)


@dataclass(frozen=True, slots=True)
class Heard:
    """When a device was last heard, ns; `online` is what it said itself, None if nothing."""

    council: str
    device: str
    time: int
    own_time: bool
    online: bool | None


def read(db: sqlite3.Connection) -> list[Heard]:
    """All, as saved last."""
    rows = db.execute("SELECT council, device, time, own_time, online FROM heard")
    return [Heard(c, d, t, bool(own), None if online is None else bool(online)) for c, d, t, own, online in rows]


def save(db: sqlite3.Connection, heard: Iterable[Heard]) -> None:
    """Save these; the transaction is the caller's."""
    rows = [(h.council, h.device, h.time, h.own_time, h.online) for h in heard]
    db.executemany("INSERT OR REPLACE INTO heard VALUES (?,?,?,?,?)", rows)
