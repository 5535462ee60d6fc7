"""The make and model that messages name, in the way that each maker's documentation gives them."""

import json
from typing import Any

import pytest

from devices.message import Message
from devices.recognise import models

CASES: list[tuple[str, str, str, Any, dict[str, str]]] = [
    (
        "tasmota",
        "",
        "tasmota/discovery/00000049A3BC/config",
        {"t": "tasmota_49A3BC", "md": "NOUS A1T", "mac": "00000049A3BC", "rl": [1]},
        {"tasmota_49A3BC": "NOUS A1T"},
    ),
    ("tasmota", "", "tele/tasmota_49A3BC/SENSOR", {"t": "x", "md": "y"}, {}),
    (
        "shelly2",
        "site",
        "site/hall/plug/events/rpc",
        {"src": "shellyplus1pm-a8032ab11964", "method": "NotifyStatus"},
        {"hall/plug": "Shelly shellyplus1pm"},
    ),
    ("shelly1", "shellies", "shellies/shellyem3-AABBCC/emeter/0/power", 12.5, {"shellyem3-AABBCC": "Shelly shellyem3"}),
    (
        "thethingsstack",
        "v3",
        "v3/a@ttn/devices/d/up",
        {
            "end_device_ids": {"dev_eui": "70B3D57ED0000001"},
            "uplink_message": {"version_ids": {"brand_id": "milesight-iot", "model_id": "am107"}},
        },
        {"70b3d57ed0000001": "Milesight AM107"},
    ),
    (
        "chirpstack",
        "application",
        "application/1/device/70b3d57ed0000001/event/up",
        {"deviceInfo": {"devEui": "70b3d57ed0000001", "deviceProfileName": "Council's own sensor"}},
        {"70b3d57ed0000001": "Council's own sensor"},
    ),
    (
        "theengs",
        "home",
        "home/gw/BTtoMQTT/A4C138AABBCC",
        {"id": "A4:C1:38:AA:BB:CC", "brand": "Xiaomi", "model": "LYWSD03MMC"},
        {"A4C138AABBCC": "Xiaomi LYWSD03MMC"},
    ),
    (
        "homeassistant",
        "homeassistant",
        "homeassistant/sensor/x/config",
        {"device": {"identifiers": ["env-1"], "manufacturer": "Acme", "model": "E1"}},
        {"env-1": "Acme E1"},
    ),
    ("zigbee2mqtt", "z", "z/bridge/devices", [{"friendly_name": "door"}, 7, {"definition": {"vendor": "A"}}], {}),
    ("senml", "s", "s/x", [{"n": "x", "v": 1}], {}),
]


@pytest.mark.parametrize(("format_", "base", "topic", "body", "named"), CASES)
def test_a_message_names_the_model(format_: str, base: str, topic: str, body: Any, named: dict[str, str]) -> None:
    assert dict(models(format_, base, Message(topic, json.dumps(body).encode(), 0))) == named


@pytest.mark.parametrize(
    "format_", ["tasmota", "shelly2", "thethingsstack", "zigbee2mqtt", "homeassistant", "chirpstack"]
)
@pytest.mark.parametrize("payload", [b"", b"{", b"[]", b"null", b'"x"', b'{"uplink_message": 7, "deviceInfo": []}'])
def test_what_is_no_such_message_names_nothing(format_: str, payload: bytes) -> None:
    topic = {"tasmota": "tasmota/discovery/x/config", "zigbee2mqtt": "z/bridge/devices"}.get(format_, "x/events/rpc")
    assert list(models(format_, "", Message(topic, payload, 0))) == []
