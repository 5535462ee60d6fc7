"""On which days a council's buildings are open, and its schools taught in: rules for any year, and dates that differ.

A rule is a day named in words that hold for every year: `25/12` is a date, `mon>=24/9` the first Monday from
24 September on (`wd>=` the first day from Monday to Friday), `easter` Easter Sunday, `first` the pupils' first day;
`+3` and `-3` count days from there, `-2w` days from Monday to Friday. `a..b` is all days from one to the other; b may
be an offset from a, as in `mon>=10/10..+4`. Everything here is pure.
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from functools import cache
from typing import Final

_WEEKDAYS: Final = {"mon": 0, "tue": 1, "wed": 2, "thu": 3, "fri": 4}
_RULE: Final = re.compile(r"(?:(easter)|(first)|(?:(mon|tue|wed|thu|fri|wd)>=)?(\d+)/(\d+))((?:[+-]\d+)*)(w)?")
_OFFSET: Final = re.compile(r"[+-]\d+")
_AUGUST: Final = 8
"""school years begin here"""
_WEEK: Final = 5
"""days from Monday to Friday"""

ONCE: Final = frozenset(
    {date(2020, 5, 8), date(2022, 6, 2), date(2022, 6, 3), date(2022, 9, 19), date(2023, 5, 8), date(2026, 6, 15)}
)
"""Bank holidays in Scotland of one year only: VE Day, the Platinum Jubilee and the holiday moved to it, the funeral of
Queen Elizabeth, the coronation, the World Cup."""
_MOVED: Final = frozenset({date(2020, 5, 4), date(2022, 5, 30)})
"""Mondays that gave way to one of `ONCE`"""


@dataclass(frozen=True, slots=True)
class Rules:
    """What holds every year, as rules."""

    closed: tuple[str, ...]
    """days on which the council's buildings are closed; a date at a weekend is taken on the next day that is free"""
    first: str
    """the pupils' first day after the summer"""
    last: str
    """and their last before it"""
    breaks: tuple[str, ...]
    """without pupils, beside the closed days"""
    in_service: tuple[str, ...]
    """with teachers, without pupils"""


@dataclass(frozen=True, slots=True)
class SchoolYear:
    """A school year as it was published."""

    first: date
    last: date
    breaks: tuple[tuple[date, date], ...] = ()
    """first and last day of each"""
    in_service: frozenset[date] = frozenset()


@dataclass(frozen=True, slots=True)
class Calendar:
    """A council's days."""

    rules: Rules
    closed: frozenset[date] = frozenset()
    """more days on which the council's buildings are closed"""
    open: frozenset[date] = frozenset()
    """days on which they are open, whatever the rules say"""
    years: tuple[SchoolYear, ...] = ()
    """school years that replace those of the rules"""

    def is_closed(self, day: date) -> bool:
        """Whether the council's buildings are closed for a holiday."""
        return day not in self.open and (day in self.closed or day in closed_days(self.rules, day.year))

    def in_term(self, day: date) -> bool:
        """Whether pupils are at school, were it no weekend."""
        year = self.school_year(day)
        return (
            year.first <= day <= year.last
            and day not in year.in_service
            and not any(first <= day <= last for first, last in year.breaks)
            and not self.is_closed(day)
        )

    def in_service(self, day: date) -> bool:
        """Whether teachers have the school to themselves."""
        return day in self.school_year(day).in_service and not self.is_closed(day)

    def school_year(self, day: date) -> SchoolYear:
        """The school year, from August to July, that a day belongs to."""
        begins = school_year_of(day)
        return next((one for one in self.years if school_year_of(one.first) == begins), school_year(self.rules, begins))


SCOTLAND: Final = Calendar(
    Rules(
        closed=("1/1", "2/1", "easter-2", "mon>=1/5", "mon>=25/5", "mon>=1/8", "30/11", "25/12", "26/12"),
        first="wed>=12/8",
        last="fri>=24/6",
        breaks=("mon>=10/10..+4", "mon>=20/12..5/1", "mon>=10/2..+4", "mon>=1/4..+11", "easter-2", "easter+1"),
        in_service=("first-2w", "first-1w", "mon>=10/10+7", "mon>=10/2+7", "mon>=1/5+1"),
    )
)
"""Scotland's bank holidays, and school terms such as many councils have: for who names no council."""


@cache
def closed_days(rules: Rules, year: int) -> frozenset[date]:
    """The days of a calendar year on which the rules close, those of that year only among them."""
    found: set[date] = set()
    for rule in rules.closed:
        day = _on(rule, year)
        while day.weekday() >= _WEEK or day in found:
            day += timedelta(days=1)
        found.add(day)
    return frozenset(found - _MOVED | {day for day in ONCE if day.year == year})


@cache
def school_year(rules: Rules, begins: int) -> SchoolYear:
    """The school year that begins in August of the year `begins`."""
    first = _in_school_year(rules.first, begins)
    return SchoolYear(
        first,
        _in_school_year(rules.last, begins),
        tuple(_range(rule, begins, first) for rule in rules.breaks),
        frozenset(_in_school_year(rule, begins, first) for rule in rules.in_service),
    )


def school_year_of(day: date) -> int:
    """The year in whose August the school year of a day begins."""
    return day.year - (day.month < _AUGUST)


def unreadable(rules: Iterable[str]) -> Iterator[str]:
    """Those rules that are none."""
    return (rule for rule in rules if not all(_RULE.fullmatch(part) for part in _parts(rule)))


def easter(year: int) -> date:
    """Easter Sunday (Meeus, Jones and Butcher)."""
    a, (b, c) = year % 19, divmod(year, 100)
    h = (19 * a + b - b // 4 - (b - (b + 8) // 25 + 1) // 3 + 15) % 30
    k = (32 + 2 * (b % 4) + 2 * (c // 4) - h - c % 4) % 7
    month, day = divmod(h + k - 7 * ((a + 11 * h + 22 * k) // 451) + 114, 31)
    return date(year, month, day + 1)


def _parts(rule: str) -> tuple[str, str]:
    """Both ends of a rule, the second in full where it was an offset."""
    start, dots, end = rule.partition("..")
    return start, (start + end if end[:1] in "+-" else end) if dots else start


def _range(rule: str, begins: int, first: date) -> tuple[date, date]:
    start, end = _parts(rule)
    return _in_school_year(start, begins, first), _in_school_year(end, begins, first)


def _in_school_year(rule: str, begins: int, first: date | None = None) -> date:
    """Where a rule falls in the school year: before August it is the second of its calendar years."""
    day = _on(rule, begins, first)
    return day if rule.startswith("first") or school_year_of(day) == begins else _on(rule, begins + 1, first)


def _on(rule: str, year: int, first: date | None = None) -> date:
    match = _RULE.fullmatch(rule)
    if match is None:
        raise ValueError(f"{rule!r} names no day")
    if match[1]:
        day = easter(year)
    elif match[2]:
        if first is None:
            raise ValueError(f"{rule!r} counts from a school year's first day, and there is none here")
        day = first
    else:
        day = _from(match[3], date(year, int(match[5]), int(match[4])))
    by = sum(int(each) for each in _OFFSET.findall(match[6]))
    return _weekdays_on(day, by) if match[7] else day + timedelta(days=by)


def _from(weekday: str | None, day: date) -> date:
    if weekday == "wd":
        return day + timedelta(days=max(0, 7 - day.weekday()) if day.weekday() >= _WEEK else 0)
    return day + timedelta(days=(_WEEKDAYS[weekday] - day.weekday()) % 7) if weekday else day


def _weekdays_on(day: date, by: int) -> date:
    while by:
        day += timedelta(days=1 if by > 0 else -1)
        if day.weekday() < _WEEK:
            by -= 1 if by > 0 else -1
    return day
