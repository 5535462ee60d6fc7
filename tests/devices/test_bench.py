"""Messages read on the bench: lines in, lines out, the source guessed or taken from a registry."""

import json
from base64 import b64encode
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from devices import registry
from devices.bench import OpenBench, RegistryBench
from devices.decode import Decoder
from devices.formats import FORMATS
from devices.lines import LineError, answers, parse
from devices.message import Reason
from tests.bench.estate import write_estate

NOW = 1_795_507_200_000_000_000
"""2026-11-24T08:00:00Z"""


def ask(*lines: dict[str, Any] | bytes, bench: OpenBench | RegistryBench | None = None) -> list[dict[str, Any]]:
    asked = [line if isinstance(line, bytes) else json.dumps(line).encode() for line in lines]
    clock = iter(range(NOW, NOW + len(asked)))
    return list(answers(asked, bench or OpenBench(), lambda: next(clock)))


def fields(answer: dict[str, Any]) -> dict[str, float]:
    return {reading["field"]: reading["value"] for reading in answer["readings"]}


TOPICS: Iterable[tuple[str, str, str, str, dict[str, float]]] = (
    ("native", "tolbooth/v1/fife/hall/trv-1/readings", '{"temperature": 20}', "trv-1", {"temperature": 20}),
    ("native", "acme/fife/hall/trv-1/readings", '{"temperature": 20}', "trv-1", {"temperature": 20}),
    ("zigbee2mqtt", "zigbee2mqtt/hall/trv", '{"humidity": 40}', "hall/trv", {"humidity": 40}),
    ("zigbee2mqtt", "fife/zigbee2mqtt/hall/trv", '{"humidity": 40}', "hall/trv", {"humidity": 40}),
    (
        "zigbee2mqtt",
        "upstairs/trv",
        '{"humidity": 40, "linkquality": 9}',
        "trv",
        {"humidity": 40, "link_quality": 9},
    ),
    ("tasmota", "tele/plug/SENSOR", '{"SI7021": {"Temperature": 20}}', "plug", {"temperature": 20}),
    ("tasmota", "fife/tele/plug/SENSOR", '{"SI7021": {"Temperature": 20}}', "plug", {"temperature": 20}),
    ("tasmota", "plug/tele/SENSOR", '{"SI7021": {"Temperature": 20}}', "plug", {"temperature": 20}),
    ("shelly1", "shellies/shellyht-1/sensor/temperature", "20", "shellyht-1", {"temperature": 20}),
    ("shelly2", "office-plug/status/switch:0", '{"id": 0, "output": true, "apower": 7}', "office-plug", {"power": 7}),
    ("theengs", "home/gw/BTtoMQTT/A4C138000001", '{"id": "A4:C1:38:00:00:01", "hum": 40}', "", {"humidity": 40}),
    ("esphome", "livingroom/sensor/living_room_humidity/state", "40", "livingroom", {"humidity": 40}),
    ("senml", "anything", '[{"n": "urn:dev:ow:10e2073a01080063", "u": "Cel", "v": 23.1}]', "", {"temperature": 23.1}),
    ("senml", "fife/hall", '[{"n": "urn:dev:ow:10e2073a01080063", "u": "Cel", "v": 23.1}]', "", {"temperature": 23.1}),
)


@pytest.mark.parametrize(("source", "topic", "payload", "device", "wanted"), TOPICS)
def test_the_source_is_guessed(source: str, topic: str, payload: str, device: str, wanted: dict[str, float]) -> None:
    (found,) = ask({"topic": topic, "payload": payload})
    assert (found["fate"], found["source"]) == ("stored", source), found
    assert found["device"] == device or not device
    assert wanted.items() <= fields(found).items()


def test_every_format_is_guessed_from_a_topic_of_its_own() -> None:
    described = {
        "homeassistant": "homeassistant/sensor/x/config",
        "homie": "homie/x/$state",
        "sparkplug": "spBv1.0/g/NDATA/e",
        "thethingsstack": "v3/app@ttn/devices/x/up",
        "chirpstack": "application/1/device/0101010101010101/event/up",
    }
    seen = {row[0] for row in TOPICS}
    for name in set(FORMATS) - seen - {"json"}:  # whose topics are the sender's own
        (found,) = ask({"topic": described[name], "payload": ""})
        assert found["source"] == name


def test_a_base_topic_is_learned_from_the_bridge() -> None:
    before = {"topic": "fife/radio/kitchen", "payload": {"humidity": 40}}
    first, _, then = ask(before, {"topic": "fife/radio/bridge/state", "payload": "online"}, before)
    assert (first["fate"], first["reason"]) == ("quarantined", "unknown_topic")
    assert (then["fate"], then["device"], fields(then)) == ("stored", "kitchen", {"humidity": 40})


def test_a_description_explains_later_lines_and_is_not_forgotten_by_the_next() -> None:
    def devices(name: str) -> dict[str, Any]:
        setpoint = {"type": "numeric", "name": "occupied_heating_setpoint", "property": "sp", "unit": "°C", "access": 7}
        climate = {"type": "climate", "features": [setpoint]}
        definition = {"model": "m", "vendor": "v", "exposes": [climate]}
        return {"friendly_name": name, "definition": definition, "type": "EndDevice"}

    told = {"topic": "zigbee2mqtt/bridge/devices", "retained": True}
    *_, found = ask(
        {**told, "payload": [devices("a")]},
        {**told, "payload": [devices("b")]},
        {"topic": "zigbee2mqtt/a", "payload": {"sp": 21.5}},
    )
    assert fields(found) == {"heating_setpoint": 21.5}


def test_discovery_reaches_the_format_that_it_describes() -> None:
    config: dict[str, Any] = {
        "name": "Probe",
        "uniq_id": "p1",
        "stat_t": "lab/sensor/probe/state",
        "unit_of_meas": "°F",
    }
    config |= {"dev_cla": "temperature", "dev": {"ids": ["lab"]}}
    _, found = ask(
        {"topic": "homeassistant/sensor/lab/probe/config", "payload": config, "retained": True},
        {"topic": "lab/sensor/probe/state", "payload": "68"},
    )
    assert list(fields(found).values()) == [pytest.approx(20)]


@pytest.mark.parametrize("first", [[], [{"topic": "lamp/tele/LWT", "payload": "Online"}]])
def test_discovery_reaches_every_layout_of_a_format(first: list[dict[str, Any]]) -> None:
    discovery = {"topic": "tasmota/discovery/000000000001/config", "payload": {"t": "lamp", "rl": [2, 0]}}
    *_, found = ask(*first, discovery, {"topic": "lamp/tele/STATE", "payload": {"POWER": "ON"}})
    assert fields(found) == {"on": 1}


def test_the_model_of_the_line_decodes_bytes() -> None:
    uplink = {
        "end_device_ids": {"device_id": "t", "dev_eui": "70B3D57BA0000001"},
        "uplink_message": {"f_port": 85, "f_cnt": 1, "frm_payload": "AXVkA2f7AARoZA=="},
    }
    line = {"topic": "v3/app@ttn/devices/t/up", "payload": uplink}
    named, nameless = ask({**line, "model": "Milesight EM300-TH"}, line)
    assert fields(named) == {"battery": 100, "temperature": 25.1, "humidity": 50}
    assert (nameless["fate"], nameless["reason"]) == ("quarantined", "unknown_field")


def test_without_a_date_a_message_that_comes_again_is_read_again() -> None:
    uplink = {
        "end_device_ids": {"device_id": "t", "dev_eui": "70B3D57BA0000001"},
        "uplink_message": {"f_port": 85, "f_cnt": 1, "frm_payload": "AXVkA2f7AARoZA=="},
    }
    lorawan = {"topic": "v3/app@ttn/devices/t/up", "payload": uplink, "model": "Milesight EM300-TH"}
    zigbee = {"topic": "zigbee2mqtt/a", "payload": {"humidity": 40}}
    assert [found["fate"] for found in ask(lorawan, zigbee, lorawan, zigbee)] == ["stored"] * 4
    first, second = ask({**lorawan, "received": NOW}, {**lorawan, "received": NOW + 10**9})
    assert (first["fate"], second["reason"]) == ("stored", "unchanged")


def test_values_pass_the_same_validation_as_in_ingest() -> None:
    (found,) = ask({"topic": "zigbee2mqtt/a", "payload": {"temperature": 300, "humidity": 40}})
    assert fields(found) == {"humidity": 40}
    assert [(reject["reason"], bool(reject["mend"])) for reject in found["rejects"]] == [("out_of_range", True)]


def test_time_is_what_the_message_tells_and_nothing_else_unless_dated() -> None:
    topic = "tolbooth/v1/fife/hall/trv-1/readings"
    told = {"topic": topic, "payload": {"time": "2020-01-01T00:00:00Z", "temperature": 20}}
    untold = {"topic": topic, "payload": {"temperature": 20}}
    at = {"received": "2026-11-24T08:00:00.000000001Z"}
    old, undated, late, dated, milliseconds, nanoseconds = ask(
        told,
        untold,
        {**told, **at},
        {**untold, **at},
        {**untold, "received": NOW // 10**6},
        {**untold, "received": NOW},
    )
    assert old["readings"][0]["time"] == "2020-01-01T00:00:00.000Z"
    assert (undated["readings"][0]["time"], undated["readings"][0]["time_source"]) == (None, "arrival")
    assert (late["fate"], late["reason"]) == ("quarantined", "time_out_of_window")
    assert dated["readings"][0]["time"] == "2026-11-24T08:00:00.000000001Z"
    assert milliseconds["readings"][0]["time"] == nanoseconds["readings"][0]["time"] == "2026-11-24T08:00:00.000Z"


@pytest.mark.parametrize(
    ("line", "says"),
    [
        (b"", "the line is empty"),
        (b"{", "not JSON"),
        (b"\xff\xfe", "not JSON"),
        (b"[]", "an object"),
        ({"payload": 1}, "topic is null"),
        ({"topic": "", "payload": 1}, "topic is"),
        ({"topic": "a"}, "payload is missing"),
        ({"topic": "a", "payload": "%%", "payload_encoding": "base64"}, "not base64"),
        ({"topic": "a", "payload": 1, "payload_encoding": "base64"}, "not base64"),
        ({"topic": "a", "payload": "00", "payload_encoding": "hex"}, "known is base64"),
        (b'{"topic": "a", "payload": ' + b"[" * 500 + b"]" * 500 + b"}", "nested too deeply"),
        ({"topic": "a", "payload": 1, "retained": 1}, "true or false"),
        ({"topic": "a", "payload": 1, "received": "yesterday"}, "RFC 3339"),
        ({"topic": "a", "payload": 1, "received": 1_795_507_200}, "milliseconds"),
        ({"topic": "a", "payload": 1, "received": True}, "received is true"),
    ],
)
def test_a_line_that_is_no_message_is_answered_and_does_not_stop(line: Any, says: str) -> None:
    good = {"topic": "zigbee2mqtt/a", "payload": {"humidity": 40}}
    _, bad, after = ask(good, line, good)
    assert (bad["fate"], bad["reason"], bad["readings"]) == ("quarantined", "malformed", [])
    assert bad["detail"].startswith("line 2: ")
    assert says in bad["detail"]
    assert after["fate"] == "stored"


def test_a_bug_costs_only_its_own_line(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object, **__: object) -> None:
        raise RuntimeError("boom")

    bench = OpenBench()
    monkeypatch.setattr(bench, "find", broken)
    found = ask({"topic": "a", "payload": 1}, {"topic": "a", "payload": 1}, bench=bench)
    assert [answer["reason"] for answer in found] == ["malformed", "malformed"]
    assert "boom" in found[0]["detail"]


@given(st.lists(st.binary(max_size=80).map(lambda line: line.replace(b"\n", b"")), max_size=5))
def test_there_is_one_answer_for_each_line(lines: list[bytes]) -> None:
    assert len(ask(*lines)) == len(lines)


@given(
    st.text(st.characters(codec="utf-8"), min_size=1, max_size=40)
    | st.lists(st.sampled_from(["zigbee2mqtt", "tele", "homie", "5", "a", "status", "$state", "bridge", "config"]))
    .filter(bool)
    .map("/".join),
    st.binary(max_size=60),
)
def test_no_message_crashes_the_bench(topic: str, payload: bytes) -> None:
    line = {"topic": topic, "payload": b64encode(payload).decode(), "payload_encoding": "base64"}
    (found,) = ask(line)
    assert "bug" not in (found["detail"] or "")


def test_a_payload_is_json_text_or_bytes() -> None:
    def payload(**body: Any) -> bytes:
        return parse(json.dumps({"topic": "a", **body}).encode(), NOW).message.payload

    assert payload(payload={"a": 1}) == b'{"a":1}'
    assert payload(payload="on") == b"on"
    assert payload(payload="AAEC", payload_encoding="base64(protobuf)") == b"\x00\x01\x02"
    assert payload(payload=None) == b"null"
    with pytest.raises(LineError):
        payload(payload="x", payload_encoding=7)


def test_with_a_registry_a_message_is_read_as_ingest_reads_it(tmp_path: Path) -> None:
    bench = RegistryBench(Decoder(registry.load(write_estate(tmp_path, 1))))
    topic = "tolbooth/v1/sim-bench/sim-hall/{}/readings"
    known, unknown, elsewhere = ask(
        {"topic": topic.format("sim-00000"), "payload": {"temperature": 20}},
        {"topic": topic.format("sim-00001"), "payload": {"temperature": 20}},
        {"topic": "zigbee2mqtt/a", "payload": {"humidity": 40}},
        bench=bench,
    )
    assert (known["fate"], known["device"], known["source"]) == ("stored", "sim-00000", "sim-bench/native")
    assert (unknown["fate"], unknown["reason"], unknown["device"]) == ("quarantined", "unknown_device", "sim-00001")
    assert (elsewhere["fate"], elsewhere["reason"]) == ("quarantined", Reason.UNKNOWN_TOPIC)
