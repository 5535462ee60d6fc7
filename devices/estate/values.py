"""The values that people write in an estate's files: times, hours, intervals, names.

Each converter takes what stood in the file and returns our type; what it cannot read becomes a `PydanticCustomError`
whose context carries the mend.
"""

import re
from datetime import UTC, date, datetime, time, timedelta
from functools import cache
from typing import Annotated, Final, NoReturn

from pydantic import BeforeValidator, StringConstraints, WithJsonSchema
from pydantic_core import PydanticCustomError

from devices.estate.problem import shown
from devices.localdays import midnight

DAYS: Final = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
ID: Final = r"^[a-z0-9-]{1,64}$"

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_DATE: Final = re.compile(r"\d{4}-\d{2}-\d{2}")
_INSTANT: Final = re.compile(r"\d{4}-\d{2}-\d{2}[Tt]\d{2}:\d{2}:\d{2}(\.\d{1,6})?([Zz]|[+-]\d{2}:\d{2})")
_CLOCK: Final = re.compile(r"([01]\d|2[0-3]):([0-5]\d)")
_INTERVAL: Final = re.compile(r"(\d{1,9})\s?(s|m|h|d)?")
_SECONDS: Final = {"s": 1, "m": 60, "h": 3_600, "d": 86_400}
_LEVEL: Final = r"[^/+#\x00-\x1f\x7f-\x9f]+"
_NO_CONTROL: Final = r"^[^\x00-\x1f\x7f-\x9f]+$"


def _refuse(what: str, mend: str) -> NoReturn:
    raise PydanticCustomError("estate", "{what}", {"what": what, "mend": mend})


@cache
def _instant(text: str) -> int:
    if _DATE.fullmatch(text):
        return midnight(date.fromisoformat(text))
    if not _INSTANT.fullmatch(text):
        raise ValueError(text)
    moment = datetime.fromisoformat(text.upper())
    return (moment - _EPOCH) // timedelta(microseconds=1) * 1_000


def instant(value: object) -> int:
    """A date (its first moment in Europe/London) or an RFC 3339 time as ns."""
    try:
        return _instant(value if isinstance(value, str) else str(value))
    except (ValueError, OverflowError):
        _refuse(
            f"{shown(value)} is no date or time",
            "write a date as 2026-09-01, or a time with its zone as 2026-09-01T10:30:00Z",
        )


def clock(value: object) -> time:
    """A local time of day, `08:30`."""
    match = _CLOCK.fullmatch(value) if isinstance(value, str) else None
    if match is None:
        _refuse(
            f"{shown(value)} is no time of day", "write it as 08:30, from 00:00 to 23:59; as an end, 00:00 is midnight"
        )
    return time(int(match[1]), int(match[2]))


def days(value: object) -> frozenset[int]:
    """Days of the week, `mon-fri` or `sat, sun`, as 0 Monday … 6 Sunday."""
    mend = "write days as mon-fri, sat or 'mon, wed'"
    if not isinstance(value, str):
        _refuse(f"{shown(value)} names no days", mend)
    found: set[int] = set()
    for part in value.lower().split(","):
        first, _, last = part.strip().partition("-")
        if first not in DAYS or (last or first) not in DAYS:
            _refuse(f"{shown(part.strip())} is no day of the week", mend)
        start, end = DAYS.index(first), DAYS.index(last or first)
        if end < start:
            _refuse(f"the days {part.strip()} are reversed", "begin with the earlier day; the week begins on mon")
        found.update(range(start, end + 1))
    return frozenset(found)


def interval(value: object) -> int:
    """Seconds, as a number or like `60s`, `15m`, `1h`, `1d`."""
    match = _INTERVAL.fullmatch(str(value)) if isinstance(value, int | str) and not isinstance(value, bool) else None
    seconds = int(match[1]) * _SECONDS[match[2] or "s"] if match else 0
    if seconds <= 0:
        _refuse(f"{shown(value)} is no interval", "write seconds above 0, or like 60s, 15m, 1h")
    return seconds


def absences(value: object) -> tuple[tuple[int, int], ...]:
    """Planned absences, `2026-12-21/2027-01-05`, several with spaces between; `to` is exclusive; ns."""
    if not isinstance(value, str):
        _refuse(f"{shown(value)} is no absence", "write it as 2026-12-21/2027-01-05, several with spaces between")
    found = []
    for part in value.split():
        start, slash, end = part.partition("/")
        if not slash:
            _refuse(f"{shown(part)} is no absence", "write it as 2026-12-21/2027-01-05")
        found.append((instant(start), instant(end)))
        if found[-1][0] >= found[-1][1]:
            _refuse(f"the absence {part} is reversed", "begin with the earlier day; the second is exclusive")
    return tuple(sorted(found))


def day(value: object) -> date:
    """A date, `2026-09-01`."""
    text = str(value)
    try:
        return date.fromisoformat(text) if _DATE.fullmatch(text) else _refuse_day(value)
    except ValueError:
        _refuse_day(value)


def days_between(value: object) -> tuple[date, date]:
    """The first and the last of some days, `2026-10-12..2026-10-16`, or one day."""
    first, dots, last = str(value).partition("..")
    found = day(first), day(last if dots else first)
    if found[1] < found[0]:
        _refuse(f"the days {shown(value)} are reversed", "begin with the earlier day; the last one is included")
    return found


def _refuse_day(value: object) -> NoReturn:
    _refuse(f"{shown(value)} is no date", "write it as 2026-09-01; in 'breaks' also 2026-10-12..2026-10-16")


def uprn(value: object) -> str:
    """A Unique Property Reference Number: a string of 1 to 12 digits."""
    if isinstance(value, int) and not isinstance(value, bool):
        _refuse("the UPRN is a number, which loses leading zeros", 'write it in quotes: uprn: "…"')
    if not isinstance(value, str) or not re.fullmatch(r"[0-9]{1,12}", value):
        _refuse(f"{shown(value)} is no UPRN", "a UPRN is 1 to 12 digits; leave the key out where there is none")
    return value


Id = Annotated[str, StringConstraints(pattern=ID)]
Text = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=200, pattern=_NO_CONTROL)]
Topic = Annotated[str, StringConstraints(max_length=200, pattern=f"^{_LEVEL}(/{_LEVEL})*$")]
Instant = Annotated[
    int,
    BeforeValidator(instant),
    WithJsonSchema(
        {"type": "string", "description": "a date (its start in Europe/London) or an RFC 3339 time with its zone"}
    ),
]
Clock = Annotated[time, BeforeValidator(clock), WithJsonSchema({"type": "string", "pattern": f"^{_CLOCK.pattern}$"})]
Days = Annotated[
    frozenset[int],
    BeforeValidator(days),
    WithJsonSchema({"type": "string", "examples": ["mon-fri", "sat, sun"]}),
]
Interval = Annotated[
    int,
    BeforeValidator(interval),
    WithJsonSchema(
        {"anyOf": [{"type": "integer", "minimum": 1}, {"type": "string", "pattern": f"^{_INTERVAL.pattern}$"}]}
    ),
]
Absences = Annotated[
    tuple[tuple[int, int], ...],
    BeforeValidator(absences),
    WithJsonSchema({"type": "string", "pattern": r"^\S+/\S+( \S+/\S+)*$", "examples": ["2026-12-21/2027-01-05"]}),
]
Day = Annotated[date, BeforeValidator(day), WithJsonSchema({"type": "string", "pattern": f"^{_DATE.pattern}$"})]
DaysBetween = Annotated[
    tuple[date, date],
    BeforeValidator(days_between),
    WithJsonSchema(
        {
            "type": "string",
            "pattern": rf"^{_DATE.pattern}(\.\.{_DATE.pattern})?$",
            "examples": ["2026-10-12..2026-10-16"],
            "description": "first and last day, or one day",
        }
    ),
]
Uprn = Annotated[str, BeforeValidator(uprn), WithJsonSchema({"type": "string", "pattern": "^[0-9]{1,12}$"})]
