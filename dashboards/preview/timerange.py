"""Time ranges and intervals as Grafana reads them: `now-7d/d`, epoch milliseconds, and the bucket for a width."""

import math
import re
from datetime import datetime, timedelta
from typing import Final, NamedTuple
from zoneinfo import ZoneInfo

_RELATIVE: Final = re.compile(r"now(?:-(?P<count>\d{1,5})(?P<unit>[smhdwMy]))?(?:/(?P<round>[hdwMy]))?")
_SECONDS: Final = {"s": 1, "m": 60, "h": 3_600, "d": 86_400, "w": 604_800, "M": 30 * 86_400, "y": 365 * 86_400}
_INTERVAL: Final = re.compile(r"(?P<count>\d{1,6})(?P<unit>ms|[smhdw])")
_LOCAL_UNITS: Final = frozenset("dwMy")

_BUCKETS: Final = (
    (1.5, 1, "1s"), (3.5, 2, "2s"), (7.5, 5, "5s"), (12.5, 10, "10s"), (17.5, 15, "15s"), (25, 20, "20s"),
    (45, 30, "30s"), (90, 60, "1m"), (210, 120, "2m"), (450, 300, "5m"), (750, 600, "10m"), (1_050, 900, "15m"),
    (1_500, 1_200, "20m"), (2_700, 1_800, "30m"), (5_400, 3_600, "1h"), (9_000, 7_200, "2h"), (16_200, 10_800, "3h"),
    (32_400, 21_600, "6h"), (86_400, 43_200, "12h"), (604_800, 86_400, "1d"), (1_814_400, 604_800, "7d"),
    (math.inf, 2_592_000, "30d"),
)  # fmt: skip
"""Below how many seconds of one point Grafana takes which bucket: seconds, and how InfluxQL writes them."""


class Range(NamedTuple):
    """A time range, both ends inclusive, in milliseconds since 1970."""

    start: int
    end: int


def instant(text: str, now: datetime, zone: ZoneInfo, *, last: bool = False) -> int:
    """Milliseconds since 1970 of `now-7d`, `now-1d/d` or a number of milliseconds.

    `last` says that a rounded time means the end of its hour, day, week, month or year, not the start.

    Raises:
        ValueError: the text is neither.
    """
    if re.fullmatch(r"\d{1,14}", text):
        return int(text)
    match = _RELATIVE.fullmatch(text)
    if not match:
        raise ValueError(f"{text!r} is no time: write now, now-7d, now-7d/d or milliseconds since 1970")
    at = now.astimezone(zone)
    if match["count"]:
        back = timedelta(seconds=int(match["count"]) * _SECONDS[match["unit"]])
        at = at - back if match["unit"] in _LOCAL_UNITS else (at.astimezone(ZoneInfo("UTC")) - back).astimezone(zone)
    if match["round"]:
        at = _floor(at, match["round"])
        if last:
            return _milliseconds(_next(at, match["round"])) - 1
    return _milliseconds(at)


def bucket(span: Range, points: int, least: str = "") -> tuple[str, int]:
    """Grafana's `$__interval` for a range drawn in `points` points: its text, and its milliseconds."""
    wanted = (span.end - span.start) / 1_000 / max(points, 1)
    seconds, text = next((seconds, text) for limit, seconds, text in _BUCKETS if wanted < limit)
    if least and _seconds(least) > seconds:
        return least, round(_seconds(least) * 1_000)
    return text, seconds * 1_000


def _seconds(interval: str) -> float:
    match = _INTERVAL.fullmatch(interval)
    if not match:
        raise ValueError(f"{interval!r} is no interval: write 30s, 5m, 1h or 1d")
    return int(match["count"]) * (0.001 if match["unit"] == "ms" else _SECONDS[match["unit"]])


def _floor(at: datetime, unit: str) -> datetime:
    if unit == "h":
        return at.replace(minute=0, second=0, microsecond=0)
    day = at.replace(hour=0, minute=0, second=0, microsecond=0)
    if unit == "w":
        return day - timedelta(days=day.weekday())
    if unit == "M":
        return day.replace(day=1)
    if unit == "y":
        return day.replace(month=1, day=1)
    return day


def _next(at: datetime, unit: str) -> datetime:
    if unit == "M":
        return (at + timedelta(days=32)).replace(day=1)
    if unit == "y":
        return at.replace(year=at.year + 1)
    return at + timedelta(seconds=_SECONDS[unit])


def _milliseconds(at: datetime) -> int:
    return round(at.timestamp() * 1_000)
