"""What must hold in spaces and at meters, whatever happens."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from devices.model import Building, Estate, Meter, Utility
from simulators.building import OUTDOOR_CO2_PPM, Now, Spaces, State, step, time_constant_h
from simulators.data import climate
from simulators.meters import ELECTRICITY, LOADS, has_heat_pump, taps
from simulators.noise import Floats, key, keys, smooths, spreads, uniform, uniforms
from simulators.profiles import profile
from simulators.run import Buildings, Trace
from simulators.stock import begin, make_stock
from simulators.weather import saturation_g_kg
from tests.simulators.estates import DAY, SCHOOL, TERM_MONDAY, estate

STOCK = make_stock(estate(), 1)
ROOM = STOCK.place["sim", "school", "room-1"]


def _one(**state: float) -> tuple[Spaces, State]:
    """The classroom alone, brought into a state."""
    everything, all_states = STOCK.spaces, begin(STOCK)
    spaces = Spaces(*(getattr(everything, name)[[ROOM]] for name in Spaces.__slots__))
    room = State(*(getattr(all_states, name)[[ROOM]] for name in State.__slots__))
    for name, value in state.items():
        setattr(room, name, np.array([float(value)]))
    return spaces, room


def _now(**changes: Any) -> Now:
    usual: dict[str, Any] = {
        "outdoor_c": 5.0, "outdoor_g_kg": 4.0, "inside_lx": 0.0, "sun_w": 0.0, "expected": 0.0, "awake": True,
        "plugs_w": 0.0, "asked_c": 0.0, "cool_above_c": 99.0, "felt_k": 0.0, "least_valve_pct": 0.0,
        "most_valve_pct": 100.0, "heat_share": 1.0, "leaks_ach": 0.35, "fans_ach": 0.0, "fresh_m3_h": 18.0,
        "lights_stay": False, "lights_forced": False,
    }  # fmt: skip
    return Now(
        **{
            name: np.array([value if isinstance(value, bool) else float(value)])
            for name, value in (usual | changes).items()
        }
    )


outdoors = st.builds(
    lambda celsius, share, sun: {
        "outdoor_c": celsius, "outdoor_g_kg": share * float(saturation_g_kg(np.array(celsius))), "sun_w": sun * 2.4,
        "inside_lx": sun * 2.0,
    },
    st.floats(-15, 30), st.floats(0.3, 1.0), st.floats(0, 900),
)  # fmt: skip


@given(
    st.lists(
        st.tuples(outdoors, st.floats(0, 30), st.sampled_from([60.0, 300.0]), st.floats(5, 30), st.floats(0.1, 6)),
        max_size=150,
    ),
    st.floats(5, 35),
)
def test_air_stays_physical(hours: list[tuple[dict[str, float], float, float, float, float]], begin_c: float) -> None:
    spaces, room = _one(temperature_c=begin_c, fabric_c=begin_c)
    for weather, people, dt, asked, leaks in hours:
        step(spaces, room, _now(expected=people, asked_c=asked, leaks_ach=leaks, **weather), np.array([18.0]), dt)
        assert -20 < room.temperature_c[0] < 60
        assert OUTDOOR_CO2_PPM - 1e-6 <= room.co2_ppm[0] < 8_000
        assert 0 < room.moisture_g_kg[0] <= saturation_g_kg(room.temperature_c)[0] * (1 + 1e-9)
        assert 0 <= room.people[0] <= 30
        assert 0 <= room.valve_pct[0] <= 100
        assert 0 <= room.heat_w[0] <= 1.2 * room.valve_pct[0] / 100 * spaces.radiator_w[0] + 1e-9


@given(st.floats(5, 25), st.one_of(st.floats(-10, 10), st.floats(1.01, 1.5)), st.floats(0, 60))
def test_a_warm_room_has_a_closed_valve_and_a_cold_one_an_open(asked: float, above: float, integral: float) -> None:
    spaces, room = _one(temperature_c=asked + above, fabric_c=asked + above, integral=integral)
    step(spaces, room, _now(asked_c=asked, outdoor_c=asked + above), np.array([asked + above]), 60.0)
    if above > 1.01:
        assert room.valve_pct[0] == 0
    if above < -2.6:
        assert room.valve_pct[0] == 100


def test_a_full_class_comes_to_the_balance_of_breath_and_fresh_air() -> None:
    """30 children breathe out 12 l/h each; 5 l/s of fresh air for each and the leaks of 180 m³ thin it."""
    spaces, room = _one(people=30.0)
    for _ in range(6 * 60):
        step(spaces, room, _now(expected=30.0), np.array([20.0]), 60.0)
        room.temperature_c[:] = 20.0
    fresh_m3_h = 30 * 5 * 3.6 + 0.35 * 180
    assert room.co2_ppm[0] == pytest.approx(425 + 30 * 0.012 / fresh_m3_h * 1e6, rel=0.01)


def test_an_empty_room_cools_with_its_time_constant() -> None:
    """After the first hours air and fabric fall together; the slower mode of the equations says how fast."""
    spaces, room = _one(temperature_c=20.0, fabric_c=19.0)
    spaces = replace(spaces, inner_w_k=np.zeros(1))
    for _ in range(12 * 60):
        step(spaces, room, _now(outdoor_c=0.0), room.temperature_c, 60.0)
    begun = room.temperature_c[0]
    for _ in range(10 * 60):
        step(spaces, room, _now(outdoor_c=0.0), room.temperature_c, 60.0)
    hours = time_constant_h(spaces)[0]
    assert room.temperature_c[0] == pytest.approx(begun * np.exp(-10 / hours), rel=0.01)
    heat_loss = spaces.windows_w_k + spaces.opaque_w_k + 0.35 * spaces.volume_m3 * 0.335
    capacity = spaces.air_j_k + spaces.fabric_j_k
    assert hours == pytest.approx(capacity[0] / heat_loss[0] / 3600, rel=0.15)


def test_heat_is_conserved() -> None:
    """What radiators, people and sun give is in the room's air and fabric, or has gone outdoors; no window opens."""
    spaces, room = _one(temperature_c=18.0, fabric_c=17.0, people=20.0)
    now = _now(expected=20.0, sun_w=300.0, plugs_w=200.0, asked_c=20.0, fans_ach=1.0)
    begun = room.temperature_c * spaces.air_j_k + room.fabric_c * spaces.fabric_j_k
    balance_j = 0.0
    for _ in range(600):
        air, fabric = room.temperature_c[0], room.fabric_c[0]
        assert air < 23.5
        assert room.co2_ppm[0] < 1_800
        step(spaces, room, now, np.array([air]), 60.0)
        changes = 0.35 + room.people[0] * 18.0 / spaces.volume_m3[0] + 0.4
        loss = (spaces.windows_w_k[0] + changes * spaces.volume_m3[0] * 0.335) * (air - 5.0)
        gains = room.heat_w[0] + room.people[0] * spaces.people_w[0] + room.lit[0] * spaces.lights_w[0] + 500.0
        balance_j += 60 * (gains - loss - spaces.opaque_w_k[0] * (fabric - 5.0))
    held = room.temperature_c * spaces.air_j_k + room.fabric_c * spaces.fabric_j_k
    assert held[0] - begun[0] == pytest.approx(balance_j, rel=1e-6)


@pytest.mark.parametrize(("people", "inside_lx", "lit"), [(5, 20, True), (5, 1_000, False), (0, 20, False)])
def test_lights_are_on_when_somebody_is_there_and_it_is_dark(people: float, inside_lx: float, lit: bool) -> None:
    spaces, room = _one(people=people)
    step(spaces, room, _now(expected=people, inside_lx=inside_lx), np.array([18.0]), 60.0)
    assert room.lit[0] == lit


def test_lights_go_off_ten_minutes_after_the_last_unless_they_forget() -> None:
    for stays in (False, True):
        spaces, room = _one()
        room.lit[:] = True
        lit = []
        for _ in range(15):
            step(spaces, room, _now(lights_stay=stays), np.array([18.0]), 60.0)
            lit.append(bool(room.lit[0]))
        assert lit == [True] * 15 if stays else [True] * 9 + [False] * 6


def _seen(meters: dict[str, Meter], loads: dict[str, float]) -> dict[str, float]:
    row = np.array([loads.get(name, 0.0) for name in LOADS])
    return {name: float((tap.weights() * row).sum()) for name, tap in taps(meters).items()}


@given(st.fixed_dictionaries({name: st.floats(0, 1e6) for name in LOADS}))
def test_sub_meters_never_exceed_their_main(loads: dict[str, float]) -> None:
    meters = {
        **SCHOOL.meters,
        "it": Meter("it", Utility.ELECTRICITY, "main", "server room"),
        "cars": Meter("cars", Utility.ELECTRICITY, "main", "vehicle charging"),
        "odd": Meter("odd", Utility.ELECTRICITY, "main", "zoetropes"),
        "warm": Meter("warm", Utility.HEAT, "heat", "pool"),
    }
    seen = _seen(meters, loads)
    assert min(seen.values()) >= 0
    assert seen["main"] == pytest.approx(sum(loads[name] for name in ELECTRICITY))
    parts = sum(seen[name] for name in ("lights", "sockets", "kitchen", "it", "cars", "odd"))
    assert parts <= seen["main"] * (1 + 1e-9)
    assert seen["lights"] == pytest.approx(loads["lighting"])
    assert seen["heat"] == pytest.approx(loads["heat_rooms"] + loads["heat_process"])
    assert seen["warm"] == pytest.approx(loads["heat_process"])


def test_a_sub_meter_of_unknown_use_sees_a_part_of_what_no_other_sees() -> None:
    meters = {**SCHOOL.meters, "odd": Meter("odd", Utility.ELECTRICITY, "main", "zoetropes")}
    assert _seen(meters, {"lighting": 600.0, "sockets": 600.0, "catering": 600.0})["odd"] == 0
    assert 0 < _seen(meters, {"other": 600.0})["odd"] < 300


def test_two_mains_share_the_building() -> None:
    meters = {"a": Meter("a", Utility.ELECTRICITY), "b": Meter("b", Utility.ELECTRICITY)}
    assert _seen(meters, {"lighting": 600.0, "other": 400.0}) == {"a": 500.0, "b": 500.0}


def _run(building: Building, days: int) -> list[Trace]:
    council = replace(estate().councils["sim"], buildings={building.id: building}, devices={})
    stock = make_stock(Estate({"sim": council}), 1)
    station = climate("edinburgh_rbge")
    run = Buildings(stock, [station], seed=1, at=TERM_MONDAY - DAY)
    return list(run.run(TERM_MONDAY + days * DAY, 300))


def _load(trace: Trace, name: str) -> Floats:
    return trace.loads[:, 0, LOADS.index(name)]


def test_a_heat_pump_takes_electricity_instead_of_gas() -> None:
    pumped = replace(SCHOOL, meters={**SCHOOL.meters, "hp": Meter("hp", Utility.ELECTRICITY, "main", "heating")})
    assert has_heat_pump(pumped.meters)
    assert not has_heat_pump(SCHOOL.meters)
    day = _run(pumped, 1)[-1]
    heat, pump = _load(day, "heat_rooms").sum(), _load(day, "heat_pump").sum()
    assert 2.2 < heat / pump < 3.4
    assert _load(day, "gas_heating").sum() == 0


def test_every_category_of_tm46_has_a_profile() -> None:
    assert all(profile(category).fabric_w_k > 0 for category in range(1, 30))


@given(st.integers(0, 2**64 - 1), st.integers(-(2**62), 2**62))
def test_chance_is_the_same_for_one_and_for_many(of: int, index: int) -> None:
    assert uniforms(keys([of]), np.array([index]))[0] == uniform(of, index)


def test_chance_is_uniform_and_its_streams_differ() -> None:
    of, index = keys([key(1, "a")]), np.arange(20_000)
    values = uniforms(of, index)
    assert values.mean() == pytest.approx(0.5, abs=0.01)
    assert np.histogram(values, 10, (0, 1))[0].min() > 1_800
    assert abs(np.corrcoef(values, uniforms(of, index, stream=1))[0, 1]) < 0.03
    assert abs(spreads(of, index).mean()) < 0.01
    assert np.abs(np.diff(smooths(of, index / 100))).max() < 0.05
