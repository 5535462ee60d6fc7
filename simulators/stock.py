"""What an estate's buildings are made of: every space and building as one element of an array."""

from dataclasses import dataclass
from typing import Final

import numpy as np

from devices.model import Building, Council, Estate, Space
from simulators.building import (
    AIR_J_M2K,
    FABRIC_TO_AIR_W_M2K,
    FRESH_AIR_M3_H,
    WINDOW_SHARE,
    Spaces,
    State,
    evaporation_g_h,
    inner_walls_w_k,
)
from simulators.meters import has_heat_pump
from simulators.noise import Flags, Floats, Ints, Keys, key, keys, uniforms
from simulators.people import curve_of
from simulators.profiles import Profile, profile

_DESIGN_K: Final = 24.0
"""warmer inside than outside on the coldest day that the radiators are made for"""
_OVERSIZED: Final = 1.8
_WARM_AIR: Final = 2.5
"""a pool hall is heated by its air handling, against radiators"""
_COLD_USES: Final = frozenset({"passage", "store"})
_POOL_HALL_K: Final = 4.0
_COOLED: Final = frozenset({"meeting"})
COOLER_W_M2: Final = 80.0
_HALL_M, _ROOM_M = 6.0, 3.0
_DAYLIGHT_FACTOR: Final = 0.018
"""of the daylight outdoors that reaches a desk (BS EN 17037 wants about 2 %)"""
_DAYLIGHT: Final = {"store": 0.0, "passage": 0.5}
"""against a room with windows"""
_SETPOINT_TASTES: Final = (0.0, 0.0, 0.5, 0.0, 0.5, -0.5)


@dataclass(frozen=True, slots=True)
class Stock:
    """The buildings of an estate and their spaces, each building's spaces in a row."""

    buildings: tuple[tuple[Council, Building], ...]
    profiles: tuple[Profile, ...]
    index: dict[tuple[str, str], int]
    """(council, building) → index"""
    place: dict[tuple[str, str, str], int]
    """(council, building, space) → index; space "" is the floor that the registry lists no spaces for"""
    names: tuple[tuple[str, str, str], ...]
    """the same, backwards"""
    first: Ints
    """index of each building's first space"""
    area_m2: Floats
    """of the buildings"""
    heat_pump: Flags
    curves: tuple[str, ...]
    setpoint_c: Floats
    fresh_m3_h: Floats
    daylight_factor: Floats
    of: Keys
    """keys of chance of the spaces"""
    building_of: Keys
    """and of the buildings"""
    spaces: Spaces

    def per_building(self, values: Floats) -> Floats:
        """Sums over the spaces of each building; the last axis is spaces."""
        answer: Floats = np.add.reduceat(values, self.first, axis=-1)
        return answer

    def mean_c(self, temperature_c: Floats) -> Floats:
        """Mean temperature of each building, by floor area."""
        answer: Floats = self.per_building(temperature_c * self.spaces.area_m2) / self._listed()
        return answer

    def _listed(self) -> Floats:
        return self.per_building(self.spaces.area_m2)


def make_stock(estate: Estate, seed: int) -> Stock:
    """The stock of an estate; `seed` decides what the registry leaves open."""
    buildings = [(council, building) for council in estate.councils.values() for building in council.buildings.values()]
    listed = [(council, building, space) for council, building in buildings for space in _spaces(building)]
    names = tuple((council.id, building.id, space.id) for council, building, space in listed)
    index = {(council.id, building.id): number for number, (council, building) in enumerate(buildings)}
    where = [index[council, building] for council, building, _ in names]
    profiles = tuple(profile(building.tm46) for _, building in buildings)
    curves = tuple(
        curve_of(space.use) if space.id else profiles[number].curve
        for number, (_, _, space) in zip(where, listed, strict=True)
    )
    of = keys([key(seed, *name) for name in names])
    about = [profiles[number] for number in where]
    pool = np.array(["pool" in space.use.lower() and building.tm46 == 12 for _, building, space in listed])
    zero = np.zeros(1, dtype=np.int64)
    taste = np.array(_SETPOINT_TASTES)[(6 * uniforms(of, zero + 7)).astype(np.int64)]
    cold = np.array([curve in _COLD_USES for curve in curves])
    return Stock(
        buildings=tuple(buildings),
        profiles=profiles,
        index=index,
        place={name: number for number, name in enumerate(names)},
        names=names,
        first=np.array([where.index(number) for number in range(len(buildings))], dtype=np.int64),
        area_m2=np.array([building.floor_area_m2 for _, building in buildings]),
        heat_pump=np.array([has_heat_pump(building.meters) for _, building in buildings]),
        curves=curves,
        setpoint_c=np.array([one.setpoint_c for one in about])
        + taste
        + np.where(pool, _POOL_HALL_K, np.where(cold, -2.0, 0.0)),
        fresh_m3_h=FRESH_AIR_M3_H * (0.3 + 0.8 * uniforms(of, zero + 9)),
        daylight_factor=_DAYLIGHT_FACTOR * np.array([_DAYLIGHT.get(curve, 1.0) for curve in curves]),
        of=of,
        building_of=keys([key(seed, council.id, building.id) for council, building in buildings]),
        spaces=_make_spaces(listed, np.array(where), about, curves, pool, 0.95 + 0.1 * uniforms(of, zero + 8)),
    )


def begin(stock: Stock) -> State:
    """The spaces as they might be, to let them settle from."""
    setback = np.array([stock.profiles[number].setback_c for number in stock.spaces.building])
    halfway = np.array([stock.profiles[number].intermittent for number in stock.spaces.building])
    temperature = np.where(halfway, (stock.setpoint_c + setback) / 2, stock.setpoint_c)
    count = len(stock.names)
    return State(
        temperature_c=temperature,
        fabric_c=temperature - 1.0,
        co2_ppm=np.full(count, 425.0),
        moisture_g_kg=np.full(count, 6.0),
        people=np.zeros(count),
        integral=np.zeros(count),
        valve_pct=np.zeros(count),
        heat_w=np.zeros(count),
        cooled_w=np.zeros(count),
        lit=np.zeros(count, dtype=np.bool_),
        empty_s=np.zeros(count),
    )


def cooled(building: Building, space: Space) -> bool:
    """Whether a space has a cooler: meeting rooms of offices have."""
    return building.tm46 == 1 and bool(space.id) and curve_of(space.use) in _COOLED


def _spaces(building: Building) -> list[Space]:
    """Those that the registry lists, and one for the floor that is left."""
    spaces = list(building.spaces.values())
    rest = building.floor_area_m2 - sum(space.area_m2 for space in spaces)
    if rest > 0:
        spaces.append(Space("", "", "", "", rest, max(1, round(rest / 15))))
    return spaces


def _make_spaces(
    listed: list[tuple[Council, Building, Space]],
    where: Ints,
    about: list[Profile],
    curves: tuple[str, ...],
    pool: Flags,
    luck: Floats,
) -> Spaces:
    area = np.array([space.area_m2 for _, _, space in listed])
    volume = area * np.array([_HALL_M if curve == "leisure" else _ROOM_M for curve in curves])
    fabric = area * np.array([one.fabric_w_k for one in about]) * luck
    coolers = np.array([cooled(building, space) for _, building, space in listed])
    return Spaces(
        building=where,
        area_m2=area,
        volume_m3=volume,
        capacity=np.array([float(space.capacity) for _, _, space in listed]),
        air_j_k=area * AIR_J_M2K,
        fabric_j_k=area * np.array([one.mass_j_k for one in about]),
        fabric_to_air_w_k=area * FABRIC_TO_AIR_W_M2K,
        windows_w_k=fabric * WINDOW_SHARE,
        opaque_w_k=fabric * (1 - WINDOW_SHARE),
        inner_w_k=inner_walls_w_k(area),
        radiator_w=(fabric + area) * (_DESIGN_K * _OVERSIZED) * np.where(pool, _WARM_AIR, 1.0),
        lights_w=area * np.array([one.lights_w for one in about]),
        people_w=np.array([one.people_w for one in about]),
        co2_lph=np.array([one.co2_lph for one in about]),
        evaporation_g_h=evaporation_g_h(area, pool),
        cooling_w=np.where(coolers, area * COOLER_W_M2, 0.0),
    )
