"""How meters show what they counted."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from devices.model import Assignment, Device, DeviceKind, Utility
from devices.timestamps import FOREVER, SECOND
from simulators.registers import Register, register_of, shown, turns
from simulators.simulation import Simulation
from tests.simulators.estates import DAY, TERM_MONDAY, estate

_registers = st.sampled_from([Register(0.001, 5), Register(0.01, 6), Register(0.1, 6), Register(1.0, 7)])


@given(_registers, st.lists(st.floats(0, 50_000), min_size=2, max_size=40), st.floats(0, 1e7))
def test_a_register_never_falls_except_by_its_width(one: Register, grown: list[float], begun: float) -> None:
    counted = begun + np.cumsum(grown)
    step, width = np.full(len(counted), one.step), np.full(len(counted), one.width)
    says = shown(counted, step, width)
    assert ((says >= 0) & (says < one.width)).all()
    turned = np.diff(turns(np.floor(counted / step + 1e-6) * step + step / 2, width))
    rise = np.diff(says) + turned * one.width
    assert (rise >= -one.step / 10).all()
    assert rise == pytest.approx(np.diff(counted), abs=1.01 * one.step)


@given(_registers, st.floats(0, 1e7))
def test_a_register_moves_in_whole_steps(one: Register, counted: float) -> None:
    says = shown(np.array([counted]), np.array([one.step]), np.array([one.width]))[0]
    assert says / one.step == pytest.approx(round(says / one.step), abs=1e-4)


def test_steps_are_those_of_the_makers_and_of_the_size() -> None:
    """Kamstrup MULTICAL 603: seven digits, kWh; pulse meters: 1,000, 100, 10 pulses/kWh; gas 0.01, 0.1 and 1 m³."""
    assert register_of("Kamstrup MULTICAL 603", Utility.HEAT, 1e6, 0.0) == (1.0, 7)
    by_size = [register_of("x", Utility.ELECTRICITY, size, 0.0).step for size in (1e4, 1e5, 1e6)]
    assert by_size == [0.001, 0.01, 0.1]
    assert [register_of("x", Utility.GAS, size, 0.0).step for size in (1e3, 5e4, 5e5)] == [0.01, 0.1, 1.0]
    assert register_of("x", Utility.ELECTRICITY, 1e4, 1_284_310.5).width == 1e7


def test_a_meter_near_its_width_runs_over_by_itself_and_no_energy_is_lost() -> None:
    old = estate().councils["sim"].devices["m-main"]
    place = Assignment(TERM_MONDAY * SECOND, FOREVER, "school", meter="main", opening_register=999_990.0)
    near = Device("near", "sim", DeviceKind.ELECTRICITY_METER, old.model, "native", "near", 60, (place,))
    simulation = Simulation(estate(near), seed=3, start=TERM_MONDAY)
    simulation.step(DAY)
    told = {name: list[float]() for name in ("near", "m-main")}
    for due in simulation.due(simulation.now):
        if due.device.id in told:
            told[due.device.id] += [one.value for one in due.readings if one.field.name == "electricity_import"]
    near_by = np.array(told["near"])
    falls = np.flatnonzero(np.diff(near_by) < 0)
    assert len(falls) == 1
    assert near_by[0] > 999_989
    assert near_by[falls[0]] > 999_999
    used = near_by[-1] + 1e6 - near_by[0]
    assert used == pytest.approx(told["m-main"][-1] - told["m-main"][0], rel=1e-3, abs=0.3)


def test_the_register_is_a_property_of_the_meter_and_not_of_the_run() -> None:
    meter = estate().councils["sim"].devices["m-main"]
    other = replace(meter, id="other", address="other", model="Schneider iEM3155")
    one = Simulation(estate(other), seed=3, start=TERM_MONDAY).instruments
    places, index = one.places, one.index
    assert places.step[index["sim", "other"]] == 0.001
    assert places.width[index["sim", "other"]] == 1e8
    assert places.step[index["sim", "m-main"]] == 0.01
