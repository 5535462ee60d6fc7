"""What a named value with a unit measures, for formats whose sender chooses the names (SenML, Sparkplug B).

The unit says the kind of quantity; the words of the name choose the field where one kind has several. What stays
ambiguous (a pressure in a pipe or of the air, the energy of a day or of a register) has no meaning here: a value that
waits in quarantine can be mapped later, a wrong one cannot be found again.
"""

import re
from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Final, NamedTuple

from devices.schema import BY_NAME, WRITTEN_BY_INGEST, Field, Kind
from devices.text import printable
from devices.units import known, same_dimension

Words = frozenset[str]
MAX_NAME: Final = 256
MAX_UNIT: Final = 32
_SEPARATORS: Final = re.compile(r"[/:]+")
_WORD: Final = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|[0-9]+(?:\.[0-9]+)?")


def _set(words: str) -> Words:
    return frozenset(words.split())


_OUTDOOR: Final = _set("outdoor outside oat")
_TARGET: Final = _set("setpoint setpoints target sp set")
_NOT_PRESENT: Final = _TARGET | _set(
    "alarm calibration cmd command control deadband forecast high limit low max maximum min minimum "
    "offset peak predicted threshold"
)
"""words of a value that was not measured now, but is wanted, bounded or foreseen"""
_COOLING: Final = _set("cooling cool")
_WET: Final = _set("water boiler dhw pipe hws chw lphw")
_CHIP: Final = _set("cpu chip board enclosure cabinet")
_BATTERY: Final = _set("battery supply batt bat")
_PERIOD: Final = _set("today yesterday daily day hourly hour weekly monthly interval delta")
_EXPORT: Final = _set("export exported returned")
_HEAT: Final = _set("heat thermal cooling")
_VALVES: Final = _set("valve damper relay contactor breaker switch")
_LIGHTS: Final = _set("light lights lamp luminaire on")
_AIR_PRESSURE: Final = _set("barometric barometer baro atmospheric")
_GENERIC: Final = _set(
    "active air atm average barometric battery co co2 concentration consumption counter current "
    "electricity energy factor flow frequency gas h heat humidity illuminance import index kwh level "
    "light lux meter motion noise occupancy outdoor outside p people pf pm power presence pressure "
    "reading register relative rh rssi sensor setpoint signal snr sound sp t temp temperature total value "
    "voltage volume water wh"
)
"""words that only repeat what is measured, and so tell no channel"""

_BY_RULE: Final = _set("temperature pressure flow frequency")
"""fields whose bare name says too little: the words around it decide"""
_MACHINE: Final = _set("fan pump motor drive vfd inverter compressor")
_AIR: Final = _set("air gas duct fan ventilation supply extract exhaust")

_STATES: Final[Mapping[str, str]] = {"occupancy": "occupied", "presence": "occupied", "water_leak": "leak"}
_UNITLESS: Final[Mapping[str, str]] = {"supply_voltage": "battery_voltage", "battery_voltage": "battery_voltage"}
"""names whose unit needs no telling: nothing but volts is plausible"""


class Meaning(NamedTuple):
    """The field, and the channel that the rest of the name tells."""

    field: Field
    channel: str


def meaning(name: str, unit: str, *, state: bool = False) -> Meaning | None:
    """What `name` in `unit` measures; None where that is not certain.

    Args:
        name: parts separated by `/` or `:`, the last one nearest to the quantity.
        unit: as the sender writes it; empty where it does not.
        state: the value is true or false.
    """
    return _meaning(name[:MAX_NAME], unit[:MAX_UNIT], state)


@lru_cache(maxsize=16_384)
def _meaning(name: str, unit: str, state: bool) -> Meaning | None:
    parts = [part for part in _SEPARATORS.split(name) if part.strip()]
    words = frozenset(word.lower() for part in parts for word in _WORD.findall(part))
    last = "_".join(word.lower() for word in _WORD.findall(parts[-1])) if parts else ""
    field = _state(last, words) if state else _quantity(last, unit, words)
    return Meaning(field, _channel(parts, field)) if field else None


def _sendable(name: str) -> Field | None:
    return None if name in WRITTEN_BY_INGEST else BY_NAME.get(name)


def _state(last: str, words: Words) -> Field | None:
    field = _sendable(_STATES.get(last, last))
    if field is None or field.kind is not Kind.STATE:
        return None
    elsewhere = (field.name == "open" and words & _VALVES) or (field.name == "on" and not words <= _LIGHTS)
    return None if elsewhere else field


def _quantity(last: str, unit: str, words: Words) -> Field | None:
    exact = _sendable(_EXACT.get(last, last))
    elsewhere = (words & _NOT_PRESENT) - set(last.split("_") if exact else ())
    if not unit:
        if last in _UNITLESS:
            return BY_NAME[_UNITLESS[last]]
        return exact if exact and exact.unit == "1" and exact.kind is not Kind.STATE else None
    if exact and exact.name not in _BY_RULE and not elsewhere and same_dimension(unit, exact.unit):
        return exact
    wanted_heat = words & _TARGET and same_dimension(unit, "Cel")
    if not known(unit) or (elsewhere and not wanted_heat):
        return None
    choose = next((rule for wanted, rule in _BY_UNIT.items() if same_dimension(unit, wanted)), None)
    name = choose(words, unit) if choose else None
    return BY_NAME[name] if name else None


_EXACT: Final[Mapping[str, str]] = {name.replace("_", ""): name for name in BY_NAME} | {
    "_".join(_WORD.findall(name)): name for name in BY_NAME
}


def _temperature(words: Words, unit: str) -> str | None:
    if words & {"color", "colour"}:
        return "color_temperature" if unit == "K" else None
    if words & _TARGET:
        return None if words & (_COOLING | _WET | (_NOT_PRESENT - _TARGET)) else "heating_setpoint"
    if words & {"dew", "dewpoint", "wet", "bulb"}:
        return None
    for hints, name in ((_OUTDOOR, "outdoor_temperature"), (_WET, "water_temperature"), (_CHIP, "device_temperature")):
        if words & hints:
            return name
    return "probe_temperature" if "probe" in words else "temperature"


def _ratio(words: Words, unit: str) -> str | None:
    if unit in {"%RH", "%rh", "RH%", "%r.H."} or words & {"humidity", "rh"}:
        return "humidity"
    if unit == "%EL" or words & {"battery", "batt"}:
        return "battery"
    if words & {"valve"}:
        return "valve_position"
    return "power_factor" if words & {"pf", "factor"} else None


def _energy(words: Words, unit: str) -> str | None:
    del unit
    if words & (_PERIOD | {"reactive", "apparent"}):
        return None
    if words & _HEAT:
        return None if "cooling" in words else "heat"
    if "gas" in words:
        return "gas_energy"
    return "electricity_export" if words & _EXPORT else "electricity_import"


def _pressure(words: Words, unit: str) -> str | None:
    if words & _AIR_PRESSURE:
        return "pressure"
    alone = words <= {"pressure", "p", "air"} and unit in {"hPa", "Pa", "mbar"}
    return "pressure" if alone else None


def _fraction(words: Words, unit: str) -> str | None:
    if unit == "ppm":
        return "co2" if "co2" in _joined(words) else None
    return "tvoc" if words & {"tvoc", "voc"} else None


def _concentration(words: Words, unit: str) -> str | None:
    del unit
    if words & {"formaldehyde", "hcho"}:
        return "formaldehyde"
    if words & {"tvoc", "voc"}:
        return "tvoc_mass"
    sizes = {"2.5": "pm2_5", "25": "pm2_5", "10": "pm10", "1": "pm1", "4": "pm4"}
    found = [name for size, name in sizes.items() if "pm" in words and size in words]
    return found[0] if len(found) == 1 else None


def _volume(words: Words, unit: str) -> str | None:
    del unit
    found = words & {"water", "gas"}
    return next(iter(found)) if len(found) == 1 and not words & _PERIOD else None


def _says(words: Words, hints: str) -> bool:
    """Whether the name says the quantity, or nothing at all beside the unit."""
    return not words or not words.isdisjoint(hints.split())


def _joined(words: Words) -> Words:
    """`co` and `2` stand apart after splitting; together they are one word."""
    return words | {"co2"} if {"co", "2"} <= words else words


_BY_UNIT: Final[Mapping[str, Callable[[Words, str], str | None]]] = {
    "Cel": _temperature,
    "%": _ratio,
    "kWh": _energy,
    "hPa": _pressure,
    "ppm": _fraction,
    "ug/m3": _concentration,
    "m3": _volume,
    "W": lambda words, _: "power" if _says(words, "power load watts w") and not words & (_HEAT | _PERIOD) else None,
    "VA": lambda _, __: "apparent_power",
    "var": lambda _, __: "reactive_power",
    "V": lambda words, _: (
        "battery_voltage" if words & _BATTERY else "voltage" if _says(words, "voltage volts v u mains") else None
    ),
    "A": lambda words, _: "current" if _says(words, "current amps i") and not words & _BATTERY else None,
    "Hz": lambda words, _: "frequency" if _says(words, "frequency mains grid") and not words & _MACHINE else None,
    "lx": lambda _, __: "illuminance",
    "dBm": lambda _, __: "rssi",
    "dB": lambda words, _: "snr" if "snr" in words else "sound_level" if words & {"sound", "noise"} else None,
    "l/min": lambda words, _: (
        "flow" if words <= {"flow", "rate", "water"} or ("water" in words and not words & _AIR) else None
    ),
    "mm": lambda words, _: "distance" if "distance" in words else None,
}


def _channel(parts: list[str], field: Field) -> str:
    own = {word.lower() for word in _WORD.findall(field.name)} | {field.name.removeprefix("pm").replace("_", ".")}
    return printable("/".join(part for part in parts if not _repeats(part, own)), 64)


def _repeats(part: str, own: set[str]) -> bool:
    """Whether `part` of a name only says again what is measured; a bare number never does."""
    words = {word.lower() for word in _WORD.findall(part)}
    return words <= _GENERIC | own and not all(word.isdigit() for word in words)
