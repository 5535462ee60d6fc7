"""What a device tells: the state of its place through a sensor with a bias, an error and a resolution."""

from collections.abc import Callable
from typing import Final

from devices.model import DeviceKind, Reading
from devices.schema import BY_NAME, Field
from simulators.building import OUTDOOR_CO2_PPM, Room
from simulators.instrument import Instrument
from simulators.noise import smooth, spread, uniform
from simulators.plant import desk_lx

_Sense = Callable[[Instrument, Room, int, int], float]
"""(instrument, room, time of the reading, time of the state) → value; times in seconds since 1970"""

_POWER_FACTOR: Final = 0.96
_AT_ONCE: Final = frozenset({"open", "openings", "occupied"})
_BATTERY_LIFE_S: Final = 1.5 * 31_557_600


def readings(instrument: Instrument, at: int, now: int) -> list[Reading]:
    """What the device tells at `at`, within the step that ended at `now`; nothing while it has no place."""
    room = instrument.room
    if room is None:
        return []
    new = Reading
    return [
        new(field, round(sense(instrument, room, at, now), digits))
        for field, digits, sense in _TELLS[instrument.device.model, instrument.device.kind]
    ]


def changes(instrument: Instrument, at: int, now: int) -> list[Reading]:
    """What the device tells when it was touched: the state that changed, and no other."""
    return [reading for reading in readings(instrument, at, now) if reading.field.name in _AT_ONCE]


def tells(model: str, kind: DeviceKind) -> tuple[tuple[Field, int, _Sense], ...]:
    """Fields, decimals and senses of a device model; of its kind, where the model is none that we know."""
    names = _BY_MODEL.get(model) or _BY_KIND.get(kind, ())
    return tuple((BY_NAME[name], *_SENSES[name]) for name in names)


class _Cache(dict[tuple[str, DeviceKind], tuple[tuple[Field, int, _Sense], ...]]):
    def __missing__(self, key: tuple[str, DeviceKind]) -> tuple[tuple[Field, int, _Sense], ...]:
        found = self[key] = tells(*key)
        return found


_TELLS: Final = _Cache()


def _temperature(i: Instrument, room: Room, at: int, now: int) -> float:
    return room.temperature_c + 0.4 * (uniform(i.of, 11) - 0.5) + 0.05 * spread(i.of + 12, at)


def _humidity(i: Instrument, room: Room, at: int, now: int) -> float:
    return max(0.0, min(100.0, room.humidity_pct() + 4 * (uniform(i.of, 13) - 0.5) + 0.3 * spread(i.of + 14, at)))


def _outdoor_temperature(i: Instrument, room: Room, at: int, now: int) -> float:
    return (i.site.outdoors.temperature_c if i.site else 0.0) + 0.05 * spread(i.of + 15, at)


def _pressure(i: Instrument, room: Room, at: int, now: int) -> float:
    return i.site.outdoors.pressure_hpa if i.site else 1013.0


def _co2(i: Instrument, room: Room, at: int, now: int) -> float:
    return max(OUTDOOR_CO2_PPM, room.co2_ppm * (0.98 + 0.04 * uniform(i.of, 16)) + 8 * spread(i.of + 17, at))


def _illuminance(i: Instrument, room: Room, at: int, now: int) -> float:
    daylight = i.site.outdoors.daylight_lx if i.site else 0.0
    return daylight if i.device.kind is DeviceKind.WEATHER_STATION else desk_lx(room, daylight)


def _voltage(i: Instrument, room: Room, at: int, now: int) -> float:
    return 233 + 12 * smooth(i.of + 18, at / 1_800)


def _current(i: Instrument, room: Room, at: int, now: int) -> float:
    return i.rate / _voltage(i, room, at, now) / _POWER_FACTOR


def _register(i: Instrument, room: Room, at: int, now: int) -> float:
    return i.register_at(at, now)


def _charge(i: Instrument, at: int) -> float:
    """1 to 0.2 over the life of a battery, then somebody changes it."""
    return 1 - 0.8 * ((at / _BATTERY_LIFE_S + uniform(i.of, 19)) % 1.0)


def _people(i: Instrument, room: Room, at: int, now: int) -> float:
    return max(0.0, float(int(i.people_in) - int(i.people_out)))


def _link_quality(i: Instrument, room: Room, at: int, now: int) -> float:
    return 60 + 140 * uniform(i.of, 20) + 20 * spread(i.of + 21, at // 300)


_SENSES: Final[dict[str, tuple[int, _Sense]]] = {
    "temperature": (1, _temperature),
    "humidity": (1, _humidity),
    "heating_setpoint": (1, lambda i, room, at, now: room.asked_c),
    "valve_position": (0, lambda i, room, at, now: room.valve_pct),
    "heating": (0, lambda i, room, at, now: float(room.valve_pct >= 1.0)),
    "outdoor_temperature": (1, _outdoor_temperature),
    "pressure": (1, _pressure),
    "co2": (0, _co2),
    "illuminance": (0, _illuminance),
    "on": (0, lambda i, room, at, now: float(room.lit)),
    "brightness": (3, lambda i, room, at, now: round(254 * (0.7 + 0.3 * uniform(i.of, 22))) / 2.54),
    "color_temperature": (0, lambda i, room, at, now: 1e6 / 250),
    "power": (1, lambda i, room, at, now: i.rate),
    "voltage": (1, _voltage),
    "current": (3, _current),
    "switched": (0, lambda i, room, at, now: 1.0),
    "electricity_import": (3, _register),
    "gas": (3, _register),
    "heat": (3, _register),
    "water": (3, _register),
    "flow": (2, lambda i, room, at, now: i.rate / 60),
    "occupied": (0, lambda i, room, at, now: float(i.active)),
    "people": (0, _people),
    "people_in": (0, lambda i, room, at, now: float(int(i.people_in))),
    "people_out": (0, lambda i, room, at, now: float(int(i.people_out))),
    "open": (0, lambda i, room, at, now: float(i.active)),
    "openings": (0, lambda i, room, at, now: float(i.times)),
    "water_temperature": (1, lambda i, room, at, now: room.temperature_c - 4 + 35 * (room.people >= 0.5)),
    "leak": (0, lambda i, room, at, now: 0.0),
    "battery": (0, lambda i, room, at, now: 100 * _charge(i, at)),
    "battery_voltage": (3, lambda i, room, at, now: 2.6 + 0.45 * _charge(i, at)),
    "link_quality": (0, _link_quality),
    "device_temperature": (0, lambda i, room, at, now: room.temperature_c + 2),
}
"""Name in the schema → decimals and sense."""

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
