"""Points of roll-ups: their lines, and writing them."""

from collections.abc import Iterable, Mapping
from itertools import islice
from typing import Final

from devices.rollups import database_of
from ingest.influx import DatabaseError, Influx, Stored
from ingest.lineprotocol import escape_tag

DIGITS: Final = 9
"""Decimals of what is stored: less than any register shows, more than arithmetic spoils."""
LINES: Final = 5_000
"""Of one write."""


def tags_of(names: Iterable[str], values: Iterable[str]) -> str:
    """Tags of a line, with a leading comma; an empty one is absent."""
    escaped = zip(names, map(escape_tag, values), strict=True)
    return "".join(f",{name}={value}" for name, value in escaped if value)


def line_of(measurement: str, tags: str, fields: Mapping[str, float], time: int) -> str:
    """The line of a point."""
    amounts = ",".join(f"{key}={round(float(amount), DIGITS)!r}" for key, amount in fields.items())
    return f"{measurement}{tags} {amounts} {time}"


async def write(influx: Influx, lines: Iterable[str]) -> int:
    """Write lines to the database of roll-ups; how many there were.

    Raises:
        DatabaseError: it did not answer, or refused.
    """
    source, written = iter(lines), 0
    while batch := list(islice(source, LINES)):
        verdict = await influx.write("\n".join(batch).encode(), len(batch), database=database_of(influx.database))
        if not isinstance(verdict, Stored):
            raise DatabaseError(f"roll-ups are not written: {verdict.detail}")
        written += len(batch)
    return written
