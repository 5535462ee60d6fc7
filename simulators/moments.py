"""Local time in Scotland and what kind of day it is: schedules run on it, storage stays in UTC."""

from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Final
from zoneinfo import ZoneInfo

import numpy as np

from devices.model import Hours
from simulators.noise import Flags, Floats, Ints

SLOT_S: Final = 300
"""timetables and weather are constant for so long"""
DAY_S: Final = 86_400
SLOTS: Final = DAY_S // SLOT_S
_LONDON: Final = ZoneInfo("Europe/London")
_USUAL_HOURS: Final = (Hours(frozenset(range(5)), time(8, 30), time(17)),)
_IN_SERVICE: Final = 2
"""days before the autumn term on which only staff come; one more after the October and the February holiday"""


@dataclass(frozen=True, slots=True)
class Slots:
    """The slots of one day (UTC) as a caretaker sees them, one value for each."""

    at: Ints
    """seconds since 1970"""
    day: Ints
    """ordinal of the local date"""
    hour: Floats
    """local time, 0 to 24"""
    weekday: Ints
    """0 Monday … 6 Sunday"""
    bank_holiday: Flags
    in_term: Flags
    """pupils are in"""
    in_service: Flags
    """teachers are in, pupils are not"""


def slots(day_start: int, bank_holidays: frozenset[date]) -> Slots:
    """The slots of the day that begins at `day_start`, seconds since 1970, a midnight in UTC."""
    at = day_start + SLOT_S * np.arange(SLOTS)
    local = [datetime.fromtimestamp(second, _LONDON) for second in at.tolist()]
    dates = [moment.date() for moment in local]
    holiday = {day: day in bank_holidays for day in set(dates)}
    taught = {day: in_term(day) and not holiday[day] for day in holiday}
    serving = {day: in_service(day) and not holiday[day] for day in holiday}
    return Slots(
        at=at,
        day=np.array([day.toordinal() for day in dates]),
        hour=np.array([moment.hour + moment.minute / 60 for moment in local]),
        weekday=np.array([day.weekday() for day in dates]),
        bank_holiday=np.array([holiday[day] for day in dates]),
        in_term=np.array([taught[day] for day in dates]),
        in_service=np.array([serving[day] for day in dates]),
    )


def in_term(day: date) -> bool:
    """Whether the date lies in a school term, by a rule that is within a week of Edinburgh's terms of 2025/26.

    Summer holiday from 27 June to 12 August, the October week from the second Monday of October, Christmas from
    22 December to 5 January, the week of the third Monday of February, and two weeks of spring from the first Friday
    of April. Days in service are no term.
    """
    return not in_service(day) and not any(first <= day <= last for first, last in _holidays(day.year))


def in_service(day: date) -> bool:
    """Whether teachers have the school to themselves: before the autumn term and after two of its holidays."""
    october, february = _holidays(day.year)[4], _holidays(day.year)[1]
    days = (
        *(date(day.year, 8, 12) - timedelta(days=back) for back in range(_IN_SERVICE)),
        october[1] + timedelta(days=1),
        february[1] + timedelta(days=3),
    )
    return day in days


def openness(hours: tuple[Hours, ...], now: Slots, ramp_h: float = 0.0, lead_h: Floats | float = 0.0) -> Floats:
    """0 closed to 1 open. It opens `lead_h` early, and is half open at the hour itself when it has a ramp.

    Where the registry lists no hours, office hours are taken.
    """
    best = np.zeros(len(now.at))
    for opening in hours or _USUAL_HOURS:
        start, end = span(opening)
        if ramp_h and end - start < 24:
            inside = np.minimum(now.hour - start + lead_h, end - now.hour) / ramp_h + 0.5
            part = np.clip(inside, 0.0, 1.0)
        else:
            part = ((start - lead_h <= now.hour) & (now.hour < end)).astype(np.float64)
        best = np.maximum(best, np.where(np.isin(now.weekday, list(opening.days)), part, 0.0))
    return best


def span(opening: Hours) -> tuple[float, float]:
    """Start and end in hours of the day; midnight as an end is 24."""
    start = opening.start.hour + opening.start.minute / 60
    end = opening.end.hour + opening.end.minute / 60
    return start, end or 24.0


def _holidays(year: int) -> tuple[tuple[date, date], ...]:
    october = _nth_weekday(year, 10, 0, 2)
    february = _nth_weekday(year, 2, 0, 3)
    spring = _nth_weekday(year, 4, 4, 1)
    return (
        (date(year, 1, 1), date(year, 1, 5)),
        (february, february + timedelta(days=4)),
        (spring, spring + timedelta(days=16)),
        (date(year, 6, 27), date(year, 8, 12)),
        (october, october + timedelta(days=6)),
        (date(year, 12, 22), date(year, 12, 31)),
    )


def _nth_weekday(year: int, month: int, weekday: int, nth: int) -> date:
    first = date(year, month, 1)
    return first + timedelta(days=(weekday - first.weekday()) % 7 + 7 * (nth - 1))
