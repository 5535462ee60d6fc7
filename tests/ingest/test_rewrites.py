"""T11: a value that takes the place of another is counted and named; redelivery and other fields are not."""

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from devices.decode import Placed
from devices.model import FOREVER, Assignment, Reading, TimeSource
from devices.schema import BY_NAME
from ingest import rewrites
from ingest.rewrites import Rewrites
from tests.ingest.estates import NOW, device

PLACE = Assignment(0, FOREVER, "sim-hall")
DEVICES = {name: device(name) for name in ("a", "b")}


def sample(name: str, time: int, readings: Sequence[tuple[str, float, str]]) -> Placed:
    made = [Reading(BY_NAME[field], value, channel) for field, value, channel in readings]
    return Placed(DEVICES[name], PLACE, time, TimeSource.DEVICE, made)


def counted(*samples: Placed) -> list[int]:
    seen = Rewrites()
    return [seen.of(each) for each in samples]


FIRST = sample("a", NOW, [("temperature", 20.5, ""), ("humidity", 40.0, "")])


def test_another_value_of_one_series_and_time_is_counted_and_named() -> None:
    seen = Rewrites()
    assert seen.of(FIRST) == 0
    assert (seen.last, seen.untold) == ("", 0)
    assert seen.of(sample("a", NOW, [("temperature", 20.7, ""), ("humidity", 40.0, "")])) == 1
    assert seen.last == "sim-moor/a: temperature of 2026-05-28T20:26:40.000Z was 20.5 and became 20.7"
    assert seen.of(FIRST) == 1
    assert seen.untold == 2


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
    assert counted(FIRST, other, FIRST) == [0, 0, 0]


def test_fields_of_one_time_that_came_one_by_one_are_all_remembered() -> None:
    apart = [sample("a", NOW, [reading]) for reading in (("temperature", 20.0, ""), ("co2", 600.0, ""))]
    assert counted(*apart, sample("a", NOW, [("temperature", 21.0, ""), ("co2", 601.0, "")])) == [0, 0, 2]


def test_the_memory_is_bounded_and_reaches_back_at_least_half() -> None:
    seen = Rewrites()
    for n in range(3 * rewrites.HALF):
        assert seen.of(sample("a", NOW + n, [("temperature", 20.0, "")])) == 0
    assert len(seen._young) + len(seen._old) <= 2 * rewrites.HALF
    newest = NOW + 3 * rewrites.HALF - 1
    assert seen.of(sample("a", newest - rewrites.HALF + 2, [("temperature", 21.0, "")])) == 1
    assert seen.of(sample("a", NOW, [("temperature", 21.0, "")])) == 0


def test_one_time_with_ever_new_channels_costs_no_memory_without_end() -> None:
    seen = Rewrites()
    for n in range(rewrites.MOST_READINGS + 50):
        seen.of(sample("a", NOW, [("temperature", 20.0, f"c{n}")]))
    ((known,),) = (tuple(seen._young.values()),)
    assert len(known) == rewrites.MOST_READINGS


VALUES = st.tuples(
    st.sampled_from(["temperature", "humidity", "co2"]), st.sampled_from([20.0, 21.0, 22.0]), st.sampled_from(["", "x"])
)
MESSAGES = st.lists(
    st.tuples(
        st.sampled_from(["a", "b"]),
        st.integers(NOW, NOW + 3),
        st.lists(VALUES, min_size=1, max_size=4, unique_by=lambda value: (value[0], value[2])),
    ),
    max_size=40,
)


@given(MESSAGES)
def test_it_counts_as_a_database_would(messages: list[tuple[str, int, list[tuple[str, float, str]]]]) -> None:
    database: dict[tuple[str, int, str, str], float] = {}
    seen = Rewrites()
    for name, time, values in messages:
        changed = sum(database.get((name, time, field, c), value) != value for field, value, c in values)
        database |= {(name, time, field, c): value for field, value, c in values}
        assert seen.of(sample(name, time, values)) == changed
