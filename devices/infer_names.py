"""What the names of values say, for `devices.infer`: words, units behind them, and what they cannot tell. Pure."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from devices import units
from devices.schema import Field

Words = frozenset[str]


def _set(text: str) -> Words:
    return frozenset(text.split())


_WORD: Final = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|[0-9]+")
_UNITS: Final[Mapping[str, str]] = {
    "c": "Cel", "degc": "Cel", "celsius": "Cel", "f": "°F", "degf": "°F", "fahrenheit": "°F",
    "pct": "%", "percent": "%", "percentage": "%", "mv": "mV", "millivolt": "mV", "v": "V", "volt": "V", "volts": "V",
    "w": "W", "watt": "W", "watts": "W", "kw": "kW", "wh": "Wh", "kwh": "kWh", "mwh": "MWh", "a": "A", "ma": "mA",
    "hz": "Hz", "ppm": "ppm", "ppb": "ppb", "lux": "lx", "lx": "lx", "pa": "Pa", "hpa": "hPa", "kpa": "kPa",
    "dbm": "dBm", "db": "dB", "m3": "m3", "l": "l", "litre": "l", "litres": "l", "liter": "l", "liters": "l",
    "lpm": "l/min", "mm": "mm", "cm": "cm", "ugm3": "ug/m3", "mgm3": "mg/m3",
}  # fmt: skip
"""Last word of a name → unit"""
_BLUR: Final = _set(
    "setpoint target set max maximum min minimum avg average mean alarm threshold limit offset calibration delta "
    "diff difference change last previous prev old daily day today yesterday hour hourly week month year period "
    "interval rate error exception fault status mode level raw adc count counter sum total dew dewpoint feels "
    "apparent index internal "
    "external ext probe chip board cpu surface black globe water pipe soil air outdoor outside ambient object "
    "history log abnormal mutation event high low median std"
)
"""words beside a quantity that make it another one, or leave open which"""
_GAUGES: Final[Mapping[str, tuple[str, Words]]] = {
    "temperature": ("temperature", frozenset({"Cel", "°F"})),
    "temp": ("temperature", frozenset({"Cel", "°F"})),
    "humidity": ("humidity", frozenset({"%"})),
    "hum": ("humidity", frozenset({"%"})),
    "rh": ("humidity", frozenset({"%"})),
    "co2": ("co2", frozenset({"ppm"})),
    "lux": ("illuminance", frozenset({"lx"})),
    "illuminance": ("illuminance", frozenset({"lx"})),
    "illumination": ("illuminance", frozenset({"lx"})),
    "pressure": ("pressure", frozenset({"hPa", "Pa", "kPa"})),
    "barometer": ("pressure", frozenset({"hPa", "Pa", "kPa"})),
    "rssi": ("rssi", frozenset({"dBm"})),
    "snr": ("snr", frozenset({"dB"})),
    "frequency": ("frequency", frozenset({"Hz"})),
    "power": ("power", frozenset({"W", "kW"})),
    "current": ("current", frozenset({"A", "mA"})),
    "voltage": ("voltage", frozenset({"V"})),
    "distance": ("distance", frozenset({"mm", "cm", "m"})),
}
_SELF_EVIDENT: Final = frozenset({"humidity", "co2", "rssi", "snr"})
"""fields that nobody sends in another unit: the name and plausible values are enough"""
_BARE: Final[Mapping[str, str]] = {
    "power": "is it W or kW, and of what?",
    "current": "is it A or mA, and of what?",
    "voltage": "is it the mains or the battery, and V or mV?",
    "distance": "is it mm, cm or m?",
    "pressure": "is it the air's, and hPa, Pa or bar?",
    "frequency": "is it the mains frequency, in Hz?",
}
_REGISTERS: Final[Mapping[str, tuple[str, Words]]] = {
    "energy": ("electricity_import", frozenset({"Wh", "kWh", "MWh"})),
    "volume": ("water", frozenset({"l", "m3"})),
    "water": ("water", frozenset({"l", "m3"})),
    "gas": ("gas", frozenset({"l", "m3"})),
}
_PERIODS: Final = _set(
    "daily day today yesterday hour hourly week weekly month monthly year interval delta last period"
)
_OTHER_ENERGY: Final = _set(
    "heat cooling thermal reactive apparent export exported returned generated produced solar negative"
)
_OF_A_REGISTER: Final = _set(
    "active import imported total sum consumption consumed used usage meter electricity electric reading value volume "
    "index register count counter"
)
_ELECTRIC: Final = frozenset({"active", "electricity", "electric", "power", "voltage", "current"})
"""words that make an energy one of electricity, beside it in the name or in the message"""
_BATTERY: Final = frozenset({"battery", "batt", "bat", "vbat", "vbatt", "vdd"})
_STATES: Final[Mapping[str, str]] = {
    "motion": "motion", "pir": "motion", "occupancy": "occupied", "occupied": "occupied", "presence": "occupied",
    "leak": "leak", "leakage": "leak", "waterleak": "leak", "flood": "leak", "smoke": "smoke", "tamper": "tamper",
    "door": "open", "window": "open", "magnet": "open", "open": "open",
}  # fmt: skip
_WORDS: Final[Mapping[str, Mapping[str, int]]] = {
    "open": {"open": 1, "opened": 1, "close": 0, "closed": 0},
    "occupied": {"occupied": 1, "vacant": 0, "unoccupied": 0, "true": 1, "false": 0},
    "motion": {"motion": 1, "trigger": 1, "detected": 1, "idle": 0, "none": 0, "true": 1, "false": 0},
    "leak": {"leak": 1, "leaking": 1, "normal": 0, "dry": 0, "no leak": 0, "true": 1, "false": 0},
    "smoke": {"smoke": 1, "alarm": 1, "normal": 0, "true": 1, "false": 0},
    "tamper": {"tampered": 1, "triggered": 1, "normal": 0, "true": 1, "false": 0},
}


@dataclass(frozen=True, slots=True)
class Hint:
    """What a name says."""

    field: str
    unit: str
    """as sent; empty where the schema's is assumed"""
    sure: bool
    reasons: tuple[str, ...]


def words(key: str) -> list[str]:
    """The words of a key, in lower case; `CO2`, `pm2_5` and `m3` stay together."""
    text = re.sub(r"(?i)co_?2", "Co2", key)
    text = re.sub(r"(?i)pm_?2[._]?5", "Pm25", text)
    found: list[str] = []
    for part in _WORD.findall(text):
        low = part.lower()
        if (
            found
            and low.isdigit()
            and (found[-1], low) in {("co", "2"), ("pm", "25"), ("pm", "10"), ("pm", "1"), ("m", "3")}
        ):
            found[-1] += low
        else:
            found.append(low)
    return found


def hint(key: str, unit: str, keys: Words) -> Hint | str | None:
    """What a number under `key` is; a question where it may be several things; None where the name says nothing.

    Args:
        unit: as the message gives it; empty where it does not.
        keys: all keys of the payloads.
    """
    said = words(key)
    given, reasons = unit, [f"the message gives the unit {unit}"] if unit else []
    if not given and len(said) > 1 and said[-1] in _UNITS:
        given = _UNITS[said[-1]]
        reasons = [f"the name ends in the unit {given}"]
        said = said[:-1]
    known = frozenset(said)
    if known & _BATTERY:
        return _battery(known, given, reasons)
    if (found := _particles(known)) and not known & _BLUR:
        return Hint(found, "", bool(given), (f"the name says {found!r}", *reasons))
    for quantity, (field, allowed) in _REGISTERS.items():
        if quantity in known:
            return _register(quantity, field, allowed, known, given, reasons, keys)
    for quantity, (field, allowed) in _GAUGES.items():
        if quantity in known:
            return _gauge(quantity, field, allowed, known, given, reasons, keys)
    return _flag(known)


def _gauge(
    said: str,
    field: str,
    allowed: Words,
    known: Words,
    given: str,
    reasons: list[str],
    keys: Words,
) -> Hint | str | None:
    blur = sorted(known & _BLUR)
    if blur:
        return f"the name says {said!r}, but also {' and '.join(blur)}: which quantity is it?"
    if known - {said, "sensor", "value", "relative", "room", "data", "measured", "reading", "environment"}:
        rest = ", ".join(sorted(known - {said}))
        return f"the name says {said!r}, and {rest}: of what is it?"
    says = f"the name says {field!r}"
    if given:
        if given not in allowed:
            return f"the name says {said!r}, but the unit {given} does not fit: what is it?"
        alone = field == "temperature" and not _room(keys)
        return Hint(
            field, given, not alone, (says, *reasons, *(("whether of the air, it does not say",) if alone else ()))
        )
    if field in _BARE:
        return f"the name says {said!r}: {_BARE[field]}"
    if field == "temperature":
        beside = _room(keys)
        reason = "humidity or CO2 stands beside it, so it is the air's" if beside else "alone, it may be of anything"
        return Hint(field, "", beside, (says, reason))
    return Hint(field, "", field in _SELF_EVIDENT, (says, "no unit is given, and the usual one is assumed"))


def _room(keys: Iterable[str]) -> bool:
    return any({"humidity", "hum", "rh", "co2"} & set(words(key)) for key in keys)


def _battery(known: Words, given: str, reasons: list[str]) -> Hint | str:
    if known & {"low", "alarm", "status", "state", "level", "days", "life", "type"} and not given:
        return "is it a charge in percent, a voltage, or a warning?"
    if given in {"V", "mV"}:
        return Hint("battery_voltage", given, True, ("the name says battery", *reasons))
    if given == "%":
        return Hint("battery", given, True, ("the name says battery", *reasons))
    return "is it a charge in percent, V or mV?"


def _register(
    said: str,
    field: str,
    allowed: Words,
    known: Words,
    given: str,
    reasons: list[str],
    keys: Words,
) -> Hint | str | None:
    if known & _PERIODS:
        return f"{said} of a period or a register of all time?"
    rest = known - {said, *_OF_A_REGISTER}
    if rest and given:
        return f"the name says {said!r}, and {', '.join(sorted(rest))}: is it the whole register?"
    if said == "water" and not known & {"volume", "meter", "consumption", "total", "usage"}:
        return None
    if known & _OTHER_ENERGY:
        return f"the name says {said!r}, and {', '.join(sorted(known & _OTHER_ENERGY))}: which register is it?"
    if not given:
        return f"the name says {said!r}: in which unit, and is it a register of all time?"
    if given not in allowed:
        return f"the name says {said!r}, but the unit {given} does not fit: what is it?"
    if said == "volume" and not known & {"water"}:
        return "is it a volume of water or of gas?"
    if said == "energy" and not (known | _all_words(keys)) & _ELECTRIC:
        return Hint(field, given, False, (f"the name says {said!r}", *reasons, "whether electricity, it does not say"))
    return Hint(field, given, True, (f"the name says {said!r}", *reasons))


def _all_words(keys: Iterable[str]) -> Words:
    return frozenset(each for key in keys for each in words(key))


def _particles(known: Words) -> str:
    found = [field for word, field in (("pm25", "pm2_5"), ("pm10", "pm10"), ("pm1", "pm1")) if word in known]
    return found[0] if len(found) == 1 else ""


def _flag(known: Words) -> Hint | None:
    found = {field for word, field in _STATES.items() if word in known}
    if len(found) != 1 or known & (_BLUR - {"status", "water"}):
        return None
    (field,) = found
    return Hint(field, "", False, (f"the name says {field!r}",)) if field != "open" else None


def state(key: str) -> str | None:
    """The state that `key` names; None where it names none, or several."""
    known = frozenset(words(key))
    if known & (_BLUR - {"status", "water", "state"}):
        return None
    found = {field for word, field in _STATES.items() if word in known}
    return next(iter(found)) if len(found) == 1 else None


def polarity(field: str, key: str) -> Mapping[str, int]:
    """Words whose value for `field` is plain; a bare true or false says `open` only where the key is that word."""
    plain = _WORDS[field]
    return {**plain, "true": 1, "false": 0} if field == "open" and words(key)[-1] == "open" else plain


def mates(said: Iterable[str]) -> Words:
    """The words, and their usual opposites, so that a state that was not seen yet is understood."""
    pairs = (
        ("open", "closed", "close", "opened"),
        ("occupied", "vacant", "unoccupied"),
        ("trigger", "idle"),
        ("leak", "normal"),
        ("true", "false"),
    )
    said = frozenset(said)
    return said.union(*(group for group in map(frozenset, pairs) if group & said))


def usual(field: Field) -> tuple[float, float]:
    """Between which values a sensor of `field` in a building stays, in the schema's unit."""
    low, high = _USUAL.get(field.name, (field.low, field.high))
    return max(low, field.low), min(high, field.high)


_USUAL: Final[Mapping[str, tuple[float, float]]] = {
    "temperature": (-30, 45),
    "humidity": (2, 100),
    "co2": (350, 10_000),
    "rssi": (-150, 0),
    "snr": (-30, 30),
    "battery_voltage": (1.5, 40),
    "battery": (2, 100),
}


def convert(value: float, unit: str, wanted: str) -> float:
    """`value` in the schema's unit."""
    return units.convert(value, unit, wanted)
