"""What really happened in the buildings of a simulation, by half-hours: no device has touched these numbers."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Final

import numpy as np

from devices.model import Building, Estate, Utility
from simulators.faults import Fault
from simulators.meters import ELECTRICITY, GAS, HEAT, LOADS, WATER
from simulators.noise import Floats, Ints
from simulators.run import Trace
from simulators.scenario import Scenario
from simulators.simulation import COARSE_S, STEP_S, make_buildings
from simulators.spoil import spoiler
from simulators.stock import Stock, make_stock

HALF_HOUR_S: Final = 1_800
_WATT_SECONDS: Final = 3.6e6
"""in a kilowatt-hour; and litres an hour times seconds in a cubic metre"""


@dataclass(frozen=True, slots=True)
class HalfHours:
    """Some half-hours one after the other."""

    start: Ints
    """seconds since 1970, when each begins"""
    loads: Floats
    """(half-hour, building, load): kWh, or m³ of water"""
    people: Floats
    """(half-hour, space): mean, like the next"""
    temperature_c: Floats
    co2_ppm: Floats
    outdoor_c: Floats
    """(half-hour, building)"""


@dataclass(frozen=True, slots=True)
class Cost:
    """What a fault takes more than the healthy building, or less where it is below zero."""

    electricity_kwh: float
    gas_kwh: float
    heat_kwh: float
    """of buildings that buy heat and no gas"""
    water_m3: float


def truth(
    stock: Stock, *, seed: int, start: int, end: int, scenario: Scenario, faults: Sequence[Fault], dt: int = STEP_S
) -> Iterator[HalfHours]:
    """The truth of a run that begins at `start`, in whole half-hours up to `end`, at most a day at once.

    Args:
        start, end: seconds since 1970.
        faults: of buildings; those of devices and transport change no truth.
        dt: of the steps; the published readings come from `STEP_S`.
    """
    buildings = make_buildings(stock, seed, start, scenario)
    buildings.expect(spoiler(faults))
    for _ in buildings.run(start - start % COARSE_S, COARSE_S):
        pass
    for _ in buildings.run(-(-start // HALF_HOUR_S) * HALF_HOUR_S, dt):
        pass
    for trace in buildings.run(end // HALF_HOUR_S * HALF_HOUR_S, dt):
        yield _half_hours(trace)


def _half_hours(trace: Trace) -> HalfHours:
    rows = HALF_HOUR_S // trace.dt

    def mean(table: Floats) -> Floats:
        answer: Floats = table.reshape(len(table) // rows, rows, *table.shape[1:]).mean(axis=1)
        return answer

    return HalfHours(
        start=trace.start + HALF_HOUR_S * np.arange(len(trace.slot) // rows),
        loads=mean(trace.loads) * (HALF_HOUR_S / _WATT_SECONDS),
        people=mean(trace.people),
        temperature_c=mean(trace.temperature_c),
        co2_ppm=mean(trace.co2_ppm),
        outdoor_c=mean(trace.plan.plant.outdoor_c[trace.slot]),
    )


def costs(estate: Estate, scenario: Scenario, *, seed: int, start: int, end: int) -> dict[str, Cost]:
    """What each fault of a building costs, alone, against the healthy twin of the same seed; by the fault's id.

    Buildings do not influence each other, so one run serves one fault of every building.
    """
    waiting = [fault for fault in scenario.faults(start) if fault.building and spoiler([fault])]
    found: dict[str, Cost] = {}
    while waiting:
        now: dict[tuple[str, str], Fault] = {}
        for fault in waiting:
            now.setdefault((fault.council, fault.building), fault)
        waiting = [fault for fault in waiting if fault not in now.values()]
        stock = make_stock(only(estate, set(now)), seed)
        ill, healthy = (
            sum(
                part.loads.sum(axis=0)
                for part in truth(stock, seed=seed, start=start, end=end, scenario=scenario, faults=faults)
            )
            for faults in (list(now.values()), [])
        )
        more = np.asarray(ill) - np.asarray(healthy)
        for where, fault in now.items():
            number = stock.index[where]
            electricity, gas, heat, water = (_sum(more[number], names) for names in (ELECTRICITY, GAS, HEAT, WATER))
            bought = _buys_heat(stock.buildings[number][1])
            found[fault.id] = Cost(electricity, 0.0 if bought else gas, heat if bought else 0.0, water)
    return found


def _buys_heat(building: Building) -> bool:
    return any(meter.utility is Utility.HEAT and not meter.parent for meter in building.meters.values())


def _sum(loads: Floats, names: tuple[str, ...]) -> float:
    return float(sum(loads[LOADS.index(name)] for name in names))


def only(estate: Estate, wanted: set[tuple[str, str]]) -> Estate:
    """The estate with these buildings and no devices."""
    return Estate(
        {
            council.id: replace(
                council,
                buildings={name: one for name, one in council.buildings.items() if (council.id, name) in wanted},
                devices={},
            )
            for council in estate.councils.values()
            if any(where[0] == council.id for where in wanted)
        }
    )
