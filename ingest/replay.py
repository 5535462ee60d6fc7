"""Replay of quarantine: what could not be stored is decoded again, with today's registry and the old time of arrival.

It works beside a running ingest. One chunk is one SQLite transaction, so that the counts add up at every moment: what
is stored now leaves quarantine and waits in the journal for ingest to write it; what still fails stays, with its new
reason. Lines of a message that was partly stored before are written again, which changes nothing.
"""

import sqlite3
from array import array
from collections import Counter
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Final

from devices.decode import Decoder
from devices.message import REFUSED, Fate, Message, Reason
from ingest import counts, journal, journalfile, lineprotocol, quarantine, remembered
from ingest.counts import VALUES
from ingest.journalfile import JournalError
from ingest.lineprotocol import Tags
from ingest.quarantine import Choice, Kept, Row
from ingest.remembered import Remembered

CHUNK: Final = 500
WAIT_S: Final = 60.0
"""How long a replay waits for ingest's own transaction."""
_WRITTEN: Final = "written/"
"""Keys of what a source has written already: with them a replayed value would be taken for a repetition."""
_QUARANTINED: Final = Fate.QUARANTINED.value


@dataclass(slots=True)
class Result:
    """What a replay has done."""

    looked: int = 0
    stored: int = 0
    """messages of which something is stored now that was not"""
    refused: int = 0
    """messages that were understood and hold no reading"""
    left: int = 0
    """rows still in quarantine, or in it again for the rest of their message"""
    lines: int = 0
    reasons: Counter[str] = field(default_factory=Counter)
    """reason → rows left with it"""


@dataclass(slots=True)
class _Chunk:
    """What one transaction changes."""

    lines: list[str] = field(default_factory=list)
    sizes: "array[int]" = field(default_factory=lambda: array("I"))
    loose: list[str] = field(default_factory=list)
    """lines of messages that are counted as stored already"""
    tally: Counter[tuple[str, str]] = field(default_factory=Counter)
    gone: list[int] = field(default_factory=list)
    changed: list[Row] = field(default_factory=list)


@contextmanager
def opened(folder: Path) -> Iterator[sqlite3.Connection]:
    """The journal's file, for reading quarantine while ingest may be running.

    Raises:
        JournalError: it is not there, or cannot be read.
    """
    path = folder / journalfile.FILE
    if not path.exists():
        raise JournalError(f"{path} is not there: ingest has not run with this data folder")
    try:
        with closing(sqlite3.connect(path, timeout=WAIT_S, isolation_level=None)) as db:
            db.execute("PRAGMA synchronous = FULL")
            (version,) = db.execute("PRAGMA user_version").fetchone()
            if version != journal.VERSION:
                raise JournalError(f"{path} was written by another version of tolbooth ({version}): use that version")
            yield db
    except sqlite3.DatabaseError as error:
        raise JournalError(f"{path}: {error}") from error


def descriptions(db: sqlite3.Connection) -> list[Remembered]:
    """What sources remember of descriptions, without what they have written."""
    return [(source, key, value) for source, key, value in remembered.read(db) if not key.startswith(_WRITTEN)]


def descriptions_in(folder: Path) -> list[Remembered]:
    """`descriptions` of a data folder; none where ingest has not run with it yet."""
    if not (folder / journalfile.FILE).exists():
        return []
    with opened(folder) as db:
        return descriptions(db)


def replay(
    db: sqlite3.Connection,
    decoder: Decoder,
    tags: Tags,
    choice: Choice,
    *,
    now: int,
    max_bytes: int,
) -> Result:
    """Decode the chosen rows again and store what passes.

    Args:
        decoder: fresh, with the sources' `descriptions` restored.
        now: ns; when the lines enter the journal.
        max_bytes: bound of the journal.

    Raises:
        JournalError: the journal is full; what was done before stays done.
    """
    result = Result()
    after = 0
    while True:
        db.execute("BEGIN IMMEDIATE")
        try:
            _check_room(db, max_bytes)
            rows = list(islice(quarantine.read(db, choice, after=after), CHUNK))
            chunk = _Chunk()
            for row in rows:
                _again(row, decoder, tags, chunk, result)
            _write(db, chunk, now)
            db.execute("COMMIT")
        except BaseException:
            if db.in_transaction:
                db.execute("ROLLBACK")
            raise
        if not rows:
            return result
        after = rows[-1].id


def _again(row: Row, decoder: Decoder, tags: Tags, chunk: _Chunk, result: Result) -> None:
    """Judge one row anew."""
    result.looked += 1
    kept = row.kept
    if not kept.topic and kept.reason == Reason.DATABASE_REFUSED:
        _journal(kept, kept.payload.decode().split("\n"), chunk, result)
        chunk.gone.append(row.id)
        return
    outcome = decoder.decode(Message(kept.topic, kept.payload, kept.received, kept.retained))
    faults = [reject for reject in outcome.rejects if reject.reason not in REFUSED]
    detail = "; ".join(fault.detail for fault in faults)[: quarantine.MAX_DETAIL]
    same = bool(faults) and (faults[0].reason, detail) == (kept.reason, kept.detail)
    if outcome.placed and (kept.whole or not same):
        _journal(kept, lineprotocol.lines(outcome.placed, tags), chunk, result)
        if kept.whole:
            chunk.tally[VALUES, ""] += sum(len(sample.readings) for sample in outcome.placed)
    elif not faults:
        result.refused += 1
        if kept.whole:
            reason = outcome.rejects[0].reason if outcome.rejects else Reason.NO_VALUE
            _move(chunk, kept, Fate.REFUSED, reason)
    elif kept.whole:
        _move(chunk, kept, Fate.QUARANTINED, faults[0].reason)
    if not faults:
        chunk.gone.append(row.id)
        return
    result.left += 1
    result.reasons[faults[0].reason] += 1
    whole = kept.whole and not outcome.placed
    new = kept._replace(
        reason=faults[0].reason.value, detail=detail, source=outcome.source, address=outcome.address, whole=whole
    )
    if new != kept:
        chunk.changed.append(Row(row.id, new))


def _journal(kept: Kept, lines: list[str], chunk: _Chunk, result: Result) -> None:
    result.stored += 1
    result.lines += len(lines)
    if kept.whole:
        chunk.tally[_QUARANTINED, kept.reason] -= 1
        chunk.lines += lines
        chunk.sizes.append(len(lines))
    else:
        chunk.loose += lines


def _move(chunk: _Chunk, kept: Kept, fate: Fate, reason: Reason) -> None:
    chunk.tally[_QUARANTINED, kept.reason] -= 1
    chunk.tally[fate.value, reason.value] += 1


def _write(db: sqlite3.Connection, chunk: _Chunk, now: int) -> None:
    lines = chunk.lines + chunk.loose
    if lines:
        db.execute(
            "INSERT INTO batch (received, messages, count, sizes, lines) VALUES (?,?,?,?,?)",
            (now, len(chunk.sizes), len(lines), chunk.sizes.tobytes(), "\n".join(lines).encode()),
        )
    counts.add(db, chunk.tally)
    quarantine.delete(db, chunk.gone)
    quarantine.replace(db, chunk.changed)


def _check_room(db: sqlite3.Connection, max_bytes: int) -> None:
    (size,) = db.execute("SELECT COALESCE(SUM(LENGTH(lines)), 0) FROM batch").fetchone()
    if size >= max_bytes:
        raise JournalError(
            f"the journal is full ({size} bytes): start ingest, and replay the rest when it has caught up"
        )
