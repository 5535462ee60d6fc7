"""The answer key of a scenario: what a dashboard should have found, as CSV files."""

import csv
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final, NamedTuple

import numpy as np

from devices.model import Building, Estate, Utility
from simulators.faults import KINDS, Fault
from simulators.meters import LOADS, UTILITY_LOADS, above, taps
from simulators.noise import Floats
from simulators.scenario import Scenario
from simulators.stock import Stock, make_stock
from simulators.truth import HALF_HOUR_S, Cost, HalfHours, costs, truth

_UNIT: Final = {Utility.ELECTRICITY: "kWh", Utility.GAS: "kWh", Utility.HEAT: "kWh", Utility.WATER: "m3"}
_FILES: Final = {
    "energy": ("time", "council", "building", "meter", "use", "utility", "value", "unit"),
    "occupancy": ("time", "council", "building", "space", "people"),
    "climate": ("time", "council", "building", "space", "temperature_c", "co2_ppm", "outdoor_c"),
    "remainders": ("council", "building", "meter", "value", "of_sub_meters", "remainder", "unit"),
    "faults": (
        "id", "kind", "from", "to", "council", "building", "space", "device", "other", "source", "severity", "unit",
        "electricity_kwh", "gas_kwh", "heat_kwh", "water_m3", "cost_pounds", "about",
    ),
}  # fmt: skip

Progress = Callable[[int], None]
"""Called with the time (seconds since 1970) that the key has come to."""


class _Meter(NamedTuple):
    council: str
    building: str
    id: str
    use: str
    utility: Utility
    weights: Floats
    """(building, load)"""
    parent: str


def write_answers(
    folder: Path,
    estate: Estate,
    scenario: Scenario,
    *,
    seed: int,
    start: int,
    end: int,
    progress: Progress = lambda at: None,
) -> None:
    """Write the key of a run from `start` to `end`, seconds since 1970, for the whole half-hours between.

    In the folder come `energy.csv` (half-hourly, for each meter, and for each use with the meter left empty),
    `occupancy.csv`, `climate.csv` (half-hourly means), `remainders.csv` (what no sub-meter of a main meter saw over
    the run) and `faults.csv` (each with what it costs alone, against the healthy twin of the same seed).
    """
    folder.mkdir(parents=True, exist_ok=True)
    stock, faults = make_stock(estate, seed), scenario.faults(start)
    meters = _meters(stock)
    totals = np.zeros((len(stock.buildings), len(LOADS)))
    with ExitStack() as stack:
        write = {name: _writer(stack, folder / f"{name}.csv", _FILES[name]) for name in _FILES}
        for part in truth(stock, seed=seed, start=start, end=end, scenario=scenario, faults=faults):
            times = [_text(second) for second in part.start.tolist()]
            write["energy"](_energy(stock, meters, times, part))
            write["occupancy"](_by_space(stock, times, part.people))
            write["climate"](_climate(stock, times, part))
            totals += part.loads.sum(axis=0)
            progress(int(part.start[-1]) + HALF_HOUR_S)
        write["remainders"](_remainders(stock, meters, totals))
        price = costs(estate, scenario, seed=seed, start=start, end=end)
        write["faults"](_fault(fault, price.get(fault.id, Cost(0, 0, 0, 0)), scenario) for fault in faults)


def _writer(stack: ExitStack, path: Path, columns: tuple[str, ...]) -> Callable[[Iterator[Any]], None]:
    file = stack.enter_context(path.open("w", encoding="utf-8", newline=""))
    writer = csv.writer(file, lineterminator="\n")
    writer.writerow(columns)
    return writer.writerows


def _text(second: int) -> str:
    return datetime.fromtimestamp(second, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _meters(stock: Stock) -> list[_Meter]:
    found = []
    for number, (council, building) in enumerate(stock.buildings):
        for name, tap in taps(building.meters).items():
            meter, weights = building.meters[name], np.zeros((len(stock.buildings), len(LOADS)))
            weights[number] = tap.weights()
            upper = above(building.meters, meter)
            found.append(
                _Meter(council.id, building.id, name, meter.use, meter.utility, weights, upper.id if upper else "")
            )
    return found


def _energy(stock: Stock, meters: list[_Meter], times: list[str], part: HalfHours) -> Iterator[tuple[Any, ...]]:
    for meter in meters:
        number = stock.index[meter.council, meter.building]
        seen = (part.loads[:, number] * meter.weights[number]).sum(axis=1)
        for time, value in zip(times, seen.tolist(), strict=True):
            yield (
                time,
                meter.council,
                meter.building,
                meter.id,
                meter.use,
                meter.utility,
                f"{value:.6f}",
                _UNIT[meter.utility],
            )
    for number, (council, building) in enumerate(stock.buildings):
        for utility in _utilities(building):
            for load in UTILITY_LOADS[utility]:
                for time, value in zip(times, part.loads[:, number, LOADS.index(load)].tolist(), strict=True):
                    yield time, council.id, building.id, "", load, utility, f"{value:.6f}", _UNIT[utility]


def _utilities(building: Building) -> list[Utility]:
    """Those that the building has a meter of: a heat pump's has no gas."""
    return [utility for utility in Utility if any(meter.utility is utility for meter in building.meters.values())]


def _by_space(stock: Stock, times: list[str], table: Floats) -> Iterator[tuple[Any, ...]]:
    for time, row in zip(times, table.tolist(), strict=True):
        for name, value in zip(stock.names, row, strict=True):
            yield time, *name, f"{value:.2f}"


def _climate(stock: Stock, times: list[str], part: HalfHours) -> Iterator[tuple[Any, ...]]:
    where = stock.spaces.building.tolist()
    tables = zip(times, part.temperature_c.tolist(), part.co2_ppm.tolist(), part.outdoor_c.tolist(), strict=True)
    for time, temperature, co2, outdoors in tables:
        for number, name in enumerate(stock.names):
            yield time, *name, f"{temperature[number]:.2f}", f"{co2[number]:.0f}", f"{outdoors[where[number]]:.2f}"


def _remainders(stock: Stock, meters: list[_Meter], totals: Floats) -> Iterator[tuple[Any, ...]]:
    for main in meters:
        subs = [one for one in meters if (one.council, one.building, one.parent) == (*main[:2], main.id)]
        if subs:
            value, parts = ((totals * weights).sum() for weights in (main.weights, sum(one.weights for one in subs)))
            numbers = (f"{number:.3f}" for number in (value, parts, value - parts))
            yield main.council, main.building, main.id, *numbers, _UNIT[main.utility]


def _fault(fault: Fault, cost: Cost, scenario: Scenario) -> tuple[Any, ...]:
    price, kind = scenario.tariff, KINDS[fault.kind]
    pounds = cost.electricity_kwh * price.electricity + cost.gas_kwh * price.gas
    pounds += cost.heat_kwh * price.heat + cost.water_m3 * price.water
    return (
        fault.id, fault.kind, _text(fault.start), _text(fault.end), fault.council, fault.building, fault.space,
        fault.device, fault.other, fault.source, f"{fault.severity:g}", kind.unit, f"{cost.electricity_kwh:.1f}",
        f"{cost.gas_kwh:.1f}", f"{cost.heat_kwh:.1f}", f"{cost.water_m3:.2f}", f"{pounds:.2f}", kind.about,
    )  # fmt: skip
