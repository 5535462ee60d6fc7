"""The answer key of a scenario: what a dashboard should have found, as CSV or Parquet files."""

from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Final, NamedTuple

import numpy as np

from devices.model import Building, Estate, Utility
from devices.tables import Column, Kind, Row, TableFormat, table
from simulators.faults import KINDS, Fault
from simulators.instrument import Instruments
from simulators.meters import LOADS, UTILITY_LOADS, above, taps
from simulators.noise import Floats
from simulators.registerkey import register_rows
from simulators.scenario import Scenario
from simulators.stock import Stock, make_stock
from simulators.truth import HALF_HOUR_S, Cost, HalfHours, costs, truth

_UNIT: Final = {Utility.ELECTRICITY: "kWh", Utility.GAS: "kWh", Utility.HEAT: "kWh", Utility.WATER: "m3"}
_TIME, _COUNCIL, _BUILDING, _METER = Column("time", Kind.TIME), Column("council"), Column("building"), Column("meter")
_SPACE, _UTILITY, _UNIT_OF_VALUE = Column("space"), Column("utility"), Column("unit")


def _number(name: str, digits: int, unit: str = "") -> Column:
    return Column(name, Kind.NUMBER, digits, unit)


_TABLES: Final = {
    "energy": (_TIME, _COUNCIL, _BUILDING, _METER, Column("use"), _UTILITY, _number("value", 6), _UNIT_OF_VALUE),
    "occupancy": (_TIME, _COUNCIL, _BUILDING, _SPACE, _number("people", 2, "people")),
    "climate": (
        _TIME, _COUNCIL, _BUILDING, _SPACE, _number("temperature_c", 2, "°C"), _number("co2_ppm", 0, "ppm"),
        _number("outdoor_c", 2, "°C"),
    ),
    "remainders": (
        _COUNCIL, _BUILDING, _METER, _number("value", 3), _number("of_sub_meters", 3), _number("remainder", 3),
        _UNIT_OF_VALUE,
    ),
    "registers": (
        _COUNCIL, _BUILDING, _METER, Column("device"), _UNIT_OF_VALUE, _number("step", 3), _number("width", 0),
        Column("from", Kind.TIME), Column("to", Kind.TIME), _number("first", 3), _number("last", 3), Column("ran_over"),
    ),
    "faults": (
        Column("id"), Column("kind"), Column("from", Kind.TIME), Column("to", Kind.TIME), _COUNCIL, _BUILDING, _SPACE,
        Column("device"), Column("other"), Column("source"), _number("severity", 6), _UNIT_OF_VALUE,
        _number("electricity_kwh", 1, "kWh"), _number("gas_kwh", 1, "kWh"), _number("heat_kwh", 1, "kWh"),
        _number("water_m3", 2, "m³"), _number("cost_pounds", 2, "£"), Column("about"),
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
    form: TableFormat = TableFormat.CSV,
    progress: Progress = lambda at: None,
) -> None:
    """Write the key of a run from `start` to `end`, seconds since 1970, for the whole half-hours between.

    In the folder come, as CSV or Parquet, `energy` (half-hourly, for each meter, and for each use with the meter left
    empty), `occupancy`, `climate` (half-hourly means), `remainders` (what no sub-meter of a main meter saw over the
    run), `registers` (what each meter showed) and `faults` (each with what it costs alone, against the healthy twin of
    the same seed).

    Raises:
        ConfigurationError: Parquet is wanted and pyarrow is not installed.
    """
    folder.mkdir(parents=True, exist_ok=True)
    stock, faults = make_stock(estate, seed), scenario.faults(start)
    meters = _meters(stock)
    starts, seen = [np.zeros(0, dtype=np.int64)], defaultdict[tuple[str, str, str], list[Floats]](list)
    totals = np.zeros((len(stock.buildings), len(LOADS)))
    with ExitStack() as stack:
        write = {name: stack.enter_context(table(folder / f"{name}.{form}", _TABLES[name], form)) for name in _TABLES}
        for part in truth(stock, seed=seed, start=start, end=end, scenario=scenario, faults=faults):
            times = part.start.tolist()
            write["energy"](_energy(stock, meters, times, part))
            write["occupancy"](_by_space(stock, times, part.people))
            write["climate"](_climate(stock, times, part))
            starts.append(part.start)
            for meter in meters:
                seen[meter[:3]].append(_amounts(stock, meter, part))
            totals += part.loads.sum(axis=0)
            progress(int(part.start[-1]) + HALF_HOUR_S)
        write["remainders"](_remainders(stock, meters, totals))
        devices = [device for council in estate.councils.values() for device in council.devices.values()]
        amounts = {meter: np.concatenate(parts) for meter, parts in seen.items()}
        instruments = Instruments(devices, stock, seed, start)
        write["registers"](register_rows(instruments, start, np.concatenate(starts), amounts))
        price = costs(estate, scenario, seed=seed, start=start, end=end)
        write["faults"](_fault(fault, price.get(fault.id, Cost(0, 0, 0, 0)), scenario, end) for fault in faults)


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


def _energy(stock: Stock, meters: list[_Meter], times: list[int], part: HalfHours) -> Iterator[Row]:
    for meter in meters:
        unit = _UNIT[meter.utility]
        for time, value in zip(times, _amounts(stock, meter, part).tolist(), strict=True):
            yield time, meter.council, meter.building, meter.id, meter.use, meter.utility, value, unit
    for number, (council, building) in enumerate(stock.buildings):
        for utility in _utilities(building):
            for load in UTILITY_LOADS[utility]:
                for time, value in zip(times, part.loads[:, number, LOADS.index(load)].tolist(), strict=True):
                    yield time, council.id, building.id, "", load, utility, value, _UNIT[utility]


def _amounts(stock: Stock, meter: _Meter, part: HalfHours) -> Floats:
    """What a meter saw in each half-hour."""
    number = stock.index[meter.council, meter.building]
    answer: Floats = (part.loads[:, number] * meter.weights[number]).sum(axis=1)
    return answer


def _utilities(building: Building) -> list[Utility]:
    """Those that the building has a meter of: a heat pump's has no gas."""
    return [utility for utility in Utility if any(meter.utility is utility for meter in building.meters.values())]


def _by_space(stock: Stock, times: list[int], people: Floats) -> Iterator[Row]:
    for time, row in zip(times, people.tolist(), strict=True):
        for name, value in zip(stock.names, row, strict=True):
            yield time, *name, value


def _climate(stock: Stock, times: list[int], part: HalfHours) -> Iterator[Row]:
    where = stock.spaces.building.tolist()
    tables = zip(times, part.temperature_c.tolist(), part.co2_ppm.tolist(), part.outdoor_c.tolist(), strict=True)
    for time, temperature, co2, outdoors in tables:
        for number, name in enumerate(stock.names):
            yield time, *name, temperature[number], co2[number], outdoors[where[number]]


def _remainders(stock: Stock, meters: list[_Meter], totals: Floats) -> Iterator[Row]:
    for main in meters:
        subs = [one for one in meters if (one.council, one.building, one.parent) == (*main[:2], main.id)]
        if subs:
            value = float((totals * main.weights).sum())
            below = sum(float((totals * sub.weights).sum()) for sub in subs)
            yield main.council, main.building, main.id, value, below, value - below, _UNIT[main.utility]


def _fault(fault: Fault, cost: Cost, scenario: Scenario, end: int) -> Row:
    """One row; a fault that outlasts the run ends with it."""
    price, kind = scenario.tariff, KINDS[fault.kind]
    pounds = cost.electricity_kwh * price.electricity + cost.gas_kwh * price.gas
    pounds += cost.heat_kwh * price.heat + cost.water_m3 * price.water
    return (
        fault.id, fault.kind, fault.start, min(fault.end, end), fault.council, fault.building, fault.space,
        fault.device, fault.other, fault.source, fault.severity, kind.unit, cost.electricity_kwh, cost.gas_kwh,
        cost.heat_kwh, cost.water_m3, pounds, kind.about,
    )  # fmt: skip
