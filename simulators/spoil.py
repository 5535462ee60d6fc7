"""What faults of buildings do: they write into the day's plan, and the physics does the rest."""

from collections.abc import Callable, Sequence
from typing import Final, NamedTuple

import numpy as np

from simulators.faults import Fault, Scope
from simulators.noise import Floats, Ints
from simulators.people import day_share
from simulators.plan import Plan, fans_ach
from simulators.run import Change
from simulators.stock import Stock

_FULL_SUN_LX: Final = 60_000.0
_NOBODY: Final = 0.1
"""share of a busy day below which a building counts as closed"""


class _Case(NamedTuple):
    """One fault on one day."""

    stock: Stock
    plan: Plan
    fault: Fault
    rows: Ints
    """slots of the day that it holds in"""
    building: int
    spaces: Ints

    @property
    def cells(self) -> tuple[Ints, Ints]:
        """Of a table (slot, space)."""
        grid: tuple[Ints, Ints] = np.ix_(self.rows, self.spaces)  # type: ignore[assignment]
        return grid

    @property
    def cell(self) -> tuple[Ints, int]:
        """Of a table (slot, building)."""
        return self.rows, self.building


def spoiler(faults: Sequence[Fault]) -> Change | None:
    """What the faults of buildings among these do to a day; None where there are none."""
    ours = [fault for fault in faults if fault.scope in {Scope.BUILDING, Scope.SPACE}]

    def spoil(stock: Stock, plan: Plan) -> None:
        at = plan.slots.at
        for fault in ours:
            rows = np.flatnonzero((at >= fault.start) & (at < fault.end))
            if len(rows):
                building = stock.index[fault.council, fault.building]
                _SPOILS[fault.kind](_Case(stock, plan, fault, rows, building, _spaces(stock, fault, building)))

    return spoil if ours else None


def _spaces(stock: Stock, fault: Fault, building: int) -> Ints:
    if fault.space:
        return np.array([stock.place[fault.council, fault.building, fault.space]])
    return np.flatnonzero(stock.spaces.building == building)


def _hold(case: _Case, rows: Ints) -> None:
    """Thermostats at least at the severity in these slots."""
    asked, cells = case.plan.spaces.asked_c, np.ix_(rows, case.spaces)
    asked[cells] = np.maximum(asked[cells], case.fault.severity)


def _in_use(case: _Case) -> Floats:
    return day_share(case.stock.buildings[case.building][1], case.plan.local[case.building])[case.rows]


def _heating_at_night(case: _Case) -> None:
    _hold(case, case.rows[_in_use(case) > _NOBODY])


def _heating_over_holiday(case: _Case) -> None:
    closed_all_day = case.plan.plant.going_on[:, case.building].max() < _NOBODY
    _hold(case, case.rows[(_in_use(case) <= _NOBODY) | closed_all_day])


def _timer_wrong(case: _Case) -> None:
    asked = case.plan.spaces.asked_c
    early = np.roll(asked[:, case.spaces], -round(case.fault.severity * 12), axis=0)
    asked[case.cells] = np.maximum(early[case.rows], 0.0)


def _setpoint_creep(case: _Case) -> None:
    fault, asked = case.fault, case.plan.spaces.asked_c
    gone = (case.plan.slots.at[case.rows] - fault.start) / (fault.end - fault.start)
    heated = asked[case.cells] >= case.stock.setpoint_c[case.spaces]
    asked[case.cells] += heated * (fault.severity * gone)[:, None]


def _stuck_valve(case: _Case) -> None:
    """While the boiler gives heat to the building; at night nothing comes through an open valve either."""
    asked, least = case.plan.spaces.asked_c[case.cells], case.plan.spaces.least_valve_pct
    least[case.cells] = np.where(asked >= case.stock.setpoint_c[case.spaces], case.fault.severity, 0.0)


def _cold_zone(case: _Case) -> None:
    case.plan.spaces.heat_share[case.cells] *= 1 - case.fault.severity


def _window_open(case: _Case) -> None:
    case.plan.spaces.leaks_ach[case.cells] += case.fault.severity


def _stale_air(case: _Case) -> None:
    case.plan.spaces.fresh_m3_h[case.cells] *= 1 - case.fault.severity
    case.plan.spaces.fans_ach[case.cells] *= 1 - case.fault.severity


def _heating_and_cooling(case: _Case) -> None:
    case.plan.spaces.cool_above_c[case.cells] = case.fault.severity


def _sensor_in_sun(case: _Case) -> None:
    sun = np.minimum(1.0, case.plan.plant.daylight_lx[case.cell] / _FULL_SUN_LX)
    case.plan.spaces.felt_k[case.cells] += (case.fault.severity * sun)[:, None]


def _boiler_cycling(case: _Case) -> None:
    case.plan.plant.efficiency[case.cell] *= 1 - case.fault.severity
    case.plan.plant.cycling[case.cell] = 1.0


def _lights_left_on(case: _Case) -> None:
    case.plan.spaces.lights_forced[case.cells] = True


def _equipment_left_on(case: _Case) -> None:
    about, plugs = case.stock.profiles[case.building], case.plan.spaces.plugs_w
    always = case.stock.spaces.area_m2[case.spaces] * about.plugs_w * about.electricity * case.fault.severity
    plugs[case.cells] = np.maximum(plugs[case.cells], always)


def _base_load_step(case: _Case) -> None:
    case.plan.plant.other_w[case.cell] += case.fault.severity


def _ventilation_out_of_hours(case: _Case) -> None:
    plan, about, share = case.plan, case.stock.profiles[case.building], case.fault.severity
    full = case.stock.area_m2[case.building] * about.fans_w * about.electricity
    plan.plant.ventilation_w[case.cell] = np.maximum(plan.plant.ventilation_w[case.cell], share * full)
    air = share * fans_ach(case.stock)[case.spaces]
    plan.spaces.fans_ach[case.cells] = np.maximum(plan.spaces.fans_ach[case.cells], air)


def _kitchen_left_on(case: _Case) -> None:
    about, table = case.stock.profiles[case.building], case.plan.plant.catering_w
    full = case.stock.area_m2[case.building] * about.catering_w * about.electricity
    table[case.cell] = np.maximum(table[case.cell], case.fault.severity * full)


def _leaking_tap(case: _Case) -> None:
    case.plan.plant.standing_l_h[case.cell] += case.fault.severity


def _cool_store(case: _Case) -> None:
    case.plan.plant.stored_c[case.cell] += case.fault.severity - 62.0


def _pool_uncovered(case: _Case) -> None:
    case.plan.plant.process_w[case.cell] *= 1 + case.fault.severity


_SPOILS: Final[dict[str, Callable[[_Case], None]]] = {
    "heating_at_night": _heating_at_night,
    "heating_over_holiday": _heating_over_holiday,
    "timer_wrong": _timer_wrong,
    "setpoint_creep": _setpoint_creep,
    "stuck_valve": _stuck_valve,
    "cold_zone": _cold_zone,
    "window_open": _window_open,
    "stale_air": _stale_air,
    "heating_and_cooling": _heating_and_cooling,
    "sensor_in_sun": _sensor_in_sun,
    "boiler_cycling": _boiler_cycling,
    "lights_left_on": _lights_left_on,
    "equipment_left_on": _equipment_left_on,
    "base_load_step": _base_load_step,
    "ventilation_out_of_hours": _ventilation_out_of_hours,
    "kitchen_left_on": _kitchen_left_on,
    "leaking_tap": _leaking_tap,
    "cool_store": _cool_store,
    "pool_uncovered": _pool_uncovered,
}
