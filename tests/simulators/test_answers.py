"""The answer key: it agrees with itself, with the registers that devices publish, and with the physics."""

import csv
from collections import defaultdict
from dataclasses import replace
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path

import pytest
from pyarrow import parquet

from devices.errors import ConfigurationError
from devices.factors import GAS_KWH_M3
from devices.model import Assignment
from devices.tables import TableFormat
from devices.timestamps import FOREVER, SECOND
from simulators.answers import write_answers
from simulators.faults import KINDS, Fault
from simulators.scenario import HEALTHY, Planned, Scenario, When
from simulators.simulation import Simulation
from tests.simulators.estates import DAY, TERM_MONDAY, estate

END = TERM_MONDAY + 2 * DAY


def test_parquet_holds_what_csv_holds_with_units(key: Path, tmp_path: Path) -> None:
    form = TableFormat.PARQUET
    write_answers(tmp_path, estate(), SCENARIO, seed=3, start=TERM_MONDAY, end=END, form=form)
    for path in sorted(key.iterdir()):
        read, rows = parquet.read_table(tmp_path / f"{path.stem}.parquet"), _rows(path)
        assert read.num_rows == len(rows) > 0
        assert read.column_names == list(rows[0])
        for name in read.column_names:
            kind, values = str(read.schema.field(name).type), read.column(name).to_pylist()
            texts = [row[name] for row in rows]
            if kind.startswith("timestamp"):
                assert [value.strftime("%Y-%m-%dT%H:%M:%SZ") for value in values] == texts
            elif kind == "double":
                assert values == [float(text) for text in texts]
            else:
                assert values == texts
    climate = parquet.read_schema(tmp_path / "climate.parquet")
    units = {name: (climate.field(name).metadata or {}).get(b"unit", b"").decode() for name in climate.names}
    assert (units["temperature_c"], units["co2_ppm"], units["space"]) == ("°C", "ppm", "")


def test_without_pyarrow_the_error_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("devices.tables.find_spec", lambda name: None)
    with pytest.raises(ConfigurationError, match=r"tolbooth\[parquet\]"):
        write_answers(tmp_path, estate(), HEALTHY, seed=3, start=TERM_MONDAY, end=END, form=TableFormat.PARQUET)
    assert not list(tmp_path.iterdir())


def _rows(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def _fault(name: str, kind: str, start_day: int, **where: str) -> Planned:
    fault = Fault(name, kind, 0, 0, KINDS[kind].severity, "sim", **where)
    return Planned(fault, When(start_day * DAY, dated=False), None)


SCENARIO = Scenario(
    "two", (_fault("f01", "lights_left_on", 1, building="school"), _fault("f02", "leaking_tap", 0, building="pool"))
)


@pytest.fixture(scope="module")
def key(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("key")
    write_answers(folder, estate(), SCENARIO, seed=3, start=TERM_MONDAY, end=END)
    return folder


def _total(key: Path, meter: str, use: str = "", building: str = "school") -> float:
    rows = _rows(key / "energy.csv")
    return sum(
        float(row["value"])
        for row in rows
        if (row["building"], row["meter"]) == (building, meter) and use in {"", row["use"]}
    )


@pytest.mark.parametrize(
    ("meter", "device", "unit"), [("main", "m-main", 1.0), ("heat", "m-heat", 1.0), ("gas", "m-gas", GAS_KWH_M3)]
)
def test_registers_physics_and_key_agree_to_a_thousandth(key: Path, meter: str, device: str, unit: float) -> None:
    fields = {"main": "electricity_import", "heat": "heat", "gas": "gas"}
    simulation = Simulation(estate(), seed=3, start=TERM_MONDAY, every=1_800, scenario=SCENARIO)
    begun = _register(simulation, device)
    simulation.step(END - TERM_MONDAY)
    told = [
        reading.value
        for due in simulation.due(END)
        for reading in due.readings
        if due.device.id == device and reading.field.name == fields[meter]
    ]
    true = _total(key, meter)
    assert (_register(simulation, device) - begun) * unit == pytest.approx(true, rel=1e-3)
    first_half_hour = float(next(row for row in _rows(key / "energy.csv") if row["meter"] == meter)["value"])
    assert (told[-1] - told[0]) * unit == pytest.approx(true - first_half_hour, rel=1e-3, abs=0.2)


def _register(simulation: Simulation, device: str) -> float:
    one = simulation.instruments
    return float(one.register[one.column[one.index["sim", device]]])


def test_a_main_is_its_uses_and_no_sub_meter_sees_more(key: Path) -> None:
    sums: dict[tuple[str, str], float] = defaultdict(float)
    for row in _rows(key / "energy.csv"):
        if row["building"] == "school" and row["utility"] == "electricity":
            assert float(row["value"]) >= 0
            sums[row["time"], row["meter"]] += float(row["value"])
    times = {time for time, _ in sums}
    assert len(times) == 96
    for time in times:
        assert sums[time, "main"] == pytest.approx(sums[time, ""], abs=1e-4)
        assert sums[time, "lights"] + sums[time, "sockets"] + sums[time, "kitchen"] <= sums[time, "main"] + 1e-4
    main = next(row for row in _rows(key / "remainders.csv") if (row["building"], row["meter"]) == ("school", "main"))
    assert float(main["remainder"]) == pytest.approx(float(main["value"]) - float(main["of_sub_meters"]), abs=2e-3)


def test_faults_cost_what_they_take_more_than_the_healthy_twin(key: Path, tmp_path: Path) -> None:
    write_answers(tmp_path, estate(), HEALTHY, seed=3, start=TERM_MONDAY, end=END)
    lights, tap = _rows(key / "faults.csv")
    assert lights["to"] == tap["to"] == datetime.fromtimestamp(END, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    assert float(lights["electricity_kwh"]) == pytest.approx(_total(key, "main") - _total(tmp_path, "main"), abs=0.2)
    assert float(lights["electricity_kwh"]) > 100
    assert float(lights["gas_kwh"]) < 0  # lamps warm
    pounds = 0.27 * float(lights["electricity_kwh"]) + 0.07 * float(lights["gas_kwh"])
    assert float(lights["cost_pounds"]) == pytest.approx(pounds, abs=0.02)
    assert float(tap["water_m3"]) == pytest.approx(2 * 24 * 0.060)
    assert _rows(tmp_path / "faults.csv") == []


def test_people_and_temperatures_are_there_for_every_space(key: Path) -> None:
    climate, people = _rows(key / "climate.csv"), _rows(key / "occupancy.csv")
    spaces = {(row["building"], row["space"]) for row in climate}
    assert {("school", "room-1"), ("school", ""), ("pool", "hall")} <= spaces
    assert len(climate) == len(people) == 96 * len(spaces)
    assert max(float(row["people"]) for row in people if row["space"] == "room-1") > 15
    assert all(float(row["co2_ppm"]) >= 425 for row in climate)


def test_the_key_says_what_registers_show_and_when_one_runs_over(tmp_path: Path) -> None:
    """999,980 kWh of six digits: the register of the main meter begins again within the two days."""
    old = estate().councils["sim"].devices["m-main"]
    place = Assignment(TERM_MONDAY * SECOND, FOREVER, "school", meter="main", opening_register=999_980.0)
    town = estate(replace(old, id="near", address="near", assignments=(place,)))
    write_answers(tmp_path, town, HEALTHY, seed=3, start=TERM_MONDAY, end=END)
    rows = {row["device"]: row for row in _rows(tmp_path / "registers.csv")}
    assert rows.keys() == {"near", "m-main", "m-lights", "m-sockets", "m-kitchen", "m-gas", "m-heat", "m-water"}
    near = rows["near"]
    assert (near["width"], near["unit"], near["first"]) == ("1000000", "kWh", "999980.000")
    simulation = Simulation(town, seed=3, start=TERM_MONDAY, every=1_800)
    simulation.step(END - TERM_MONDAY)
    told: dict[str, list[tuple[str, float]]] = {"near": [], "m-gas": []}
    for due in simulation.due(END):
        if due.device.id in told:
            at = datetime.fromtimestamp(due.time / SECOND, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
            told[due.device.id] += [
                (at, one.value) for one in due.readings if one.field.name in {"electricity_import", "gas"}
            ]
    fell = [after[0] for before, after in pairwise(told["near"]) if after[1] < before[1]]
    assert near["ran_over"].split() == fell
    assert len(fell) == 1
    for device, readings in told.items():
        assert float(rows[device]["last"]) == pytest.approx(readings[-1][1], abs=0.3)
    assert rows["m-gas"]["ran_over"] == ""
