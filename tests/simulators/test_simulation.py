"""The whole estate: the same again, registers, places, and going on from a file."""

import json
import subprocess
import sys
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from devices.model import Assignment, Device, DeviceKind, Estate, Space
from devices.timestamps import FOREVER, SECOND
from simulators.instrument import Measured
from simulators.run import Trace
from simulators.simulation import Simulation
from simulators.speakers import Due
from simulators.statefile import StateError, load, save
from tests.simulators.estates import DAY, TERM_MONDAY, estate

HOUR = 3_600


def _run(simulation: Simulation, until: int) -> list[Due]:
    told: list[Due] = []
    while simulation.now < until:
        simulation.step()
        told += simulation.due(simulation.now)
    return told


def _values(told: list[Due], device: str, name: str) -> list[tuple[int, float]]:
    return [
        (due.time // SECOND, reading.value)
        for due in told
        if due.device.id == device
        for reading in due.readings
        if reading.field.name == name
    ]


@pytest.fixture(scope="module")
def two_days() -> list[Due]:
    return _run(Simulation(estate(), seed=3, start=TERM_MONDAY), TERM_MONDAY + 2 * DAY)


def test_the_same_seed_gives_the_same_and_another_gives_another(two_days: list[Due]) -> None:
    until = TERM_MONDAY + 6 * HOUR
    again = _run(Simulation(estate(), seed=3, start=TERM_MONDAY), until)
    assert again == two_days[: len(again)]
    assert _run(Simulation(estate(), seed=4, start=TERM_MONDAY), until) != again


def test_no_device_is_silent_for_longer_than_its_interval(two_days: list[Due]) -> None:
    for device in estate().councils["sim"].devices.values():
        times = [due.time // SECOND for due in two_days if due.device.id == device.id]
        assert max(b - a for a, b in pairwise(times)) <= device.interval, device.id
        assert times[0] <= TERM_MONDAY + device.interval


def test_what_has_a_timer_keeps_to_it(two_days: list[Due]) -> None:
    for device in estate().councils["sim"].devices.values():
        if "meter" in device.kind or device.kind in {DeviceKind.PEOPLE_COUNTER, DeviceKind.WEATHER_STATION}:
            times = [due.time // SECOND for due in two_days if due.device.id == device.id]
            assert {b - a for a, b in pairwise(times)} == {device.interval}, device.id


def test_values_are_plausible(two_days: list[Due]) -> None:
    for due in two_days:
        for field, value, _ in due.readings:
            assert field.low <= value <= field.high, (due.device.id, field.name, value)


@pytest.mark.parametrize(
    ("device", "name"),
    [
        ("m-main", "electricity_import"), ("m-lights", "electricity_import"), ("m-gas", "gas"), ("m-heat", "heat"),
        ("m-water", "water"), ("plug", "electricity_import"), ("count", "people_in"), ("count", "people_out"),
    ],
)  # fmt: skip
def test_registers_only_grow(two_days: list[Due], device: str, name: str) -> None:
    values = [value for _, value in _values(two_days, device, name)]
    assert all(b >= a for a, b in pairwise(values))
    assert values[-1] > values[0]


def test_a_register_is_the_integral_of_power() -> None:
    simulation = Simulation(estate(), seed=3, start=TERM_MONDAY)
    one = simulation.instruments
    names = [one.devices[number].id for number in one.registers]
    before, joules = one.register.copy(), np.zeros(len(names))
    advance = one.advance

    def counting(trace: Trace) -> Measured:
        measured = advance(trace)
        assert (measured.rate >= 0).all()
        joules[:] += measured.rate.sum(axis=0) * trace.dt
        return measured

    one.advance = counting  # type: ignore[method-assign]  # the test looks on
    simulation.step(DAY)
    gas_kwh_m3 = 39.5 / 3.6 * 1.02264
    for name, grown, sum_j in zip(names, one.register - before, joules, strict=True):
        expected = sum_j / 3.6e6 / (gas_kwh_m3 if name == "m-gas" else 1.0)
        assert grown == pytest.approx(expected, abs=1e-6), name


def test_published_registers_agree_with_published_power(two_days: list[Due]) -> None:
    """Within a minute the power may change once, so an hour agrees to a few per cent."""
    register = dict(_values(two_days, "m-main", "electricity_import"))
    power = _values(two_days, "m-main", "power")
    for begin in range(10, 40, 5):
        hour = power[begin * 60 : begin * 60 + 61]
        mean = sum(watts for _, watts in hour[1:]) / 60
        assert register[hour[-1][0]] - register[hour[0][0]] == pytest.approx(mean / 1000, rel=0.03)


def test_bulb_and_thermostat_show_their_room() -> None:
    simulation = Simulation(estate(), seed=3, start=TERM_MONDAY)
    room = simulation.stock.place["sim", "school", "room-1"]
    state = simulation.buildings.state
    lit = occupied = 0
    while simulation.now < TERM_MONDAY + DAY:
        simulation.step()
        occupied = max(occupied, round(state.people[room]))
        for due in simulation.due(simulation.now):
            told = {reading.field.name: reading.value for reading in due.readings}
            if due.device.id == "bulb":
                assert told.get("on", state.lit[room]) == state.lit[room]
                lit += int(told.get("on", 0.0))
            if due.device.id == "trv":
                near = pytest.approx(state.temperature_c[room], abs=0.6)
                assert told.get("temperature", state.temperature_c[room]) == near
                assert told.get("heating", state.valve_pct[room] >= 1) == (state.valve_pct[room] >= 1)
    assert lit > 12
    assert occupied > 15


def test_people_raise_carbon_dioxide(two_days: list[Due]) -> None:
    co2 = dict(_values(two_days, "air", "co2"))
    night = [value for at, value in co2.items() if at % DAY < 5 * HOUR]
    class_time = [value for at, value in co2.items() if 10 * HOUR < at % DAY < 12 * HOUR]
    assert max(night) < 600
    assert max(class_time) > 900


def test_doors_and_movement_tell_when_they_change(two_days: list[Due]) -> None:
    for device, name in (("door", "open"), ("pir", "occupied")):
        values = [value for _, value in _values(two_days, device, name)]
        assert {0.0, 1.0} == set(values)
    told = [{one.field.name for one in due.readings} for due in two_days if due.device.id == "pir"]
    assert {"occupied", "link_quality"} in told


def test_who_only_passes_is_seen_where_nobody_stays() -> None:
    council = estate().councils["sim"]
    school, pir = council.buildings["school"], council.devices["pir"]
    spaces = {**school.spaces, "corridor": Space("corridor", "Corridor", "0", "corridor", 40, 0)}
    there = replace(pir, assignments=tuple(replace(one, space="corridor") for one in pir.assignments))
    buildings = {**council.buildings, "school": replace(school, spaces=spaces)}
    moved = replace(council, buildings=buildings, devices={**council.devices, "pir": there})
    simulation = Simulation(Estate({"sim": moved}), seed=3, start=TERM_MONDAY, every=120)
    corridor = simulation.stock.place["sim", "school", "corridor"]
    told: list[tuple[int, float]] = []
    while simulation.now < TERM_MONDAY + DAY:
        simulation.step()
        assert simulation.buildings.state.people[corridor] == 0
        told += _values(simulation.due(simulation.now), "pir", "occupied")
    # some 70 people, each there 0.2 times an hour: 1 - exp(-70 × 0.2 / 30) = 0.37 in two minutes
    assert 0.2 < np.mean([value for at, value in told if 9 * HOUR < at % DAY < 15 * HOUR]) < 0.5
    assert not any(value for at, value in told if at % DAY < 6 * HOUR)


def test_history_is_coarser_and_meters_tell_on_the_half_hour() -> None:
    told = _run(Simulation(estate(), seed=3, start=TERM_MONDAY, every=420), TERM_MONDAY + DAY)
    half_hours = {at for at, _ in _values(told, "m-main", "electricity_import") if at % 1_800 == 0}
    assert len(half_hours) == 48
    air = [at for at, _ in _values(told, "air", "co2")]
    assert {b - a for a, b in pairwise(air)} == {420}


def test_a_run_from_a_file_equals_one_that_was_not_interrupted(tmp_path: Path, two_days: list[Due]) -> None:
    first = Simulation(estate(), seed=3, start=TERM_MONDAY)
    break_at = TERM_MONDAY + 33 * 1_740
    told = _run(first, break_at)
    save(first, tmp_path / "state.json")
    second = Simulation(estate(), seed=3, start=TERM_MONDAY + DAY)
    assert load(second, tmp_path / "state.json")
    told += _run(second, TERM_MONDAY + 2 * DAY)
    assert told == two_days


def test_a_run_broken_within_a_minute_loses_nothing(two_days: list[Due]) -> None:
    first = Simulation(estate(), seed=3, start=TERM_MONDAY)
    first.step(2 * HOUR)
    told = first.due(TERM_MONDAY + HOUR + 17)
    second = Simulation(estate(), seed=3, start=TERM_MONDAY + DAY)
    second.restore(json.loads(json.dumps(first.state())))
    assert second.told == TERM_MONDAY + HOUR + 17
    told += _run(second, TERM_MONDAY + 3 * HOUR)
    assert told == two_days[: len(told)]
    assert told[-1].time > (TERM_MONDAY + 3 * HOUR - 60) * SECOND


def test_after_a_gap_registers_have_gone_on_and_nobody_tells_of_it() -> None:
    simulation = Simulation(estate(), seed=3, start=TERM_MONDAY)
    one = simulation.instruments
    column = one.column[one.index["sim", "m-main"]]
    before = float(one.register[column])
    to = TERM_MONDAY + 3 * DAY + 90
    simulation.skip(to)
    assert simulation.now == to - 30
    assert simulation.due(to) == []
    simulation.step(120)
    assert to < min(due.time for due in simulation.due(simulation.now)) // SECOND <= to + 60
    assert one.register[column] - before > 3 * 24 * 2.0


def test_a_state_of_another_seed_or_no_state_says_what_to_do(tmp_path: Path) -> None:
    simulation = Simulation(estate(), seed=3, start=TERM_MONDAY)
    path = tmp_path / "state.json"
    assert not load(simulation, path)
    save(simulation, path)
    with pytest.raises(StateError, match="seed 3, not 4"):
        load(Simulation(estate(), seed=4, start=TERM_MONDAY), path)
    path.write_text(json.dumps({"seed": 3}))
    with pytest.raises(StateError, match=r"state\.json .*delete it"):
        load(simulation, path)


def test_a_swapped_meter_begins_at_its_opening_register() -> None:
    swap = TERM_MONDAY + 6 * HOUR
    old = Device("old", "sim", DeviceKind.ELECTRICITY_METER, "x", "native", "old", 1,
                 (Assignment(0, swap * SECOND, "pool", meter="main", opening_register=5.0),))  # fmt: skip
    place = Assignment(swap * SECOND, FOREVER, "pool", meter="main", opening_register=700.0)
    new = replace(old, id="new", address="new", assignments=(place,))
    simulation = Simulation(estate(old, new), seed=3, start=swap - 600)
    told = _run(simulation, swap + 600)
    assert max(at for at, _ in _values(told, "old", "electricity_import")) == swap - 1
    first_at, first = _values(told, "new", "electricity_import")[0]
    assert swap <= first_at <= swap + 1
    assert 700 <= first < 701


def test_a_counter_at_the_entrance_counts_who_is_in_the_building_with_a_small_error() -> None:
    simulation = Simulation(estate(), seed=3, start=TERM_MONDAY + 6 * HOUR)
    school = simulation.stock.index["sim", "school"]
    inside, told = [], []
    for _ in range(36):
        simulation.step(600)
        inside.append(float(simulation.stock.per_building(simulation.buildings.state.people)[school]))
        told.append(_values(simulation.due(simulation.now), "count", "people")[-1][1])
    counter = simulation.instruments
    assert counter.people_in[0] - counter.people_out[0] == pytest.approx(inside[-1])
    assert counter.people_in[0] > 50
    assert all(abs(a - b) <= 2 + 0.06 * max(inside) for a, b in zip(inside, told, strict=True))
    assert any(abs(a - b) > 1 for a, b in zip(inside, told, strict=True))


def test_how_often_somebody_asks_changes_nothing(two_days: list[Due]) -> None:
    simulation = Simulation(estate(), seed=3, start=TERM_MONDAY)
    simulation.step(12 * HOUR)
    told = simulation.due(TERM_MONDAY + 7 * HOUR + 7) + simulation.due(simulation.now)
    assert told == two_days[: len(told)]


def test_another_process_gives_the_same_bytes() -> None:
    program = """
import hashlib
from simulators.backfill import messages
from tests.simulators.estates import TERM_MONDAY, estate
digest = hashlib.sha256()
for message in messages(estate(), start_ns=TERM_MONDAY * 10**9, end_ns=(TERM_MONDAY + 20_000) * 10**9, seed=3):
    digest.update(message.topic.encode() + message.payload)
print(digest.hexdigest())
"""
    root = Path(__file__).parents[2]
    answers = {
        subprocess.run([sys.executable, "-c", program], cwd=root, capture_output=True, check=True, text=True).stdout
        for _ in range(2)
    }
    assert len(answers) == 1
