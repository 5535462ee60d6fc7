"""The packet identifiers that a redelivery would carry, in memory and in the journal's file."""

import sqlite3
from array import array
from collections import deque
from itertools import islice
from typing import Final

TABLE: Final = "CREATE TABLE IF NOT EXISTS handed (id INTEGER PRIMARY KEY, packets BLOB NOT NULL)"


class Handed:
    """What was committed last under each packet identifier, for the last `keep` identifiers.

    The broker handles our PUBACKs in order, so what it may send again is among the last `keep` that we committed; one
    that comes round to an older identifier has had its PUBACK long ago. Rows of the table are kept while they hold one
    of these. A row counted here whose transaction failed only makes us keep too much.
    """

    def __init__(self, keep: int) -> None:
        self._keep = keep
        self._rows: deque[tuple[int, int]] = deque()
        self._total = 0
        self.packets: dict[int, int] = {}
        """packet identifier → CRC-32 of topic and payload"""

    def restore(self, db: sqlite3.Connection) -> None:
        """Read what an earlier process has left."""
        for row, blob in db.execute("SELECT id, packets FROM handed ORDER BY id"):
            packets = array("Q", blob)
            self._add(row, len(packets))
            self.note(packets)

    def note(self, packets: "array[int]") -> None:
        """These are committed: identifier << 32 | CRC-32."""
        known = self.packets
        for packet in packets:
            identifier = packet >> 32
            known.pop(identifier, None)
            known[identifier] = packet & 0xFFFF_FFFF
        for identifier in list(islice(known, max(0, len(known) - self._keep))):
            del known[identifier]

    def surplus(self, coming: int) -> int:
        """Drop what `coming` more identifiers make needless; the id of the last row dropped, 0 if none."""
        last = 0
        while self._rows and self._total + coming - self._rows[0][1] >= self._keep:
            last, count = self._rows.popleft()
            self._total -= count
        return last

    def write(self, db: sqlite3.Connection, packets: "array[int]", forget: int) -> None:
        """Write these, and delete rows up to `forget`; the transaction is the caller's."""
        cursor = db.execute("INSERT INTO handed (packets) VALUES (?)", (packets.tobytes(),))
        db.execute("DELETE FROM handed WHERE id <= ?", (forget,))
        self._add(cursor.lastrowid or 0, len(packets))

    def _add(self, row: int, count: int) -> None:
        self._rows.append((row, count))
        self._total += count
