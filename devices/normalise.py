"""A maker's decoded words → readings, by a device model.

Nothing is guessed: a key that the model neither maps nor ignores is rejected by name, a value that is no number (or no
state that the model knows) is rejected, and a value that means "none" is none.
"""

from collections.abc import Iterator, Mapping
from math import isfinite
from typing import Any, Final, NamedTuple

from devices import units
from devices.model import SECOND, Reading, Reason, Reject, Sample
from devices.modelfile import Model, Rule, word
from devices.schema import BY_NAME, Kind
from devices.text import printable, show

MAX_VALUES: Final = 500
MAX_DEPTH: Final = 5
MAX_REJECTS: Final = 100
MAX_RECORDS: Final = 500
CLOCK_EPOCH: Final = 1_577_836_800 * SECOND
"""2020: an earlier time comes from a clock that was never set"""
CLOCK_AHEAD: Final = 600 * SECOND

_NO_VALUE: Final = frozenset(
    {"", "nan", "null", "none", "nosensor", "no sensor", "unknown", "unavailable", "n/a", "na"}
)
_STATES: Final = {"true": 1.0, "false": 0.0, "1": 1.0, "0": 0.0}


class Value(NamedTuple):
    """A value and the unit that the message gives it; the unit is empty where it gives none."""

    value: object
    unit: str = ""


def capped(rejects: list[Reject]) -> list[Reject]:
    """At most a hundred rejects of one message, the last of which counts the rest."""
    if len(rejects) <= MAX_REJECTS:
        return rejects
    kept = rejects[: MAX_REJECTS - 1]
    return [*kept, Reject(rejects[MAX_REJECTS - 1].reason, f"and {len(rejects) - len(kept)} more values")]


def normalise(model: Model, decoded: Mapping[str, Any], now: int | None) -> tuple[list[Sample], list[Reject]]:
    """Samples of one decoded message, the present one first, and what could not be read of it.

    Args:
        now: the network's time of the message, ns, against which the device's own clock is judged. A present sample
            whose device does not tell a believable time has `time` None.
    """
    samples: list[Sample] = []
    rejects: list[Reject] = []
    present = dict(decoded)
    records = present.pop(model.history.key, None) if model.history else None
    values = dict(flatten(present, model.labels))
    time = _own_time(model, values, now)
    readings = list(_readings(model, values, rejects))
    if readings:
        samples.append(Sample(readings, time))
    for record in records[:MAX_RECORDS] if isinstance(records, list) else ():
        samples.extend(_stored(model, record, rejects))
    return samples, rejects


def _stored(model: Model, record: object, rejects: list[Reject]) -> Iterator[Sample]:
    """An earlier reading; without a time of its own it is none."""
    if not isinstance(record, Mapping) or model.history is None:
        return
    stamp = record.get(model.history.time)
    if isinstance(stamp, bool) or not isinstance(stamp, int | float) or not 0 < stamp < 1e11:
        rejects.append(Reject(Reason.BAD_TIME, f"a stored record without a time in {model.history.time}"))
        return
    rest = {key: value for key, value in record.items() if key != model.history.time}
    readings = list(_readings(model, dict(flatten(rest, model.labels)), rejects))
    if readings:
        yield Sample(readings, round(stamp * SECOND))


def _own_time(model: Model, values: dict[str, Value], now: int | None) -> int | None:
    if model.time is None:
        return None
    stamp = values.pop(model.time.key, Value(None)).value
    if isinstance(stamp, bool) or not isinstance(stamp, int | float) or not abs(stamp) < 1e14:
        return None
    time = round(stamp * (SECOND if model.time.unit == "s" else SECOND // 1000))
    believable = time >= CLOCK_EPOCH and (now is None or time <= now + CLOCK_AHEAD)
    return time if believable else None


def _readings(model: Model, values: Mapping[str, Value], rejects: list[Reject]) -> Iterator[Reading]:
    taken: set[tuple[str, str]] = set()
    unmapped = []
    for key, given in values.items():
        if key in model.errors:
            if word(given.value) not in {"0", "false"}:
                rejects.append(Reject(Reason.DEVICE_ERROR, f"{printable(key)} is {_show(given.value)}"))
            continue
        found = model.rule(key)
        if found is None or (found[0].beside and not any(other in values for other in found[0].beside)):
            if not model.ignores(key):
                unmapped.append(printable(key, 60))
            continue
        rule, channel = found
        value = read(rule, key, given, rejects)
        if value is not None and (rule.field, channel) not in taken:
            taken.add((rule.field, channel))
            yield Reading(BY_NAME[rule.field], value, channel)
    if unmapped:
        more = f" and {len(unmapped) - 10} more" if len(unmapped) > 10 else ""
        rejects.append(Reject(Reason.UNKNOWN_FIELD, f"{model.name}: not mapped: {', '.join(unmapped[:10])}{more}"))


def read(rule: Rule, key: str, given: Value, rejects: list[Reject]) -> float | None:
    """One value in the schema's unit; None, and a reject unless it is JSON's null, where there is none."""
    field = BY_NAME[rule.field]
    value, unit = given
    if value is None:
        return None
    where = f"{printable(key, 60)} is {_show(value)}"
    text = word(value)
    if text in _NO_VALUE or any(_equal(value, nothing) for nothing in rule.absent):
        rejects.append(Reject(Reason.NO_VALUE, f"{where}, which means no value"))
        return None
    if rule.states or field.kind is Kind.STATE:
        state = (rule.states or _STATES).get(text)
        if state is None:
            known = ", ".join(rule.states or _STATES)
            reason = Reason.NO_VALUE if text in rule.states else Reason.WRONG_TYPE
            rejects.append(Reject(reason, f"{where}; understood are {known}"))
        return state
    if isinstance(value, bool) or not isinstance(value, int | float):
        reason = Reason.NO_VALUE if isinstance(value, list) else Reason.WRONG_TYPE
        rejects.append(
            Reject(reason, f"{where}, {'values without times' if isinstance(value, list) else 'not a number'}")
        )
        return None
    return _number(rule, float(value) if abs(value) < 1e300 else float("inf"), unit, where, rejects)


def _number(rule: Rule, value: float, unit: str, where: str, rejects: list[Reject]) -> float | None:
    if not isfinite(value):
        rejects.append(Reject(Reason.NOT_FINITE, where))
        return None
    field = BY_NAME[rule.field]
    try:
        result = units.convert(value * rule.scale, rule.unit or unit or field.unit, field.unit)
    except LookupError as error:
        rejects.append(Reject(Reason.WRONG_UNIT, f"{where}: {printable(str(error))}"))
        return None
    if not rule.low <= result <= rule.high:
        rejects.append(Reject(Reason.OUT_OF_RANGE, f"{where}; this device measures {rule.low:g} to {rule.high:g}"))
        return None
    return result


def flatten(decoded: Mapping[str, Any], labels: Mapping[str, tuple[str, ...]]) -> Iterator[tuple[str, Value]]:
    """Nested objects as `a.b`; an object with a value (and perhaps a unit) as that value; lists by label or place."""
    left = [MAX_VALUES]
    yield from _flatten("", decoded, labels, 0, left)


def _flatten(
    path: str, node: object, labels: Mapping[str, tuple[str, ...]], depth: int, left: list[int]
) -> Iterator[tuple[str, Value]]:
    if depth > MAX_DEPTH or left[0] <= 0:
        return
    if isinstance(node, Mapping):
        measured = _measured(node) if path else None
        if measured is not None:
            left[0] -= 1
            yield path, measured
            return
        for key, inner in node.items():
            yield from _flatten(f"{path}.{key}" if path else str(key), inner, labels, depth + 1, left)
    elif isinstance(node, list) and len(node) == 1 and not isinstance(node[0], Mapping | list):
        yield from _flatten(path, node[0], labels, depth + 1, left)
    elif isinstance(node, list) and node and all(isinstance(inner, list) for inner in node):
        yield from _flatten(path, [item for inner in node for item in inner], labels, depth + 1, left)
    elif isinstance(node, list) and node and all(isinstance(inner, Mapping) for inner in node):
        for place, inner in enumerate(node):
            name = next((word(inner[label]) for label in labels.get(path, ()) if label in inner), place)
            yield from _flatten(f"{path}.{name}", inner, labels, depth + 1, left)
    else:
        left[0] -= 1
        yield path, Value(node)


def _measured(node: Mapping[str, Any]) -> Value | None:
    for name in ("value", "data"):
        value = node.get(name)
        if name in node and not isinstance(value, Mapping | list) and (name == "value" or "unit" in node):
            unit = node.get("unit")
            return Value(value, unit if isinstance(unit, str) else "")
    return None


def _equal(value: object, nothing: float | str) -> bool:
    if isinstance(nothing, str):
        return word(value) == nothing.lower()
    return isinstance(value, int | float) and not isinstance(value, bool) and abs(value - nothing) < 1e-6


def _show(value: object) -> str:
    try:
        return show(value)
    except TypeError:
        return printable(repr(value), 60)
