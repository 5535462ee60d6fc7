"""Registers → consumption: cases worked out by hand, and what must hold for any readings."""

from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from devices.localdays import HALF_HOUR_NS
from devices.rollups import ROLLED
from devices.schema import BY_NAME
from devices.timestamps import SECOND
from ingest.rollup.readings import Readings
from ingest.rollup.registers import MOST, STEP, Use, half_hours

ELECTRICITY = BY_NAME["electricity_import"]
MIDNIGHT = int(datetime(2026, 11, 2, tzinfo=UTC).timestamp()) * SECOND
DAY = 48 * HALF_HOUR_NS
MINUTE = 60 * SECOND

Reading = tuple[str, float]
"""Time of day (hours may pass 24), register."""


def at(clock: str) -> int:
    hours, minutes = clock.split(":")
    return MIDNIGHT + timedelta(hours=int(hours), minutes=int(minutes)) // timedelta(seconds=1) * SECOND


def register(readings: list[Reading]) -> Readings:
    return Readings(
        np.array([at(clock) for clock, _ in readings], np.int64), np.array([value for _, value in readings], np.float64)
    )


CASES: dict[str, tuple[list[Reading], dict[str, Use]]] = {
    "a step within a half-hour": ([("10:00", 5), ("10:30", 8)], {"10:00": Use(3, 0)}),
    "a step over the edge is shared by time": (
        [("10:10", 0), ("10:25", 3), ("10:40", 9)],
        {"10:00": Use(5, 0), "10:30": Use(4, 0)},
    ),
    "two hours are still read, not estimated": (
        [("10:00", 0), ("12:00", 8)],
        {clock: Use(2, 0) for clock in ("10:00", "10:30", "11:00", "11:30")},
    ),
    "a longer gap is shared, and estimated": (
        [("09:00", 0), ("10:00", 1), ("13:00", 13), ("13:30", 14)],
        {"09:00": Use(0.5, 0), "09:30": Use(0.5, 0)}
        | {clock: Use(2, 2) for clock in ("10:00", "10:30", "11:00", "11:30", "12:00", "12:30")}
        | {"13:00": Use(1, 0)},
    ),
    "part of a half-hour is estimated": (
        [("10:15", 0), ("13:15", 12), ("13:30", 13)],
        {"10:00": Use(1, 1)}
        | {clock: Use(2, 2) for clock in ("10:30", "11:00", "11:30", "12:00", "12:30")}
        | {"13:00": Use(2, 1)},
    ),
    "five digits come round": ([("10:00", 99_990), ("10:30", 12)], {"10:00": Use(22, 0)}),
    "32 bits of watt-hours come round": ([("10:00", 4_294_966), ("10:30", 4)], {"10:00": Use(5.296, 0)}),
    "a reset has what it shows": (
        [("10:00", 5_321), ("10:30", 7), ("11:00", 9)],
        {"10:00": Use(7, 7), "10:30": Use(2, 0)},
    ),
    "a fall to much is another meter": ([("10:00", 52_000), ("10:30", 21_000)], {"10:00": Use(0, 0)}),
    "a small fall takes back what was too much": (
        [("10:00", 3), ("10:30", 2.9), ("11:00", 4.9)],
        {"10:00": Use(-0.1, 0), "10:30": Use(2, 0)},
    ),
    "a spike within a half-hour leaves no trace": (
        [("10:00", 5_000), ("10:10", 5_026), ("10:20", 5_002), ("10:30", 5_003)],
        {"10:00": Use(3, 0)},
    ),
    "nor does one that no meter could make": (
        [("10:00", 5_000), ("10:10", 5e6), ("10:20", 5_002), ("10:30", 5_003)],
        {"10:00": Use(1, 0)},
    ),
    "a jump is another meter": (
        [("10:00", 100), ("10:30", 84_000), ("11:00", 84_002)],
        {"10:00": Use(0, 0), "10:30": Use(2, 0)},
    ),
    "a drop-out costs its step": (
        [("10:00", 50_000), ("10:10", 0), ("10:20", 50_002), ("10:30", 50_003)],
        {"10:00": Use(1, 0)},
    ),
    "one reading is no step": ([("10:00", 5)], {}),
    "none": ([], {}),
}


@pytest.mark.parametrize(("readings", "expected"), CASES.values(), ids=CASES)
def test_each_rule(readings: list[Reading], expected: dict[str, Use]) -> None:
    found = half_hours(register(readings), ELECTRICITY, MIDNIGHT, MIDNIGHT + DAY)
    assert found == {at(clock): pytest.approx(use) for clock, use in expected.items()}


def test_only_the_half_hours_that_were_asked_for() -> None:
    readings = register([("09:00", 0), ("12:00", 12)])
    assert list(half_hours(readings, ELECTRICITY, at("10:00"), at("11:00"))) == [at("10:00"), at("10:30")]


def test_every_register_has_a_bound() -> None:
    assert set(MOST) == {field.key for field in ROLLED}


plausible_steps = st.lists(
    st.tuples(st.integers(1, 600), st.floats(0, STEP).map(lambda step: round(step, 3))), min_size=1, max_size=60
)


@given(plausible_steps, st.floats(0, 1e6))
def test_half_hours_add_up_to_what_the_register_rose_by(steps: list[tuple[int, float]], began: float) -> None:
    minutes, rises = zip(*steps, strict=True)
    times = MIDNIGHT + np.concatenate(([0], np.cumsum(minutes))) * MINUTE
    values = began + np.concatenate(([0.0], np.cumsum(rises)))
    found = half_hours(Readings(times.astype(np.int64), values), ELECTRICITY, MIDNIGHT, MIDNIGHT + 100 * DAY)
    assert sum(use.amount for use in found.values()) == pytest.approx(sum(rises), abs=1e-6)
    assert all(-1e-9 <= use.estimated <= use.amount + 1e-6 for use in found.values())


@given(
    st.lists(st.tuples(st.integers(1, 300), st.floats(0, 2e5)), min_size=2, max_size=40),
    st.integers(0, 40),
    st.integers(1, 40),
)
def test_a_half_hour_depends_on_its_neighbours_alone(steps: list[tuple[int, float]], skip: int, length: int) -> None:
    """Whatever the register does, a part of the readings gives the same figures as all of them."""
    times = MIDNIGHT + np.cumsum([minutes for minutes, _ in steps]).astype(np.int64) * MINUTE
    values = np.array([value for _, value in steps])
    start, end = MIDNIGHT + skip * HALF_HOUR_NS, MIDNIGHT + (skip + length) * HALF_HOUR_NS
    whole = half_hours(Readings(times, values), ELECTRICITY, MIDNIGHT, MIDNIGHT + 100 * DAY)
    low = max(0, int(np.searchsorted(times, start)) - 1)
    high = int(np.searchsorted(times, end)) + 1
    part = half_hours(Readings(times[low:high], values[low:high]), ELECTRICITY, start, end)
    assert set(part) == {time for time in whole if start <= time < end}
    for time, use in part.items():
        assert use == pytest.approx(whole[time], abs=1e-8)
