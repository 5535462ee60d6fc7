"""Which field a value belongs to where a device only describes it: by a unit, a kind and the words of its name.

Used by the formats whose messages carry descriptions or names instead of fixed keys (Homie, Home Assistant, ESPHome).
A value whose meaning is not certain has no field.
"""

import re
from itertools import pairwise
from typing import Final

from devices.units import same_dimension

_WORD: Final = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|[0-9]+")

_SETPOINT = frozenset({"setpoint", "target", "desired", "wanted"})
_OUTSIDE = frozenset({"outdoor", "outdoors", "outside"})
_ITSELF = frozenset(
    {"cpu", "chip", "internal", "esp32", "esp", "board", "soc", "mcu", "processor", "device", "cputemp"}
)
_LIQUID = frozenset({"water", "boiler", "dhw", "flow", "return", "pipe", "cylinder", "calorifier", "immersion", "tank"})
_PROBE = frozenset({"probe", "external", "surface", "fridge", "freezer", "oven"})
_NOT_A_LEVEL = frozenset(
    {"dew", "dewpoint", "feels", "apparent", "offset", "calibration", "correction", "min", "max", "minimum", "maximum"}
    | {"average", "mean", "alarm", "threshold", "limit", "delta", "difference", "forecast", "hysteresis", "rate"}
    | {"target", "setpoint", "desired", "wanted"}
)
_PERIOD = frozenset(
    {"today", "yesterday", "daily", "day", "hour", "hourly", "week", "weekly", "month", "monthly", "year", "yearly"}
    | {"period", "session", "last", "previous", "interval", "minute"}
)
_EXPORT = frozenset(
    {"export", "exported", "returned", "return", "production", "produced", "generated", "feedin", "solar"}
)
_BATTERY = frozenset({"battery", "batt", "bat", "cell", "vcc", "vdd"})
_FACTOR = frozenset({"powerfactor", "pf", "cosphi"})

_KINDS: Final = ("mired", "Cel", "kWh", "V", "m3", "ug/m3", "hPa", "W", "VA", "var", "A", "Hz", "lx", "dBm", "l/min")
"""A unit of each kind whose meaning the unit, with a word or two, decides"""
_MORE_KINDS: Final = ("%", "ppm", "dB", "1")
_NUMBERS: Final = {
    "%": (
        (frozenset({"humidity", "hum", "rh"}), "humidity"),
        (_BATTERY, "battery"),
        (frozenset({"valve"}), "valve_position"),
        (frozenset({"brightness", "dimmer"}), "brightness"),
        (_FACTOR, "power_factor"),
    ),
    "ppm": (
        (frozenset({"eco2", "equivalent"}), "eco2"),
        (frozenset({"co2", "carbon", "carbondioxide"}), "co2"),
        (frozenset({"tvoc", "voc"}), "tvoc"),
    ),
    "dB": ((frozenset({"snr"}), "snr"), (frozenset({"sound", "noise", "spl"}), "sound_level")),
    "1": ((frozenset({"people", "persons", "occupants"}), "people"), (_FACTOR, "power_factor")),
}
_ALONE: Final = {
    "W": "power",
    "VA": "apparent_power",
    "var": "reactive_power",
    "A": "current",
    "Hz": "frequency",
    "lx": "illuminance",
    "dBm": "rssi",
    "l/min": "flow",
}
_STATES: Final = (
    (frozenset({"motion", "pir"}), "motion"),
    (frozenset({"occupancy", "occupied", "presence"}), "occupied"),
    (frozenset({"smoke"}), "smoke"),
    (frozenset({"leak", "flood", "moisture", "leakage"}), "leak"),
    (frozenset({"tamper"}), "tamper"),
    (frozenset({"door", "window", "open", "opened", "opening", "garage", "gate"}), "open"),
)


def words(*names: str) -> frozenset[str]:
    """The words of names, in lower case: `livingRoom_temp-1` → living, room, temp, 1; also pairs run together."""
    found = [word.lower() for name in names for word in _WORD.findall(name[:200])]
    pairs = [first + second for first, second in pairwise(found)]
    return frozenset(found + pairs)


def is_level(name: frozenset[str]) -> bool:
    """Whether a value with this name is what is measured now, and not a limit, an extreme or a wish."""
    return not name & (_NOT_A_LEVEL - {"rate"})


def temperature(name: frozenset[str]) -> str:
    """The field of a temperature whose name has these words; empty where it is no level of air, water or device."""
    if name & _SETPOINT:
        return "heating_setpoint" if not name & (_LIQUID | {"cooling", "cool"}) else ""
    if name & _NOT_A_LEVEL:
        return ""
    if "room" in name:
        name -= {"boiler", "tank", "board"}
    for qualifiers, field in (
        (_ITSELF, "device_temperature"),
        (_LIQUID, "water_temperature"),
        (_OUTSIDE, "outdoor_temperature"),
        (_PROBE, "probe_temperature"),
    ):
        if name & qualifiers:
            return field
    return "temperature"


def energy(name: frozenset[str]) -> str:
    """The register of an electrical energy with this name; empty where it counts a period, not all time."""
    if name & _PERIOD:
        return ""
    if name & {"heat", "thermal", "heating"}:
        return "heat"
    if "gas" in name:
        return "gas_energy"
    return "electricity_export" if name & _EXPORT else "electricity_import"


def voltage(name: frozenset[str], unit: str) -> str:
    """Mains or battery: coin cells and supplies are named so, or given in millivolts."""
    return "battery_voltage" if name & _BATTERY or unit == "mV" else "voltage"


def volume(name: frozenset[str]) -> str:
    """The register of a volume; empty where neither water nor gas is named, or a period is counted."""
    if name & _PERIOD:
        return ""
    if "gas" in name:
        return "gas"
    return "water" if "water" in name else ""


def particles(name: frozenset[str]) -> str:
    """Which particles, or which mass of gas, a mass by volume counts."""
    for word, field in (("pm25", "pm2_5"), ("pm2", "pm2_5"), ("pm10", "pm10"), ("pm1", "pm1"), ("pm4", "pm4")):
        if word in name:
            return field
    if name & {"formaldehyde", "hcho", "ch2o"}:
        return "formaldehyde"
    return "tvoc_mass" if name & {"tvoc", "voc"} else ""


def number_field(name: frozenset[str], unit: str) -> str:
    """The field of a number with this name and unit; empty where it is not certain."""
    kind = next((one for one in (*_KINDS, *_MORE_KINDS) if unit == one or same_dimension(unit, one)), "")
    if name & {"color", "colour", "cct"}:
        return "color_temperature" if unit in ("mired", "K") else ""
    if kind == "Cel":
        return temperature(name) if name & ({"temperature", "temp", "thermometer"} | _SETPOINT) else ""
    if kind == "kWh":
        return energy(name)
    if kind == "V":
        return voltage(name, unit)
    if kind == "m3":
        return volume(name)
    if kind == "ug/m3":
        return particles(name)
    if kind == "hPa":
        return "pressure" if name & {"pressure", "barometer"} and not name & (_LIQUID | {"sea", "tyre"}) else ""
    if name & ((_NOT_A_LEVEL | _PERIOD) - {"rate"}):
        return ""
    return _ALONE.get(kind) or next((field for wanted, field in _NUMBERS.get(kind, ()) if name & wanted), "")


def state_field(name: frozenset[str], node: frozenset[str] = frozenset()) -> str:
    """The field of a boolean with this name, in a part of the device named `node`; empty where it is not certain.

    A `contact` has none: devices disagree whether true means closed.
    """
    if "contact" in name:
        return ""
    if name & _BATTERY and "low" in name:
        return "battery_low"
    if field := next((field for wanted, field in _STATES if name & wanted), ""):
        return field
    if name & {"power", "on", "onoff", "switch", "relay", "state", "output", "outlet", "plug", "socket"}:
        return "on" if (name | node) & {"light", "lights", "lamp", "bulb", "dimmer", "led"} else "switched"
    if name & {"heating"}:
        return "heating"
    return "on" if name & {"light", "lamp", "bulb"} else ""


_WRITTEN: Final = {"on": "light_on", "switched": "relay", "occupied": "occupancy", "heat": "heat_energy"}


def written(field: str) -> str:
    """A name for `field` that `number_field` or `state_field` reads back."""
    return _WRITTEN.get(field, field)
