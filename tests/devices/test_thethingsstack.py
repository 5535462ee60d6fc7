"""The Things Stack's rules that no corpus row shows alone."""

import json
from base64 import b64encode
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from devices.devicemodel import find
from devices.formats.thethingsstack import encode, source
from devices.message import Decoded, Message, Reading, Reason, SourceConfig, TimeSource
from devices.schema import BY_NAME
from devices.timestamps import from_rfc3339

EUI = "70b3d55555555555"
TOPIC = "v3/fife@ttn/devices/room-1/up"
ARRIVAL = 1_770_106_501_000_000_000
GATEWAY, NETWORK = "2026-02-03T08:15:00.123456789Z", "2026-02-03T08:15:00.2Z"


def made(models: dict[str, str] | None = None, topic: str = "v3") -> Any:
    return source(SourceConfig("tts", "fife", "thethingsstack", topic, models=models or {}))


def uplink(**parts: Any) -> dict[str, Any]:
    return {
        "end_device_ids": {"device_id": "room-1", "dev_eui": EUI.upper()},
        "received_at": "2026-02-03T08:15:00.4Z",
        "uplink_message": {"session_key_id": "s", "f_port": 1, "received_at": NETWORK, **parts},
    }


def decode(body: object, model: str = "", topic: str = TOPIC) -> Decoded:
    decoded: Decoded = made({EUI: model}).decode(Message(topic, json.dumps(body).encode(), ARRIVAL))
    return decoded


def values(decoded: Decoded) -> dict[str, float]:
    return {f"{r.field.name}.{r.channel}".rstrip("."): r.value for sample in decoded.samples for r in sample.readings}


def reasons(decoded: Decoded) -> list[Reason]:
    return [reject.reason for reject in decoded.rejects]


@pytest.mark.parametrize(
    ("settings", "time", "time_source"),
    [
        ({"time": GATEWAY}, GATEWAY, TimeSource.GATEWAY),
        ({}, NETWORK, TimeSource.NETWORK),
        ({"time": "2019-01-01T00:00:00Z"}, NETWORK, TimeSource.NETWORK),
        ({"time": "2026-02-03T09:15:00Z"}, NETWORK, TimeSource.NETWORK),
        ({"time": "yesterday"}, NETWORK, TimeSource.NETWORK),
    ],
)
def test_a_gateway_s_clock_is_believed_while_it_agrees_with_the_network(
    settings: dict[str, str], time: str, time_source: TimeSource
) -> None:
    (sample,) = decode(uplink(settings=settings, decoded_payload={"humidity": 40})).samples
    assert (sample.time, sample.time_source) == (from_rfc3339(time), time_source)


def test_a_network_without_a_clock_leaves_the_time_of_arrival() -> None:
    never_set = "1970-01-01T00:00:07Z"
    body = uplink(settings={"time": never_set}, received_at=never_set, decoded_payload={"humidity": 40})
    (sample,) = decode(body | {"received_at": never_set}).samples
    assert (sample.time, sample.time_source) == (None, TimeSource.ARRIVAL)


def test_absent_port_and_count_are_zero() -> None:
    body = uplink(frm_payload=b64encode(bytes.fromhex("01040579")).decode())
    del body["uplink_message"]["f_port"]
    assert "port 0" in decode(body).rejects[0].detail


def test_zero_stays_zero_in_what_a_decoder_made() -> None:
    assert values(decode(uplink(decoded_payload={"temperature": 0, "humidity": 40})))["temperature"] == 0


@pytest.mark.parametrize(
    ("topic", "reason"),
    [
        ("v3/fife@ttn/devices/room-1/up/normalized", Reason.OTHER_ROUTE),
        ("v3/fife@ttn/devices/room-1/join", Reason.PRESENCE),
        ("v3/fife@ttn/devices/room-1/down/push", Reason.COMMAND),
        ("v3/fife@ttn/devices/room-1/down/queued", Reason.COMMAND),
        ("v3/fife@ttn/devices/room-1/location/solved", Reason.NO_VALUE),
        ("v3/fife@ttn/devices/room-1/nonsense", Reason.BAD_TOPIC),
        ("v3/fife@ttn", Reason.BAD_TOPIC),
    ],
)
def test_only_up_is_read(topic: str, reason: Reason) -> None:
    decoded = decode(uplink(decoded_payload={"humidity": 40}), topic=topic)
    assert not decoded.samples
    assert reasons(decoded) == [reason]


@pytest.mark.parametrize(
    ("base", "wanted"),
    [
        ("v3", "v3/+/devices/+/up"),
        ("v3/fife@ttn", "v3/fife@ttn/devices/+/up"),
        ("v3/fife", "v3/fife/devices/+/up"),
        ("bridge/v3", "bridge/v3/+/devices/+/up"),
    ],
)
def test_one_server_or_one_application(base: str, wanted: str) -> None:
    one = made(topic=base)
    assert one.filters == (wanted,)
    assert one.claims(wanted.replace("+", "x"))
    assert not one.claims("v4/fife/devices/x/up")


@pytest.mark.parametrize(("battery", "field"), [(3.062, "battery_voltage"), (92, "battery")])
def test_a_normalised_battery_is_volts_unless_it_cannot_be(battery: float, field: str) -> None:
    air = {"location": "indoor", "temperature": 21.5, "relativeHumidity": 40}
    decoded = decode(uplink(normalized_payload=[{"air": air, "battery": battery}]))
    assert values(decoded) == {"temperature": 21.5, "humidity": 40, field: battery}


def test_normalised_measurements() -> None:
    payload = [
        {"air": {"location": "outdoor", "temperature": 5, "pressure": 1001}},
        {"water": {"leak": True, "temperature": {"current": 55}}, "metering": {"water": {"total": 1500}}},
        {"action": {"motion": {"detected": False, "count": 3}, "contactState": "closed"}},
    ]
    assert values(decode(uplink(normalized_payload=payload))) == {
        "outdoor_temperature": 5,
        "pressure.outdoor": 1001,
        "leak": 1,
        "water_temperature": 55,
        "water": 1.5,
        "motion": 0,
        "open": 0,
    }


def test_a_normalised_measurement_has_the_devices_own_time() -> None:
    payload = [{"air": {"temperature": 21}}, {"air": {"temperature": 20}, "time": "2026-02-03T07:15:00Z"}]
    assert [(sample.time, sample.time_source) for sample in decode(uplink(normalized_payload=payload)).samples] == [
        (from_rfc3339(NETWORK), TimeSource.NETWORK),
        (from_rfc3339("2026-02-03T07:15:00Z"), TimeSource.DEVICE),
    ]


def test_the_registry_s_model_comes_before_the_message_s() -> None:
    body = uplink(
        decoded_payload={"battery": 3.6, "temperature": 21},
        version_ids={"brand_id": "milesight-iot", "model_id": "am307"},
    )
    assert values(decode(body, "browan/tbms100")) == {"battery_voltage": 3.6, "device_temperature": 21}
    assert values(decode(body)) == {"battery": 3.6, "temperature": 21}


def test_a_simulated_uplink_is_no_reading() -> None:
    assert reasons(decode(uplink(decoded_payload={"humidity": 40}) | {"simulated": True})) == [Reason.NO_VALUE]


def test_a_frame_of_another_session_is_no_duplicate() -> None:
    one = made()
    for number, session in enumerate(("a", "b", "a")):
        body = uplink(decoded_payload={"humidity": 40}) | {}
        body["uplink_message"]["session_key_id"] = session
        decoded = one.decode(Message(TOPIC, json.dumps(body).encode(), ARRIVAL + number))
        assert bool(decoded.samples) == (number < 2)


@pytest.mark.parametrize("body", [b"\x0a\x10", b"[]", b"{}", b'{"uplink_message":{}}', b'{"uplink_message":7}'])
def test_what_is_no_uplink_is_malformed(body: bytes) -> None:
    assert reasons(made().decode(Message(TOPIC, body, ARRIVAL))) == [Reason.MALFORMED]


def test_an_empty_payload_is_told_as_in_every_format() -> None:
    assert reasons(made().decode(Message(TOPIC, b"", ARRIVAL))) == [Reason.EMPTY_PAYLOAD]


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**63)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=9),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=9), inner, max_size=3),
    max_leaves=8,
)


@given(
    st.fixed_dictionaries(
        {
            "end_device_ids": st.just({"dev_eui": EUI}) | JSON,
            "uplink_message": st.fixed_dictionaries(
                {},
                optional=dict.fromkeys(
                    [
                        "session_key_id",
                        "f_port",
                        "f_cnt",
                        "frm_payload",
                        "decoded_payload",
                        "normalized_payload",
                        "rx_metadata",
                        "settings",
                        "received_at",
                        "version_ids",
                    ],
                    JSON,
                ),
            ),
        },
        optional={"simulated": JSON, "received_at": JSON},
    ),
    st.sampled_from(("", "milesight/am307", "sensecap/sensecap", "netvox/r718a")),
)
def test_nothing_breaks_it(body: object, model: str) -> None:
    decoded = decode(body, model)
    assert decoded.samples or decoded.rejects
    assert all(reject.detail.isprintable() for reject in decoded.rejects)


def test_encode_is_what_decode_reads() -> None:
    model = find("milesight/em300-mcs")
    assert model is not None
    sent = [Reading(BY_NAME["temperature"], 21.5), Reading(BY_NAME["open"], 1.0), Reading(BY_NAME["battery"], 92.0)]
    topic, payload = encode("fife@ttn", "door-1", EUI, model, sent, ARRIVAL, 7, names=("milesight-iot", "em300-mcs"))
    decoded = made().decode(Message(topic, payload, ARRIVAL))
    assert decoded.address == EUI
    assert decoded.samples[0].readings == sent
    assert decoded.samples[0].time == ARRIVAL
    with pytest.raises(LookupError, match="has no people"):
        encode("fife@ttn", "door-1", EUI, model, [Reading(BY_NAME["people"], 1.0)], ARRIVAL, 8)
