"""What is drawn of a simulated building: half-hours of its truth, and the faults that it had."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import numpy as np

from devices.errors import ConfigurationError
from devices.model import Building, Council, Estate, Utility
from simulators.faults import Fault
from simulators.meters import LOADS, UTILITY_LOADS, WATER
from simulators.moments import DAY_S
from simulators.noise import Floats, Ints
from simulators.scenario import Scenario
from simulators.stock import make_stock
from simulators.truth import HALF_HOUR_S, only, truth

HOURLY: Final = 3_600 / HALF_HOUR_S
"""half-hours in an hour: kWh of one times this are kW"""


class PlotError(ConfigurationError):
    """The picture cannot be drawn; the text says what to do."""


@dataclass(frozen=True, slots=True)
class Portrait:
    """Half-hours one after the other; each array has one value for each."""

    council: Council
    building: Building
    days: int
    time: Ints
    """seconds since 1970, when each begins"""
    loads: Floats
    """(half-hour, load): kWh, or m³ of water"""
    inside_c: Floats
    """mean by floor area"""
    outdoor_c: Floats
    people: Floats
    co2_ppm: Floats
    """of the fullest space"""
    faults: tuple[Fault, ...]

    def used(self, name: str) -> Floats:
        """One load."""
        answer: Floats = self.loads[:, LOADS.index(name)]
        return answer

    def bought(self) -> Iterator[tuple[Utility, tuple[str, ...]]]:
        """The building's energy and its uses: of the utilities that it has main meters of, where anything was used."""
        mains = {meter.utility for meter in self.building.meters.values() if not meter.parent}
        energy = (mains | {Utility.ELECTRICITY}) - {Utility.WATER}
        for utility, names in UTILITY_LOADS.items():
            used = tuple(name for name in names if self.used(name).any())
            if used and utility in energy:
                yield utility, used

    def water(self) -> Floats:
        answer: Floats = self.loads[:, [LOADS.index(name) for name in WATER]].sum(axis=1)
        return answer


def sit(estate: Estate, scenario: Scenario, *, seed: int, building: str | None, days: int, end: int) -> Portrait:
    """The portrait of a building over the `days` before `end`, seconds since 1970.

    Raises:
        PlotError: there is no such building.
    """
    known = {name: council.id for council in estate.councils.values() for name in council.buildings}
    if building not in known:
        raise PlotError(f"no building {building!r}: name one with --building; there are {', '.join(known)}")
    council = estate.councils[known[building]]
    start = end - days * DAY_S
    stock = make_stock(only(estate, {(council.id, building)}), seed)
    mine = tuple(fault for fault in scenario.faults(start) if (fault.council, fault.building) == (council.id, building))
    parts = list(truth(stock, seed=seed, start=start, end=end, scenario=scenario, faults=mine))
    weights = stock.spaces.area_m2 / stock.spaces.area_m2.sum()
    return Portrait(
        council=council,
        building=council.buildings[building],
        days=days,
        time=np.concatenate([part.start for part in parts]),
        loads=np.concatenate([part.loads[:, 0] for part in parts]),
        inside_c=np.concatenate([part.temperature_c @ weights for part in parts]),
        outdoor_c=np.concatenate([part.outdoor_c[:, 0] for part in parts]),
        people=np.concatenate([part.people.sum(axis=1) for part in parts]),
        co2_ppm=np.concatenate([part.co2_ppm.max(axis=1) for part in parts]),
        faults=mine,
    )
