"""A building at work: its rooms, its plant and what its meters see, carried on step by step."""

from dataclasses import dataclass, field
from datetime import date
from typing import Final

from devices.model import Building, Council, Space
from simulators.building import Room, step
from simulators.data import bank_holidays, climate
from simulators.meters import Loads, Tap, has_heat_pump, taps
from simulators.moments import Moment, moment
from simulators.noise import key, smooth, uniform
from simulators.people import activity, curve_of, in_use, people
from simulators.plant import BOILER_EFFICIENCY, HEAT_PUMP_COP, ask, gas_w, sockets_w, step_lights, step_valve
from simulators.profiles import Profile, profile
from simulators.weather import Climate, Weather, weather

_SCHEDULE_S: Final = 300
"""schedules and weather are read again this often"""
_DESIGN_K: Final = 24.0
"""warmer inside than outside on the coldest day that the radiators are made for"""
_INTERMITTENT: Final = 1.35
_COLD_USES: Final = frozenset({"passage", "store"})


@dataclass(slots=True)
class Site:
    """One building and its state."""

    building: Building
    profile: Profile
    climate: Climate
    seed: int
    of: int
    bank_holidays: frozenset[date]
    rooms: dict[str, Room]
    """by space; under "" the floor that the registry lists no spaces for"""
    taps: dict[str, Tap]
    heat_pump: bool
    now: Moment
    outdoors: Weather
    loads: Loads = field(default_factory=Loads)
    going_on: float = 0.0
    catering: float = 0.0
    mean_c: float = 0.0


def make_site(council: Council, building: Building, seed: int, at: int) -> Site:
    """A building as it might be at `at`, seconds since 1970."""
    about = profile(building.tm46)
    station = climate(council.climate_station)
    listed = sum(space.area_m2 for space in building.spaces.values())
    rest = building.floor_area_m2 - listed
    rooms = {
        space.id: _room(building, space, about, curve_of(space.use), key(seed, council.id, building.id, space.id))
        for space in building.spaces.values()
    }
    if rest > 0:
        space = Space("", "", "", "", rest, max(1, round(rest / 15)))
        rooms[""] = _room(building, space, about, about.curve, key(seed, council.id, building.id, ""))
    site = Site(
        building=building,
        profile=about,
        climate=station,
        seed=seed,
        of=key(seed, council.id, building.id),
        bank_holidays=bank_holidays(),
        rooms=rooms,
        taps=taps(building.meters),
        heat_pump=has_heat_pump(building.meters),
        now=moment(at, bank_holidays()),
        outdoors=weather(station, seed, at),
    )
    read_schedules(site, at)
    site.mean_c = _mean_c(site)
    return site


def step_site(site: Site, at: int, dt: int) -> None:
    """Carry the building from `at` to `at + dt`, seconds. `dt` is at most a minute or so."""
    if at % _SCHEDULE_S < dt:
        read_schedules(site, at)
    about, loads, daylight = site.profile, site.loads, site.outdoors.daylight_lx
    lighting = sockets = heat = crowd = 0.0
    for room in site.rooms.values():
        step_lights(room, dt, site.now, daylight)
        step_valve(room, dt)
        lights_w = room.area_m2 * about.lights_w if room.lit else 0.0
        step(room, dt, site.outdoors, site.mean_c, lights_w)
        lighting += lights_w
        sockets += room.plugs_w
        heat += room.heat_w
        crowd += room.people
    area = site.building.floor_area_m2
    loads.lighting, loads.sockets = lighting, sockets
    loads.ventilation = area * about.fans_w * site.going_on
    loads.catering = area * about.catering_w * site.catering
    loads.heat = heat + area * about.process_w
    loads.gas_hot_water = area * about.hot_water_w * site.going_on
    if site.heat_pump:
        loads.heat_pump = loads.heat / HEAT_PUMP_COP
    else:
        loads.gas_heating = loads.heat / BOILER_EFFICIENCY
    loads.water = about.water_l * crowd + 0.004 * area
    site.mean_c = _mean_c(site)


def annual_kwh(site: Site) -> tuple[float, float]:
    """A rough year of electricity and gas, to let a register have run before the simulation began."""
    area, about = site.building.floor_area_m2, site.profile
    plateau = about.lights_w + about.plugs_w + about.fans_w + about.catering_w
    electricity = (about.base_w + about.pool_w) * 8.76 + plateau * 2.4
    gas = gas_w(about.heat_loss_w_k * 8.0 + about.process_w, about.hot_water_w * 0.25) * 8.76
    return electricity * area, gas * area


def read_schedules(site: Site, at: int) -> None:
    """Read clock, weather and timetables for `at`; the steps do so every five minutes."""
    now = site.now = moment(at, site.bank_holidays)
    site.outdoors = weather(site.climate, site.seed, at)
    building, about = site.building, site.profile
    used = in_use(building, now)
    site.going_on = activity(building, now)
    site.catering = activity(building, now, "dining")
    wobble = 0.97 + 0.06 * smooth(site.of, at / 3_600)
    site.loads.other = building.floor_area_m2 * about.base_w * wobble
    site.loads.pool = building.floor_area_m2 * about.pool_w * wobble
    for name, room in site.rooms.items():
        space = building.spaces.get(name) or Space("", "", "", "", room.area_m2, room.capacity)
        room.expected = people(building, space, room.curve, room.of, now)
        ask(room, building, about, now, used, site.outdoors.temperature_c)
        room.plugs_w = sockets_w(room, about, at)


def _mean_c(site: Site) -> float:
    rooms = site.rooms.values()
    return sum(room.temperature_c * room.area_m2 for room in rooms) / sum(room.area_m2 for room in rooms)


def _room(building: Building, space: Space, about: Profile, curve: str, of: int) -> Room:
    pool = building.tm46 == 12 and "pool" in space.use.lower()
    loss = space.area_m2 * about.heat_loss_w_k * (_INTERMITTENT if about.intermittent else 1.0)
    setpoint = about.setpoint_c + (4.0 if pool else -2.0 if curve in _COLD_USES else 0.0)
    setpoint += (0.0, 0.0, 0.5, 0.0, 1.0, -0.5)[int(6 * uniform(of, 7))]
    height = 6.0 if curve == "leisure" else 3.0
    return Room(
        of=of,
        curve=curve,
        area_m2=space.area_m2,
        volume_m3=space.area_m2 * height,
        capacity=space.capacity,
        mass_j_k=space.area_m2 * about.mass_j_k,
        loss_w_k=loss * (0.9 + 0.2 * uniform(of, 8)),
        radiator_w=loss * _DESIGN_K * 1.8,
        setpoint_c=setpoint,
        setback_c=about.setback_c,
        people_w=about.people_w,
        co2_lph=about.co2_lph,
        fresh_air=0.3 + 0.8 * uniform(of, 9),
        pool=pool,
        temperature_c=(setpoint + about.setback_c) / 2 if about.intermittent else setpoint,
    )
