"""Silence is an alarm: which devices, and which gateways, have said nothing for too long. Pure.

A device is silent when nothing came from it for more than three of its intervals. Where a whole source (a gateway, a
bridge, an application) falls silent, that is one alarm and not one for each of its devices: it is seen by several
devices becoming overdue since the last message of any of them. Time in which ingest was not listening does not count.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import groupby
from operator import attrgetter
from typing import Final, NamedTuple

import orjson

from devices.timestamps import SECOND

MISSED: Final = 3
"""Intervals without a message after which a device is silent."""
OVERDUE: Final = 1.5
"""Intervals without a message after which the next one is late: room for the jitter of a device's clock."""
WITNESSES: Final = 3
"""Devices of a source that must become overdue together before the source is blamed; fewer where it has fewer."""
EXPECTED: Final = 12
"""Messages that were to be expected of so many devices of a source since the last one: then too the source is blamed.
By chance, of devices with independent clocks, one such pause in 160,000 (e^-12) would come."""
GRACE: Final = 60 * SECOND
"""How long a source may say that it is offline: a bridge restarts in less."""
MAX_GAPS: Final = 1_000
MAX_STEP: Final = 30 * SECOND
"""A longer time between two looks was one in which ingest did not listen."""

Key = tuple[str, str]
"""(council, device) or (council, source)"""


class Due(NamedTuple):
    """A device that ought to be sending."""

    council: str
    source: str
    device: str
    interval: int
    """ns"""
    since: int
    """when it was last heard, or when it began to be due, ns"""


@dataclass(frozen=True, slots=True)
class Alarm:
    """One silence; `device` is empty where a whole source is silent."""

    council: str
    source: str
    device: str
    since: int
    """ns"""
    covers: frozenset[Key]
    """the devices that are silent by it"""
    said: bool = False
    """the source itself says that it is offline"""

    @property
    def key(self) -> tuple[str, str, str]:
        """What stays the same while the alarm lasts."""
        return self.council, self.source if not self.device else "", self.device

    @property
    def text(self) -> str:
        """One line for a person."""
        since = datetime.fromtimestamp(self.since / SECOND, UTC).strftime("%Y-%m-%d %H:%M:%S")
        if self.device:
            return f"{self.council}/{self.device} is silent since {since} UTC: look at its battery, power and radio"
        how = "says that it is offline" if self.said else "is silent"
        return f"source {self.council}/{self.source} with {len(self.covers)} devices {how} since {since} UTC"


@dataclass(frozen=True, slots=True)
class Change:
    started: tuple[Alarm, ...]
    ended: tuple[Alarm, ...]


Gaps = Sequence[tuple[int, int]]
"""Times in which ingest was not listening, in order, not overlapping, ns."""


def listened(since: int, now: int, gaps: Gaps) -> int:
    """How much of the time from `since` to `now` ingest was listening, ns."""
    total = now - since
    for start, end in reversed(gaps):
        if end <= since:
            break
        total -= max(0, min(end, now) - max(start, since))
    return max(0, total)


def judge(
    due: Iterable[Due], offline: Mapping[Key, int], returned: Mapping[Key, int], gaps: Gaps, now: int
) -> list[Alarm]:
    """The alarms that hold at `now`.

    Args:
        offline: (council, source) → since when it says that it is offline.
        returned: (council, source) → when its own alarm ended; its devices get their intervals anew from there.
    """
    alarms: list[Alarm] = []
    by_source = attrgetter("council", "source")
    for key, group in groupby(sorted(due, key=by_source), key=by_source):
        devices = list(group)
        if now - offline.get(key, now) > GRACE:
            covers = frozenset((each.council, each.device) for each in devices)
            alarms.append(Alarm(*key, "", offline[key], covers, said=True))
            continue
        back = returned.get(key, 0)
        ages = [listened(max(each.since, back), now, gaps) for each in devices]
        if any(age > MISSED * each.interval for each, age in zip(devices, ages, strict=True)):
            alarms += _of_source(key, devices, ages)
    return alarms


def _of_source(key: Key, devices: Sequence[Due], ages: Sequence[int]) -> list[Alarm]:
    quiet = min(ages)
    alive, overdue, expected = [], 0, 0.0
    for each, age in zip(devices, ages, strict=True):
        if age - quiet <= MISSED * each.interval:
            alive.append(each)
            overdue += age - quiet <= OVERDUE * each.interval < age
            expected += min(1.0, quiet / each.interval)
    gateway = len(alive) > 1 and (overdue >= min(WITNESSES, len(alive)) or expected >= EXPECTED)
    blamed = {each.device for each in alive} if gateway else set()
    alarms = [
        Alarm(*key, each.device, each.since, frozenset({(each.council, each.device)}))
        for each, age in zip(devices, ages, strict=True)
        if age > MISSED * each.interval and each.device not in blamed
    ]
    if gateway:
        covers = frozenset((each.council, each.device) for each in alive)
        alarms.append(Alarm(*key, "", max(each.since for each in alive), covers))
    return alarms


def _returned(before: Mapping[tuple[str, str, str], Alarm], now: Iterable[Alarm]) -> list[Key]:
    """The sources that were silent, or said that they were offline, and no longer are."""
    said = {alarm.key: alarm.said for alarm in now}
    return [
        (alarm.council, alarm.source)
        for alarm in before.values()
        if not alarm.device and (alarm.key not in said or (alarm.said and not said[alarm.key]))
    ]


@dataclass(slots=True)
class Watch:
    """The alarms as they come and go. `look` often; it is given the time and does no I/O."""

    alarms: tuple[Alarm, ...] = ()
    gaps: list[tuple[int, int]] = field(default_factory=list)
    returned: dict[Key, int] = field(default_factory=dict)
    """(council, source) → when its alarm ended"""
    looked: int = 0
    """when it was last asked, ns; 0 if never"""
    _first: dict[Key, int] = field(default_factory=dict)
    """(council, device) → when a device that was never heard was first missed"""

    def look(self, due: Iterable[Due], offline: Mapping[Key, int], now: int, *, listening: bool) -> Change:
        """What changed at `now`, ns; `listening` is whether messages could have arrived since the last look."""
        if not listening or now - self.looked > MAX_STEP:
            self._gap(self.looked or now, now)
        self.looked = now
        due = [each if each.since else self._never(each, now) for each in due]
        before = {alarm.key: alarm for alarm in self.alarms}
        self.alarms = tuple(judge(due, offline, self.returned, self.gaps, now))
        if back := _returned(before, self.alarms):
            self.returned.update(dict.fromkeys(back, now))
            self.alarms = tuple(judge(due, offline, self.returned, self.gaps, now))
        held = {alarm.key for alarm in self.alarms}
        ended = tuple(alarm for key, alarm in before.items() if key not in held)
        return Change(tuple(alarm for alarm in self.alarms if alarm.key not in before), ended)

    def covered(self) -> frozenset[Key]:
        """The devices that an alarm holds for."""
        return frozenset().union(*(alarm.covers for alarm in self.alarms))

    def memory(self) -> bytes:
        """What a restart must know."""
        returned = [[*key, at] for key, at in self.returned.items()]
        return orjson.dumps({"gaps": self.gaps, "looked": self.looked, "returned": returned})

    @classmethod
    def remembering(cls, memory: bytes) -> "Watch":
        """A watch that goes on where the one of an earlier start stopped; empty bytes are a first start."""
        if not memory:
            return cls()
        known = orjson.loads(memory)
        returned = {(council, source): at for council, source, at in known["returned"]}
        return cls(gaps=[(start, end) for start, end in known["gaps"]], returned=returned, looked=known["looked"])

    def _never(self, due: Due, now: int) -> Due:
        return due._replace(since=self._first.setdefault((due.council, due.device), now))

    def _gap(self, start: int, end: int) -> None:
        if self.gaps and self.gaps[-1][1] >= start:
            start, _ = self.gaps.pop()
        if end > start:
            self.gaps.append((start, end))
            del self.gaps[:-MAX_GAPS]
