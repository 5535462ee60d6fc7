"""Local time in Scotland and what kind of day it is: schedules run on it, storage stays in UTC."""

from dataclasses import dataclass
from datetime import date, datetime, time
from typing import Final

import numpy as np

from devices.calendar import Calendar
from devices.localdays import LONDON
from devices.model import Hours
from simulators.noise import Flags, Floats, Ints

SLOT_S: Final = 300
"""timetables and weather are constant for so long"""
DAY_S: Final = 86_400
SLOTS: Final = DAY_S // SLOT_S
_USUAL_HOURS: Final = (Hours(frozenset(range(5)), time(8, 30), time(17)),)


@dataclass(frozen=True, slots=True)
class Clock:
    """The slots of one day (UTC) on a clock in Scotland, one value for each."""

    at: Ints
    """seconds since 1970"""
    day: Ints
    """ordinal of the local date"""
    hour: Floats
    """local time, 0 to 24"""
    weekday: Ints
    """0 Monday … 6 Sunday"""


@dataclass(frozen=True, slots=True)
class Slots(Clock):
    """The same as a caretaker of one council sees them."""

    holiday: Flags
    """the council's buildings are closed"""
    in_term: Flags
    """pupils are in"""
    in_service: Flags
    """teachers are in, pupils are not"""


def clock(day_start: int) -> Clock:
    """The slots of the day that begins at `day_start`, seconds since 1970, a midnight in UTC."""
    at = day_start + SLOT_S * np.arange(SLOTS)
    local = [datetime.fromtimestamp(second, LONDON) for second in at.tolist()]
    return Clock(
        at=at,
        day=np.array([moment.toordinal() for moment in local]),
        hour=np.array([moment.hour + moment.minute / 60 for moment in local]),
        weekday=np.array([moment.weekday() for moment in local]),
    )


def slots(now: Clock, calendar: Calendar) -> Slots:
    """The slots of a day in a council."""
    dates = [date.fromordinal(day) for day in now.day.tolist()]
    kinds = {day: (calendar.is_closed(day), calendar.in_term(day), calendar.in_service(day)) for day in set(dates)}
    holiday, in_term, in_service = np.array([kinds[day] for day in dates]).T
    return Slots(now.at, now.day, now.hour, now.weekday, holiday, in_term, in_service)


def openness(hours: tuple[Hours, ...], now: Clock, ramp_h: float = 0.0, lead_h: Floats | float = 0.0) -> Floats:
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
