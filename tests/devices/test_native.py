"""The native format against cases/native.jsonl, whose expectations are the documentation's, and against anything."""

import json
import math
from pathlib import Path
from time import process_time_ns
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from devices.formats.native import MAX_ELEMENTS, encode, encode_batch, encode_status, source
from devices.message import Decoded, Message, Reading, Reason, Sample, SourceConfig, TimeSource
from devices.schema import FIELDS, WRITTEN_BY_INGEST, Kind

ROOT, COUNCIL = "tolbooth/v1", "fife"
TOPIC = f"{ROOT}/{COUNCIL}/town-house/trv-1/readings"
CASES = [json.loads(line) for line in (Path(__file__).parent / "cases/native.jsonl").read_text("utf-8").splitlines()]

SENT = [field for field in FIELDS if field.name not in WRITTEN_BY_INGEST]
TIMES = st.none() | st.integers(0, 4_102_444_800_000_000_000)


def decode(payload: bytes, topic: str = TOPIC, *, retained: bool = False) -> Decoded:
    made = source(SourceConfig("native", COUNCIL, "native", ROOT))
    return made.decode(Message(topic, payload, 1, retained))


@st.composite
def readings(draw: st.DrawFn) -> list[Reading]:
    fields = draw(st.lists(st.sampled_from(SENT), min_size=1, max_size=12))
    found = {}
    for field in fields:
        channel = draw(st.just("") | st.from_regex(r"[a-z0-9_-]{1,16}", fullmatch=True))
        value = draw(st.sampled_from((0.0, 1.0)) if field.kind is Kind.STATE else st.floats(field.low, field.high))
        found[field.name, channel] = Reading(field, value, channel)
    return list(found.values())


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["case"])
def test_case(case: dict[str, Any]) -> None:
    decoded = decode(case["payload"].encode(), case["topic"], retained=case.get("retained", False))
    expect = case["expect"]
    assert decoded.address == expect["address"]
    assert decoded.presence == expect.get("presence")
    assert [
        {
            "time": sample.time,
            "readings": {f"{r.field.name}.{r.channel}".rstrip("."): r.value for r in sample.readings},
        }
        for sample in decoded.samples
    ] == expect["samples"]
    assert [reject.reason for reject in decoded.rejects] == [reason for reason, _ in expect["rejects"]]
    for reject, (_, text) in zip(decoded.rejects, expect["rejects"], strict=True):
        assert text in reject.detail


def test_bytes_that_are_no_text_are_malformed() -> None:
    assert decode(b'{"temperature":"\xff"}').rejects[0].reason is Reason.MALFORMED


def test_a_message_holds_at_most_ten_thousand_elements() -> None:
    assert len(decode(orjson.dumps([{"power": 1}] * MAX_ELEMENTS)).samples) == MAX_ELEMENTS
    too_many = decode(orjson.dumps([{"power": 1}] * (MAX_ELEMENTS + 1)))
    assert [reject.reason for reject in too_many.rejects] == [Reason.TOO_LARGE]
    assert not too_many.samples


def test_a_flood_of_bad_names_is_counted_and_costs_little() -> None:
    flood = orjson.dumps({f"tempreture{number}": 1 for number in range(20_000)})
    start = process_time_ns()
    decoded = decode(flood)
    assert process_time_ns() - start < 1_000_000_000
    assert len(decoded.rejects) == 101
    assert decoded.rejects[-1].detail.startswith("19900 more")


def test_a_topic_of_another_council_is_not_claimed() -> None:
    made = source(SourceConfig("native", COUNCIL, "native", ROOT))
    assert made.claims(TOPIC)
    assert not made.claims(TOPIC.replace(COUNCIL, "angus"))
    assert not made.claims(TOPIC.replace("readings", "set"))


@given(readings(), TIMES)
def test_encode_is_reversed(sent: list[Reading], time: int | None) -> None:
    topic, payload = encode(ROOT, COUNCIL, "town-house", "trv-1", sent, time)
    decoded = decode(payload, topic)
    told = TimeSource.ARRIVAL if time is None else TimeSource.DEVICE
    assert decoded == Decoded("trv-1", [Sample(sent, time, told)])


@given(st.lists(st.tuples(readings(), TIMES), min_size=1, max_size=4))
def test_encode_batch_is_reversed(sent: list[tuple[list[Reading], int | None]]) -> None:
    samples = [Sample(found, time, TimeSource.ARRIVAL if time is None else TimeSource.DEVICE) for found, time in sent]
    assert decode(encode_batch(ROOT, COUNCIL, "town-house", "trv-1", samples)[1]).samples == samples


def test_encoded_time_is_rfc_3339() -> None:
    _, payload = encode(ROOT, COUNCIL, "town-house", "trv-1", [Reading(SENT[0], 20.5)], 1_795_428_900_000_000_000)
    assert payload == b'{"time":"2026-11-23T10:15:00.000Z","temperature":20.5}'


@pytest.mark.parametrize("online", [True, False])
def test_encode_status_is_reversed(online: bool) -> None:
    topic, payload = encode_status(ROOT, COUNCIL, "town-house", "trv-1", online=online)
    assert decode(payload, topic).presence is online


KEYS = st.sampled_from(["time", "temperature", "occupied", "power.l1", "online", "power."])
JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**64 - 1) | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=12) | KEYS, inner, max_size=6),
    max_leaves=12,
)


@given(st.binary(max_size=200) | JSON.map(lambda body: json.dumps(body).encode()), st.booleans())
def test_anything_is_decoded_or_explained(payload: bytes, retained: bool) -> None:
    decoded = decode(payload, retained=retained)
    assert decoded.samples or decoded.rejects
    assert all(math.isfinite(reading.value) for sample in decoded.samples for reading in sample.readings)
    assert all(reject.detail.isprintable() and len(reject.detail) <= 220 for reject in decoded.rejects)


@given(st.text(max_size=80))
def test_any_topic_is_decoded_or_explained(topic: str) -> None:
    decoded = decode(b'{"temperature":1}', topic)
    assert [reject.reason for reject in decoded.rejects] == [Reason.BAD_TOPIC]
