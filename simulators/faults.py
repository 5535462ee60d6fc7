"""The kinds of fault that a scenario may hold: where each strikes, how its severity is meant, and what it shows as."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final, NamedTuple


class Scope(StrEnum):
    """What a fault strikes."""

    BUILDING = "building"
    SPACE = "space"
    """one space, or with none named all of the building"""
    DEVICE = "device"
    SOURCE = "source"
    """a gateway with all its devices, or one device's connection"""


class Kind(NamedTuple):
    """One kind of fault."""

    scope: Scope
    severity: float
    """where a scenario gives none"""
    unit: str
    """of the severity"""
    about: str


@dataclass(frozen=True, slots=True)
class Fault:
    """One fault of a scenario, at a place and for a time."""

    id: str
    kind: str
    start: int
    """seconds since 1970"""
    end: int
    """exclusive"""
    severity: float
    council: str
    building: str = ""
    space: str = ""
    device: str = ""
    other: str = ""
    """the second device of two"""
    source: str = ""

    @property
    def scope(self) -> Scope:
        return KINDS[self.kind].scope


_B, _S, _D, _T = Scope.BUILDING, Scope.SPACE, Scope.DEVICE, Scope.SOURCE

KINDS: Final = {
    # buildings
    "heating_at_night": Kind(_B, 19.0, "°C", "the thermostats hold this outside opening hours of days in use"),
    "heating_over_holiday": Kind(_B, 19.0, "°C", "the thermostats hold this on days when nobody is in"),
    "timer_wrong": Kind(_B, 3.0, "h", "the heating runs so much too early: its clock was never set"),
    "setpoint_creep": Kind(_S, 3.0, "K", "somebody turns the thermostat up, a little every day, to this at the end"),
    "stuck_valve": Kind(_S, 60.0, "%", "the radiator valve never closes further than this"),
    "cold_zone": Kind(_S, 0.8, "share", "so much of the radiators' heat does not come: air in the pipes"),
    "window_open": Kind(_S, 4.0, "air changes/h", "a window stays open, day and night"),
    "stale_air": Kind(_S, 0.8, "share", "so much of the fresh air is missing: vents shut, windows painted over"),
    "heating_and_cooling": Kind(_S, 19.0, "°C", "the cooler is set to this, below what the radiators hold"),
    "sensor_in_sun": Kind(_S, 8.0, "K", "the sun falls on the sensor; in full sun it feels so much warmer"),
    "boiler_cycling": Kind(_B, 0.15, "share", "the boiler runs in short bursts and wastes so much of its gas"),
    "lights_left_on": Kind(_S, 1.0, "-", "the lights never go off"),
    "equipment_left_on": Kind(_S, 0.9, "share", "so much of what is plugged in is never switched off"),
    "base_load_step": Kind(_B, 1_500.0, "W", "something new runs day and night"),
    "ventilation_out_of_hours": Kind(_B, 1.0, "share", "the fans run while closed too, at so much of their power"),
    "kitchen_left_on": Kind(_B, 0.4, "share", "so much of the kitchen's power runs day and night"),
    "leaking_tap": Kind(_B, 60.0, "l/h", "water runs away"),
    "cool_store": Kind(_B, 48.0, "°C", "stored hot water is no warmer than this: legionella may grow"),
    "pool_uncovered": Kind(_B, 0.4, "share", "the pool evaporates so much more: the cover is broken"),
    # devices
    "flatline": Kind(_D, 0.0, "-", "the device repeats its last values"),
    "drift": Kind(_D, 0.2, "unit/day", "its first quantity wanders off"),
    "noise": Kind(_D, 3.0, "unit", "its first quantity is shaken by up to this"),
    "spikes": Kind(_D, 25.0, "unit", "now and then a value jumps by this"),
    "wrong_unit": Kind(_D, 0.0, "-", "it tells Fahrenheit for Celsius, watt-hours for kilowatt-hours, and so on"),
    "swapped_sensors": Kind(_D, 0.0, "-", "two devices hang in each other's place"),
    "clock_skew": Kind(_D, -3_600.0, "s", "its clock is so much ahead (or behind, below zero)"),
    "dead_battery": Kind(_D, 0.0, "-", "its battery runs down, and then it is silent until somebody changes it"),
    "register_reset": Kind(_D, 0.0, "unit", "its register begins again at this"),
    "register_rollover": Kind(_D, 100_000.0, "unit", "its register runs over this, and begins again at 0"),
    "swapped_meter": Kind(_D, 37.5, "unit", "another meter is in its place, whose register shows this; nobody says so"),
    # transport
    "loss": Kind(_T, 0.3, "share", "messages are lost on the way"),
    "duplication": Kind(_T, 0.3, "share", "messages come twice"),
    "reordering": Kind(_T, 900.0, "s", "messages come late by up to this, and so in another order"),
    "retained_replay": Kind(_T, 6.0, "h", "the last message of each device is sent again as retained, so often"),
    "flood": Kind(_T, 20.0, "times", "a loop in a device sends each message so often"),
    "malformed": Kind(_T, 0.2, "share", "messages are cut off in the middle"),
    "gateway_silence": Kind(_T, 0.0, "-", "the gateway is off: its will is sent, and what it heard is lost"),
}  # fmt: skip
"""By name. `python -m tests.simulators.gallery` draws them for docs/faults.md."""
