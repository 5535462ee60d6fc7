"""Which lines the database most likely refuses, told by what it refused a while ago: a guess, never a verdict.

An answer to a write does not say which lines were stored. It names the first fault of the shard that failed first, and
counts the lines of that shard alone: of one line refused in this week's shard and one in last week's, InfluxDB 1.6.7
and 2.9.1 both say `dropped=1`. So no line is called stored on the strength of such an answer. Instead, lines like those
that were refused are set aside before the next write and written by themselves: the others are then confirmed as a
whole, and the few that were set aside are tried each time, so that a conflict that is gone is noticed at once.

Pure: the clock is the caller's.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Final

from ingest.influx import DROPPED

KEEP_S: Final = 600.0
"""Seconds after its last refusal for which a fault is looked for."""
MOST: Final = 32
"""Conflicts looked for at once; each costs a look through the batch."""

_CONFLICT: Final = re.compile(r'input field "([^"]+)" on measurement "([^"]+)" is type')
_TOO_OLD: Final = re.compile(r"(?:beyond|outside) retention policy", re.IGNORECASE)
_DIGITS: Final = 19
"""of a time in ns, from 2001 to 2286"""

Conflict = tuple[bytes, bytes]
"""Measurement and field."""


@dataclass(slots=True)
class Suspects:
    """What was refused of late; all seconds are those of one monotonic clock."""

    _conflicts: dict[Conflict, float] = field(default_factory=dict)
    """→ when it was refused last"""
    _oldest: tuple[bytes, float] = (b"", 0.0)
    """the newest time that was too old, as it is written, and when it was refused"""

    def note(self, lines: list[bytes], detail: str, now_s: float) -> bool:
        """Remember why these lines were refused; whether that is new."""
        conflict = _conflict(detail)
        if conflict is not None:
            known = self._conflicts.pop(conflict, None)
            self._conflicts[conflict] = now_s
            if len(self._conflicts) > MOST:
                del self._conflicts[next(iter(self._conflicts))]
            return known is None
        if _TOO_OLD.search(detail):
            new = not self._oldest[0]
            self._oldest = max(self._oldest[0], *(line[-_DIGITS:] for line in lines)), now_s
            return new
        return False

    def set_aside(self, body: bytes, now_s: float) -> tuple[bytes, list[bytes]]:
        """The lines without suspects, and these; each in the order it had."""
        self._forget(now_s)
        found = {start: end for conflict in self._conflicts for start, end in _holding(body, conflict)}
        if self._oldest[0]:
            found.update(_up_to(body, self._oldest[0]))
        if not found:
            return body, []
        kept, aside, position = [], [], 0
        for start, end in sorted(found.items()):
            aside.append(body[start:end])
            kept.append(body[position:start])
            position = end + 1
        kept.append(body[position:])
        return b"".join(kept).removesuffix(b"\n"), aside

    def _forget(self, now_s: float) -> None:
        for conflict in [each for each, at in self._conflicts.items() if now_s - at > KEEP_S]:
            del self._conflicts[conflict]
        if self._oldest[0] and now_s - self._oldest[1] > KEEP_S:
            self._oldest = b"", 0.0


def alike(lines: list[bytes], detail: str) -> list[bytes]:
    """Those of lines that were refused together that the answer speaks of: all of them, or some, are what it refused.

    Empty where it does not tell.
    """
    conflict = _conflict(detail)
    if conflict is not None:
        wanted = _pattern(*conflict)
        return [line for line in lines if wanted.match(line)]
    dropped = DROPPED.search(detail)
    if dropped and _TOO_OLD.search(detail):
        old = set(in_time(lines)[: int(dropped[1])])
        return [line for line in lines if line in old]
    return []


def in_time(lines: list[bytes]) -> list[bytes]:
    """By their times; lines of one time keep their order. What a shard refuses so comes to lie together."""
    return sorted(lines, key=_time)


def _time(line: bytes) -> int:
    try:
        return int(line[line.rfind(b" ") + 1 :])
    except ValueError:
        return 0


def _conflict(detail: str) -> Conflict | None:
    found = _CONFLICT.search(detail)
    return (found[2].encode(), found[1].encode()) if found else None


@lru_cache(MOST)
def _pattern(measurement: bytes, key: bytes) -> re.Pattern[bytes]:
    return re.compile(rb"%s,(?:[^ \\]|\\.)* (?:[^ ]*,)?%s=" % (re.escape(measurement), re.escape(key)))


def _holding(body: bytes, conflict: Conflict) -> Iterator[tuple[int, int]]:
    """Start and end of each line of the measurement with the field."""
    wanted, needle = _pattern(*conflict), conflict[1] + b"="
    position = body.find(needle)
    while position >= 0:
        start = body.rfind(b"\n", 0, position) + 1
        end = body.find(b"\n", position)
        end = len(body) if end < 0 else end
        if wanted.match(body, start, end):
            yield start, end
        position = body.find(needle, end)


def _up_to(body: bytes, oldest: bytes) -> Iterator[tuple[int, int]]:
    """Start and end of each line of at most this time."""
    start = 0
    for line in body.split(b"\n"):
        if line[-_DIGITS:] <= oldest:
            yield start, start + len(line)
        start += len(line) + 1
