"""Occupancy → half-hours: pure arithmetic on the readings of the devices of one space.

What a device said holds until it says something else, so a sensor that speaks only of changes counts as one that
repeats itself. That somebody is there is believed for two hours, and then nobody is. A device that says nothing for
longer than a day (a sensor's daily sign of life) is not known to have said anything meanwhile.
"""

from collections.abc import Sequence
from typing import Final, NamedTuple

import numpy as np

from devices.localdays import HALF_HOUR_NS
from devices.timestamps import SECOND
from ingest.rollup.readings import Readings, Times, Values

BELIEVED: Final = 2 * 3_600 * SECOND
"""How long somebody is there without being confirmed."""
SILENCE: Final = 26 * 3_600 * SECOND
"""How far apart two readings may be: a day, and what a sleepy clock may add."""


class Presence(NamedTuple):
    """Of a half-hour, over the time for which it is known."""

    mean: float
    most: float
    readings: int
    """in the half-hour"""


def half_hours(devices: Sequence[Readings], start: int, end: int, *, united: bool) -> dict[int, Presence]:
    """Figures by half-hour (its start, ns) from `start` up to `end`, where a device is known to have said something.

    Args:
        devices: with the last reading before `start` and the first at or after `end`, where there are such.
        start, end: on half-hours.
        united: a state, which holds in the space while it does for any device; else the mean of the devices.
    """
    held = [_held(readings) for readings in devices]
    inside = [
        edges[(edges > start) & (edges < end)]
        for begins, ends, _ in held
        for edges in (begins, begins + BELIEVED, ends)
    ]
    edges = np.unique(np.concatenate([*inside, np.arange(start, end + 1, HALF_HOUR_NS, dtype=np.int64)]))
    said = np.array([_said(*one, edges[:-1]) for one in held])
    heard = ~np.isnan(said)
    known = heard.any(axis=0)
    numbers: Values = np.where(heard, said, 0.0)
    together = numbers.max(axis=0) if united else numbers.sum(axis=0) / np.maximum(heard.sum(axis=0), 1)
    length, index = np.diff(edges).astype(np.float64) * known, (edges[:-1] - start) // HALF_HOUR_NS
    count = (end - start) // HALF_HOUR_NS
    time = np.bincount(index, length, count)
    amount = np.bincount(index, together * length, count)
    most = np.zeros(count)
    np.maximum.at(most, index, np.where(known, together, 0.0))
    spoke = np.concatenate([readings.times for readings in devices])
    readings = np.bincount((spoke[(spoke >= start) & (spoke < end)] - start) // HALF_HOUR_NS, minlength=count)
    return {
        start + at * HALF_HOUR_NS: Presence(float(amount[at] / time[at]), float(most[at]), int(readings[at]))
        for at in np.flatnonzero(time > 0).tolist()
    }


def plain_half_hours(devices: Sequence[Readings], start: int, end: int) -> dict[int, Presence]:
    """As `half_hours`, of readings that each count alike: of small spaces, whose moments are moved (`ingest.veil`)."""
    times = np.concatenate([readings.times for readings in devices])
    inside = (times >= start) & (times < end)
    values = np.concatenate([readings.values for readings in devices])[inside]
    index = (times[inside] - start) // HALF_HOUR_NS
    found = {}
    for at in np.unique(index).tolist():
        told = values[index == at]
        found[start + at * HALF_HOUR_NS] = Presence(float(told.mean()), float(told.max()), len(told))
    return found


def _held(readings: Readings) -> tuple[Times, Times, Values]:
    """From when until when each reading holds, but the last, of which nobody knows yet."""
    times, after = readings.times[:-1], readings.times[1:]
    near = after - times <= SILENCE
    return times[near], after[near], readings.values[:-1][near]


def _said(begins: Times, ends: Times, values: Values, at: Times) -> Values:
    """What a device says at each of these times; not a number where it says nothing."""
    if not len(begins):
        return np.full(len(at), np.nan)
    index = np.searchsorted(begins, at, "right") - 1
    believed = np.where(at < begins[index] + BELIEVED, values[index], 0.0)
    return np.where((index >= 0) & (at < ends[index]), believed, np.nan)
