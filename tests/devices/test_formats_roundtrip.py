"""What a format writes it reads back, and nothing that comes from outside makes it raise or forget how to read."""

import json
from importlib import import_module
from types import ModuleType
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from devices.formats import make_source
from devices.message import Message, Reading, Reason, Sample, Source, SourceConfig
from devices.schema import BY_NAME, Kind
from devices.timestamps import SECOND
from tests.devices.test_formats_corpus import ARRIVAL, PLAYED, make, rows
from tests.devices.vocabulary import payload_bytes

CLIMATE = {"temperature": 20.5, "humidity": 45.0}
POWER = {"switched": 1.0, "power": 43.5, "voltage": 241.0, "current": 0.25}
MORE = {"battery": 92.0, "co2": 812.0, "illuminance": 320.0, "motion": 1.0, "open": 0.0, "occupied": 1.0, "leak": 0.0}
METER = {"electricity_import": 1234.5678, "electricity_export": 0.25, "gas": 17.5, "water": 3.25, "heat": 12.0}
LEVELS = {
    "heating_setpoint": 21.0,
    "valve_position": 35.0,
    "pm2_5": 5.0,
    "pressure": 1013.25,
    "people": 7.0,
    "tvoc": 12.0,
}
LAMP = {"on": 1.0, "brightness": 40.0, "color_temperature": 4000.0}

WRITTEN: tuple[tuple[str, str, str, dict[str, float]], ...] = (
    ("tasmota", "", "desk", CLIMATE | {"co2": 812.0, "pressure": 1013.25, "illuminance": 320.0}),
    (
        "tasmota",
        "",
        "plug",
        POWER | {"electricity_import": 12.5, "power_factor": 0.86, "frequency": 50.0, "rssi": -61.0},
    ),
    ("tasmota", "council", "lamp", LAMP),
    ("shelly1", "shellies", "shellyht-1", CLIMATE | {"battery": 88.0}),
    ("shelly1", "shellies", "shellyplug-1", {"switched": 1.0, "power": 43.5, "electricity_import": 12.5}),
    ("shelly1", "shellies", "shellyem-1", POWER | {"electricity_import": 12.5, "electricity_export": 0.25}),
    ("shelly1", "shellies", "shellydw2-1", {"open": 1.0, "illuminance": 320.0, "battery": 97.0}),
    ("shelly1", "shellies", "ShellyBulbDuo-1", LAMP),
    ("shelly2", "", "shellyhtg3-1", CLIMATE | {"battery": 88.0, "battery_voltage": 5.9, "rssi": -61.0}),
    ("shelly2", "depot", "shellyplugsg3-1", POWER | {"electricity_import": 12.5, "electricity_export": 0.25}),
    ("shelly2", "", "shellyduo-1", LAMP),
    ("homie", "homie", "room", CLIMATE | POWER | MORE | METER | LEVELS),
    ("homeassistant", "homeassistant", "room", CLIMATE | POWER | MORE | METER | LEVELS),
    (
        "esphome",
        "",
        "room",
        CLIMATE | POWER | {"co2": 812.0, "motion": 1.0, "open": 0.0, "rssi": -61.0, "pressure": 990.0},
    ),
    ("theengs", "home", "A4C138000001", CLIMATE | {"battery": 81.0, "battery_voltage": 2.9, "rssi": -70.0}),
    ("theengs", "home", "A4C138000002", {"open": 1.0, "motion": 0.0, "illuminance": 87.0}),
)


def readings(values: dict[str, float], channel: str = "") -> list[Reading]:
    return [Reading(BY_NAME[name], value, channel) for name, value in values.items()]


def encoded(module: ModuleType, config: SourceConfig, sample: Sample) -> list[Message]:
    if config.format == "theengs":
        return list(module.encode(config, "gw1", sample))
    return list(module.encode(config, sample))


def describe(module: ModuleType, config: SourceConfig, sample: Sample, made: Source) -> None:
    if hasattr(module, "encode_description") and config.format != "tasmota":
        for message in module.encode_description(config, sample.address, sample.readings):
            assert {reject.reason for reject in made.decode(message).rejects} == {Reason.DESCRIPTION}


@pytest.mark.parametrize(("name", "topic", "address", "values"), WRITTEN)
def test_what_is_written_is_read_back(name: str, topic: str, address: str, values: dict[str, float]) -> None:
    module = import_module(f"devices.formats.{name}")
    config = SourceConfig("s", "fife", name, topic)
    made = make_source(config)
    sample = Sample(readings(values), ARRIVAL, address=address)
    describe(module, config, sample, made)
    found: dict[str, float] = {}
    for message in encoded(module, config, sample):
        assert made.claims(message.topic)
        decoded = made.decode(message._replace(received=ARRIVAL))
        assert {one.address or decoded.address for one in decoded.samples} == {address}
        assert {one.time for one in decoded.samples} <= {None, ARRIVAL}
        found |= {reading.field.name: reading.value for one in decoded.samples for reading in one.readings}
    assert found == pytest.approx(values)


@pytest.mark.parametrize("name", ["homie", "homeassistant", "esphome"])
def test_two_sensors_of_one_quantity_stay_apart(name: str) -> None:
    module = import_module(f"devices.formats.{name}")
    config = SourceConfig("s", "fife", name, module.DEFAULT_TOPIC)
    made = make_source(config)
    both = readings({"temperature": 19.5}, "north") + readings({"temperature": 21.5}, "south")
    sample = Sample(both, ARRIVAL, address="hall")
    describe(module, config, sample, made)
    decoded = [made.decode(message) for message in encoded(module, config, sample)]
    assert sorted((r.channel, r.value) for d in decoded for s in d.samples for r in s.readings) == [
        ("north", 19.5),
        ("south", 21.5),
    ]


@pytest.mark.parametrize("online", [True, False])
@pytest.mark.parametrize("name", ["esphome", "homie", "shelly1", "shelly2", "tasmota", "theengs"])
def test_presence_is_read_back(name: str, online: bool) -> None:
    module = import_module(f"devices.formats.{name}")
    config = SourceConfig("s", "fife", name, module.DEFAULT_TOPIC)
    made = make_source(config)
    message = module.encode_presence(config, "shelly-1", online=online)
    assert made.claims(message.topic)
    decoded = made.decode(message)
    assert (decoded.address, decoded.presence, decoded.samples) == ("shelly-1", online, [])


def test_homie_4_is_read_back() -> None:
    module = import_module("devices.formats.homie")
    config = SourceConfig("s", "fife", "homie", "homie", options={"version": "4"})
    made = make_source(config)
    sample = Sample(readings(CLIMATE | POWER), ARRIVAL, address="room")
    describe(module, config, sample, made)
    decoded = [made.decode(message) for message in module.encode(config, sample)]
    found = {r.field.name: r.value for d in decoded for s in d.samples for r in s.readings}
    assert found == CLIMATE | POWER


def assert_alike(made: Source, clean: Source, known: list[dict[str, Any]]) -> None:
    """After all has been said once more, `made` reads what a source reads that has seen no garbage."""
    messages = [Message(row["topic"], payload_bytes(row), ARRIVAL) for row in known]
    for source in (made, clean):
        for message in messages:
            source.decode(message)
    for message in messages:
        assert made.decode(message).samples == clean.decode(message).samples


json_values: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=5) | st.dictionaries(st.text(max_size=10), inner, max_size=5),
    max_leaves=20,
)


def mutate(body: Any, path: list[int], put: Any) -> Any:
    """`body` with `put` somewhere within it."""
    if isinstance(body, dict) and body and path:
        key = sorted(body)[path[0] % len(body)]
        return body | {key: mutate(body[key], path[1:], put)}
    if isinstance(body, list) and body and path:
        at = path[0] % len(body)
        return [*body[:at], mutate(body[at], path[1:], put), *body[at + 1 :]]
    return put


@pytest.mark.parametrize("played", PLAYED, ids=str)
@settings(max_examples=20)
@given(data=st.data())
def test_garbage_raises_nothing_and_leaves_the_source_working(played: Any, data: st.DataObject) -> None:
    known = [row for _, row in rows(played)]
    made, clean = make(played), make(played)
    for _ in range(5):
        row = data.draw(st.sampled_from(known))
        payload = data.draw(st.sampled_from(("bytes", "json", "cut", "text")))
        if payload == "bytes":
            body = data.draw(st.binary(max_size=64))
        elif payload == "text":
            body = data.draw(
                st.sampled_from([b"", b"\0", b"nan", b"-1", b"1e999", b"9" * 5_000, b"[" * 5_000, b"\xff"])
            )
        elif payload == "cut":
            whole = payload_bytes(row)
            body = whole[: data.draw(st.integers(0, len(whole)))]
        else:
            changed = mutate(row["payload"], data.draw(st.lists(st.integers(0, 9), max_size=4)), data.draw(json_values))
            body = json.dumps(changed).encode(errors="replace")
        topic = data.draw(st.sampled_from([row["topic"], row["topic"] + "/" + data.draw(st.text(max_size=6))]))
        made.claims(topic)
        if made.describes(topic):
            continue
        decoded = made.decode(Message(topic, body, ARRIVAL - 7_200 * SECOND, data.draw(st.booleans())))
        for reject in decoded.rejects:
            assert reject.detail.isprintable()
            assert len(reject.detail) <= 400
        for sample in decoded.samples:
            for field, value, channel in sample.readings:
                assert value - value == 0
                assert field.kind is not Kind.STATE or value in (0.0, 1.0)
                assert isinstance(channel, str)
    assert_alike(made, clean, known)


@pytest.mark.parametrize(
    "played", [p for p in PLAYED if p.format in ("esphome", "homeassistant", "homie", "tasmota")], ids=str
)
@settings(max_examples=20)
@given(data=st.data())
def test_a_bad_description_is_mended_by_the_next(played: Any, data: st.DataObject) -> None:
    known = [row for _, row in rows(played)]
    made, clean = make(played), make(played)
    descriptions = [row for row in known if made.describes(row["topic"])]
    for row in descriptions:
        try:
            before = json.loads(payload_bytes(row))
        except ValueError:
            continue
        changed = mutate(before, data.draw(st.lists(st.integers(0, 9), max_size=6)), data.draw(json_values))
        made.decode(Message(row["topic"], json.dumps(changed).encode(errors="replace"), ARRIVAL, retained=True))
        for other in known:
            if not made.describes(other["topic"]) and played.format != "homie":
                made.decode(Message(other["topic"], payload_bytes(other), ARRIVAL))
    assert_alike(made, clean, known)
