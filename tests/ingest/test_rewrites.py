"""T11: a value that takes the place of another is counted and named; redelivery and other fields are not."""

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from devices.decode import Placed
from devices.message import Reading, TimeSource
from devices.model import Assignment
from devices.schema import BY_NAME
from devices.timestamps import FOREVER
from ingest import rewrites
from ingest.lineprotocol import Tags, lines_of
from ingest.rewrites import Rewrites
from tests.ingest.estates import NOW, device, estate

PLACE = Assignment(0, FOREVER, "sim-hall")
DEVICES = {name: device(name) for name in ("a", "b")}
TAGS = Tags(estate(*DEVICES.values()))


def sample(name: str, time: int, readings: Sequence[tuple[str, float, str]]) -> Placed:
    made = [Reading(BY_NAME[field], value, channel) for field, value, channel in readings]
    return Placed(DEVICES[name], PLACE, time, TimeSource.DEVICE, made)


def of(seen: Rewrites, told: Placed) -> int:
    return seen.of(told, lines_of(told, TAGS))


def counted(*samples: Placed) -> list[int]:
    seen = Rewrites()
    return [of(seen, each) for each in samples]


FIRST = sample("a", NOW, [("temperature", 20.5, ""), ("humidity", 40.0, "")])


def test_another_value_of_one_series_and_time_is_counted_and_named() -> None:
    seen = Rewrites()
    assert of(seen, FIRST) == 0
    assert (seen.last, seen.untold) == ("", 0)
    assert of(seen, sample("a", NOW, [("temperature", 20.7, ""), ("humidity", 40.0, "")])) == 1
    assert seen.last == "sim-moor/a: temperature of 2026-05-28T20:26:40.000Z was 20.5 and became 20.7"
    assert of(seen, FIRST) == 1
    assert seen.untold == 2


def test_what_is_said_of_people_has_no_figures() -> None:
    seen = Rewrites()
    for people in (1.0, 0.0):
        of(seen, sample("a", NOW, [("people", people, "")]))
    assert seen.last == "sim-moor/a: people of 2026-05-28T20:26:40.000Z became another"


def test_a_channel_is_named_as_the_device_wrote_it() -> None:
    seen = Rewrites()
    for value in (20.0, 21.0):
        of(seen, sample("a", NOW, [("temperature", value, "phase 1, left=x"), ("humidity", 40.0, "")]))
    assert "temperature (phase 1, left=x) of" in seen.last


@pytest.mark.parametrize(
    "other",
    [
        FIRST,
        sample("a", NOW, [("temperature", 20.5, "")]),
        sample("a", NOW, [("co2", 600.0, "")]),
        sample("a", NOW, [("temperature", 21.5, "left")]),
        sample("a", NOW + 1, [("temperature", 21.5, "")]),
        sample("b", NOW, [("temperature", 21.5, "")]),
    ],
)
def test_what_is_no_rewrite(other: Placed) -> None:
    assert counted(FIRST, other) == [0, 0]
    assert counted(other, FIRST) == [0, 0]


def test_fields_of_one_time_that_came_one_by_one_are_all_remembered() -> None:
    apart = [sample("a", NOW, [reading]) for reading in (("temperature", 20.0, ""), ("co2", 600.0, ""))]
    assert counted(*apart, sample("a", NOW, [("temperature", 21.0, ""), ("co2", 601.0, "")])) == [0, 0, 2]


def test_one_time_of_each_device_is_remembered_and_no_more() -> None:
    seen = Rewrites()
    for n in range(1_000):
        assert of(seen, sample("a", NOW + n, [("temperature", 20.0, "")])) == 0
        assert of(seen, sample("b", NOW, [("temperature", 20.0 + n, "")])) == (n > 0)
    assert len(seen._known) == 2
    assert of(seen, sample("a", NOW, [("temperature", 21.0, "")])) == 0


def test_one_time_with_ever_new_channels_costs_no_memory_without_end() -> None:
    seen = Rewrites()
    for n in range(rewrites.MOST_READINGS + 50):
        of(seen, sample("a", NOW, [("temperature", 20.0, f"c{n}")]))
    (known,) = seen._known.values()
    assert len(known.told) == rewrites.MOST_READINGS


VALUES = st.tuples(
    st.sampled_from(["temperature", "humidity", "co2"]), st.sampled_from([20.0, 21.0, 22.0]), st.sampled_from(["", "x"])
)
MESSAGES = st.lists(
    st.tuples(
        st.sampled_from(["a", "b"]),
        st.integers(0, 1),
        st.lists(VALUES, min_size=1, max_size=4, unique_by=lambda value: (value[0], value[2])),
    ),
    max_size=40,
)
"""Device, how much later than its last message, and values."""


@given(MESSAGES)
def test_where_time_does_not_run_back_it_counts_as_a_database_would(
    messages: list[tuple[str, int, list[tuple[str, float, str]]]],
) -> None:
    database: dict[tuple[str, int, str, str], float] = {}
    times = {"a": NOW, "b": NOW}
    seen = Rewrites()
    for name, later, values in messages:
        times[name] += later
        told = {(name, times[name], field, channel): value for field, value, channel in values}
        changed = sum(database.get(key, value) != value for key, value in told.items())
        database |= told
        assert of(seen, sample(name, times[name], values)) == changed
