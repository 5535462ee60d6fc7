"""Occupancy → half-hours: cases worked out by hand, and what must hold for any readings."""

from datetime import UTC, datetime

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from devices.localdays import HALF_HOUR_NS
from devices.timestamps import SECOND
from ingest.rollup.presence import SILENCE, Presence, half_hours, plain_half_hours
from ingest.rollup.readings import Readings

MIDNIGHT = int(datetime(2026, 11, 2, tzinfo=UTC).timestamp()) * SECOND
MINUTE = 60 * SECOND
DAYS = 4 * 48 * HALF_HOUR_NS

Said = list[tuple[int, float]]
"""Minute of the day (later days go on), value."""


def readings(said: Said) -> Readings:
    return Readings(
        np.array([MIDNIGHT + minute * MINUTE for minute, _ in said], np.int64),
        np.array([value for _, value in said], np.float64),
    )


STATES: dict[str, tuple[list[Said], dict[int, Presence]]] = {
    "what is said holds until something else is": (
        [[(0, 0), (3, 1), (9, 0), (30, 0)]],
        {0: Presence(0.2, 1, 3)},
    ),
    "repeating it changes nothing": (
        [[(0, 0), (1, 0), (2, 0), (3, 1), (4, 1), (9, 0), (30, 0)]],
        {0: Presence(0.2, 1, 6)},
    ),
    "the last reading is not known to hold": (
        [[(0, 1), (15, 0)]],
        {0: Presence(1, 1, 2)},
    ),
    "a night without a word is empty": (
        [[(0, 0), (90, 1), (120, 0)]],
        {0: Presence(0, 0, 1), 30: Presence(0, 0, 0), 60: Presence(0, 0, 0), 90: Presence(1, 1, 1)},
    ),
    "that somebody is there is believed for two hours": (
        [[(0, 1), (180, 0), (210, 0)]],
        {0: Presence(1, 1, 1)}
        | {at: Presence(1, 1, 0) for at in (30, 60, 90)}
        | {at: Presence(0, 0, 0) for at in (120, 150)}
        | {180: Presence(0, 0, 1)},
    ),
    "a space is in use while any of its sensors says so": (
        [[(0, 0), (3, 1), (9, 0), (30, 0)], [(0, 0), (6, 1), (12, 0), (30, 0)]],
        {0: Presence(0.3, 1, 6)},
    ),
    "a sensor that is away counts for nothing": (
        [[(0, 0), (30, 0)], [(15, 1), (30, 0)]],
        {0: Presence(0.5, 1, 2)},
    ),
    "one reading tells nothing yet": ([[(5, 1)]], {}),
    "nor does one after days of silence": ([[(5, 0), (5 + 27 * 60, 0)]], {}),
}


@pytest.mark.parametrize(("devices", "expected"), STATES.values(), ids=STATES)
def test_states(devices: list[Said], expected: dict[int, Presence]) -> None:
    found = half_hours([readings(said) for said in devices], MIDNIGHT, MIDNIGHT + DAYS, united=True)
    assert {(at - MIDNIGHT) // MINUTE: presence for at, presence in found.items()} == {
        at: pytest.approx(presence) for at, presence in expected.items()
    }


def test_people_are_averaged_over_time_and_counters() -> None:
    counters = [readings([(0, 2), (20, 8), (30, 0)]), readings([(0, 4), (30, 0)])]
    found = half_hours(counters, MIDNIGHT, MIDNIGHT + HALF_HOUR_NS, united=False)
    assert found == {MIDNIGHT: pytest.approx(Presence((2 * 3 + 6) / 3, 6, 3))}


said = st.lists(st.tuples(st.integers(1, 400), st.integers(0, 3)), min_size=2, max_size=25)


@given(st.lists(said, min_size=1, max_size=3), st.integers(0, 60), st.integers(1, 40), st.booleans())
def test_a_half_hour_depends_on_its_neighbours_alone(devices: list[Said], skip: int, length: int, united: bool) -> None:
    """A part of the readings, with a neighbour within reach on either side, gives the same figures as all of them."""
    whole = [
        Readings(
            MIDNIGHT + np.cumsum([minutes for minutes, _ in one]).astype(np.int64) * MINUTE,
            np.array([float(value) for _, value in one]),
        )
        for one in devices
    ]
    start = MIDNIGHT + skip * HALF_HOUR_NS
    end = start + length * HALF_HOUR_NS
    parts = []
    for one in whole:
        low = max(0, int(np.searchsorted(one.times, start)) - 1)
        high = int(np.searchsorted(one.times, end)) + 1
        parts.append(Readings(one.times[low:high], one.values[low:high]))
    expected = half_hours(whole, MIDNIGHT, MIDNIGHT + 400 * HALF_HOUR_NS, united=united)
    found = half_hours(parts, start, end, united=united)
    assert found == {at: pytest.approx(one) for at, one in expected.items() if start <= at < end}
    assert all(0 <= one.mean <= one.most + 1e-9 for one in found.values())


def test_moved_moments_count_each_reading_alike() -> None:
    told = [readings([(-5, 7), (1, 1), (9, 0), (31, 1), (65, 4)]), readings([(16, 0)])]
    assert plain_half_hours(told, MIDNIGHT, MIDNIGHT + 2 * HALF_HOUR_NS) == {
        MIDNIGHT: pytest.approx(Presence(1 / 3, 1, 3)),
        MIDNIGHT + HALF_HOUR_NS: Presence(1, 1, 1),
    }


def test_a_daily_sign_of_life_is_near_enough() -> None:
    assert SILENCE > 48 * HALF_HOUR_NS
