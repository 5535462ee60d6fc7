"""Payloads and values from outside, read with bounds: nothing here raises for what it is given."""

import math
import re
from typing import Final

import orjson

from devices.message import NO_PAYLOAD, Reason, Reject
from devices.text import json_fault, show

MAX_NUMBER: Final = 40
"""characters of a number written as text"""
MISSING: Final = frozenset(
    {"", "nan", "-nan", "null", "none", "unknown", "unavailable", "undefined", "n/a", "nosensor", "invalid"}
)
"""Words, in lower case, by which devices say that they have no value."""
_NUMBER = re.compile(r"[+-]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]{1,3})?")
_STATES: Final = {"on": 1.0, "true": 1.0, "1": 1.0, "yes": 1.0, "off": 0.0, "false": 0.0, "0": 0.0, "no": 0.0}


def read_object(payload: bytes) -> dict[str, object] | Reject:
    """A JSON object, or why it is none."""
    if not payload:
        return NO_PAYLOAD
    try:
        body = orjson.loads(payload)
    except orjson.JSONDecodeError as error:
        return Reject(Reason.MALFORMED, json_fault(error))
    if not isinstance(body, dict):
        return Reject(Reason.MALFORMED, f"expected a JSON object, found {show(body)}")
    return body


def read_text(payload: bytes, limit: int = 4_096) -> str | Reject:
    """Plain text without surrounding blanks, at most `limit` bytes, or why it is none."""
    if len(payload) > limit:
        return Reject(Reason.TOO_LARGE, f"{len(payload)} bytes where at most {limit} are expected")
    try:
        return payload.decode().strip()
    except UnicodeDecodeError as error:
        return Reject(Reason.MALFORMED, f"not UTF-8 at byte {error.start}")


def member(body: object, key: str) -> dict[str, object]:
    """The object under `key`; empty where `body` has none."""
    value = body.get(key) if type(body) is dict else None
    return value if type(value) is dict else {}


def is_missing(value: object) -> bool:
    """Whether `value` is one of the ways to say that there is no value."""
    if value is None:
        return True
    return isinstance(value, str) and len(value) <= MAX_NUMBER and value.strip().lower() in MISSING


def number(value: object) -> float | None:
    """The finite number that `value` is or, as text, spells; None where it is none. A boolean is no number."""
    if type(value) is float or type(value) is int:
        return float(value) if math.isfinite(value) else None
    if isinstance(value, str) and len(value) <= MAX_NUMBER and _NUMBER.fullmatch(value.strip()):
        found = float(value)
        return found if math.isfinite(found) else None
    return None


def state(value: object) -> float | None:
    """1.0 or 0.0 of a boolean, 1, 0 or a word of the kind ON, true, yes; None where it is none of them."""
    if isinstance(value, bool):
        return float(value)
    if isinstance(value, int | float):
        return float(value) if value in (0, 1) else None
    if isinstance(value, str) and len(value) <= MAX_NUMBER:
        return _STATES.get(value.strip().lower())
    return None
