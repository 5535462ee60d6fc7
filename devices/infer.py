"""Proposes what the values in a few payloads of an unknown shape mean: a person confirms, nothing is stored by a guess.

Pure. Each value is judged by its name, by the unit that the name or the message gives, and by what its values can be;
the reasons are kept in words. `SURE` is for what a person would not doubt. What may be two things becomes a question.
"""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from itertools import pairwise
from typing import Any, Final, get_args

from devices import infer_names as names
from devices.clock import TimeUnit, told
from devices.infer_names import Hint
from devices.lorawan import child
from devices.modelfile import word
from devices.normalise import Value, flatten
from devices.schema import BY_NAME, Kind
from devices.text import printable

MAX_PAYLOADS: Final = 1_000
_IDENTITY: Final = re.compile(
    r"(?i)(?:.*\.)?(?:dev_?eui|device_?id|devid|sensor_?id|serial(?:_?(?:no|number))?|sn|mac|imei|uuid|id)"
)
_CONFIG: Final = re.compile(
    r"(?i)(?:.*[._])?(?:firmware|hardware|software|version|fw|hw|sw|ip|ssid|model|type|port|msg_?type|protocol\w*)"
    r"(?:[._].*|version)?"
)
_DEV_EUI: Final = re.compile(r"[0-9A-Fa-f]{16}")
_CLOCK: Final = re.compile(r"(?i)(?:.*[._])?(?:time|timestamp|ts|date_?time|utc|epoch|time_?utc)")


class Confidence(StrEnum):
    SURE = "sure"
    LIKELY = "likely"


@dataclass(frozen=True, slots=True)
class Meant:
    """What one key means."""

    key: str
    field: str
    unit: str
    """the unit that the device sends, where it is not the schema's"""
    states: Mapping[str, int]
    """for a state that is sent in words: each word's value"""
    confidence: Confidence
    reasons: tuple[str, ...]
    example: float
    """the last value, in the schema's unit"""


@dataclass(frozen=True, slots=True)
class Question:
    """A key that is left out until somebody answers."""

    key: str
    asks: str
    values: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Proposal:
    """What a device model might say."""

    payloads: int
    fields: tuple[Meant, ...]
    questions: tuple[Question, ...]
    time: tuple[str, str] | None
    """key and unit (as `devices.clock.TimeUnit`) of the device's own time"""
    identity: str
    """key of what identifies the device; empty where there is none"""
    address: str
    """the last identity"""
    ignored: tuple[tuple[str, str], ...]
    """keys that hold no reading, and why"""


def infer(payloads: Sequence[Mapping[str, Any]]) -> Proposal:
    """What the keys of these payloads, in the order in which they were sent, most likely mean.

    Args:
        payloads: JSON objects as a device or its decoder sends them, or uplinks of a LoRaWAN server around them.
    """
    bodies = [decoded(payload) for payload in payloads[:MAX_PAYLOADS]]
    columns: dict[str, list[Value]] = {}
    for body in bodies:
        for key, value in flatten(body, {}).items():
            columns.setdefault(key, []).append(value if isinstance(value, Value) else Value(value))
    fields: list[Meant] = []
    questions: list[Question] = []
    ignored: list[tuple[str, str]] = []
    time, identity = _clock(columns), _identity(columns)
    for key, column in columns.items():
        if key == identity or (time and key == time[0]):
            continue
        found = _judged(key, column, frozenset(columns))
        if isinstance(found, Meant):
            fields.append(found)
        elif isinstance(found, Question):
            questions.append(found)
        else:
            ignored.append((key, found))
    fields, doubled = _one_each(fields)
    address = _spelled(columns[identity][-1].value) if identity else _address(payloads)
    return Proposal(
        len(bodies), tuple(fields), (*questions, *doubled), time, identity, printable(address, 64), tuple(ignored)
    )


def decoded(payload: Mapping[str, Any]) -> Mapping[str, Any]:
    """What a device's decoder made, where the payload is an uplink of The Things Stack or ChirpStack; else itself."""
    return child(child(payload, "uplink_message"), "decoded_payload") or child(payload, "object") or payload


def _address(payloads: Sequence[Mapping[str, Any]]) -> str:
    last = payloads[-1] if payloads else {}
    eui = child(last, "end_device_ids").get("dev_eui") or child(last, "deviceInfo").get("devEui")
    return eui.lower() if isinstance(eui, str) else ""


def _spelled(identity: object) -> str:
    """An identity as an address; a DevEUI in lower case, as the formats of LoRaWAN servers have it."""
    text = str(identity)
    return text.lower() if _DEV_EUI.fullmatch(text) else text


def _clock(columns: Mapping[str, list[Value]]) -> tuple[str, str] | None:
    for key, column in columns.items():
        if is_clock(key):
            for unit in get_args(TimeUnit):
                if all(_tells(each.value, unit) for each in column):
                    return key, unit
    return None


def is_clock(key: str) -> bool:
    """Whether `key` is a name that devices give to their time."""
    return _CLOCK.fullmatch(key) is not None


def _tells(value: object, unit: str) -> bool:
    """Whether a source reads `value` as a time in `unit`."""
    try:
        told(value, unit, 0)
    except ValueError:
        return False
    return True


def _identity(columns: Mapping[str, list[Value]]) -> str:
    """The most telling name whose values are texts, or one number."""
    found = [key for key, column in columns.items() if _IDENTITY.fullmatch(key) and _identifies(column)]
    return min(found, key=lambda key: (key.lower() in {"id", "sn"}, key.count("."), len(key)), default="")


def _identifies(column: Sequence[Value]) -> bool:
    values = {str(each.value) for each in column}
    return all(isinstance(each.value, str | int) and not isinstance(each.value, bool) for each in column) and all(
        len(value) >= 4 for value in values
    )


def _judged(key: str, column: Sequence[Value], keys: frozenset[str]) -> Meant | Question | str:
    values = [each.value for each in column if each.value is not None]
    shown = tuple(dict.fromkeys(printable(json.dumps(value), 30) for value in values))[:5]
    if not values:
        return "it never has a value"
    if _CONFIG.fullmatch(key):
        return "the name is that of a setting, not of a reading"
    if all(isinstance(value, bool | str) for value in values):
        return _state(key, values, shown)
    numbers = _numbers(values)
    if not numbers:
        return "its values are lists, or of several types"
    unit = next((each.unit for each in column if each.unit), "")
    hint = names.hint(key, unit, keys)
    if hint is None:
        return Question(key, "what does it measure, and in which unit?", shown)
    if isinstance(hint, str):
        return Question(key, hint, shown)
    return _number(key, numbers, hint, shown)


def _state(key: str, values: Sequence[object], shown: tuple[str, ...]) -> Meant | Question | str:
    said = {word(value) for value in values}
    field = names.state(key)
    if field is None:
        if all(isinstance(value, str) for value in values) and len(said) > 2:
            return "its values are texts"
        return Question(key, "is it a state that is stored, and which word means 1?", shown)
    known = names.polarity(field, key)
    if not said <= known.keys():
        return Question(key, f"it may be {field!r}: which word means 1, which 0?", shown)
    states = (
        {} if said <= {"true", "false"} else {each: known[each] for each in sorted(known.keys() & names.mates(said))}
    )
    last = float(known[word(values[-1])])
    reasons = (f"the name says {field!r}", f"of its words {', '.join(sorted(said))} the meaning is plain")
    if field == "occupied":
        return Meant(key, field, "", states, Confidence.LIKELY, (*reasons, "by whom or what, it does not say"), last)
    return Meant(key, field, "", states, Confidence.SURE, reasons, last)


def _number(key: str, values: Sequence[float], hint: Hint, shown: tuple[str, ...]) -> Meant | Question:
    field = BY_NAME[hint.field]
    if field.kind is Kind.STATE:
        if not set(values) <= {0.0, 1.0}:
            return Question(key, f"it may be {field.name!r}, which is 0 or 1: what do its values mean?", shown)
        return Meant(key, field.name, "", {}, Confidence.LIKELY, (*hint.reasons, "its values are 0 or 1"), values[-1])
    converted = [names.convert(value, hint.unit or field.unit, field.unit) for value in values]
    low, high = names.usual(field)
    if not all(low <= value <= high for value in converted):
        unit = hint.unit or field.unit
        outside = f"its values lie outside {low:g} to {high:g} {field.unit}"
        asks = f"it may be {field.name!r}, but in {unit} {outside}: what unit?"
        return Question(key, asks, shown)
    reasons = [*hint.reasons, f"its values lie within {low:g} to {high:g} {field.unit}"]
    confidence = Confidence.SURE if hint.sure else Confidence.LIKELY
    if field.kind is Kind.REGISTER:
        if any(later < earlier for earlier, later in pairwise(values)):
            return Question(key, f"it may be the register {field.name!r}, but it falls: does it count a period?", shown)
        if len(values) >= 3 and values[-1] > values[0]:
            reasons.append("it only grows, as a register does")
        else:
            confidence = Confidence.LIKELY
            reasons.append("too few payloads to see it grow, as a register does")
    unit = "" if (hint.unit or field.unit) == field.unit else hint.unit
    return Meant(key, field.name, unit, {}, confidence, tuple(reasons), converted[-1])


def _one_each(fields: Sequence[Meant]) -> tuple[list[Meant], list[Question]]:
    """Of two keys for one field neither is taken: which is the reading, and which a copy or another sensor?"""
    by_field: dict[str, list[Meant]] = {}
    for each in fields:
        by_field.setdefault(each.field, []).append(each)
    clear = [each for each in fields if len(by_field[each.field]) == 1]
    doubled = [
        Question(
            each.key,
            f"{' and '.join(one.key for one in group)} may all be {field!r}: which one?",
            (f"{each.example:g}",),
        )
        for field, group in by_field.items()
        if len(group) > 1
        for each in group
    ]
    return clear, doubled


def _numbers(values: Sequence[object]) -> list[float]:
    """The values, where all of them are numbers; else none."""
    found = [float(v) for v in values if isinstance(v, int | float) and not isinstance(v, bool) and abs(v) < 1e15]
    return found if len(found) == len(values) else []
