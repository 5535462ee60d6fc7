"""What a named value with a unit measures, for formats whose senders choose the names.

SenML and Sparkplug B give a name and a unit, Home Assistant's discovery, ESPHome and Homie a description with both.
The unit says the kind of quantity; the words of the name choose the field where one kind has several. What stays
ambiguous (a pressure in a pipe or of the air, the energy of a day or of a register) has no meaning here: a value that
waits in quarantine can be mapped later, a wrong one cannot be found again.
"""

import re
from collections.abc import Callable, Mapping
from functools import lru_cache
from itertools import pairwise
from typing import Final, NamedTuple

from devices.schema import BY_NAME, WRITTEN_BY_INGEST, Field, Kind
from devices.text import printable
from devices.units import same_dimension

Words = frozenset[str]
MAX_NAME: Final = 256
MAX_UNIT: Final = 32
_SEPARATORS: Final = re.compile(r"[/:]+")
_WORD: Final = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|[0-9]+(?:\.[0-9]+)?")


def _set(words: str) -> Words:
    return frozenset(words.split())


_TARGET: Final = _set("setpoint setpoints target sp set desired wanted")
_PERIOD: Final = _set(
    "today yesterday daily day hourly hour weekly week monthly month yearly year minute interval period session "
    "last previous delta"
)
_NOT_NOW: Final = (
    _TARGET
    | _PERIOD
    | _set(
        "alarm apparenttemperature calibration cmd command control correction deadband dew dewpoint difference feels "
        "forecast high hysteresis limit low max maximum min minimum offset peak predicted threshold wetbulb"
    )
)
"""words of a value that was not measured now, but is wanted, bounded, derived or foreseen"""
_MEAN: Final = _set("average avg mean")
"""an average of phases is what a meter shows; one of rooms or days is no reading of a place"""
_ROOM: Final = _set("air room")
_OUTDOOR: Final = _set("outdoor outdoors outside oat")
_ITSELF: Final = _set(
    "cpu cputemp chip internal esp32 esp board soc mcu processor enclosure cabinet devicetemp devicetemperature"
)
_LIQUID: Final = _set(
    "water boiler dhw pipe hws chw lphw flow return cylinder calorifier immersion tank condensate brine"
)
_NOT_BESIDE_AIR: Final = _set("board boiler flow pipe return tank")
"""a boiler room's temperature and a return air's are no liquid's"""
_PROBE: Final = _set("probe external surface fridge freezer oven")
_COOLING: Final = _set("cooling cool")
_MACHINE: Final = _set(
    "fan pump motor drive vfd inverter compressor engine chiller refrigerant discharge suction bearing winding gearbox"
)
_BATTERY: Final = _set("battery batt bat cell supply vbat vcc vdd")
_EXPORT: Final = _set("export exported returned return production produced generated feedin solar")
_HEAT: Final = _set("heat heating thermal cooling")
_FACTOR: Final = _set("powerfactor factor pf cosphi")
_GASES: Final = _set("air gas duct fan ventilation supply extract exhaust oil fuel oxygen steam")
_IN_A_PIPE: Final = _LIQUID | _MACHINE | _set("sea tyre duct static differential filter gas oil steam supply")
_BAROMETRIC: Final = _set("barometric barometer baro atmospheric")

_NUMBERS: Final = _set("1 2 3 4 5 6 7 8 9 10 l1 l2 l3")
_DETECTED: Final[Mapping[str, Words]] = {
    "motion": _set("motion pir"),
    "occupied": _set("occupancy occupied presence"),
    "smoke": _set("smoke"),
    "leak": _set("leak leakage flood moisture waterleak"),
    "tamper": _set("tamper"),
}
_OPENINGS: Final = _set("door window open opened opening garage gate")
_SWITCHES: Final = _set("power onoff switch relay outlet plug socket")
_SWITCHED: Final = _SWITCHES | _set("on state output")
"""words of a switch's state; the last three tell nothing where the thing itself is no switch"""
_LIGHTS: Final = _set("light lights lamp luminaire bulb dimmer led")
_VALVES: Final = _set("valve damper relay contactor breaker switch")
_NOT_A_STATE: Final = _set("cmd command contact control enable enabled error fault inhibit mode target test timeout")
"""`contact`, because devices disagree whether true means closed"""

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
_SUPPLY: Final = _set("supply_voltage battery_voltage")
"""names whose unit needs no telling: nothing but volts is plausible"""


class Meaning(NamedTuple):
    """The field, and the channel that the rest of the name tells."""

    field: Field
    channel: str


def words(*names: str) -> Words:
    """The words of names, in lower case: `livingRoom_temp-1` → living, room, temp, 1; also pairs run together."""
    return frozenset().union(*(_words(name[:MAX_NAME]) for name in names))


@lru_cache(maxsize=16_384)
def _words(name: str) -> Words:
    found = [word.lower() for word in _WORD.findall(name)]
    return frozenset(found).union(first + second for first, second in pairwise(found))


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
    last = "_".join(word.lower() for word in _WORD.findall(parts[-1])) if parts else ""
    exact, whole = _sendable(_EXACT.get(last, last)), words(*parts)
    if state:
        plain = exact and exact.kind is Kind.STATE and (exact.name not in {"on", "open"} or whole == {last})
        found = exact.name if exact and plain else state_field(words(*parts[-1:]), whole)
    elif not unit:
        found = "battery_voltage" if last in _SUPPLY else exact.name if exact and _is_count(exact) else ""
    elif exact and exact.name not in _BY_RULE and not _other(whole, last) and same_dimension(unit, exact.unit):
        found = exact.name
    else:
        found = number_field(whole, unit)
    return Meaning(BY_NAME[found], _channel(parts, BY_NAME[found])) if found else None


def _sendable(name: str) -> Field | None:
    return None if name in WRITTEN_BY_INGEST else BY_NAME.get(name)


def _is_count(field: Field) -> bool:
    return field.unit == "1" and field.kind is not Kind.STATE


def _other(whole: Words, last: str) -> Words:
    """Words beside an exact name that make it another value."""
    return (whole & _NOT_NOW) - _words(last)


_EXACT: Final[Mapping[str, str]] = {name.replace("_", ""): name for name in BY_NAME} | {
    "_".join(_WORD.findall(name)): name for name in BY_NAME
}


def is_now(name: Words) -> bool:
    """Whether a value with this name is what is measured now at a place, and not a limit, a mean or a wish."""
    return not name & (_NOT_NOW | _MEAN)


def number_field(name: Words, unit: str) -> str:
    """The field of a number whose name has these words; empty where it is not certain."""
    kind = next((one for one in _BY_UNIT if unit == one or same_dimension(unit, one)), "")
    if not kind or (name & _NOT_NOW and not (kind == "Cel" and name & _TARGET)):
        return ""
    if name & _MEAN and kind not in _ELECTRICAL:
        return ""
    return _BY_UNIT[kind](name, unit)


def state_field(name: Words, around: Words = frozenset()) -> str:
    """The field of a boolean whose name has these words; empty where it is not certain.

    Args:
        around: words of what the boolean is a part of.
    """
    whole = name | around
    if name & _BATTERY and "low" in name:
        return "battery_low"
    if whole & _NOT_A_STATE:
        return ""
    detected = next((field for field, wanted in _DETECTED.items() if name & wanted), "")
    if detected or whole & {"alarm"}:
        return detected
    if name & _OPENINGS:
        return "" if whole & _VALVES else "open"
    if name & _SWITCHED:
        return _switch(name, whole)
    if "heating" in name:
        return "heating"
    return "on" if name & _LIGHTS else ""


def _switch(name: Words, whole: Words) -> str:
    if whole & _LIGHTS:
        return "on"
    if whole & (_MACHINE | {"valve", "damper"}) or (name <= {"state", "output"} and not whole & _SWITCHES):
        return ""
    return "switched"


_WRITTEN: Final = {"on": "light_on", "switched": "relay", "occupied": "occupancy", "heat": "heat_energy"}


def written(field: str) -> str:
    """A name for `field` that `number_field` or `state_field` reads back."""
    return _WRITTEN.get(field, field)


def _temperature(name: Words, unit: str) -> str:
    if name & {"color", "colour", "cct"}:
        return "color_temperature" if unit in ("mired", "K") else ""
    if name & _ROOM:
        name -= _NOT_BESIDE_AIR
    if name & _TARGET:
        return "" if name & (_COOLING | _LIQUID | (_NOT_NOW - _TARGET)) else "heating_setpoint"
    qualified = (
        (_ITSELF, "device_temperature"),
        (_LIQUID, "water_temperature"),
        (_OUTDOOR, "outdoor_temperature"),
        (_PROBE, "probe_temperature"),
        (_MACHINE | {"wet", "bulb"}, ""),
    )
    return next((field for qualifiers, field in qualified if name & qualifiers), "temperature")


def _ratio(name: Words, unit: str) -> str:
    if unit in {"%RH", "%rh", "RH%", "%r.H."} or name & {"humidity", "hum", "rh"}:
        return "humidity"
    if unit == "%EL" or name & (_BATTERY - {"supply", "cell"}):
        return "battery"
    if "valve" in name:
        return "valve_position"
    if name & {"brightness", "dimmer"}:
        return "brightness"
    return "power_factor" if name & _FACTOR else ""


def _energy(name: Words, unit: str) -> str:
    del unit
    if name & ({"reactive", "apparent"} | _COOLING):
        return ""
    if name & _HEAT:
        return "heat"
    if "gas" in name:
        return "gas_energy"
    return "electricity_export" if name & _EXPORT else "electricity_import"


def _pressure(name: Words, unit: str) -> str:
    if name & _BAROMETRIC and "sea" not in name:
        return "pressure"
    said = "pressure" in name and not name & _IN_A_PIPE
    alone = name <= {"pressure", "p", "air", "airpressure"} and unit == "Pa"
    return "pressure" if (said and unit in {"hPa", "mbar", "mBar"}) or alone else ""


def _fraction(name: Words, unit: str) -> str:
    del unit
    if name & {"eco2", "equivalent"}:
        return "eco2"
    if name & {"co2", "carbondioxide"}:
        return "co2"
    return "tvoc" if name & {"tvoc", "voc"} else ""


def _concentration(name: Words, unit: str) -> str:
    del unit
    if name & {"formaldehyde", "hcho", "ch2o"}:
        return "formaldehyde"
    if name & {"tvoc", "voc"}:
        return "tvoc_mass"
    sizes = {"pm2.5": "pm2_5", "pm25": "pm2_5", "pm2": "pm2_5", "pm10": "pm10", "pm1": "pm1", "pm4": "pm4"}
    found = {field for size, field in sizes.items() if size in name}
    return next(iter(found)) if len(found) == 1 else ""


def _volume(name: Words, unit: str) -> str:
    del unit
    found = name & {"water", "gas"}
    return next(iter(found)) if len(found) == 1 else ""


def _voltage(name: Words, unit: str) -> str:
    """Mains or battery: coin cells and supplies are named so, or given in millivolts."""
    if name & _BATTERY:
        return "battery_voltage"
    if not _says(name, _set("voltage volts v u mains")):
        return ""
    return "battery_voltage" if unit == "mV" else "voltage"


def _flow(name: Words, unit: str) -> str:
    del unit
    return "flow" if name & {"flow", "water"} and not name & _GASES else ""


def _says(name: Words, hints: Words) -> bool:
    """Whether the name says the quantity, or nothing at all beside the unit."""
    return not name - _NUMBERS or not name.isdisjoint(hints)


_NO_POWER: Final = _HEAT | _set("rated nominal design capacity irradiance radiation rate")
_BY_UNIT: Final[Mapping[str, Callable[[Words, str], str]]] = {
    "mired": _temperature,
    "Cel": _temperature,
    "%": _ratio,
    "kWh": _energy,
    "hPa": _pressure,
    "ppm": _fraction,
    "ug/m3": _concentration,
    "m3": _volume,
    "W": lambda name, _: "" if name & _NO_POWER else "power",
    "VA": lambda _, __: "apparent_power",
    "var": lambda _, __: "reactive_power",
    "V": _voltage,
    "A": lambda name, _: "current" if _says(name, _set("current amps i")) and not name & _BATTERY else "",
    "Hz": lambda name, _: "frequency" if _says(name, _set("frequency mains grid")) and not name & _MACHINE else "",
    "lx": lambda _, __: "illuminance",
    "dBm": lambda _, __: "rssi",
    "dB": lambda name, _: "snr" if "snr" in name else "sound_level" if name & {"sound", "noise", "spl"} else "",
    "l/min": _flow,
    "mm": lambda name, _: "distance" if "distance" in name else "",
    "1": lambda name, _: (
        "people" if name & {"people", "persons", "occupants"} else "power_factor" if name & _FACTOR else ""
    ),
}
"""A unit of each dimension → what the words of a name make of it"""
_ELECTRICAL: Final = frozenset({"W", "VA", "var", "V", "A", "Hz"})


def _channel(parts: list[str], field: Field) -> str:
    own = {word.lower() for word in _WORD.findall(field.name)} | {field.name.removeprefix("pm").replace("_", ".")}
    return printable("/".join(part for part in parts if not _repeats(part, own)), 64)


def _repeats(part: str, own: set[str]) -> bool:
    """Whether `part` of a name only says again what is measured; a bare number never does."""
    found = {word.lower() for word in _WORD.findall(part)}
    return found <= _GENERIC | own and not all(word.isdigit() for word in found)
