"""Local time, terms and people."""

from dataclasses import replace
from datetime import UTC, datetime
from statistics import fmean

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from devices.calendar import Calendar
from devices.estate.reference import calendar_rules
from devices.model import Building, Space
from simulators.moments import clock, slots
from simulators.noise import Floats, keys
from simulators.people import curve_of, day_share, expected, opened
from tests.simulators.estates import DAY, POOL, SCHOOL, TERM_MONDAY

EDINBURGH = Calendar(calendar_rules()["S12000036"])
ROOM = SCHOOL.spaces["room-1"]


def test_summer_time_moves_the_clock() -> None:
    day = clock(int(datetime(2026, 3, 29, tzinfo=UTC).timestamp()))
    assert day.hour[11] == pytest.approx(55 / 60)
    assert day.hour[12] == 2.0


def _people(building: Building, space: Space, day: int, of: int = 1, calendar: Calendar = EDINBURGH) -> Floats:
    now, curve = slots(clock(day), calendar), curve_of(space.use)
    share = (day_share(building, now, curve) * opened(building, now))[:, None]
    return expected((curve,), share, np.array([float(space.capacity)]), keys([of]), now)[:, 0]


def _midnight(year: int, month: int, day: int) -> int:
    return int(datetime(year, month, day, tzinfo=UTC).timestamp())


def test_a_class_is_in_at_ten_and_gone_at_night_on_sundays_and_in_the_holidays() -> None:
    ten, three = 10 * 12, 3 * 12
    assert max(_people(SCHOOL, ROOM, TERM_MONDAY + day * DAY)[ten] for day in range(5)) > 20
    assert _people(SCHOOL, ROOM, TERM_MONDAY)[three] == 0
    assert _people(SCHOOL, ROOM, TERM_MONDAY + 6 * DAY)[ten] == 0
    assert _people(SCHOOL, ROOM, _midnight(2026, 7, 8))[ten] < 3
    assert 0 < _people(SCHOOL, ROOM, _midnight(2026, 8, 11))[ten] < 8  # teachers only


def test_a_local_holiday_is_one_council_s() -> None:
    """Edinburgh's autumn holiday is the third Monday of September, Glasgow's the last."""
    glasgow, ten = Calendar(calendar_rules()["S12000049"]), 10 * 12
    third, last = _midnight(2026, 9, 21), _midnight(2026, 9, 28)
    assert _people(SCHOOL, ROOM, third)[ten] == _people(SCHOOL, ROOM, last, calendar=glasgow)[ten] == 0
    assert _people(SCHOOL, ROOM, third, calendar=glasgow)[ten] > 1
    assert _people(SCHOOL, ROOM, last)[ten] > 1


def test_an_office_is_fullest_in_the_middle_of_the_week() -> None:
    office = Space("o", "O", "", "office", 200, 100)
    hall = replace(SCHOOL, use="town hall", tm46=1)
    days = [
        [float(_people(hall, office, TERM_MONDAY + (7 * week + day) * DAY).max()) for week in range(6)]
        for day in range(5)
    ]
    monday, tuesday, wednesday, thursday, friday = (fmean(day) for day in days)
    assert min(tuesday, wednesday, thursday) > max(monday, friday)
    assert 40 < wednesday < 75


@given(st.integers(0, 365), st.integers(0, 2**64 - 1))
@settings(max_examples=40)
def test_no_space_holds_more_than_its_capacity(day: int, of: int) -> None:
    for building in (SCHOOL, POOL):
        for space in building.spaces.values():
            people = _people(building, space, TERM_MONDAY + day * DAY, of)
            assert people.min() >= 0
            assert people.max() <= space.capacity


@pytest.mark.parametrize(
    ("use", "curve"),
    [
        ("classroom", "classroom"), ("dining hall", "dining"), ("sports hall", "leisure"),
        ("open-plan office", "office"), ("meeting room", "meeting"), ("corridor", "passage"),
        ("plant room", "store"), ("reading room", "public"), ("mothballed classroom", "vacant"),
    ],
)  # fmt: skip
def test_the_use_of_a_space_names_its_curve(use: str, curve: str) -> None:
    assert curve_of(use) == curve
