"""Heat, carbon dioxide and moisture of spaces, all of them at once: one element of an array is one space.

Heat has two capacities, as the classes of ISO 52016-1 want them: the air with what stands in it, and the fabric.

    Ca dTa/dt = 0.7 radiator + 0.6 gains + 0.3 sun - cooling - (Hw + Hv)(Ta - To) - Hm (Ta - Tm) - Hi (Ta - Tb)
    Cm dTm/dt = 0.3 radiator + 0.4 gains + 0.7 sun - Hf (Tm - To) - Hm (Tm - Ta)

Ta air, Tm fabric, To outdoors, Tb mean of the building; Hw windows, Hv air change, Hf opaque fabric, Hm between air and
fabric, Hi inner walls. Carbon dioxide and moisture are one well-mixed volume each, carried on by the implicit rule, so
that they never pass their balance:

    dc/dt = G/V - n (c - co)
    dw/dt = M/(rho V) - n (w - wo)
"""

from dataclasses import dataclass, fields
from typing import Final

import numpy as np

from simulators.noise import Flags, Floats, Ints

OUTDOOR_CO2_PPM: Final = 425.0
INFILTRATION_ACH: Final = 0.35
AIR_J_M2K: Final = 35_000.0
"""air, furniture and the radiators' water, for each square metre of floor"""
FABRIC_TO_AIR_W_M2K: Final = 9.2
"""ISO 13790: 9.1 W/m²K over 2.5 m² of mass, and 3.45 over 4.5 m² of surface, in series"""
WINDOW_SHARE: Final = 0.4
"""of the fabric's loss that goes through windows, straight from the air"""
AIR_WH_M3K: Final = 0.335
_RADIATOR_TO_AIR, _GAINS_TO_AIR, _SUN_TO_AIR = 0.7, 0.6, 0.3
_AIR_KG_M3: Final = 1.2
_INNER_WALLS_W_M2K: Final = 0.6
_MOISTURE_G_H: Final = 55.0
"""of one person seated"""
_EVAPORATION_G_M2H: Final = 110.0
"""of a pool hall, for each square metre"""
_FRESH_AIR_M3_H: Final = 18.0
"""for each person: 5 l/s, what openable windows give"""
_RECOVERED: Final = 0.6
"""share of its heat that mechanical ventilation gives back"""
_WINDOWS_OPEN_C: Final = 23.5
_WINDOWS_OPEN_PPM: Final = 1_800.0
_WINDOWS_ACH: Final = 2.0
_ARRIVAL_S: Final = 240.0


@dataclass(frozen=True, slots=True)
class Spaces:
    """What the spaces of an estate are; sorted by building."""

    building: Ints
    """index of the building"""
    area_m2: Floats
    volume_m3: Floats
    capacity: Floats
    air_j_k: Floats
    fabric_j_k: Floats
    fabric_to_air_w_k: Floats
    windows_w_k: Floats
    opaque_w_k: Floats
    inner_w_k: Floats
    radiator_w: Floats
    lights_w: Floats
    """power of the lamps"""
    people_w: Floats
    """sensible heat of one person"""
    co2_lph: Floats
    evaporation_g_h: Floats
    cooling_w: Floats
    """heat that a cooler can take out; 0 where there is none"""


@dataclass(slots=True)
class State:
    """How the spaces are at one moment."""

    temperature_c: Floats
    fabric_c: Floats
    co2_ppm: Floats
    moisture_g_kg: Floats
    people: Floats
    integral: Floats
    """of the thermostats' controllers, %"""
    valve_pct: Floats
    heat_w: Floats
    cooled_w: Floats
    lit: Flags
    empty_s: Floats


@dataclass(frozen=True, slots=True)
class Now:
    """What is given to the spaces for one slot: weather, timetables, settings, and what faults do to them."""

    outdoor_c: Floats
    outdoor_g_kg: Floats
    inside_lx: Floats
    """daylight at a desk"""
    sun_w: Floats
    expected: Floats
    """people that the timetable wants"""
    awake: Flags
    """whether they use lamps and sockets"""
    plugs_w: Floats
    asked_c: Floats
    """what the thermostat is set to"""
    cool_above_c: Floats
    felt_k: Floats
    """by how much the thermostat feels it warmer than it is"""
    least_valve_pct: Floats
    most_valve_pct: Floats
    heat_share: Floats
    """of the radiator's power that comes: the colder outdoors, the hotter the water"""
    leaks_ach: Floats
    """air that comes in by itself, and by windows left open"""
    fans_ach: Floats
    fresh_m3_h: Floats
    """for each person"""
    lights_stay: Flags
    """nobody turns the lights off who leaves"""
    lights_forced: Flags


def rows(table: Now) -> list[Now]:
    """A table for many slots (slot, space) as one `Now` for each slot."""
    names = [field.name for field in fields(Now)]
    columns = [getattr(table, name) for name in names]
    return [Now(*(column[row] for column in columns)) for row in range(len(columns[0]))]


def step(spaces: Spaces, state: State, now: Now, building_c: Floats, dt: float) -> None:
    """Carry the spaces `dt` seconds on, at most a few minutes: people, lights, radiators, heat, air.

    Args:
        building_c: mean temperature of each space's building.
    """
    state.people += (now.expected - state.people) * min(1.0, dt / _ARRIVAL_S)
    state.people[(now.expected == 0) & (state.people < 0.05)] = 0.0
    occupied = state.people >= 0.5
    _step_lights(state, now, occupied & now.awake, dt)
    _step_valves(spaces, state, now, dt)
    warm = state.temperature_c > _WINDOWS_OPEN_C
    opened = occupied & ((warm & (now.outdoor_c < state.temperature_c)) | (state.co2_ppm > _WINDOWS_OPEN_PPM))
    natural = now.leaks_ach + _WINDOWS_ACH * opened + state.people * now.fresh_m3_h / spaces.volume_m3
    _step_heat(spaces, state, now, building_c, natural, dt)
    _step_air(spaces, state, now, natural + now.fans_ach, dt)


_DARK_LX: Final = 250.0
_BRIGHT_LX: Final = 500.0
_OFF_AFTER_S: Final = 600.0


def _step_lights(state: State, now: Now, occupied: Flags, dt: float) -> None:
    """On when somebody awake is in and it is dark; off some minutes after the last has gone, unless they forget."""
    state.empty_s += dt
    state.empty_s[occupied] = 0.0
    wanted = now.inside_lx < np.where(state.lit, _BRIGHT_LX, _DARK_LX)
    remains = state.lit & ((state.empty_s < _OFF_AFTER_S) | now.lights_stay)
    state.lit = np.where(occupied, wanted, remains) | now.lights_forced


_GAIN_PCT_K: Final = 40.0
_INTEGRAL_S: Final = 5_400.0
_RADIATOR_C, _RADIATOR_AT_C = 45.0, 20.0
"""mean temperature of the radiators' water, and of the room that their power is stated at"""
_COOLER_W_K: Final = 0.5
"""share of a cooler's power for each kelvin"""


def _step_valves(spaces: Spaces, state: State, now: Now, dt: float) -> None:
    """A PI controller that does not wind up, the heat that its valve lets through, and the cooler if there is one."""
    error = now.asked_c - state.temperature_c - now.felt_k
    state.integral = np.clip(state.integral + error * (_GAIN_PCT_K * dt / _INTEGRAL_S), 0.0, 60.0)
    state.integral[error < -1.0] = 0.0
    wanted = np.where(error < -1.0, 0.0, _GAIN_PCT_K * error + state.integral)
    state.valve_pct = np.clip(wanted, now.least_valve_pct, now.most_valve_pct)
    warmer = np.clip((_RADIATOR_C - state.temperature_c) / (_RADIATOR_C - _RADIATOR_AT_C), 0.0, 1.2)
    state.heat_w = state.valve_pct * (0.01 * spaces.radiator_w) * now.heat_share * warmer
    above = np.clip((state.temperature_c - now.cool_above_c) * _COOLER_W_K, 0.0, 1.0)
    state.cooled_w = spaces.cooling_w * above


def _step_heat(spaces: Spaces, state: State, now: Now, building_c: Floats, natural: Floats, dt: float) -> None:
    air, fabric = state.temperature_c, state.fabric_c
    gains = state.people * spaces.people_w + state.lit * spaces.lights_w + now.plugs_w
    changed = (natural + now.fans_ach * (1 - _RECOVERED)) * spaces.volume_m3 * AIR_WH_M3K
    between = spaces.fabric_to_air_w_k * (air - fabric)
    to_air = _RADIATOR_TO_AIR * state.heat_w + _GAINS_TO_AIR * gains + _SUN_TO_AIR * now.sun_w - state.cooled_w
    to_air -= (spaces.windows_w_k + changed) * (air - now.outdoor_c)
    to_air -= between + spaces.inner_w_k * (air - building_c)
    to_fabric = (1 - _RADIATOR_TO_AIR) * state.heat_w + (1 - _GAINS_TO_AIR) * gains + (1 - _SUN_TO_AIR) * now.sun_w
    to_fabric += between - spaces.opaque_w_k * (fabric - now.outdoor_c)
    state.temperature_c = air + to_air * (dt / spaces.air_j_k)
    state.fabric_c = fabric + to_fabric * (dt / spaces.fabric_j_k)


def _step_air(spaces: Spaces, state: State, now: Now, changes: Floats, dt: float) -> None:
    kept = 1.0 / (1.0 + changes * (dt / 3600))
    thinned = spaces.volume_m3 * changes
    co2 = OUTDOOR_CO2_PPM + 1000 * state.people * spaces.co2_lph / thinned
    moisture = state.people * _MOISTURE_G_H + spaces.evaporation_g_h
    water = now.outdoor_g_kg + moisture / (_AIR_KG_M3 * thinned)
    state.co2_ppm = co2 + (state.co2_ppm - co2) * kept
    held = 622.0 * 6.112 / 1013.25 * np.exp(17.62 * state.temperature_c / (243.12 + state.temperature_c))
    state.moisture_g_kg = np.minimum(water + (state.moisture_g_kg - water) * kept, held)


def inner_walls_w_k(area_m2: Floats) -> Floats:
    return _INNER_WALLS_W_M2K * area_m2


def evaporation_g_h(area_m2: Floats, pool: Flags) -> Floats:
    return np.where(pool, _EVAPORATION_G_M2H * area_m2, 0.0)


FRESH_AIR_M3_H: Final = _FRESH_AIR_M3_H


def time_constant_h(spaces: Spaces) -> Floats:
    """Hours in which an empty, unheated space loses 63 % of its distance to the outdoors, once air and fabric agree.

    The slower of the two modes of the equations above, with still air (`INFILTRATION_ACH`) and no inner walls.
    """
    leaving = spaces.windows_w_k + INFILTRATION_ACH * spaces.volume_m3 * AIR_WH_M3K
    air = (leaving + spaces.fabric_to_air_w_k) / spaces.air_j_k
    fabric = (spaces.opaque_w_k + spaces.fabric_to_air_w_k) / spaces.fabric_j_k
    across = spaces.fabric_to_air_w_k**2 / spaces.air_j_k / spaces.fabric_j_k
    slow: Floats = (air + fabric - np.sqrt((air - fabric) ** 2 + 4 * across)) / 2
    return 1 / slow / 3600
