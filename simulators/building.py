"""Heat, carbon dioxide and moisture of a space: one resistance, one capacity, one well-mixed volume of air.

C dT/dt = radiator + people + lights + plugs + sun - H (T - T_out) - U (T - T_building)
dc/dt   = G / V - n (c - c_out)
dw/dt   = M / (rho V) - n (w - w_out)
"""

from dataclasses import dataclass
from typing import Final

from simulators.weather import Weather, saturation_g_kg

OUTDOOR_CO2_PPM: Final = 425.0
_AIR_KG_M3: Final = 1.2
_INNER_WALLS_W_M2K: Final = 0.6
_SUN_SHARE: Final = 0.04
"""sun on the ground that becomes heat inside, for each square metre of floor: windows, their angle and their glass"""
_MOISTURE_G_H: Final = 55.0
"""of one person seated"""
_EVAPORATION_G_M2H: Final = 110.0
"""of a pool hall, for each square metre"""
_FRESH_AIR_M3_H: Final = 18.0
"""for each person: 5 l/s, what openable windows give"""
_LEAKAGE_ACH: Final = 0.35
_WINDOWS_OPEN_C: Final = 23.5
_WINDOWS_OPEN_PPM: Final = 1_800.0
_ARRIVAL_S: Final = 240.0


@dataclass(slots=True)
class Room:
    """A space: what it is, then how it is at the moment."""

    of: int
    """key of chance"""
    curve: str
    area_m2: float
    volume_m3: float
    capacity: int
    mass_j_k: float
    loss_w_k: float
    radiator_w: float
    setpoint_c: float
    setback_c: float
    people_w: float
    co2_lph: float
    fresh_air: float
    """quality of its ventilation; 1 is 5 l/s for each person"""
    pool: bool

    temperature_c: float
    co2_ppm: float = OUTDOOR_CO2_PPM
    moisture_g_kg: float = 6.0
    people: float = 0.0
    expected: float = 0.0
    """people that the timetable wants"""
    asked_c: float = 0.0
    """what the thermostat is set to"""
    integral: float = 0.0
    valve_pct: float = 0.0
    heat_w: float = 0.0
    lit: bool = False
    empty_s: float = 0.0
    plugs_w: float = 0.0

    def occupied(self) -> bool:
        return self.people >= 0.5

    def humidity_pct(self) -> float:
        return min(100.0, 100.0 * self.moisture_g_kg / saturation_g_kg(self.temperature_c))


def step(room: Room, dt: float, outdoors: Weather, building_c: float, lights_w: float) -> None:
    """Carry a room `dt` seconds on; `dt` is at most a few minutes."""
    room.people += (room.expected - room.people) * min(1.0, dt / _ARRIVAL_S)
    if room.expected == 0 and room.people < 0.05:
        room.people = 0.0
    windows = room.people >= 0.5 and (room.temperature_c > _WINDOWS_OPEN_C or room.co2_ppm > _WINDOWS_OPEN_PPM)
    _step_heat(room, dt, outdoors, building_c, lights_w, windows)
    _step_air(room, dt, outdoors, windows)


def _step_heat(room: Room, dt: float, outdoors: Weather, building_c: float, lights_w: float, windows: bool) -> None:
    loss = room.loss_w_k * (2.5 if windows and room.temperature_c > _WINDOWS_OPEN_C else 1.0)
    gains = room.heat_w + room.people * room.people_w + lights_w + room.plugs_w
    gains += outdoors.sun_w_m2 * _SUN_SHARE * room.area_m2
    flow = gains - loss * (room.temperature_c - outdoors.temperature_c)
    flow -= _INNER_WALLS_W_M2K * room.area_m2 * (room.temperature_c - building_c)
    room.temperature_c += flow * dt / room.mass_j_k


def _step_air(room: Room, dt: float, outdoors: Weather, windows: bool) -> None:
    fresh = _LEAKAGE_ACH + room.people * _FRESH_AIR_M3_H * room.fresh_air / room.volume_m3
    fresh += (2.0 if windows else 0.0) + (1.7 if room.pool else 0.0)
    hours = dt / 3600
    kept = 1.0 / (1.0 + fresh * hours)
    co2 = OUTDOOR_CO2_PPM + 1000 * room.people * room.co2_lph / room.volume_m3 / fresh
    moisture = room.people * _MOISTURE_G_H + (_EVAPORATION_G_M2H * room.area_m2 if room.pool else 0.0)
    water = outdoors.moisture_g_kg + moisture / (_AIR_KG_M3 * room.volume_m3) / fresh
    room.co2_ppm = co2 + (room.co2_ppm - co2) * kept
    room.moisture_g_kg = water + (room.moisture_g_kg - water) * kept
    room.moisture_g_kg = min(room.moisture_g_kg, saturation_g_kg(room.temperature_c))
