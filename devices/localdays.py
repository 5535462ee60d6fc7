"""Half-hours, days and months on the clock of Europe/London, as times in ns: a day has 23, 24 or 25 hours."""

from collections.abc import Iterator
from datetime import date, datetime, time, timedelta
from typing import Final
from zoneinfo import ZoneInfo

from devices.timestamps import SECOND

HALF_HOUR_NS: Final = 1_800 * SECOND
ZONE: Final = "Europe/London"
LONDON: Final = ZoneInfo(ZONE)

Span = tuple[int, int]
"""Begin and end, ns."""


def local(at: int) -> datetime:
    """A time, ns, on the local clock, to the second."""
    return datetime.fromtimestamp(at // SECOND, LONDON)


def day_of(at: int) -> date:
    """The local day of a time, ns."""
    return local(at).date()


def midnight(day: date) -> int:
    """When a local day begins, ns."""
    return int(datetime.combine(day, time(), LONDON).timestamp()) * SECOND


def days(start: int, end: int) -> Iterator[Span]:
    """The local days that have a part between two times."""
    day = day_of(start)
    while (first := midnight(day)) < end:
        day += timedelta(days=1)
        yield first, midnight(day)


def months(start: int, end: int) -> Iterator[Span]:
    """The local months that have a part between two times."""
    month = day_of(start).replace(day=1)
    while (first := midnight(month)) < end:
        month = (month + timedelta(days=31)).replace(day=1)
        yield first, midnight(month)
