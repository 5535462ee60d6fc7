"""Local time in Scotland and what kind of day it is: schedules run on it, storage stays in UTC."""

from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Final
from zoneinfo import ZoneInfo

from devices.model import Hours

_LONDON: Final = ZoneInfo("Europe/London")
_USUAL_HOURS: Final = (Hours(frozenset(range(5)), time(8, 30), time(17)),)


@dataclass(frozen=True, slots=True)
class Moment:
    """One instant as a caretaker sees it."""

    at: int
    """seconds since 1970"""
    day: int
    """ordinal of the local date"""
    hour: float
    """local time, 0 to 24"""
    weekday: int
    """0 Monday … 6 Sunday"""
    bank_holiday: bool
    in_term: bool
    """schools are in"""


def moment(at: int, bank_holidays: frozenset[date]) -> Moment:
    """`at`, seconds since 1970, in local time."""
    local = datetime.fromtimestamp(at, _LONDON)
    today = local.date()
    return Moment(
        at=at,
        day=today.toordinal(),
        hour=local.hour + local.minute / 60 + local.second / 3600,
        weekday=today.weekday(),
        bank_holiday=today in bank_holidays,
        in_term=in_term(today) and today not in bank_holidays,
    )


def in_term(day: date) -> bool:
    """Whether the date lies in a school term, by a rule that is within a week of Edinburgh's terms of 2025/26.

    Summer holiday from 27 June to 12 August, the October week from the second Monday of October, Christmas from
    22 December to 5 January, the week of the third Monday of February, and two weeks of spring from the first Friday
    of April.
    """
    year = day.year
    october = _nth_weekday(year, 10, 0, 2)
    february = _nth_weekday(year, 2, 0, 3)
    spring = _nth_weekday(year, 4, 4, 1)
    holidays = (
        (date(year, 1, 1), date(year, 1, 5)),
        (february, february + timedelta(days=4)),
        (spring, spring + timedelta(days=16)),
        (date(year, 6, 27), date(year, 8, 12)),
        (october, october + timedelta(days=6)),
        (date(year, 12, 22), date(year, 12, 31)),
    )
    return not any(first <= day <= last for first, last in holidays)


def openness(hours: tuple[Hours, ...], now: Moment, lead_h: float = 0.0, ramp_h: float = 0.0) -> float:
    """0 closed to 1 open. It opens `lead_h` early, and is half open at the hour itself when it has a ramp.

    Where the registry lists no hours, office hours are taken.
    """
    best = 0.0
    for opening in hours or _USUAL_HOURS:
        if now.weekday not in opening.days:
            continue
        start, end = span(opening)
        if ramp_h and end - start < 24:
            inside = min(now.hour - start + lead_h, end - now.hour) / ramp_h + 0.5
            best = max(best, min(1.0, inside))
        elif start - lead_h <= now.hour < end:
            return 1.0
    return best


def span(opening: Hours) -> tuple[float, float]:
    """Start and end in hours of the day; midnight as an end is 24."""
    start = opening.start.hour + opening.start.minute / 60
    end = opening.end.hour + opening.end.minute / 60
    return start, end or 24.0


def _nth_weekday(year: int, month: int, weekday: int, nth: int) -> date:
    first = date(year, month, 1)
    return first + timedelta(days=(weekday - first.weekday()) % 7 + 7 * (nth - 1))
