"""Clocks of devices: which of their times are to be believed, and local time without an offset."""

from datetime import UTC, datetime, tzinfo
from typing import Final, Literal

from devices.localdays import LONDON
from devices.payload import MAX_NUMBER, number
from devices.timestamps import SECOND, from_rfc3339, scaled, to_rfc3339

TimeUnit = Literal["s", "ms", "us", "ns", "RFC 3339", "local"]
"""How a device writes a time; `local` is the time of day here, without an offset"""
_PER_UNIT: Final = {"s": SECOND, "ms": 1_000_000, "us": 1_000, "ns": 1}
_LARGEST: Final = 1e20
"""no unit writes a larger time"""
_WANTED: Final = {
    "RFC 3339": "a time such as 2026-11-23T10:15:00Z",
    "local": "a time such as 2026-11-23 10:15:00, as the clocks here show it",
}

CLOCK_SET: Final = 1_577_836_800
"""2020-01-01, epoch seconds: an earlier time comes from a clock that nobody has set"""
CLOCK_END: Final = 4_102_444_800
"""2100-01-01, epoch seconds"""


def told(stamp: object, unit: str, received: int) -> int:
    """Nanoseconds of a time that a device wrote as `unit`; see `TimeUnit`.

    Raises:
        ValueError: it is no such time, or its clock was not set.
    """
    if unit in _PER_UNIT:
        value = _count(stamp)
        ns = scaled(value, _PER_UNIT[unit]) if value is not None and abs(value) < _LARGEST else None
    elif not isinstance(stamp, str) or len(stamp) > 40:
        ns = None
    else:
        ns = from_rfc3339(stamp) if unit == "RFC 3339" else from_local(stamp, LONDON, received)
    if ns is None or _believable(ns) is None:
        raise ValueError(f"no {wanted(unit)}")
    return ns


def _count(stamp: object) -> float | None:
    """The number that `stamp` is or spells; a whole one as it stands, since a float has too few digits for ns."""
    if type(stamp) is int:
        return stamp
    if isinstance(stamp, str) and len(stamp) <= MAX_NUMBER and stamp.isascii() and stamp.strip().isdecimal():
        return int(stamp)
    return number(stamp)


def wanted(unit: str) -> str:
    """What a device should write as `unit`, in words."""
    return _WANTED.get(unit) or f"{unit} since 1970, of a clock that is set"


def spelled(ns: int, unit: str) -> int | str:
    """A time as `told` reads it."""
    if unit in _PER_UNIT:
        return ns // _PER_UNIT[unit]
    return to_rfc3339(ns) if unit == "RFC 3339" else to_local(ns, LONDON)


def from_epoch_s(value: float | None) -> int | None:
    """Nanoseconds of epoch seconds, to the microsecond; None where the clock was not set."""
    if value is None or not CLOCK_SET <= value < CLOCK_END:
        return None
    return scaled(value, SECOND)


def from_local(text: str, zone: tzinfo, received: int) -> int | None:
    """Nanoseconds of a time such as 2026-11-23T10:15:00, in `zone` unless it names an offset itself.

    In the hour that a zone has twice the one nearer to `received` is meant. None where it is no time, or the clock
    was not set.
    """
    if len(text) > 40:
        return None
    try:
        moment = datetime.fromisoformat(text)
        if moment.tzinfo is not None:
            return _believable(from_rfc3339(text))
        first, second = moment.replace(tzinfo=zone, fold=0), moment.replace(tzinfo=zone, fold=1)
        once = first.utcoffset() == second.utcoffset()
        both = [_ns(first)] if once else [_ns(first), _ns(second)]
    except (ValueError, OverflowError):
        return None
    return _believable(both[0] if once else min(both, key=lambda ns: abs(ns - received)))


def to_local(ns: int, zone: tzinfo) -> str:
    """A time as `from_local` reads it, to the second and without an offset."""
    return datetime.fromtimestamp(ns // SECOND, UTC).astimezone(zone).strftime("%Y-%m-%dT%H:%M:%S")


def _ns(moment: datetime) -> int:
    return int(moment.timestamp()) * SECOND + moment.microsecond * 1_000


def _believable(ns: int) -> int | None:
    return ns if CLOCK_SET * SECOND <= ns < CLOCK_END * SECOND else None
