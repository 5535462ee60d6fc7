"""What a day (UTC) asks of an estate: weather, people, settings and plant for each slot, before faults change it.

Everything of a day is worked out at once, always in the same shape: so the numbers do not depend on who asks when.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np

from simulators.building import INFILTRATION_ACH, Now
from simulators.moments import SLOTS, Clock, Slots, clock, openness, slots
from simulators.noise import Flags, Floats, smooths, uniforms
from simulators.people import activity, awake, day_share, expected, opened
from simulators.stock import Stock
from simulators.weather import Climate, Recorded, Weather, weather

_SUN_SHARE: Final = 0.04
"""sun on the ground that becomes heat inside, for each square metre of floor: windows, their angle and their glass"""
_LEFT_ON: Final = 0.07
"""share of evenings on which a space's lights stay on"""
_POOL_ACH: Final = 1.7
_FANS_W_L_S: Final = 1.8
"""specific fan power"""
_HALF_FULL: Final = 0.55
"""of its capacity, at which all sockets of a space are in use"""
_PROCESS_C, _YEAR_C = 28.0, 9.0
"""of a pool hall, and of Scotland outdoors over the year, at which a pool takes what its profile says"""
_NO_HEAT_C, _DESIGN_K, _MILDEST = 20.0, 24.0, 0.4
"""weather compensation: all of the radiators' power at 24 K below 20 °C, and two fifths where no heat is wanted"""
_COOL_ABOVE_C: Final = 25.5
_COOLERS_COP: Final = 3.0
_SERVER_COOLING: Final = 0.3
STANDING_WATER_L_M2H: Final = 0.004
STORED_C: Final = 62.0
"""stored hot water; HSE wants at least 60"""


@dataclass(slots=True)
class Plant:
    """What a building's plant does at each slot: tables (slot, building)."""

    going_on: Floats
    """0 closed to 1 open"""
    ventilation_w: Floats
    catering_w: Floats
    pool_w: Floats
    servers_w: Floats
    cooling_w: Floats
    other_w: Floats
    hot_water_w: Floats
    process_w: Floats
    """heat"""
    standing_l_h: Floats
    """water that runs whether or not somebody is in"""
    efficiency: Floats
    """of the boiler against what it should have"""
    cycling: Floats
    """1 while the boiler runs in short bursts"""
    stored_c: Floats
    outdoor_c: Floats
    daylight_lx: Floats
    pressure_hpa: Floats


@dataclass(slots=True)
class Plan:
    """A day's tables. Faults may write into them."""

    slots: Clock
    local: tuple[Slots, ...]
    """the same in each building's council"""
    spaces: Now
    """tables (slot, space)"""
    plant: Plant


def make_plan(stock: Stock, climates: list[Climate | Recorded], seed: int, day_start: int) -> Plan:
    """The healthy plan of the day that begins at `day_start`, seconds since 1970.

    Args:
        climates: of each building.
    """
    now = clock(day_start)
    calendars = {council.id: council.calendar for council, _ in stock.buildings}
    by_council = {council: slots(now, calendar) for council, calendar in calendars.items()}
    local = tuple(by_council[council.id] for council, _ in stock.buildings)
    by_climate = {id(climate): weather(climate, seed, now.at) for climate in climates}
    outdoors = [by_climate[id(climate)] for climate in climates]
    plant = _plant(stock, now, local, outdoors)
    return Plan(now, local, _spaces(stock, now, local, outdoors, plant), plant)


def _plant(stock: Stock, now: Clock, local: tuple[Slots, ...], outdoors: list[Weather]) -> Plant:
    area, profiles = stock.area_m2, stock.profiles
    pairs = [(building, here) for (_, building), here in zip(stock.buildings, local, strict=True)]
    going_on = _columns([activity(building, here) for building, here in pairs])
    dining = _columns([activity(building, here, "dining") for building, here in pairs])
    wobble = 0.97 + 0.06 * smooths(stock.building_of, now.at[:, None] / 3_600)

    def density(name: str) -> Floats:
        watts: Floats = area * np.array([getattr(one, name) * one.electricity for one in profiles])
        return watts

    servers = density("servers_w") * wobble
    return Plant(
        going_on=going_on,
        ventilation_w=density("fans_w") * going_on,
        catering_w=density("catering_w") * dining,
        pool_w=density("pool_w") * wobble,
        servers_w=servers,
        cooling_w=_SERVER_COOLING * servers,
        other_w=density("base_w") * wobble,
        hot_water_w=area * np.array([one.hot_water_w for one in profiles]) * going_on,
        process_w=_process_w(stock, _columns([one.temperature_c for one in outdoors])),
        standing_l_h=np.ones((SLOTS, 1)) * area * STANDING_WATER_L_M2H,
        efficiency=np.ones((SLOTS, len(area))),
        cycling=np.zeros((SLOTS, len(area))),
        stored_c=STORED_C - 1.5 * going_on + smooths(stock.building_of, now.at[:, None] / 1_800, stream=1),
        outdoor_c=_columns([one.temperature_c for one in outdoors]),
        daylight_lx=_columns([one.daylight_lx for one in outdoors]),
        pressure_hpa=_columns([one.pressure_hpa for one in outdoors]),
    )


def _process_w(stock: Stock, outdoor_c: Floats) -> Floats:
    """What a pool's evaporation takes: the hall's air is changed, and must be warmed from outdoors."""
    colder = np.maximum(0.0, _PROCESS_C - outdoor_c) / (_PROCESS_C - _YEAR_C)
    answer: Floats = stock.area_m2 * np.array([one.process_w for one in stock.profiles]) * colder
    return answer


def _spaces(stock: Stock, now: Clock, local: tuple[Slots, ...], outdoors: list[Weather], plant: Plant) -> Now:
    where, spaces, area = stock.spaces.building, stock.spaces, stock.spaces.area_m2
    shape = (SLOTS, len(area))
    wind = _columns([one.wind_m_s for one in outdoors])[:, where]
    evening = now.day - (now.hour < 12)
    capacity = spaces.capacity
    people = expected(stock.curves, _share(stock, local), capacity, stock.of, now)
    up = awake(stock.curves, now)
    busy = up * np.minimum(1.0, people / np.maximum(1.0, _HALF_FULL * capacity))
    idle, plugs = (
        np.array([value for one in stock.profiles for value in [getattr(one, name)]])[where]
        for name in ("plugs_idle", "plugs_w")
    )
    scale = np.array([one.electricity for one in stock.profiles])[where]
    wobble = 0.94 + 0.12 * smooths(stock.of, now.at[:, None] / 1_200, stream=4)
    return Now(
        outdoor_c=plant.outdoor_c[:, where],
        outdoor_g_kg=_columns([one.moisture_g_kg for one in outdoors])[:, where],
        inside_lx=plant.daylight_lx[:, where] * stock.daylight_factor,
        sun_w=_columns([one.sun_w_m2 for one in outdoors])[:, where] * (_SUN_SHARE * area),
        expected=people,
        awake=up,
        plugs_w=area * plugs * scale * (idle + (1 - idle) * busy) * wobble,
        asked_c=np.where(_heated(stock, local, plant)[:, where], stock.setpoint_c, _setback(stock)),
        cool_above_c=np.full(shape, _COOL_ABOVE_C),
        felt_k=np.zeros(shape),
        least_valve_pct=np.zeros(shape),
        most_valve_pct=np.full(shape, 100.0),
        heat_share=np.clip(
            _MILDEST + (1 - _MILDEST) * (_NO_HEAT_C - plant.outdoor_c[:, where]) / _DESIGN_K, _MILDEST, 1.0
        ),
        leaks_ach=INFILTRATION_ACH * (0.5 + wind / 9.0),
        fans_ach=fans_ach(stock) * plant.going_on[:, where] + np.where(spaces.evaporation_g_h > 0, _POOL_ACH, 0.0),
        fresh_m3_h=np.ones((SLOTS, 1)) * stock.fresh_m3_h,
        lights_stay=uniforms(stock.of, evening[:, None], stream=3) < _LEFT_ON,
        lights_forced=np.zeros(shape, dtype=np.bool_),
    )


def _share(stock: Stock, local: tuple[Slots, ...]) -> Floats:
    """How full the day and how open the building is for each space; one work for all spaces of a curve."""
    known: dict[tuple[int, str], Floats] = {}
    columns = []
    doors = [opened(building, here) for (_, building), here in zip(stock.buildings, local, strict=True)]
    for number, curve in zip(stock.spaces.building.tolist(), stock.curves, strict=True):
        if (number, curve) not in known:
            known[number, curve] = day_share(stock.buildings[number][1], local[number], curve) * doors[number]
        columns.append(known[number, curve])
    return _columns(columns)


def _heated(stock: Stock, local: tuple[Slots, ...], plant: Plant) -> Flags:
    """When the thermostats are up; the colder it is, the earlier they begin (optimum start, 1 to 4 h)."""
    lead = np.clip(1.0 + (14.0 - plant.outdoor_c) * 0.2, 1.0, 4.0)
    columns = []
    for number, (_, building) in enumerate(stock.buildings):
        if stock.profiles[number].intermittent:
            hours = openness(building.hours, local[number], lead_h=lead[:, number]) > 0
            columns.append(hours & (day_share(building, local[number]) > 0.1))
        else:
            columns.append(np.ones(SLOTS, dtype=np.bool_))
    return np.stack(columns, axis=1)


def _setback(stock: Stock) -> Floats:
    return np.array([one.setback_c for one in stock.profiles])[stock.spaces.building]


def _columns(values: list[Floats]) -> Floats:
    return np.stack(values, axis=1)


def fans_ach(stock: Stock) -> Floats:
    """Changes of each space's air in an hour while the fans run."""
    watts = np.array([one.fans_w for one in stock.profiles])[stock.spaces.building]
    answer: Floats = watts / _FANS_W_L_S * 3.6 * stock.spaces.area_m2 / stock.spaces.volume_m3
    return answer


def cooling_electricity(cooled_w: Floats) -> Floats:
    """What the coolers of rooms draw for the heat that they take out."""
    return cooled_w / _COOLERS_COP
