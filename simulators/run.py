"""An estate's buildings carried on in time, and what they were like at each step."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final

import numpy as np

from simulators.building import State, rows, step
from simulators.meters import ELECTRICITY, LOADS
from simulators.moments import DAY_S, SLOT_S
from simulators.noise import Flags, Floats, Ints
from simulators.plan import Plan, cooling_electricity, make_plan
from simulators.stock import Stock, begin
from simulators.weather import Climate, Recorded

BOILER_EFFICIENCY: Final = 0.82
"""seasonal, of gross calorific value, at a good load"""
_LOW_LOAD_LOSS: Final = 0.07
_LOW_LOAD: Final = 0.05
"""a boiler that gives so small a share of its power loses most of that at once"""
_BURST_S: Final = 180
_COP_AT_7: Final = 3.2
_COP_PER_K: Final = 0.07

Change = Callable[[Stock, Plan], None]
"""Writes into a day's plan what faults do to it"""


@dataclass(frozen=True, slots=True)
class Trace:
    """What the buildings were like: row r is the state at `start + (r + 1) * dt`, and the flows of the step before."""

    start: int
    """seconds since 1970"""
    dt: int
    plan: Plan
    slot: Ints
    """of each row: where its timetable, weather and settings stand in the plan"""
    temperature_c: Floats
    """(row, space), like the next"""
    co2_ppm: Floats
    moisture_g_kg: Floats
    people: Floats
    valve_pct: Floats
    lit: Flags
    crowd: Floats
    """people in each building: (row, building)"""
    loads: Floats
    """(row, building, load): W and l/h"""

    @property
    def end(self) -> int:
        return self.start + len(self.slot) * self.dt


class Buildings:
    """The buildings of an estate at one moment.

    Args:
        climates: of each building.
        at: seconds since 1970, a whole slot.
    """

    def __init__(
        self,
        stock: Stock,
        climates: list[Climate | Recorded],
        *,
        seed: int,
        at: int,
    ) -> None:
        self.stock = stock
        self.state: State = begin(stock)
        self.now = at
        self._about = climates, seed
        self._change: Change | None = None
        self._plan: Plan | None = None

    def expect(self, change: Change | None) -> None:
        """From now on let faults change each day's plan."""
        self._change, self._plan = change, None

    def run(self, to: int, dt: int) -> Iterator[Trace]:
        """Carry on to `to` in steps of `dt`, which divides a slot; one trace for each day (UTC)."""
        while self.now < to:
            yield self._run(min(to, self.now - self.now % DAY_S + DAY_S), dt)

    def plan(self) -> Plan:
        """The plan of the day that `now` is in."""
        day = self.now - self.now % DAY_S
        if self._plan is None or self._plan.slots.at[0] != day:
            climates, seed = self._about
            self._plan = make_plan(self.stock, climates, seed, day)
            if self._change is not None:
                self._change(self.stock, self._plan)
            self._rows = rows(self._plan.spaces)
        return self._plan

    def _run(self, to: int, dt: int) -> Trace:
        stock, state, plan = self.stock, self.state, self.plan()
        steps = -(-(to - self.now) // dt)
        begun, where = self.now, stock.spaces.building
        kept: list[Floats] = [np.empty((steps, len(where))) for _ in range(7)]
        lit = np.empty((steps, len(where)), dtype=np.bool_)
        for row in range(steps):
            slot = self.now % DAY_S // SLOT_S
            step(stock.spaces, state, self._rows[slot], stock.mean_c(state.temperature_c)[where], float(dt))
            now = state.temperature_c, state.co2_ppm, state.moisture_g_kg, state.people, state.valve_pct
            for table, values in zip(kept, (*now, state.heat_w, state.cooled_w), strict=True):
                table[row] = values
            lit[row] = state.lit
            self.now += dt
        temperature, co2, moisture, people, valve, heat, cooled = kept
        slots = (begun + dt * np.arange(steps)) % DAY_S // SLOT_S
        crowd = stock.per_building(people)
        return Trace(
            start=begun, dt=dt, plan=plan, slot=slots, temperature_c=temperature, co2_ppm=co2, moisture_g_kg=moisture,
            people=people, valve_pct=valve, lit=lit, crowd=crowd,
            loads=_loads(stock, plan, slots, begun + dt * np.arange(steps), lit, heat, cooled, crowd),
        )  # fmt: skip


def _loads(
    stock: Stock, plan: Plan, slot: Ints, at: Ints, lit: Flags, heat_w: Floats, cooled_w: Floats, crowd: Floats
) -> Floats:
    plant, per = plan.plant, stock.per_building
    rooms, process = per(heat_w), plant.process_w[slot]
    heat = rooms + process
    share = heat / per(stock.spaces.radiator_w)
    efficiency = BOILER_EFFICIENCY * (1 - _LOW_LOAD_LOSS * np.exp(-share / _LOW_LOAD)) * plant.efficiency[slot]
    bursts = np.where(at[:, None] // _BURST_S % 2 == 0, 2.0, 0.0)
    firing = np.where(plant.cycling[slot] > 0, bursts, 1.0)
    cop = np.clip(_COP_AT_7 + _COP_PER_K * (plant.outdoor_c[slot] - 7.0), 1.8, 4.5)
    water = np.array([one.water_l for one in stock.profiles])
    loads = {
        "lighting": per(lit * stock.spaces.lights_w),
        "sockets": per(plan.spaces.plugs_w)[slot],
        "ventilation": plant.ventilation_w[slot],
        "catering": plant.catering_w[slot],
        "pool": plant.pool_w[slot],
        "servers": plant.servers_w[slot],
        "cooling": plant.cooling_w[slot] + cooling_electricity(per(cooled_w)),
        "heat_pump": np.where(stock.heat_pump, heat / cop, 0.0),
        "other": plant.other_w[slot],
        "gas_heating": np.where(stock.heat_pump, 0.0, heat / efficiency * firing),
        "gas_hot_water": plant.hot_water_w[slot],
        "heat_rooms": rooms,
        "heat_process": process,
        "water_people": water * crowd,
        "water_standing": plant.standing_l_h[slot],
    }
    return np.stack([loads[name] for name in LOADS], axis=2)


def electricity_w(loads: Floats) -> Floats:
    """All electricity of a table of loads, whose last axis is `LOADS`."""
    answer: Floats = loads[..., : len(ELECTRICITY)].sum(axis=-1)
    return answer
