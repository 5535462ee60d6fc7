"""A maker's decoded words → readings, by a device model.

Nothing is guessed: a key that the model neither maps nor ignores is rejected by name, a value that is no number (or no
state that the model knows) is rejected, and a value that means "none" is none.
"""

from collections.abc import Iterator, Mapping
from typing import Any, Final, NamedTuple

from devices import units
from devices.clock import told
from devices.devicemodel import Key, Model
from devices.message import Reading, Reason, Reject, Sample, TimeSource, reading_of
from devices.modelfile import STATES, Clock, Plain, Rule, word
from devices.schema import BY_NAME, Kind
from devices.text import printable, show
from devices.timestamps import SECOND, scaled

MAX_VALUES: Final = 500
MAX_DEPTH: Final = 5
MAX_REJECTS: Final = 100
MAX_RECORDS: Final = 500
CLOCK_AHEAD: Final = 600 * SECOND
_HUGE: Final = 1e300
"""from here on a number is none: it may be too large for a float"""

_NO_VALUE: Final = frozenset(
    {"", "nan", "null", "none", "nosensor", "no sensor", "unknown", "unavailable", "n/a", "na"}
)
_NUMBERS: Final = frozenset({int, float})
_NESTED: Final = frozenset({dict, list})
NEAR: Final = 1e-6
"""numbers this near are one: what means "none" may have been divided on its way"""


class Value(NamedTuple):
    """A value and the unit that the message gives it; the unit is empty where it gives none."""

    value: Any
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
    present, records = decoded, None
    if model.history and model.history.key in decoded:
        present = dict(decoded)
        records = present.pop(model.history.key, None)
    values = flatten(present, model.labels)
    time = None
    if model.time and model.time.key in values:
        values = dict(values)
        time = _own_time(model.time, values.pop(model.time.key), now)
    readings = _readings(model, values, rejects)
    if readings:
        samples.append(Sample(readings, time, TimeSource.ARRIVAL if time is None else TimeSource.DEVICE))
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
    readings = _readings(model, flatten(rest, model.labels), rejects)
    if readings:
        yield Sample(readings, scaled(stamp, SECOND), TimeSource.DEVICE)


def _own_time(clock: Clock, given: object, now: int | None) -> int | None:
    stamp = given.value if isinstance(given, Value) else given
    try:
        time = told(stamp, clock.unit, now or 0)
    except ValueError:
        return None
    return time if now is None or time <= now + CLOCK_AHEAD else None


def _readings(model: Model, values: Mapping[str, Any], rejects: list[Reject]) -> list[Reading]:
    """One reading of each field and channel, the first; a plain number is read here, since most values are plain."""
    readings: dict[tuple[str, str], Reading] = {}
    unmapped: list[str] = []
    keys, key_of, new = model.keys, model.key, reading_of
    for key, value in values.items():
        known = keys.get(key) or key_of(key)
        place, kind, result = known.place, type(value), None
        if known.plain:
            if kind is float or kind is int:
                result = _plain(known.plain, value)
        elif known.words:
            result = known.words.get(value if kind is str else word(value) if kind is int or kind is bool else "")
        if result is not None and known.field is not None:
            if place not in readings:
                readings[place] = new((known.field, result, place[1]))
        elif known.rule or known.error or not known.ignored:
            reading = _reading(known, key, values, unmapped, rejects)
            if reading is not None:
                readings.setdefault(place, reading)
    if unmapped:
        more = f" and {len(unmapped) - 10} more" if len(unmapped) > 10 else ""
        rejects.append(Reject(Reason.UNKNOWN_FIELD, f"{model.name}: not mapped: {', '.join(unmapped[:10])}{more}"))
    return list(readings.values())


def _plain(rule: Plain, value: float) -> float | None:
    """A plain number in the schema's unit; None where it needs a closer look."""
    if not -_HUGE < value < _HUGE:
        return None
    for nothing in rule.absent:
        if abs(value - nothing) < NEAR:
            return None
    scaled = value * rule.scale
    if rule.unit:
        scaled = units.convert(scaled, rule.unit, rule.field.unit)
    return scaled if rule.low <= scaled <= rule.high else None


def _reading(
    known: Key, key: str, values: Mapping[str, Any], unmapped: list[str], rejects: list[Reject]
) -> Reading | None:
    rule, value = known.rule, values[key]
    given = value if type(value) is Value else Value(value)
    if known.error:
        if word(given.value) not in {"0", "false"}:
            rejects.append(Reject(Reason.DEVICE_ERROR, f"{printable(key)} is {show(given.value)}"))
        return None
    if rule is None or (rule.beside and not any(other in values for other in rule.beside)):
        if not known.ignored:
            unmapped.append(printable(key, 60))
        return None
    result = read(rule, key, given, rejects)
    return None if result is None else Reading(BY_NAME[rule.field], result, known.place[1])


def read(rule: Rule, key: str, given: Value, rejects: list[Reject]) -> float | None:
    """One value in the schema's unit; None, and a reject unless it is JSON's null, where there is none."""
    field = BY_NAME[rule.field]
    value, unit = given
    if value is None:
        return None
    if not (field.kind is Kind.STATE or rule.states or rule.absent) and type(value) in _NUMBERS and abs(value) < _HUGE:
        return _number(rule, value, unit, key, rejects)
    return _read_word(rule, key, given, rejects)


def _read_word(rule: Rule, key: str, given: Value, rejects: list[Reject]) -> float | None:
    """A value that is a word, or may mean that there is none."""
    value, unit = given
    where = _where(key, value)
    text = word(value)
    silent = text in _NO_VALUE and rule.states.get(text) is None
    if silent or any(_equal(value, nothing) for nothing in rule.absent):
        rejects.append(Reject(Reason.NO_VALUE, f"{where}, which means no value"))
        return None
    if rule.states or BY_NAME[rule.field].kind is Kind.STATE:
        state = (rule.states or STATES).get(text)
        if state is None:
            known = ", ".join(rule.states or STATES)
            reason = Reason.NO_VALUE if text in rule.states else Reason.WRONG_TYPE
            rejects.append(Reject(reason, f"{where}; understood are {known}"))
        return state
    if isinstance(value, bool) or not isinstance(value, int | float):
        reason = Reason.NO_VALUE if isinstance(value, list) else Reason.WRONG_TYPE
        rejects.append(
            Reject(reason, f"{where}, {'values without times' if isinstance(value, list) else 'not a number'}")
        )
        return None
    if not abs(value) < _HUGE:
        rejects.append(Reject(Reason.NOT_FINITE, where))
        return None
    return _number(rule, value, unit, key, rejects)


def _where(key: str, value: object) -> str:
    return f"{printable(key, 60)} is {show(value)}"


def _number(rule: Rule, value: float, unit: str, key: str, rejects: list[Reject]) -> float | None:
    field = BY_NAME[rule.field]
    try:
        result = units.convert(float(value) * rule.scale, rule.unit or unit or field.unit, field.unit)
    except LookupError as error:
        rejects.append(Reject(Reason.WRONG_UNIT, f"{_where(key, value)}: {printable(str(error))}"))
        return None
    if not rule.low <= result <= rule.high:
        detail = f"{_where(key, value)}; this device measures {rule.low:g} to {rule.high:g}"
        rejects.append(Reject(Reason.OUT_OF_RANGE, detail))
        return None
    return result


def flatten(decoded: Mapping[str, Any], labels: Mapping[str, tuple[str, ...]]) -> Mapping[str, Any]:
    """Nested objects as `a.b`; lists by label or place; an object with a value and perhaps a unit as a `Value`.

    What holds neither object nor list is already flat, and given back as it is.
    """
    if len(decoded) <= MAX_VALUES and _NESTED.isdisjoint(map(type, decoded.values())):
        return decoded
    found: dict[str, Any] = {}
    _flatten_object("", decoded, _Flattening(found, labels, [MAX_VALUES]), 0)
    return found


class _Flattening(NamedTuple):
    into: dict[str, Any]
    labels: Mapping[str, tuple[str, ...]]
    left: list[int]
    """how many more values are taken; a list, because it is counted down"""


def _flatten_object(path: str, node: Mapping[str, Any], run: _Flattening, depth: int) -> None:
    measured = _measured(node) if path and ("value" in node or "data" in node) else None
    if measured is not None:
        run.left[0] -= 1
        run.into[path] = measured
        return
    into, left = run.into, run.left
    deeper = depth + 1
    for key, inner in node.items():
        if left[0] <= 0 or deeper > MAX_DEPTH:
            return
        name = f"{path}.{key}" if path else str(key)
        kind = type(inner)
        if kind is dict:
            _flatten_object(name, inner, run, deeper)
        elif kind is list:
            _flatten_list(name, inner, run, deeper)
        else:
            left[0] -= 1
            into[name] = inner


def _flatten_list(path: str, node: list[Any], run: _Flattening, depth: int) -> None:
    if depth > MAX_DEPTH or run.left[0] <= 0:
        return
    kinds = {type(inner) for inner in node}
    if kinds == {list}:
        _flatten_list(path, [item for inner in node for item in inner], run, depth + 1)
    elif kinds == {dict}:
        for place, inner in enumerate(node):
            if depth + 1 > MAX_DEPTH or run.left[0] <= 0:
                return
            name = next((word(inner[label]) for label in run.labels.get(path, ()) if label in inner), place)
            _flatten_object(f"{path}.{name}", inner, run, depth + 1)
    elif len(node) == 1 and depth + 1 > MAX_DEPTH:
        return
    else:
        run.left[0] -= 1
        run.into[path] = node[0] if len(node) == 1 else node


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
    return isinstance(value, int | float) and not isinstance(value, bool) and abs(value - nothing) < NEAR
