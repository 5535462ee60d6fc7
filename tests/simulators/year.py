"""A healthy year of every category against what is known of such buildings: `python -m tests.simulators.year`.

Printed, and tested in `test_year.py`:

- electricity and gas for each m² against CIBSE TM46, gas adjusted by TM46's own rule to the year's degree days;
- gas of each week against its degree days to 15.5 °C (R²): weeks in term for schools, since nobody heats in holidays;
- the mean day's electricity at weekends against weekdays, and at night (00 to 05) against 10 to 15 on weekdays.

Then a council of 50 buildings and 1,000 devices is simulated for a year, half-hourly readings of all devices included,
and the clock is read.
"""

import sys
import time
from typing import NamedTuple

import numpy as np

from devices.model import Estate
from simulators.meters import ELECTRICITY, GAS, LOADS
from simulators.moments import DAY_S, clock, slots
from simulators.noise import Floats
from simulators.people import is_school
from simulators.scenario import HEALTHY
from simulators.simulation import Simulation
from simulators.stock import make_stock
from simulators.truth import truth
from tests.simulators.reference import CATEGORIES, REFERENCE_DEGREE_DAYS, council, reference

JANUARY_2026 = 1_767_225_600
YEAR_S = 365 * DAY_S


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
    night: float


def year(seed: int, dt: int = 60) -> list[Result]:
    """A year of the reference buildings."""
    stock = make_stock(reference(), seed)
    end = JANUARY_2026 + YEAR_S
    parts = list(truth(stock, seed=seed, start=JANUARY_2026, end=end, scenario=HEALTHY, faults=[], dt=dt))
    loads = np.concatenate([part.loads for part in parts]) / stock.area_m2[:, None]
    outdoors = np.concatenate([part.outdoor_c[:, 0] for part in parts])
    degree_days = np.maximum(0.0, 15.5 - outdoors).reshape(365, 48).mean(axis=1)
    calendar = stock.buildings[0][0].calendar
    days = [slots(clock(JANUARY_2026 + day * DAY_S), calendar) for day in range(365)]
    weekday = np.array([day.weekday[144] for day in days])
    taught = np.array([bool(day.in_term[144]) or weekday[n] >= 5 for n, day in enumerate(days)])
    closed = np.array([bool(day.holiday[144]) for day in days])
    results = []
    for number, (_, building) in enumerate(stock.buildings):
        electricity, gas = (_sum(loads[:, number], names).reshape(365, 48) for names in (ELECTRICITY, GAS))
        usual = ~closed & (taught if is_school(building) else True)
        about = CATEGORIES[building.tm46]
        weather = about.weather * degree_days.sum() / REFERENCE_DEGREE_DAYS
        working = electricity[usual & (weekday < 5)]
        results.append(
            Result(
                building.tm46, float(electricity.sum()), about.electricity, float(gas.sum()),
                about.thermal * (1 - about.weather + weather), float(degree_days.sum()),
                _weekly_r2(gas.sum(axis=1), degree_days, usual),
                float(electricity[usual & (weekday >= 5)].sum(axis=1).mean() / working.sum(axis=1).mean()),
                float(working[:, :10].mean() / working[:, 20:30].mean()),
            )
        )  # fmt: skip
    return results


def _sum(loads: Floats, names: tuple[str, ...]) -> Floats:
    answer: Floats = loads[:, [LOADS.index(name) for name in names]].sum(axis=1)
    return answer


def _weekly_r2(gas: Floats, degree_days: Floats, usual: "np.ndarray[tuple[int], np.dtype[np.bool_]]") -> float:
    """Over weeks of seven usual days."""
    whole = usual[:364].reshape(52, 7).all(axis=1)
    a, b = (table[:364].reshape(52, 7).sum(axis=1)[whole] for table in (gas, degree_days))
    return float(np.corrcoef(a, b)[0, 1] ** 2)


def timed(estate: Estate, days: int) -> tuple[float, int]:
    """Seconds and readings of a simulation with half-hourly messages of every device."""
    begun, readings = time.perf_counter(), 0
    simulation = Simulation(estate, seed=1, start=JANUARY_2026, every=1_800)
    for day in range(days):
        simulation.step(DAY_S)
        readings += sum(len(due.readings) for due in simulation.due(simulation.now))
        if day % 30 == 29:
            print(f"  day {day + 1}: {time.perf_counter() - begun:.0f} s", flush=True)
    return time.perf_counter() - begun, readings


def main() -> None:
    print("category  electricity   TM46     gas  TM46 adjusted   R² weekly  weekend  night")
    for one in year(seed=int(sys.argv[1]) if len(sys.argv) > 1 else 2):
        print(
            f"{one.tm46:8} {one.electricity:12.1f} {one.expected_electricity:6.0f} {one.gas:7.1f} "
            f"{one.expected_gas:14.1f} {one.weekly_r2:11.3f} {one.weekend:8.2f} {one.night:6.2f}"
        )
    print("a year of 50 buildings and 1,000 devices, half-hourly:")
    seconds, readings = timed(council(50, 1_000), 365)
    print(f"{seconds:.0f} s, {readings:,} readings")


if __name__ == "__main__":
    main()
