"""A healthy year of every category of building against what is known of such buildings, without devices.

- electricity and gas for each m² against CIBSE TM46, gas adjusted by TM46's own rule to the year's degree days;
- gas of each week against its degree days to 15.5 °C (R²): weeks in term for schools, since nobody heats in holidays;
- electricity at night against the day, at weekends against weekdays, and of a school outside lessons, against the
  figures in `bands.py`.
"""

from typing import NamedTuple

import numpy as np

from devices.calendar import Calendar
from simulators.meters import ELECTRICITY, GAS, LOADS
from simulators.moments import DAY_S, clock, slots
from simulators.noise import Flags, Floats, Ints
from simulators.people import is_school
from simulators.scenario import HEALTHY
from simulators.stock import make_stock
from simulators.truth import truth
from tests.simulators.reference import CATEGORIES, REFERENCE_DEGREE_DAYS, reference

JANUARY_2026 = 1_767_225_600
DAYS = 365
YEAR_S = DAYS * DAY_S
_NOON = 144


class Result(NamedTuple):
    """One category's year."""

    tm46: int
    electricity: float
    """kWh/m², like the next three"""
    expected_electricity: float
    gas: float
    expected_gas: float
    degree_days: float
    weekly_r2: float
    """of gas and degree days"""
    weekend: float
    """`bands.WEEKEND` says what it is, as `night` and `out_of_hours`"""
    night: float
    out_of_hours: float
    """share of electricity outside 09:00 to 15:30 on school days"""


def year(seed: int, dt: int = 60) -> list[Result]:
    """A year of the reference buildings."""
    stock = make_stock(reference(), seed)
    end = JANUARY_2026 + YEAR_S
    parts = list(truth(stock, seed=seed, start=JANUARY_2026, end=end, scenario=HEALTHY, faults=[], dt=dt))
    loads = np.concatenate([part.loads for part in parts]) / stock.area_m2[:, None]
    outdoors = np.concatenate([part.outdoor_c[:, 0] for part in parts])
    degree_days = np.maximum(0.0, 15.5 - outdoors).reshape(DAYS, 48).mean(axis=1)
    days = Days.of(stock.buildings[0][0].calendar)
    results = []
    for number, (_, building) in enumerate(stock.buildings):
        electricity, gas = (_sum(loads[:, number], names).reshape(DAYS, 48) for names in (ELECTRICITY, GAS))
        usual = days.usual & (days.taught if is_school(building) else True)
        about = CATEGORIES[building.tm46]
        weather = about.weather * degree_days.sum() / REFERENCE_DEGREE_DAYS
        results.append(
            Result(
                building.tm46, float(electricity.sum()), about.electricity, float(gas.sum()),
                about.thermal * (1 - about.weather + weather), float(degree_days.sum()),
                _weekly_r2(gas.sum(axis=1), degree_days, usual), _weekend(electricity.sum(axis=1), days),
                float(electricity[:, :10].mean() / electricity[:, 20:30].mean()),
                1.0 - float(electricity[days.lessons][:, 18:31].sum() / electricity.sum()),
            )
        )  # fmt: skip
    return results


class Days(NamedTuple):
    """What kind of day each of the year is."""

    weekday: Ints
    lessons: Flags
    """pupils are in"""
    taught: Flags
    """pupils are in, or it is a weekend"""
    usual: Flags
    """no holiday"""

    @classmethod
    def of(cls, calendar: Calendar) -> "Days":
        days = [slots(clock(JANUARY_2026 + day * DAY_S), calendar) for day in range(DAYS)]
        weekday = np.array([day.weekday[_NOON] for day in days])
        in_term = np.array([day.in_term[_NOON] for day in days]) & (weekday < 5)
        return cls(weekday, in_term, in_term | (weekday >= 5), ~np.array([day.holiday[_NOON] for day in days]))


def _weekend(daily: Floats, days: Days) -> float:
    """As the genome project's: the weekly pattern about a moving week, without outliers, on top of the mean day."""
    about = daily[3:-3] - np.convolve(daily, np.ones(7) / 7, mode="valid")
    pattern = [float(np.median(about[days.weekday[3:-3] == weekday])) for weekday in range(7)]
    mean = float(daily.mean())
    return (mean + sum(pattern[5:]) / 2) / (mean + sum(pattern[:5]) / 5)


def _sum(loads: Floats, names: tuple[str, ...]) -> Floats:
    answer: Floats = loads[:, [LOADS.index(name) for name in names]].sum(axis=1)
    return answer


def _weekly_r2(gas: Floats, degree_days: Floats, usual: Flags) -> float:
    """Over weeks of seven usual days."""
    whole = usual[:364].reshape(52, 7).all(axis=1)
    a, b = (table[:364].reshape(52, 7).sum(axis=1)[whole] for table in (gas, degree_days))
    return float(np.corrcoef(a, b)[0, 1] ** 2)
