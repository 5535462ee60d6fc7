"""The canary: what it says of itself, and that it is no message of the estate."""

import pytest

from devices.decode import Decoder
from devices.message import Message
from devices.timestamps import SECOND
from ingest.canary import LATE, Canary, own_topics
from ingest.fleet import Fleet
from ingest.lineprotocol import Tags
from ingest.receive import digest
from ingest.session import Delivery
from tests.ingest.estates import BUILDING, COUNCIL, NOW, device, estate

ROOT = "tolbooth/v1/sim-moor/_ingest"
TOPIC = f"{ROOT}/tolbooth-ingest/canary"


def canary() -> Canary:
    return Canary(ROOT, "tolbooth-ingest", 15.0)


def mark(at: int) -> bytes:
    return str(at).encode()


def test_it_has_its_own_topic_that_no_council_can_have() -> None:
    assert own_topics(estate(device("a"))) == ROOT
    assert canary().topic == TOPIC
    assert Decoder(estate(device("a"))).decode(Message(TOPIC, b"1", NOW)).rejects[0].reason == "unknown_topic"
    assert Canary(ROOT, "x", 0).topic == ""


def test_its_line_tells_how_long_it_took() -> None:
    line = canary().line(Message(TOPIC, mark(NOW), NOW + SECOND // 4))
    assert line == f"ingest,device=tolbooth-ingest canary_s=0.25 {NOW}"


@pytest.mark.parametrize(
    "payload", [b"", b"x", b"-1", mark(NOW + 1), mark(NOW - 3_601 * SECOND), b"9" * 5_000, "²".encode()]
)
def test_a_forged_one_is_no_line_and_no_message(payload: bytes) -> None:
    assert canary().line(Message(TOPIC, payload, NOW)) == ""


def test_another_message_is_none() -> None:
    assert canary().line(Message(TOPIC + "/x", mark(NOW), NOW)) is None
    assert Canary(ROOT, "tolbooth-ingest", 0).line(Message(TOPIC, mark(NOW), NOW)) is None


def test_it_is_not_among_the_messages_even_when_it_comes_again() -> None:
    known = estate(device("a"))
    reading = Message(f"tolbooth/v1/{COUNCIL}/{BUILDING}/a/readings", b'{"temperature":20}', NOW)
    own = Message(TOPIC, mark(NOW), NOW)
    bird = canary()
    packets: dict[int, int] = {}
    for duplicate in (False, True):
        entry = digest(
            [Delivery(own, 7, duplicate), Delivery(reading, 8, duplicate)],
            Decoder(known),
            Tags(known),
            packets,
            Fleet(known).note,
            stray=lambda message, _: bird.line(message),
        )
        assert entry.tally["received", ""] == 1
        if duplicate:
            assert entry.tally["duplicate", ""] == 1
            assert entry.lines == []
        else:
            assert list(entry.sizes) == [1]
            assert [line.split(",")[0] for line in entry.lines] == ["climate", "ingest"]
            packets = {packet >> 32: packet & 0xFFFF_FFFF for packet in entry.packets}


def test_it_is_well_while_one_came_back_within_three_periods() -> None:
    bird = canary()
    assert (bird.well(NOW), bird.age_s(NOW)) == (False, None)
    assert TOPIC in bird.text(NOW)
    bird.returned = NOW
    late = NOW + int(LATE * 15.0 * SECOND)
    assert (bird.well(late), bird.text(late)) == (True, "ok")
    assert not bird.well(late + 1_000_000)
    assert "came back 45 s ago" in bird.text(late + 1_000_000)
    assert Canary(ROOT, "x", 0).well(NOW)
    assert Canary(ROOT, "x", 0).text(NOW) == "off"
