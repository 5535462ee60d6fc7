"""Devices as speakers: who says what and when, over a trace. When is `reporting`'s matter, what is `sensors`'."""

from collections.abc import Iterator
from itertools import groupby
from math import gcd, inf
from typing import Any, Final, NamedTuple

import numpy as np

from devices.message import Reading
from devices.model import Device
from devices.schema import Field
from simulators.ailments import Ailments, Telling
from simulators.clocks import Clocks
from simulators.faults import Fault
from simulators.instrument import METERS, Instruments, Measured
from simulators.noise import Flags, Ints, uniform
from simulators.reporting import AT_ONCE, LOOK_S, Points, Rule, Timer, follows, jitter_s, on_change, rule_of
from simulators.sensors import Asked, digits, sense, tells

_HALF_HOUR_S: Final = 1_800
_MS: Final = 1_000_000


class Due(NamedTuple):
    """One device's message."""

    device: Device
    readings: list[Reading]
    time: int
    """when it is sent, ns"""
    claimed: int
    """when the device says that it measured"""


Told = tuple[int, int, Due]
"""when (seconds since 1970), number of the device, message"""


class Ills(NamedTuple):
    """What faults do to what is told."""

    ailments: Ailments
    swaps: list[tuple[Fault, int, int]]
    """devices (by number) that hang in each other's place"""


class _Group(NamedTuple):
    """Devices that tell the same."""

    fields: tuple[Field, ...]
    devices: Ints


class Speakers:
    """All devices of an estate.

    Args:
        formats: of the devices' sources.
        every: no device tells what it measures more often than this, seconds: it then keeps to a timer, whatever
            it does by itself; meters tell on the half-hours. 0 leaves each device its own way.
    """

    def __init__(self, instruments: Instruments, formats: list[str], seed: int, every: int) -> None:
        self._one = instruments
        devices = instruments.devices
        clocks = ["" if every and one.kind in METERS else form for one, form in zip(devices, formats, strict=True)]
        self._clocks = Clocks(list(devices), clocks, seed)
        changing = [not every and on_change(device, form) for device, form in zip(devices, formats, strict=True)]
        groups = _groups(list(devices), changing)
        self._timed = [_Group(fields, which) for fields, which, changes in groups if not changes]
        timed = np.concatenate([np.zeros(0, dtype=np.int64), *(group.devices for group in self._timed)])
        self._timed_devices = timed
        self._timed_group = np.repeat(np.arange(len(self._timed)), [len(group.devices) for group in self._timed])
        self._timer = _timer(instruments, timed.tolist(), formats, every)
        self._looking = [
            _Group(told, which) for fields, which, changes in groups if (told := _told_on_change(fields, changes))
        ]
        self._looks = np.array([int(LOOK_S * uniform(int(of), 4)) for of in instruments.of], dtype=np.int64)
        points = [
            (number, field) for group in self._looking for number in group.devices.tolist() for field in group.fields
        ]
        self._points = Points(
            np.array([number for number, _ in points], dtype=np.int64),
            [rule_of(devices[number], field) if changing[number] else Rule(0.5) for number, field in points],
            np.array([float(devices[number].interval) if changing[number] else inf for number, _ in points]),
            np.array(
                [changing[number] and follows(field, formats[number]) for number, field in points], dtype=np.bool_
            ),
        )
        self._names = [f"{devices[number].council}/{devices[number].id} {field.name}" for number, field in points]

    def begin(self, at: int) -> None:
        """Forget what was told before `at`, seconds since 1970."""
        self._points.begin(at, self._one.of[self._points.device])

    def memory(self) -> dict[str, Any]:
        """What was last told, for JSON."""
        return self._points.memory(self._names)

    def restore(self, memory: dict[str, Any]) -> None:
        """Take back what `memory` gave."""
        self._points.restore(self._names, memory)

    def due(self, measured: Measured, told: int, until: int, ills: Ills) -> list[Told]:
        """What is told after `told` and up to `until`, seconds since 1970, both within the trace."""
        return [*self._on_time(measured, told, until, ills), *self._on_change(measured, told, until, ills)]

    def _on_time(self, measured: Measured, told: int, until: int, ills: Ills) -> Iterator[Told]:
        which, at = self._timer.times(told, until)
        for number, group in enumerate(self._timed):
            mine = self._timed_group[which] == number
            device, when = self._timed_devices[which[mine]], at[mine]
            here = _placed(measured, device, when)
            if here.any():
                telling = self._tell(group.fields, measured, device[here], when[here], ills)
                loud = np.flatnonzero(~telling.silent)
                yield from self._dues(telling, loud, np.ones((len(loud), len(group.fields)), dtype=np.bool_))

    def _on_change(self, measured: Measured, told: int, until: int, ills: Ills) -> Iterator[Told]:
        looking = np.concatenate([np.zeros(0, dtype=np.int64), *(group.devices for group in self._looking)])
        first = told + 1 + (self._looks[looking] - told - 1) % LOOK_S
        rows = int(((until - first) // LOOK_S).max(initial=-1)) + 1
        if rows <= 0:
            return
        at = first + LOOK_S * np.arange(rows)[:, None]
        there = (at <= until) & _placed(measured, looking, at)
        values = np.full((rows, len(self._points.device)), np.nan)
        tellings = []
        device, point = 0, 0
        for group in self._looking:
            count, width = len(group.devices), len(group.fields)
            here = there[:, device : device + count]
            row, column = np.nonzero(here)
            telling = self._tell(group.fields, measured, group.devices[column], at[row, device + column], ills)
            for number, column_of in enumerate(telling.values):
                values[row, point + column * width + number] = column_of
            here[row, column] = ~telling.silent
            tellings.append((telling, row, column))
            device, point = device + count, point + count * width
        say = self._points.decide(at, values, there)
        point = 0
        for group, (telling, row, column) in zip(self._looking, tellings, strict=True):
            width = len(group.fields)
            told_of = say[row[:, None], point + column[:, None] * width + np.arange(width)]
            loud = np.flatnonzero(told_of.any(axis=1))
            yield from self._dues(telling, loud, told_of[loud])
            point += len(group.devices) * width

    def _tell(self, fields: tuple[Field, ...], measured: Measured, device: Ints, at: Ints, ills: Ills) -> Telling:
        """What devices of a group, each in its place, measure at `at`."""
        places, one = measured.places, self._one
        row = -(-(at - measured.trace.start) // measured.trace.dt) - 1
        seen = _seen(ills.swaps, device, at)
        asked = Asked(
            one, measured, seen, row, at, places.space[seen], places.building[seen], one.of[device], one.column[seen]
        )
        values = [sense(field, asked) for field in fields]
        claimed = self._clocks.claimed_ms(device, at)
        telling = Telling(fields, device, at, values, claimed, np.zeros(len(at), dtype=np.bool_))
        ills.ailments.strike(telling)
        return telling

    def _dues(self, telling: Telling, which: Ints, told: Flags) -> Iterator[Told]:
        """Messages of some rows of what is told, with the readings that are `told` (row, field)."""
        fields, devices = telling.fields, self._one.devices
        columns = [
            np.round(values[which], digits(field)).tolist()
            for field, values in zip(fields, telling.values, strict=True)
        ]
        new, values = Reading, zip(*columns, strict=True)
        if told.all():
            readings = [list(map(new, fields, row)) for row in values]
        else:
            readings = [
                [new(field, value) for field, value, yes in zip(fields, row, say, strict=True) if yes]
                for row, say in zip(values, told.tolist(), strict=True)
            ]
        rows = zip(
            telling.device[which].tolist(), telling.at[which].tolist(), telling.claimed[which].tolist(), readings,
            strict=True,
        )  # fmt: skip
        for number, at, claimed, read in rows:
            yield at, number, Due(devices[number], read, at * 1_000 * _MS, claimed * _MS)


def _placed(measured: Measured, device: Ints, at: Ints) -> Flags:
    places = measured.places
    answer: Flags = (places.space[device] >= 0) & (at < places.until[device])
    return answer


def _seen(swaps: list[tuple[Fault, int, int]], device: Ints, at: Ints) -> Ints:
    """As which device each one sees and counts: itself, unless two were swapped."""
    seen = device
    for fault, one, other in swaps:
        within = (at >= fault.start) & (at < fault.end)
        seen = np.where(within & (device == one), other, np.where(within & (device == other), one, seen))
    return seen


def _told_on_change(fields: tuple[Field, ...], changes: bool) -> tuple[Field, ...]:
    return fields if changes else tuple(field for field in fields if field.name in AT_ONCE)


def _groups(devices: list[Device], changing: list[bool]) -> list[tuple[tuple[Field, ...], Ints, bool]]:
    def alike(number: int) -> tuple[str, str, bool]:
        return devices[number].kind, devices[number].model, changing[number]

    found = []
    for (_, _, changes), group in groupby(sorted(range(len(devices)), key=lambda n: (*alike(n), n)), alike):
        which = list(group)
        fields = tells(devices[which[0]])
        if fields:
            found.append((fields, np.array(which, dtype=np.int64), changes))
    return found


def _timer(instruments: Instruments, numbers: list[int], formats: list[str], every: int) -> Timer:
    """Each device at its own moment of its period, so that messages spread evenly."""
    period, phase, jitter = list[int](), list[int](), list[int]()
    for number in numbers:
        device, of = instruments.devices[number], int(instruments.of[number])
        mine = max(device.interval, every, 1)
        begins = int(mine * uniform(of, 4))
        if every and device.kind in METERS:
            mine, begins = gcd(mine, _HALF_HOUR_S), 0
        period.append(mine)
        phase.append(begins)
        jitter.append(0 if every else jitter_s(formats[number], mine))
    return Timer(instruments.of[numbers], *(np.array(one, dtype=np.int64) for one in (period, phase, jitter)))
