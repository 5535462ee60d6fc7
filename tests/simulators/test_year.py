"""A healthy year, short: coarse steps, and no devices. `python -m tests.simulators.year` is the long one."""

import pytest

from tests.simulators.year import Result, year


@pytest.fixture(scope="module")
def results() -> list[Result]:
    return year(seed=5, dt=300)


def test_electricity_and_gas_are_within_a_tenth_of_tm46(results: list[Result]) -> None:
    for one in results:
        assert one.electricity == pytest.approx(one.expected_electricity, rel=0.1), one
        assert one.gas == pytest.approx(one.expected_gas, rel=0.1), one


def test_the_weekly_gas_follows_the_degree_days(results: list[Result]) -> None:
    for one in results:
        assert one.weekly_r2 > 0.9, one


def test_weekends_and_nights_are_those_of_such_buildings(results: list[Result]) -> None:
    """Weekday buildings fall to 40 to 75 % at weekends and to 25 to 60 % at night, what stays open does not.

    The bounds are wide: BCO and Energy Sparks find half of an office's or a school's electricity used while closed.
    """
    by = {one.tm46: one for one in results}
    for tm46 in (1, 17, 19, 27, 28):
        assert 0.3 < by[tm46].weekend < 0.8, by[tm46]
        assert 0.2 < by[tm46].night < 0.65, by[tm46]
    for tm46 in (7, 11, 21, 22, 23):
        assert 0.9 < by[tm46].weekend < 1.1, by[tm46]
    assert by[12].night > by[14].night
