"""What a device tells: the state of its place through a sensor with a bias, an error and a resolution."""

from collections.abc import Callable
from dataclasses import dataclass
from math import log10
from typing import Final

import numpy as np

from devices.model import Device, DeviceKind
from devices.schema import BY_NAME, Field
from simulators.building import OUTDOOR_CO2_PPM
from simulators.instrument import Instruments, Measured, voltage
from simulators.noise import Flags, Floats, Ints, Keys, smooths, spreads, uniforms
from simulators.registers import shown
from simulators.weather import saturation_g_kg

_POWER_FACTOR: Final = 0.96
_LIT_LX: Final = 380.0
_BATTERY_LIFE_S: Final = 1.5 * 31_557_600
_YEAR_S: Final = 31_557_600
_OLDEST_Y: Final = 10.0
"""a sensor that is older has been changed"""
_DRIFT: Final = {"temperature": 0.03, "humidity": 0.25, "pressure": 0.1, "water_temperature": 0.03}
"""Unit a year, at most, either way: Sensirion SHT3x and SHT4x (0.03 K, 0.25 %RH); Bosch BME280 for pressure says 1 hPa,
most of it at once after soldering"""
_BASELINE_S: Final = 8 * 86_400
_BASELINE_PPM: Final = 20.0
"""Of carbon dioxide: the zero wanders, and automatic baseline correction (ABC) takes the lowest value of about eight
days for fresh air (Senseair S8 and the like)"""
_ONE: Final = np.array([1])


@dataclass(frozen=True, slots=True)
class Asked:
    """Some devices at some times: one element for each reading."""

    instruments: Instruments
    measured: Measured
    device: Ints
    row: Ints
    """of the trace: its state is that of the end of the step that `at` is in"""
    at: Ints
    """seconds since 1970"""
    space: Ints
    building: Ints
    of: Keys
    column: Ints

    def of_space(self, table: Floats | Flags) -> Floats:
        return table[self.row, self.space].astype(np.float64)

    def planned(self, table: Floats) -> Floats:
        """From the plan's table of spaces."""
        return table[self.measured.trace.slot[self.row], self.space]

    def plant(self, table: Floats) -> Floats:
        """From the plan's table of buildings."""
        return table[self.measured.trace.slot[self.row], self.building]

    def counted(self, table: Floats | Flags) -> Floats:
        return table[self.row, self.column].astype(np.float64)

    def own(self, index: int) -> Floats:
        """What is peculiar to each device: uniform, always the same."""
        return uniforms(self.of, _ONE * index)


Sense = Callable[[Asked], Floats]


def tells(device: Device) -> tuple[Field, ...]:
    """Fields of a device's model; of its kind, where the model is none that we know."""
    names = _BY_MODEL.get(device.model) or _BY_KIND.get(device.kind, ())
    return tuple(BY_NAME[name] for name in names)


def sense(field: Field, asked: Asked) -> Floats:
    """The values of a field, with the sensor's errors and in its resolution."""
    resolution, look = _SENSES[field.name]
    value = look(asked)
    if look is _register:
        return shown(value, asked.measured.places.step[asked.device], asked.measured.places.width[asked.device])
    return np.round(value / resolution) * resolution


def digits(field: Field) -> int:
    """Decimals that the field's resolution needs."""
    return max(0, round(-log10(_SENSES[field.name][0])))


def _aged(a: Asked, name: str) -> Floats:
    """How far a sensor has drifted since it was installed."""
    years = np.clip((a.at - a.instruments.installed[a.device]) / _YEAR_S, 0.0, _OLDEST_Y)
    answer: Floats = _DRIFT[name] * years * (2 * a.own(26) - 1)
    return answer


def _temperature(a: Asked) -> Floats:
    felt = a.of_space(a.measured.trace.temperature_c) + a.planned(a.measured.trace.plan.spaces.felt_k)
    return felt + 0.4 * (a.own(11) - 0.5) + 0.05 * spreads(a.of, a.at, stream=12) + _aged(a, "temperature")


def _humidity(a: Asked) -> Floats:
    trace = a.measured.trace
    true = 100 * a.of_space(trace.moisture_g_kg) / saturation_g_kg(a.of_space(trace.temperature_c))
    error = 4 * (a.own(13) - 0.5) + 0.3 * spreads(a.of, a.at, stream=14) + _aged(a, "humidity")
    return np.clip(np.minimum(100.0, true) + error, 0.0, 100.0)


def _outdoor_temperature(a: Asked) -> Floats:
    return a.plant(a.measured.trace.plan.plant.outdoor_c) + 0.05 * spreads(a.of, a.at, stream=15)


def _co2(a: Asked) -> Floats:
    scale, noise = 0.98 + 0.04 * a.own(16), 8 * spreads(a.of, a.at, stream=17)
    baseline = _BASELINE_PPM * (2 * smooths(a.of, a.at / _BASELINE_S, stream=27) - 1)
    return np.maximum(OUTDOOR_CO2_PPM, a.of_space(a.measured.trace.co2_ppm) * scale + noise + baseline)


def _illuminance(a: Asked) -> Floats:
    plan = a.measured.trace.plan
    desk = a.planned(plan.spaces.inside_lx) + _LIT_LX * a.of_space(a.measured.trace.lit)
    outdoors = np.array([one.kind is DeviceKind.WEATHER_STATION for one in a.instruments.devices])[a.device]
    return np.where(outdoors, a.plant(plan.plant.daylight_lx), desk)


def _voltage(a: Asked) -> Floats:
    return voltage(a.of, a.at)


def _rate(a: Asked) -> Floats:
    return a.counted(a.measured.rate)


def _register(a: Asked) -> Floats:
    """Within a step it grows evenly."""
    trace = a.measured.trace
    behind = trace.start + (a.row + 1) * trace.dt - a.at
    return a.measured.register[a.row + 1, a.column] - _rate(a) * a.measured.places.per_second[a.device] * behind


def _charge(a: Asked) -> Floats:
    """1 to 0.2 over the life of a battery, then somebody changes it."""
    return 1 - 0.8 * ((a.at / _BATTERY_LIFE_S + a.own(19)) % 1.0)


def _people(a: Asked) -> Floats:
    return np.maximum(0.0, np.floor(a.counted(a.measured.inside) + a.counted(a.measured.miscounted) + 0.05))


def _link_quality(a: Asked) -> Floats:
    return 60 + 140 * a.own(20) + 20 * spreads(a.of, a.at // 300, stream=21)


def _brightness(a: Asked) -> Floats:
    return np.round(254 * (0.7 + 0.3 * a.own(22))) / 2.54


def _pipe(a: Asked) -> Floats:
    """At an outlet: the stored water while somebody draws it, else what the pipe has cooled down to."""
    used = a.of_space(a.measured.trace.people) >= 0.5
    stored = a.plant(a.measured.trace.plan.plant.stored_c) - 3.0
    water = np.where(used, stored, a.of_space(a.measured.trace.temperature_c) + 1.0)
    answer: Floats = water + _aged(a, "water_temperature")
    return answer


def _constant(value: float) -> Sense:
    return lambda a: np.full(len(a.device), value)


_SENSES: Final[dict[str, tuple[float, Sense]]] = {
    "temperature": (0.1, _temperature),
    "humidity": (0.1, _humidity),
    "heating_setpoint": (0.1, lambda a: a.planned(a.measured.trace.plan.spaces.asked_c)),
    "valve_position": (1, lambda a: a.of_space(a.measured.trace.valve_pct)),
    "heating": (1, lambda a: (a.of_space(a.measured.trace.valve_pct) >= 1.0).astype(np.float64)),
    "outdoor_temperature": (0.1, _outdoor_temperature),
    "pressure": (0.1, lambda a: a.plant(a.measured.trace.plan.plant.pressure_hpa) + _aged(a, "pressure")),
    "co2": (1, _co2),
    "illuminance": (1, _illuminance),
    "on": (1, lambda a: a.of_space(a.measured.trace.lit)),
    "brightness": (0.001, _brightness),
    "color_temperature": (1, _constant(1e6 / 250)),
    "power": (0.1, _rate),
    "voltage": (0.1, _voltage),
    "current": (0.001, lambda a: _rate(a) / _voltage(a) / _POWER_FACTOR),
    "switched": (1, _constant(1.0)),
    "electricity_import": (0.001, _register),
    "gas": (0.001, _register),
    "heat": (0.001, _register),
    "water": (0.001, _register),
    "flow": (0.01, lambda a: _rate(a) / 60),
    "occupied": (1, lambda a: a.counted(a.measured.active)),
    "people": (1, _people),
    "people_in": (1, lambda a: np.floor(a.counted(a.measured.people_in))),
    "people_out": (1, lambda a: np.floor(a.counted(a.measured.people_out))),
    "open": (1, lambda a: a.counted(a.measured.active)),
    "openings": (1, lambda a: a.counted(a.measured.times)),
    "water_temperature": (0.1, _pipe),
    "leak": (1, _constant(0.0)),
    "battery": (1, lambda a: 100 * _charge(a)),
    "battery_voltage": (0.001, lambda a: 2.6 + 0.45 * _charge(a)),
    "link_quality": (1, _link_quality),
    "device_temperature": (1, lambda a: a.of_space(a.measured.trace.temperature_c) + 2),
}
"""Name in the schema → resolution and sense. Registers have a resolution of their own (`registers`); theirs here is
the finest that there is."""

_THERMOSTAT: Final = ("temperature", "heating_setpoint", "valve_position", "heating", "battery", "link_quality")
_BY_MODEL: Final = {
    "Danfoss 014G2461": _THERMOSTAT,
    "Eurotronic SPZB0001": _THERMOSTAT,
    "IKEA LED1545G12": ("on", "brightness", "color_temperature", "link_quality"),
    "Philips 9290012607": ("temperature", "occupied", "illuminance", "battery", "link_quality"),
    "Aqara MCCGQ11LM": ("open", "battery", "battery_voltage", "device_temperature", "link_quality"),
    "Shelly Plus Plug S": ("switched", "power", "voltage", "current", "electricity_import", "device_temperature"),
    "Elsys ERS CO2": ("temperature", "humidity", "co2", "illuminance", "occupied", "battery_voltage"),
    "Innr SP 240": ("switched", "power", "voltage", "current", "electricity_import", "link_quality"),
}
_BY_KIND: Final[dict[DeviceKind, tuple[str, ...]]] = {
    DeviceKind.RADIATOR_THERMOSTAT: _THERMOSTAT[:-1],
    DeviceKind.BULB: ("on", "brightness", "color_temperature"),
    DeviceKind.ROOM_SENSOR: ("temperature", "humidity", "co2", "occupied", "battery"),
    DeviceKind.DOOR_CONTACT: ("open", "openings", "battery"),
    DeviceKind.SMART_PLUG: ("switched", "power", "voltage", "current", "electricity_import"),
    DeviceKind.PEOPLE_COUNTER: ("people", "people_in", "people_out"),
    DeviceKind.ELECTRICITY_METER: ("electricity_import", "power", "voltage"),
    DeviceKind.GAS_METER: ("gas",),
    DeviceKind.HEAT_METER: ("heat",),
    DeviceKind.WATER_METER: ("water", "flow"),
    DeviceKind.WEATHER_STATION: ("outdoor_temperature", "pressure", "illuminance"),
    DeviceKind.WATER_SENSOR: ("water_temperature", "battery"),
}
