"""One rule for one property of a Zigbee2MQTT device: the JSON value to the schema's value, and back."""

from collections.abc import Mapping
from math import isfinite
from typing import Any, Final, NamedTuple

from devices.message import Reason, Reject
from devices.schema import BY_NAME, Field
from devices.text import printable, show

Json = Any


class Rule(NamedTuple):
    """How to read one property.

    A number is multiplied by `factor`, or where `reciprocal` is set divides it. Where `on` and `off` differ the
    property is a state, and these are the JSON values that mean 1 and 0; `others` are further words for 0.
    """

    field: Field
    channel: str = ""
    factor: float = 1.0
    reciprocal: bool = False
    on: Json = None
    off: Json = None
    others: tuple[str, ...] = ()


_NO_VALUE_WORDS: Final = frozenset({"", "nan", "null", "none", "unknown", "unavailable"})
_NO_VALUE_NUMBERS: Final[Mapping[Field, frozenset[float]]] = {
    BY_NAME["current"]: frozenset({65.535}),
    BY_NAME["power"]: frozenset({-32_768.0, -3_276.8}),
}
"""Zigbee's "invalid" (0xFFFF, 0x8000) after a converter scaled it, where it would pass for a value."""

_INTEGERS: Final = frozenset({BY_NAME["brightness"], BY_NAME["color_temperature"]})
"""A bulb tells these in whole steps of its own scale."""


def read(rule: Rule, key: str, value: Json) -> float | Reject | None:
    """The value in the schema's unit; None where the device has none, a `Reject` where it is not what the rule says."""
    if value is None:
        return None
    if type(value) is str:
        value = value.strip()
        if value.lower() in _NO_VALUE_WORDS:
            return None
    return _read_state(rule, key, value) if rule.on != rule.off else _read_number(rule, key, value)


def _read_state(rule: Rule, key: str, value: Json) -> float | Reject:
    word = _word(value)
    if word == _word(rule.on):
        return 1.0
    if word == _word(rule.off) or word in rule.others:
        return 0.0
    return Reject(Reason.WRONG_TYPE, printable(f"{key} is {show(rule.on)} or {show(rule.off)}; found {show(value)}"))


def _word(value: Json) -> str:
    """True, "true" and "TRUE" are one word: in attribute output everything is text."""
    return value.lower() if isinstance(value, str) else show(value)


def _read_number(rule: Rule, key: str, value: Json) -> float | Reject:
    if type(value) is str:
        try:
            value = float(value)
        except ValueError:
            return Reject(Reason.WRONG_TYPE, printable(f"{key} is a number; found {show(value)}"))
    if type(value) is not float and type(value) is not int:
        return Reject(Reason.WRONG_TYPE, printable(f"{key} is a number; found {show(value)}"))
    if not isfinite(value):
        return Reject(Reason.NOT_FINITE, printable(f"{key} is {value}"))
    if rule.reciprocal:
        if value < 1:
            return Reject(Reason.OUT_OF_RANGE, printable(f"{key} is {value}; at least 1 is plausible"))
        return round(rule.factor / value, 6)
    found = value + 0.0 if rule.factor == 1 else round(value * rule.factor, 6)
    if found in _NO_VALUE_NUMBERS.get(rule.field, ()):
        return Reject(Reason.NO_VALUE, printable(f"{key} is {value}, which Zigbee sends for no value"))
    return found


def write(rule: Rule, value: float) -> Json:
    """The JSON value that `read` turns into `value`."""
    if rule.on != rule.off:
        return rule.on if value else rule.off
    number = rule.factor / value if rule.reciprocal else value / rule.factor
    return round(number) if rule.field in _INTEGERS else round(number, 6)
