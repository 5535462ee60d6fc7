"""Units on the wire to units of the schema."""

from collections.abc import Callable
from typing import Final

from devices.schema import Field

_Convert = Callable[[float], float]

_ALIKE: Final = {"%RH": "%", "%EL": "%", "/": "1"}
"""Units of the schema that devices write with a plainer one."""
_SPELLINGS: Final = {
    "Cel": ("°c", "℃", "c", "degc", "celsius", "cel"),
    "[degF]": ("°f", "℉", "f", "degf", "fahrenheit", "[degf]"),
    "K": ("k", "kelvin"),
    "mired": ("mired", "mireds"),
    "%": ("%", "percent", "%rh", "%el"),
    "1": ("1", "/", "#", "count", "counts"),
    "hPa": ("hpa", "mbar", "millibar"),
    "Pa": ("pa",),
    "kPa": ("kpa",),
    "bar": ("bar",),
    "mmHg": ("mmhg", "mm[hg]"),
    "inHg": ("inhg", "[in_i'hg]"),
    "psi": ("psi",),
    "lx": ("lx", "lux"),
    "ppm": ("ppm",),
    "ppb": ("ppb",),
    "ug/m3": ("µg/m³", "μg/m³", "ug/m3", "ug/m³", "µg/m3", "μg/m3"),
    "mg/m3": ("mg/m³", "mg/m3"),
    "dB": ("db", "dba", "db(a)", "dbspl"),
    "dBm": ("dbm",),
    "m": ("m",),
    "mm": ("mm",),
    "cm": ("cm",),
    "m3": ("m³", "m3"),
    "l": ("l", "litre", "litres", "liter"),
    "ft3": ("ft³", "ft3", "cf"),
    "l/min": ("l/min", "lpm"),
    "m3/h": ("m³/h", "m3/h"),
    "l/h": ("l/h",),
    "s": ("s", "sec"),
}
_EXACT: Final = (
    *("W", "kW", "mW", "MW", "VA", "kVA", "var", "kvar", "V", "mV", "kV", "A", "mA"),
    *("Wh", "kWh", "MWh", "mWh", "Wmin", "GJ", "MJ", "Hz", "kHz"),
)
"""Units where upper and lower case differ in meaning."""
_BY_SPELLING: Final = {word: unit for unit, words in _SPELLINGS.items() for word in words}


def _times(factor: float) -> _Convert:
    return lambda value: value * factor


def _per(divisor: float) -> _Convert:
    return lambda value: value / divisor


_CONVERSIONS: Final[dict[tuple[str, str], _Convert]] = {
    ("[degF]", "Cel"): lambda value: (value - 32) / 1.8,
    ("K", "Cel"): lambda value: value - 273.15,
    ("mired", "K"): lambda value: 1_000_000 / value,
    ("%", "1"): _per(100),
    ("Pa", "hPa"): _per(100),
    ("kPa", "hPa"): _times(10),
    ("bar", "hPa"): _times(1_000),
    ("mmHg", "hPa"): _times(1.333223874),
    ("inHg", "hPa"): _times(33.86388667),
    ("psi", "hPa"): _times(68.94757),
    ("kW", "W"): _times(1_000),
    ("MW", "W"): _times(1_000_000),
    ("mW", "W"): _per(1_000),
    ("kVA", "VA"): _times(1_000),
    ("kvar", "var"): _times(1_000),
    ("mV", "V"): _per(1_000),
    ("kV", "V"): _times(1_000),
    ("mA", "A"): _per(1_000),
    ("kHz", "Hz"): _times(1_000),
    ("Wh", "kWh"): _per(1_000),
    ("mWh", "kWh"): _per(1_000_000),
    ("MWh", "kWh"): _times(1_000),
    ("Wmin", "kWh"): _per(60_000),
    ("MJ", "kWh"): _per(3.6),
    ("GJ", "kWh"): _times(1 / 0.0036),
    ("ppb", "ppm"): _per(1_000),
    ("ppm", "ppb"): _times(1_000),
    ("mg/m3", "ug/m3"): _times(1_000),
    ("ug/m3", "mg/m3"): _per(1_000),
    ("m", "mm"): _times(1_000),
    ("cm", "mm"): _times(10),
    ("l", "m3"): _per(1_000),
    ("ft3", "m3"): _times(0.028316846592),
    ("m3/h", "l/min"): _times(1_000 / 60),
    ("l/h", "l/min"): _per(60),
}


def canonical(unit: str) -> str:
    """The one spelling of `unit` that this module knows; empty where it knows none."""
    unit = unit.strip()
    if unit in _EXACT:
        return unit
    return _BY_SPELLING.get(unit.lower(), "")


def converter(unit: str, field: Field) -> _Convert | None:
    """What turns a value in `unit`, in any spelling, into the unit of `field`; None where the two do not fit."""
    found = canonical(unit)
    wanted = _ALIKE.get(field.unit, field.unit)
    if found == wanted:
        return _times(1)
    return _CONVERSIONS.get((found, wanted))
