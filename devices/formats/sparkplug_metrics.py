"""What a Sparkplug metric says: its time, its quality, and the reading that it is."""

from functools import lru_cache
from math import isfinite
from typing import Final, NamedTuple

from devices.devicemodel import Model
from devices.formats import sparkplug_payload as wire
from devices.formats.sparkplug_payload import Metric, Payload
from devices.meaning import meaning
from devices.message import Reading, Reason, Reject
from devices.normalise import Value, read
from devices.schema import BY_NAME, Kind
from devices.text import printable
from devices.timestamps import from_epoch_ms
from devices.units import convert

UNIT: Final = "engUnit"
"""property that holds the unit, by convention; Sparkplug has no field for it"""
QUALITY: Final = "Quality"
_STALE: Final = 500


class Described(NamedTuple):
    """What a birth said about a metric."""

    device: str
    """empty for the edge node itself"""
    name: str
    datatype: int
    unit: str


def time(metric: Metric, payload: Payload) -> int | None:
    """Time of the metric, else of the message, ns; None where neither tells one.

    Raises:
        ValueError: it is no epoch milliseconds.
    """
    stamp = metric.timestamp or payload.timestamp
    return _ns(stamp) if stamp else None


@lru_cache(maxsize=256)
def _ns(stamp: int) -> int:
    """The metrics of a message mostly have one time."""
    return from_epoch_ms(stamp)


def reading(
    metric: Metric, known: Described, name: str, model: Model | None, rejects: list[Reject], unmapped: list[str]
) -> Reading | None:
    """The reading that `metric` is; None where it is none, and then what is wrong in `rejects`, or it is `unmapped`."""
    if isinstance(metric.value, str):
        return None
    quality = metric.properties.get(QUALITY)
    if quality is not None and not _good(quality, name, rejects):
        return None
    value = wire.number(metric.value, metric.datatype or known.datatype)
    if value is None or not isfinite(value):
        reason = Reason.WRONG_TYPE if value is None else Reason.NOT_FINITE
        rejects.append(Reject(reason, f"{printable(name, 60)} is no number of its datatype"))
        return None
    told = metric.properties.get(UNIT)
    unit = told if isinstance(told, str) else known.unit
    rule = model.rule(name) if model else None
    if rule is not None:
        mapped = read(rule[0], name, Value(value, unit), rejects)
        return None if mapped is None else Reading(BY_NAME[rule[0].field], mapped, rule[1])
    found = meaning(name, unit, state=isinstance(value, bool))
    if found is None:
        if not (model and model.ignores(name)):
            where = printable(name, 60)
            unmapped.append(f"{where} [{printable(unit, 20)}]" if unit else where)
        return None
    field, channel = found
    stored = float(value)
    return Reading(field, convert(stored, unit, field.unit) if unit and unit != field.unit else stored, channel)


def _good(quality: object, name: str, rejects: list[Reject]) -> bool:
    """Quality as OPC writes it: 192 to 255 are good; 0 is bad, 500 stale."""
    if isinstance(quality, int) and 192 <= quality <= 255:
        return True
    where = printable(name, 60)
    if quality == _STALE:
        rejects.append(Reject(Reason.NO_VALUE, f"{where} is stale"))
    else:
        rejects.append(Reject(Reason.DEVICE_ERROR, f"{where} has quality {printable(str(quality), 20)}"))
    return False


def encode(sent: Reading, stamp: int) -> Metric:
    """A metric `<channel>/<name>` with its unit; `stamp` is ms."""
    kind, value, channel = sent
    name = f"{channel}/{kind.name}" if channel else kind.name
    if kind.kind is Kind.STATE:
        return Metric(name, timestamp=stamp, datatype=wire.BOOLEAN, value=bool(value))
    properties: dict[str, wire.Scalar] = {} if kind.unit == "1" else {UNIT: kind.unit}
    return Metric(name, timestamp=stamp, datatype=wire.DOUBLE, properties=properties, value=float(value))
