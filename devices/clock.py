"""Clocks of devices: which of their times are to be believed, and local time without an offset."""

from datetime import UTC, datetime, tzinfo
from typing import Final

from devices.model import SECOND
from devices.timestamps import from_rfc3339

CLOCK_SET: Final = 1_577_836_800
"""2020-01-01, epoch seconds: an earlier time comes from a clock that nobody has set"""
CLOCK_END: Final = 4_102_444_800
"""2100-01-01, epoch seconds"""


def from_epoch_s(value: float | None) -> int | None:
    """Nanoseconds of epoch seconds, to the microsecond; None where the clock was not set."""
    if value is None or not CLOCK_SET <= value < CLOCK_END:
        return None
    whole = int(value)
    return whole * SECOND + round((value - whole) * 1_000_000) * 1_000


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
