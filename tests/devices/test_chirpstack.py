"""ChirpStack's rules that no corpus row shows alone."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from devices.devicemodel import find
from devices.formats.chirpstack import encode, source
from devices.message import Decoded, Message, Reading, Reason, SourceConfig, TimeSource
from devices.schema import BY_NAME
from devices.timestamps import from_rfc3339
from tests.devices.test_thethingsstack import JSON, reasons, values

EUI = "24e124707c483636"
EVENT = f"application/1/device/{EUI}/event/"
ARRIVAL = 1_770_106_501_000_000_000
TIME = "2026-02-03T08:15:00.123456789+00:00"


def made(models: dict[str, str] | None = None, topic: str = "application") -> Any:
    return source(SourceConfig("cs", "fife", "chirpstack", topic, models=models or {}))


def decode(body: object, kind: str = "up", model: str = "") -> Decoded:
    payload = body if isinstance(body, bytes) else json.dumps(body).encode()
    decoded: Decoded = made({EUI: model}).decode(Message(EVENT + kind, payload, ARRIVAL))
    return decoded


def event(**parts: Any) -> dict[str, Any]:
    return {"deduplicationId": "d", "time": TIME, "deviceInfo": {"devEui": EUI}, **parts}


@pytest.mark.parametrize(
    ("parts", "battery"),
    [
        ({"externalPowerSource": True, "batteryLevel": 0.0}, None),
        ({"externalPowerSource": True, "batteryLevel": 100}, None),
        ({"batteryLevelUnavailable": True, "batteryLevel": 0.0}, None),
        ({"externalPowerSource": False, "batteryLevelUnavailable": False, "batteryLevel": 75.98}, 75.98),
        ({"batteryLevel": "full"}, None),
    ],
)
def test_a_status_tells_a_battery_only_where_there_is_one(parts: dict[str, Any], battery: float | None) -> None:
    decoded = decode(event(margin=8, **parts), "status")
    assert values(decoded) == ({} if battery is None else {"battery": battery})
    assert decoded.samples or reasons(decoded) == [Reason.NO_VALUE]


@pytest.mark.parametrize(
    ("kind", "reason"),
    [
        ("join", Reason.PRESENCE),
        ("ack", Reason.NO_VALUE),
        ("txack", Reason.NO_VALUE),
        ("log", Reason.NO_VALUE),
        ("location", Reason.NO_VALUE),
    ],
)
def test_other_events_hold_no_reading(kind: str, reason: Reason) -> None:
    assert reasons(decode(event(object={"humidity": 40}), kind)) == [reason]


def test_a_command_is_no_reading() -> None:
    decoded = made().decode(Message(f"application/1/device/{EUI}/command/down", b"{}", ARRIVAL))
    assert reasons(decoded) == [Reason.COMMAND]


def test_protobuf_is_named_with_its_mend() -> None:
    (reject,) = decode(b"\x0a\x24" + b"x" * 36).rejects
    assert reject.reason is Reason.MALFORMED
    assert "json=true" in reject.detail


def test_time_is_the_network_s_to_the_nanosecond() -> None:
    (sample,) = decode(event(object={"humidity": 40})).samples
    assert (sample.time, sample.time_source) == (from_rfc3339(TIME), TimeSource.NETWORK)


def test_the_device_profile_may_name_the_model() -> None:
    info = {"devEui": EUI, "deviceProfileName": "milesight/em300-mcs"}
    assert values(decode(event(deviceInfo=info, object={"magnet_status": "open"}))) == {"open": 1}


def test_version_3_has_base64_and_an_object_in_a_text() -> None:
    body = {"devEUI": "JOEkcHxINjY=", "fCnt": 1, "objectJSON": '{"temperature": 20.5, "humidity": 40}'}
    decoded = decode(body | {"rxInfo": [{"time": "2026-02-03T08:15:00Z", "rssi": -48, "loRaSNR": 9}]})
    assert decoded.address == EUI
    assert values(decoded) == {"temperature": 20.5, "humidity": 40, "rssi": -48, "snr": 9}
    assert decoded.samples[0].time_source is TimeSource.GATEWAY


def test_a_broken_object_text_is_said_and_the_bytes_are_read() -> None:
    body = event(objectJSON="{", data="AXVk")
    decoded = decode(body, model="milesight/am102")
    assert values(decoded) == {"battery": 100}
    assert reasons(decoded) == [Reason.MALFORMED]


@pytest.mark.parametrize(
    ("base", "wanted"),
    [
        ("application", "application/+/device/+/event/"),
        ("eu868/application", "eu868/application/+/device/+/event/"),
        ("application/7", "application/7/device/+/event/"),
    ],
)
def test_one_server_or_one_application(base: str, wanted: str) -> None:
    one = made(topic=base)
    assert one.filters == (f"{wanted}up", f"{wanted}status")
    assert one.claims(wanted.replace("+", "x") + "up")
    assert not one.claims("gateway/x/event/up")


@given(
    st.fixed_dictionaries(
        {"deviceInfo": st.just({"devEui": EUI}) | JSON},
        optional=dict.fromkeys(
            [
                "deduplicationId",
                "time",
                "fCnt",
                "fPort",
                "data",
                "object",
                "objectJSON",
                "rxInfo",
                "devEUI",
                "batteryLevel",
                "externalPowerSource",
            ],
            JSON,
        ),
    ),
    st.sampled_from(("up", "status")),
    st.sampled_from(("", "milesight/am307", "comtac/lpn-cm4")),
)
def test_nothing_breaks_it(body: object, kind: str, model: str) -> None:
    decoded = decode(body, kind, model)
    assert decoded.samples or decoded.rejects
    assert all(reject.detail.isprintable() for reject in decoded.rejects)


def test_encode_is_what_decode_reads() -> None:
    model = find("milesight/ws523")
    assert model is not None
    sent = [
        Reading(BY_NAME["power"], 50.0),
        Reading(BY_NAME["electricity_import"], 1.5),
        Reading(BY_NAME["switched"], 1.0),
    ]
    topic, payload = encode("1", EUI, model, sent, ARRIVAL, 7, profile="milesight/ws523")
    decoded = made().decode(Message(topic, payload, ARRIVAL))
    assert decoded.samples[0].readings == sent
    assert decoded.samples[0].time == ARRIVAL
