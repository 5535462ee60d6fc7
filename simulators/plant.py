"""What people and controls switch: thermostats with valves, lights, sockets, the boiler."""

from typing import Final

from devices.model import Building
from simulators.building import Room
from simulators.moments import Moment, openness
from simulators.noise import smooth, uniform
from simulators.profiles import Profile

BOILER_EFFICIENCY: Final = 0.80
HEAT_PUMP_COP: Final = 2.8
"""seasonal, air to water"""
_GAIN_PCT_K: Final = 40.0
_INTEGRAL_S: Final = 5_400.0
_DAYLIGHT_FACTOR: Final = 0.018
"""of the daylight outdoors that reaches a desk (BS EN 17037 wants about 2 %)"""
_DARK_LX: Final = 250.0
_BRIGHT_LX: Final = 500.0
_LIT_LX: Final = 380.0
_LEFT_ON: Final = 0.07
"""share of evenings on which a space's lights stay on"""
_OFF_AFTER_S: Final = 600.0
_CLEANERS: Final = (5.75, 7.0)
"""hours in which cleaners light one room after the other"""


def desk_lx(room: Room, daylight_lx: float) -> float:
    """Illuminance at a desk: what comes in, and the lights."""
    return daylight_lx * _DAYLIGHT_FACTOR + (_LIT_LX if room.lit else 0.0)


def ask(room: Room, building: Building, profile: Profile, now: Moment, used: bool, outdoor_c: float) -> None:
    """Set the thermostat by the schedule; the colder it is, the earlier it begins (optimum start, 1 to 4 h)."""
    lead = max(1.0, min(4.0, 1.0 + (14.0 - outdoor_c) * 0.2))
    wanted = not profile.intermittent or (used and openness(building.hours, now, lead_h=lead) > 0)
    room.asked_c = room.setpoint_c if wanted else room.setback_c


def step_valve(room: Room, dt: float) -> None:
    """A PI controller that does not wind up, and the heat that its valve lets through."""
    error = room.asked_c - room.temperature_c
    wound = room.integral + _GAIN_PCT_K * error * dt / _INTEGRAL_S
    room.integral = max(0.0, min(60.0, wound))
    room.valve_pct = max(0.0, min(100.0, _GAIN_PCT_K * error + room.integral))
    if error < -1.0:
        room.integral = room.valve_pct = 0.0
    room.heat_w = room.valve_pct / 100 * room.radiator_w


def step_lights(room: Room, dt: float, now: Moment, daylight_lx: float) -> None:
    """On when somebody is in and it is dark; off some minutes after the last has gone, unless they forget."""
    if room.people >= 0.5:
        room.empty_s = 0.0
        inside = daylight_lx * _DAYLIGHT_FACTOR
        room.lit = inside < (_BRIGHT_LX if room.lit else _DARK_LX)
        return
    room.empty_s += dt
    if room.lit and room.empty_s >= _OFF_AFTER_S:
        evening = now.day - (now.hour < 12)
        room.lit = uniform(room.of + 3, evening) < _LEFT_ON


def sockets_w(room: Room, profile: Profile, at: int) -> float:
    """Power drawn from the sockets of a room, with the wobble of things that come and go."""
    busy = min(1.0, room.people / max(1.0, 0.55 * room.capacity))
    share = profile.plugs_idle + (1 - profile.plugs_idle) * busy
    return room.area_m2 * profile.plugs_w * share * (0.94 + 0.12 * smooth(room.of + 4, at / 1_200))


def gas_w(heat_w: float, hot_water_w: float) -> float:
    """Gas that the boiler burns for the heat it gives and for hot water, in watts of gross calorific value."""
    return heat_w / BOILER_EFFICIENCY + hot_water_w
