"""Time ranges and intervals as Grafana reads them: `now-7d/d`, epoch milliseconds, and the bucket for a width."""

import re
from datetime import datetime, timedelta
from typing import Final, NamedTuple
from zoneinfo import ZoneInfo

_RELATIVE: Final = re.compile(r"now(?:-(?P<count>\d{1,5})(?P<unit>[smhdwMy]))?(?:/(?P<round>[hdwMy]))?")
_SECONDS: Final = {"s": 1, "m": 60, "h": 3_600, "d": 86_400, "w": 604_800, "M": 30 * 86_400, "y": 365 * 86_400}
_INTERVAL: Final = re.compile(r"(?P<count>\d{1,6})(?P<unit>ms|[smhdw])")
_LOCAL_UNITS: Final = frozenset("dwMy")

_BUCKETS: Final = (
    (1, "1s"), (2, "2s"), (5, "5s"), (10, "10s"), (15, "15s"), (20, "20s"), (30, "30s"), (60, "1m"), (120, "2m"),
    (300, "5m"), (600, "10m"), (900, "15m"), (1_200, "20m"), (1_800, "30m"), (3_600, "1h"), (7_200, "2h"),
    (10_800, "3h"), (21_600, "6h"), (43_200, "12h"), (86_400, "1d"), (604_800, "7d"), (2_592_000, "30d"),
)  # fmt: skip
"""The buckets that Grafana offers: seconds, and how InfluxQL writes them."""


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
    wanted = max((span.end - span.start) / 1_000 / max(points, 1), 0.001)
    chosen = next(
        ((seconds, text) for (seconds, text), limit in zip(_BUCKETS, _limits(), strict=True) if wanted < limit),
        _BUCKETS[-1],
    )
    if least and _seconds(least) > chosen[0]:
        return least, int(_seconds(least) * 1_000)
    return chosen[1], chosen[0] * 1_000


def _limits() -> list[float]:
    """Up to which span of one point a bucket serves: half way to the next one."""
    sizes = [seconds for seconds, _ in _BUCKETS]
    return [(here + after) / 2 for here, after in zip(sizes, [*sizes[1:], float("inf")], strict=True)]


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
