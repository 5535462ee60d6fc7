"""Journals for tests, and what goes into them."""

from array import array
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from devices.message import Fate
from ingest.counts import RECEIVED
from ingest.journal import Entry, Journal
from ingest.quarantine import Kept

DAY = 86_400 * 10**9


STORED = (Fate.STORED.value, "")


@asynccontextmanager
async def opened(
    folder: Path, *, max_bytes: int = 2**30, keep: int = 100, quarantine: int = 2**20, now: int = DAY
) -> AsyncIterator[Journal]:
    made = Journal(
        folder,
        max_bytes=max_bytes,
        keep_packets=keep,
        quarantine_bytes=quarantine,
        quarantine_age=DAY,
        clock=lambda: now,
    )
    async with made:
        yield made


def entry(*messages: int, text: str = "climate x=1 1", packets: tuple[int, ...] = ()) -> Entry:
    """Messages with so many lines each, all received."""
    made = Entry(received=5, lines=[text] * sum(messages), sizes=array("I", messages))
    made.packets = array("Q", (identifier << 32 | crc for identifier, crc in enumerate(packets, 1)))
    made.tally[RECEIVED, ""] = len(messages)
    return made


def refused(payload: bytes = b"x", received: int = DAY) -> Entry:
    """One message that goes to quarantine."""
    made = Entry(received=received)
    made.kept.append(Kept(received, "a/b", payload, False, "malformed", "no JSON", "", "", True))
    made.tally[RECEIVED, ""] = made.tally[Fate.QUARANTINED.value, "malformed"] = 1
    return made
