"""Local times without an offset, and clocks that were never set."""

from datetime import datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from devices import clock
from devices.message import TimeSource
from devices.timestamps import SECOND
from tests.devices.sources import make, say

LONDON = ZoneInfo("Europe/London")


def minutes(text: str) -> int:
    return int(datetime.fromisoformat(text).timestamp()) * SECOND


@pytest.mark.parametrize(
    ("local", "received", "meant"),
    [
        ("2026-10-25T01:30:00", "2026-10-25T00:30:05+00:00", "2026-10-25T00:30:00+00:00"),
        ("2026-10-25T01:30:00", "2026-10-25T01:30:05+00:00", "2026-10-25T01:30:00+00:00"),
        ("2026-07-01T12:00:00", "2026-07-01T11:00:05+00:00", "2026-07-01T11:00:00+00:00"),
        ("2026-01-01T12:00:00", "2026-01-01T12:00:05+00:00", "2026-01-01T12:00:00+00:00"),
    ],
)
def test_the_hour_that_comes_twice_is_the_one_nearer_to_arrival(local: str, received: str, meant: str) -> None:
    made = make("tasmota", "")
    body = {"Time": local, "AM2301": {"Temperature": 20.5}, "TempUnit": "C"}
    (sample,) = say(made, "tele/t/SENSOR", body, minutes(received)).samples
    assert (sample.time, sample.time_source) == (minutes(meant), TimeSource.DEVICE)


@given(ns=st.integers(clock.CLOCK_SET, clock.CLOCK_END - 1).map(lambda s: s * SECOND))
def test_local_time_comes_back(ns: int) -> None:
    assert clock.from_local(clock.to_local(ns, LONDON), LONDON, ns) == ns


@pytest.mark.parametrize(
    "text", ["", "1970-01-01T00:00:09", "2026-13-01T00:00:00", "9999-12-31T23:59:59", "x" * 100_000]
)
def test_a_clock_that_was_not_set_is_not_believed(text: str) -> None:
    made = make("tasmota", "")
    (sample,) = say(made, "tele/t/SENSOR", {"Time": text, "AM2301": {"Temperature": 20.5}}).samples
    assert (sample.time, sample.time_source) == (None, TimeSource.ARRIVAL)
