"""What one device may cost the others: the bucket of each topic, and what the path does with what is beyond."""

from hypothesis import given
from hypothesis import strategies as st

from devices.decode import Decoder
from devices.message import Message
from devices.timestamps import SECOND
from ingest.fleet import Fleet
from ingest.limits import MAX_TOPICS, Limit
from ingest.lineprotocol import Tags
from ingest.receive import digest
from ingest.session import Delivery
from tests.ingest.estates import BUILDING, COUNCIL, NOW, device, estate


def passed(limit: Limit, batches: list[tuple[int, list[str]]]) -> dict[str, int]:
    """How many messages of each topic are within the limit; batches are (arrival in ms, topics)."""
    within: dict[str, int] = {}
    for at, topics in batches:
        left = limit.left(topics, NOW + at * 1_000_000)
        for topic in topics:
            if topic in left:
                left[topic] -= 1
            if left.get(topic, 0) >= 0:
                within[topic] = within.get(topic, 0) + 1
    return within


def test_a_flood_has_its_burst_and_its_rate_and_the_others_lose_nothing() -> None:
    seconds = 60
    batches = [(100 * n, ["flood"] * 500 + ["calm"]) for n in range(10 * seconds)]
    within = passed(Limit(100, 1_000), batches)
    assert within["calm"] == 10 * seconds
    assert 1_000 + 100 * (seconds - 2) <= within["flood"] <= 1_100 + 100 * seconds + 100


def test_what_waited_at_the_broker_is_within_the_limit() -> None:
    hour = 3_600
    backlog = [(n, ["meter"] * 2_000) for n in range(hour * 10 // 2_000)]
    assert passed(Limit(10, 100, last=NOW - hour * SECOND), backlog) == {"meter": hour * 10}
    assert passed(Limit(10, 100, last=0), backlog)["meter"] < 200


def test_zero_is_without_limit() -> None:
    assert passed(Limit(0, 1), [(0, ["flood"] * 5_000)]) == {"flood": 5_000}


def test_a_flood_of_topics_costs_no_memory() -> None:
    limit = Limit(100, 10)
    for n in range(200):
        limit.left([f"{n}/{m}" for m in range(2_000)], NOW + n)
        assert len(limit._counts) <= MAX_TOPICS + 2_000


@given(
    st.lists(st.tuples(st.integers(0, 2_000), st.lists(st.sampled_from("abc"), min_size=1, max_size=30)), max_size=40),
    st.integers(1, 20),
    st.integers(1, 50),
)
def test_no_more_than_the_bucket_holds_and_none_refused_that_fits(
    steps: list[tuple[int, list[str]]], rate: int, burst: int
) -> None:
    at, batches = 0, []
    for pause, topics in steps:
        at += pause
        batches.append((at, topics))
    sent = {topic: sum(topics.count(topic) for _, topics in batches) for topic in "abc"}
    within = passed(Limit(rate, burst), batches)
    for topic, n in sent.items():
        assert within.get(topic, 0) <= n
        assert within.get(topic, 0) >= min(n, burst)


def test_what_is_beyond_the_limit_is_kept_with_its_reason() -> None:
    known = estate(device("a"), device("b"))
    topics = [f"tolbooth/v1/{COUNCIL}/{BUILDING}/{name}/readings" for name in "aaaab"]
    messages = [Message(topic, b'{"temperature":20}', NOW + n) for n, topic in enumerate(topics)]
    left = Limit(1, 2).left(topics, NOW)
    deliveries = [Delivery(message, 0, False) for message in messages]
    entry = digest(deliveries, Decoder(known), Tags(known), {}, Fleet(known).note, left=left)
    assert entry.tally["received", ""] == 5
    assert entry.tally["quarantined", "rate_limited"] == 2
    assert [(kept.topic, kept.payload, kept.reason) for kept in entry.kept] == [
        (topics[0], b'{"temperature":20}', "rate_limited")
    ] * 2
    assert len(entry.lines) == 3
