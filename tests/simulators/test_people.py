"""Local time, terms and people."""

from datetime import UTC, date, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from simulators.data import bank_holidays
from simulators.moments import in_term, moment
from simulators.people import curve_of, people
from tests.simulators.estates import DAY, POOL, SCHOOL, TERM_MONDAY

ROOM = SCHOOL.spaces["room-1"]


@pytest.mark.parametrize(
    ("day", "taught"),
    [
        # City of Edinburgh, 2025/26
        (date(2025, 8, 13), True),
        (date(2025, 10, 14), False),
        (date(2025, 10, 21), True),
        (date(2025, 12, 23), False),
        (date(2026, 1, 6), True),
        (date(2026, 2, 18), False),
        (date(2026, 4, 10), False),
        (date(2026, 4, 21), True),
        (date(2026, 6, 25), True),
        (date(2026, 7, 10), False),
    ],
)
def test_terms_are_edinburghs(day: date, taught: bool) -> None:
    assert in_term(day) is taught


def test_summer_time_moves_the_clock() -> None:
    assert moment(int(datetime(2026, 3, 29, 0, 59, tzinfo=UTC).timestamp()), frozenset()).hour == pytest.approx(59 / 60)
    assert moment(int(datetime(2026, 3, 29, 1, 0, tzinfo=UTC).timestamp()), frozenset()).hour == 2.0


def _pupils(at: int, of: int = 1) -> float:
    return people(SCHOOL, ROOM, curve_of(ROOM.use), of, moment(at, bank_holidays()))


def test_a_class_is_in_at_ten_and_gone_at_night_on_sundays_and_in_the_holidays() -> None:
    ten = 10 * 3600
    assert max(_pupils(TERM_MONDAY + day * DAY + ten) for day in range(5)) > 20
    assert _pupils(TERM_MONDAY + 3 * 3600) == 0
    assert _pupils(TERM_MONDAY + 6 * DAY + ten) == 0
    assert _pupils(int(datetime(2026, 7, 8, 10, tzinfo=UTC).timestamp())) < 3
    assert _pupils(int(datetime(2026, 11, 30, 10, tzinfo=UTC).timestamp())) == 0  # St Andrew's Day


@given(st.integers(TERM_MONDAY, TERM_MONDAY + 365 * DAY), st.integers(0, 2**64 - 1))
def test_no_space_holds_more_than_its_capacity(at: int, of: int) -> None:
    now = moment(at, bank_holidays())
    for building in (SCHOOL, POOL):
        for space in building.spaces.values():
            assert 0 <= people(building, space, curve_of(space.use), of, now) <= space.capacity


@pytest.mark.parametrize(
    ("use", "curve"),
    [
        ("classroom", "classroom"), ("dining hall", "dining"), ("sports hall", "leisure"),
        ("open-plan office", "office"),        ("meeting room", "meeting"), ("corridor", "passage"),
        ("plant room", "store"), ("reading room", "public"),
    ],
)  # fmt: skip
def test_the_use_of_a_space_names_its_curve(use: str, curve: str) -> None:
    assert curve_of(use) == curve
