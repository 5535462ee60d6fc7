"""Every kind of fault can be seen, by somebody who only reads what the devices sent."""

from itertools import pairwise

import pytest

from devices.message import Reading
from simulators.faults import KINDS, Fault, Scope
from simulators.scenario import HEALTHY, Planned, Scenario, When
from simulators.simulation import Simulation
from tests.simulators.estates import DAY, TERM_MONDAY, estate
from tests.simulators.gallery import DOCS
from tests.simulators.twins import BEGINS, CASES, ENDS, Heard, groups, hear, run


def test_there_are_thirty_kinds_and_each_has_a_twin_and_a_picture() -> None:
    assert len(KINDS) >= 30
    assert KINDS.keys() == CASES.keys()
    page = (DOCS / "faults.md").read_text(encoding="utf-8")
    for kind in KINDS:
        assert f"(faults/{kind}.svg)" in page
        assert (DOCS / "faults" / f"{kind}.svg").is_file()


def test_faults_that_share_a_run_tell_what_each_tells_alone() -> None:
    many = max(groups(), key=len)
    case = CASES[many[-1]]
    (alone,) = run(case.start, many[-1:]).values()
    assert len(many) > 4
    assert hear(many[-1], ill=True) == alone


def _differences(healthy: Heard, ill: Heard) -> tuple[list[float], list[float]]:
    """|difference| of the readings of one time before the fault, and while it holds."""
    told = dict(healthy.readings)
    pairs = [(at, abs(value - told[at])) for at, value in ill.readings if at in told]
    before = [difference for at, difference in pairs if at < BEGINS]
    return before, [difference for at, difference in pairs if BEGINS < at < ENDS]


LEAST = {
    "heating_at_night": 20.0, "heating_over_holiday": 20.0, "timer_wrong": 0.1, "setpoint_creep": 0.1,
    "stuck_valve": 0.5, "cold_zone": 0.5, "window_open": 0.5, "stale_air": 50.0, "heating_and_cooling": 3.0,
    "sensor_in_sun": 0.2, "boiler_cycling": 5.0, "lights_left_on": 50.0, "equipment_left_on": 50.0,
    "base_load_step": 60.0, "ventilation_out_of_hours": 50.0, "kitchen_left_on": 20.0, "leaking_tap": 2.0,
    "cool_store": 3.0, "pool_uncovered": 20.0, "flatline": 1.0, "drift": 1.0, "noise": 0.5, "spikes": 0.3,
    "wrong_unit": 20.0, "swapped_sensors": 1.0, "clock_skew": 0.5, "dead_battery": 5.0, "register_reset": 1_000.0,
    "register_rollover": 1_000.0, "swapped_meter": 1_000.0,
}  # fmt: skip
"""Mean difference while the fault holds, in the unit of the field; of registers, what has come together"""


@pytest.mark.parametrize("kind", [kind for kind, about in KINDS.items() if about.scope is not Scope.SOURCE])
def test_what_a_building_or_a_device_has_is_seen_in_its_readings(kind: str) -> None:
    healthy, ill = hear(kind, ill=False), hear(kind, ill=True)
    before, while_ill = _differences(healthy, ill)
    assert before
    assert kind == "clock_skew" or max(before) == 0
    assert sum(while_ill) / len(while_ill) > LEAST[kind]


@pytest.mark.parametrize("kind", ["drift", "noise", "spikes"])
def test_a_shaken_quantity_leaves_alone_what_its_device_tells_at_once(kind: str) -> None:
    """In a past the room sensor keeps to a timer, and tells besides when somebody comes or goes."""
    fault = Fault("f01", kind, 0, 0, 4.0, "sim", device="air")
    told = []
    for scenario in (HEALTHY, Scenario(kind, (Planned(fault, When(0, dated=False), None),))):
        simulation = Simulation(estate(), seed=3, start=TERM_MONDAY, every=300, scenario=scenario)
        simulation.step(DAY // 2)
        told.append([due for due in simulation.due(simulation.now) if due.device.id == "air"])
    healthy, ill = ([_told(due.readings) for due in one] for one in told)
    assert [one.get("occupied") for one in ill] == [one.get("occupied") for one in healthy]
    assert [one.get("temperature") for one in ill] != [one.get("temperature") for one in healthy]


def _told(readings: list[Reading]) -> dict[str, float]:
    return {one.field.name: one.value for one in readings}


def _in_fault(heard: Heard) -> int:
    return sum(count for hour, count in heard.arrivals.items() if BEGINS * 24 <= hour < ENDS * 24)


@pytest.mark.parametrize(
    ("kind", "least", "most"),
    [("loss", 0.5, 0.9), ("duplication", 1.1, 1.6), ("retained_replay", 1.05, 1.2), ("flood", 15.0, 25.0),
     ("malformed", 1.0, 1.0), ("gateway_silence", 0.0, 0.02)],
)  # fmt: skip
def test_what_happens_on_the_way_is_seen_in_what_arrives(kind: str, least: float, most: float) -> None:
    healthy, ill = hear(kind, ill=False), hear(kind, ill=True)
    assert least <= _in_fault(ill) / _in_fault(healthy) <= most
    outside = {hour: count for hour, count in healthy.arrivals.items() if hour < BEGINS * 24}
    assert outside == {hour: count for hour, count in ill.arrivals.items() if hour < BEGINS * 24}


def test_cut_messages_are_malformed_and_late_ones_come_in_another_order() -> None:
    assert hear("malformed", ill=True).rejects["malformed"] > 50
    late = [at for at, _ in hear("reordering", ill=True).readings]
    assert late != sorted(late)
    assert sorted(late) == [at for at, _ in hear("reordering", ill=False).readings]


def test_a_register_runs_over_and_begins_again() -> None:
    values = [value for at, value in hear("register_rollover", ill=True).readings if at >= BEGINS]
    drops = [before for before, after in pairwise(values) if after < before]
    assert len(drops) == 1
    assert 99_990 < drops[0] < 100_000


def test_a_silent_gateway_says_so_and_comes_back_described() -> None:
    rejects = hear("gateway_silence", ill=True).rejects - hear("gateway_silence", ill=False).rejects
    assert rejects["presence"] >= 2
    assert rejects["description"] == 1
