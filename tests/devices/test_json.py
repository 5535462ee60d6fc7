"""JSON of the sender's own making: rows written by hand, whose values were worked out from message and source."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from devices import topics
from devices.check import check
from devices.formats import json, make_source
from devices.message import Message, Reading, Reason, Sample, Source, SourceConfig, TimeSource
from devices.registry import load
from devices.schema import BY_NAME
from devices.timestamps import SECOND
from tests.devices.vocabulary import payload_bytes, rows, sources

ARRIVAL = 1_795_507_200 * SECOND
"""2026-11-24T08:00:00Z"""
LISTED = {config.id: config for config in sources("json")}
FILES = {"plant": ("plant",), "rtl433": ("rtl433", "rtl433-events"), "victron": ("victron",)}
ROWS = [
    pytest.param(file, row, id=f"{file}-{number}")
    for file in FILES
    for number, row in enumerate(rows("json", f"{file}.jsonl"), 1)
]
PLANT = SourceConfig("plant", "fife", "json", "site/plant/{device}", reads={"fields": {"temp": "temperature"}})


def reader(file: str, topic: str) -> Source:
    return next(made for name in FILES[file] if (made := make_source(LISTED[name])).claims(topic))


@pytest.mark.parametrize(("file", "row"), ROWS)
def test_a_row_is_read_as_worked_out_by_hand(file: str, row: dict[str, Any]) -> None:
    made = reader(file, row["topic"])
    decoded = made.decode(Message(row["topic"], payload_bytes(row), ARRIVAL))
    found = [[r.field.name, r.channel, round(r.value, 9)] for sample in decoded.samples for r in sample.readings]
    assert sorted(found) == sorted(row["fields"])
    if "address" in row:
        assert [decoded.address] == row["address"]
    if "time" in row:
        assert [(s.time, s.time_source) for s in decoded.samples] == [(row["time"], TimeSource.DEVICE)]
    if "reason" in row:
        assert {reject.reason for reject in decoded.rejects} == {row["reason"]}


@pytest.mark.parametrize(("file", "row"), ROWS)
def test_a_retained_message_is_a_reading_only_with_a_time(file: str, row: dict[str, Any]) -> None:
    decoded = reader(file, row["topic"]).decode(Message(row["topic"], payload_bytes(row), ARRIVAL, retained=True))
    assert all(sample.time is not None for sample in decoded.samples)
    assert decoded.samples or decoded.rejects


def test_filters_are_of_the_topics_shape() -> None:
    assert {name: make_source(config).filters for name, config in LISTED.items()} == {
        "plant": ("site/plant/+",),
        "rtl433": ("rtl_433/gateway/devices/+/+/#",),
        "rtl433-events": ("rtl_433/+/events",),
        "victron": ("N/c0619ab61234/+/+/#",),
    }


@pytest.mark.parametrize(
    ("topic", "what"),
    [
        ("site/plant", "does not say which level names the device"),
        ("site/ahu-{device}", "'ahu-{device}' of the topic is no placeholder"),
        ("site/{dev}", "'{dev}' of the topic is no placeholder"),
        ("site/{device}/{key}/{key}", "more than once"),
        ("{device}/state", "would take every device's messages"),
    ],
)
def test_a_wrong_topic_is_told(topic: str, what: str) -> None:
    with pytest.raises(ValueError, match=what.replace("{", r"\{")):
        make_source(replace(PLANT, topic=topic))


@pytest.mark.parametrize(
    ("unit", "stamp", "ns"),
    [
        ("s", 1_795_507_200, 1_795_507_200 * SECOND),
        ("s", 1_795_507_200.5, 1_795_507_200 * SECOND + SECOND // 2),
        ("ms", 1_795_507_200_123, 1_795_507_200_123_000_000),
        ("us", "1795507200123456", 1_795_507_200_123_456_000),
        ("ns", 1_795_507_200_123_456_789, 1_795_507_200_123_456_789),
        ("ns", "1795507200123456789", 1_795_507_200_123_456_789),
        ("s", 1_795_507_203.123457, 1_795_507_203_123_457_000),
        ("s", "1795507203.123457", 1_795_507_203_123_457_000),
        ("ms", 1_795_507_200_123.4, 1_795_507_200_123_400_000),
        ("RFC 3339", "2026-11-24T08:00:00.25Z", 1_795_507_200 * SECOND + SECOND // 4),
        ("local", "2026-11-24 08:00:00", 1_795_507_200 * SECOND),
        ("local", "2026-07-01T08:00:00", 1_782_889_200 * SECOND),
    ],
)
def test_times_are_read_as_the_source_says(unit: str, stamp: object, ns: int) -> None:
    config = replace(PLANT, reads={**PLANT.reads, "time": {"key": "at.utc", "unit": unit}})
    body = orjson.dumps({"at": {"utc": stamp}, "temp": 21.3})
    decoded = make_source(config).decode(Message("site/plant/ahu1", body, ARRIVAL))
    assert [sample.time for sample in decoded.samples] == [ns]
    assert decoded.rejects == []


@pytest.mark.parametrize("unit", ["s", "ms", "us", "ns", "RFC 3339", "local"])
@pytest.mark.parametrize("stamp", ["1e308", "-1e308", "0", "-1", "true", "[]", '"9999-12-31T23:59:59Z"', '"x"', "1e20"])
def test_what_is_no_time_is_rejected(unit: str, stamp: str) -> None:
    config = replace(PLANT, reads={**PLANT.reads, "time": {"key": "ts", "unit": unit}})
    body = f'{{"ts": {stamp}, "temp": 21.3}}'.encode()
    decoded = make_source(config).decode(Message("site/plant/ahu1", body, ARRIVAL))
    assert (decoded.samples, [reject.reason for reject in decoded.rejects]) == ([], [Reason.BAD_TIME])


def test_a_wrong_time_says_what_was_expected() -> None:
    config = replace(PLANT, reads={**PLANT.reads, "time": {"key": "ts", "unit": "ms"}})
    decoded = make_source(config).decode(Message("site/plant/ahu1", b'{"ts": 1795507200, "temp": 21.3}', ARRIVAL))
    assert [(reject.reason, reject.detail) for reject in decoded.rejects] == [
        (Reason.BAD_TIME, "ts is 1795507200, expected ms since 1970, of a clock that is set")
    ]


def test_a_device_whose_model_has_a_file_is_read_by_it() -> None:
    config = replace(PLANT, models={"air": "Milesight AM107", "ahu1": "Acme nothing"})
    made = make_source(config)
    air = made.decode(Message("site/plant/air", b'{"temperature": 21.5, "humidity": 44}', ARRIVAL))
    assert sorted(r.field.name for s in air.samples for r in s.readings) == ["humidity", "temperature"]
    own = made.decode(Message("site/plant/ahu1", b'{"temp": 21.3}', ARRIVAL))
    assert [r.field.name for s in own.samples for r in s.readings] == ["temperature"]


@pytest.mark.parametrize(
    ("temp", "path"),
    [
        ("40.5", "temp"),
        ({"temp": "40.5"}, "temp.temp"),
        ({"value": "40.5", "unit": "°C"}, "temp"),
        ({"a": {"b": {"c": {"temp": "40.5"}}}}, "temp.a.b.c.temp"),
    ],
)
@pytest.mark.parametrize("topic", ["site/plant/{device}", "site/plant/{device}/{key}"])
def test_a_number_in_quotes_is_a_number_wherever_it_stands(topic: str, temp: object, path: str) -> None:
    made = make_source(replace(PLANT, topic=topic, reads={"fields": {path: "temperature"}}))
    sent = "site/plant/ahu1/temp" if "{key}" in topic else "site/plant/ahu1"
    body = orjson.dumps(temp if "{key}" in topic else {"temp": temp})
    decoded = made.decode(Message(sent, body, ARRIVAL))
    assert [(r.field.name, r.value) for s in decoded.samples for r in s.readings] == [("temperature", 40.5)]
    assert decoded.rejects == []


@pytest.mark.parametrize("said", ["none", "None", "NONE", " none"])
def test_a_word_that_the_source_knows_is_a_state_however_it_is_written(said: str) -> None:
    """Elsewhere `none` means that there is no value."""
    fields = {"pir": {"field": "motion", "states": {"motion": 1, "none": 0}}, "temp": "temperature"}
    made = make_source(replace(PLANT, reads={"fields": fields}))
    decoded = made.decode(Message("site/plant/ahu1", orjson.dumps({"pir": said, "temp": said}), ARRIVAL))
    assert [(r.field.name, r.value) for s in decoded.samples for r in s.readings] == [("motion", 0.0)]
    assert [reject.reason for reject in decoded.rejects] == [Reason.NO_VALUE]


def test_a_stored_record_has_the_devices_own_time() -> None:
    made = make_source(replace(PLANT, models={"air": "Milesight AM107"}))
    stored = [{"timestamp": stamp, "temperature": 20.9} for stamp in (1_795_503_600, 1_795_503_603.123457)]
    body = orjson.dumps({"temperature": 21.5, "history": stored})
    decoded = made.decode(Message("site/plant/air", body, ARRIVAL))
    assert [(sample.time, sample.time_source) for sample in decoded.samples] == [
        (None, TimeSource.ARRIVAL),
        (1_795_503_600 * SECOND, TimeSource.DEVICE),
        (1_795_503_603_123_457_000, TimeSource.DEVICE),
    ]


@pytest.mark.parametrize("topic", ["site/plant/{device}", "site/{any}/{device}/{key}"])
@given(value=st.floats(-40, 60), flow=st.floats(-200, 200))
def test_what_is_written_is_read_back(topic: str, value: float, flow: float) -> None:
    fields = {"temp": "temperature", "boiler.flow": {"field": "water_temperature", "unit": "°F"}}
    config = replace(PLANT, topic=topic, reads={"fields": fields, "time": {"key": "ts", "unit": "ns"}})
    made = make_source(config)
    sent = [Reading(BY_NAME["temperature"], value), Reading(BY_NAME["water_temperature"], flow)]
    messages = json.encode(config, Sample(sent, ARRIVAL, address="ahu1"))
    decoded = [made.decode(message) for message in messages]
    assert {one.address for one in decoded} == {"ahu1"}
    assert {sample.time for one in decoded for sample in one.samples} == {ARRIVAL}
    found = {r.field.name: r.value for one in decoded for sample in one.samples for r in sample.readings}
    assert found == pytest.approx({"temperature": value, "water_temperature": flow}, abs=1e-6)


@given(topic=st.text(max_size=40), payload=st.binary(max_size=60))
def test_nothing_from_outside_raises(topic: str, payload: bytes) -> None:
    for config in LISTED.values():
        made = make_source(config)
        for whole in (topic, config.topic.replace("{device}", "x").replace("{key}", topic or "k")):
            decoded = made.decode(Message(whole, payload, ARRIVAL))
            assert made.claims(whole) or decoded.rejects
            assert all(reject.detail.isprintable() for reject in decoded.rejects)


def test_a_thousand_topics_cost_bounded_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(topics, "MAX_TOPICS", 10)
    made = make_source(PLANT)
    for number in range(1_000):
        made.decode(Message(f"site/plant/{'x' * 600 if number % 2 else number}", b"{}", ARRIVAL))
    known = made._by_topic  # type: ignore[attr-defined]
    assert 0 < len(known) <= 10
    assert max(map(len, known)) <= topics.LONGEST_TOPIC


HALL = "name: Hall\nuse: hall\ntm46: 16\nfloor_area_m2: 900\nlevels: {ground: Ground}\n"
COUNCIL = "id: sim-moor\nname: Moor\ninvented: true\nclimate_station: tiree\nsources:\n"


def test_the_estate_reads_what_a_source_says(tmp_path: Path) -> None:
    (tmp_path / "buildings").mkdir()
    (tmp_path / "buildings" / "hall.yaml").write_text(HALL)
    (tmp_path / "council.yaml").write_text(
        f"{COUNCIL}  - id: plant\n    format: json\n    topic: site/plant/{{device}}\n"
        "    time: {key: ts, unit: ms}\n    fields:\n      temp: temperature\n"
        "      fan: {field: switched, states: {on: 1, off: 0}}\n"
    )
    assert check(tmp_path) == []
    made = make_source(load(tmp_path).councils["sim-moor"].sources["plant"])
    decoded = made.decode(Message("site/plant/ahu1", b'{"ts": 1795507200000, "temp": 21.3, "fan": "ON"}', ARRIVAL))
    assert [(r.field.name, r.value) for s in decoded.samples for r in s.readings] == [
        ("temperature", 21.3),
        ("switched", 1.0),
    ]
    assert [sample.time for sample in decoded.samples] == [ARRIVAL]
