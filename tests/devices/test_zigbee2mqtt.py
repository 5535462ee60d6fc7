"""The rules of the zigbee2mqtt format: what repeats, what is retained, what a description decides."""

import json
import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from devices.formats.zigbee2mqtt import (
    Described,
    encode,
    encode_availability,
    encode_bridge_state,
    encode_devices,
    source,
)
from devices.model import SECOND, Decoded, Message, Reading, Reason, Source, SourceConfig
from devices.schema import BY_NAME

BASE = "zigbee2mqtt"
T0 = 1_795_428_900 * SECOND
Json = Any


def numeric(name: str, unit: str | None = None, **more: Json) -> dict[str, Json]:
    return {"type": "numeric", "name": name, "property": name, "access": 1, **({"unit": unit} if unit else {}), **more}


def binary(name: str, on: Json, off: Json, **more: Json) -> dict[str, Json]:
    return {"type": "binary", "name": name, "property": name, "access": 1, "value_on": on, "value_off": off, **more}


def described(name: str, *exposes: dict[str, Json], power_source: str = "Mains (single phase)") -> Described:
    return Described("0x00158d0001020304", name, power_source, {"model": "M", "vendor": "V", "exposes": list(exposes)})


def bridge(*devices: Described, **options: str) -> Source:
    made = source(SourceConfig("z2m", "fife", "zigbee2mqtt", BASE, options=options))
    if devices:
        topic, payload = encode_devices(BASE, devices)
        made.decode(Message(topic, payload, T0, retained=True))
    return made


def send(made: Source, name: str, body: Json, at: float = 0, *, retained: bool = False) -> Decoded:
    payload = body.encode() if isinstance(body, str) else json.dumps(body).encode()
    return made.decode(Message(f"{BASE}/{name}", payload, T0 + round(at * SECOND), retained))


def values(decoded: Decoded) -> dict[str, float]:
    return {
        f"{reading.field.name} {reading.channel}".rstrip(): reading.value
        for sample in decoded.samples
        for reading in sample.readings
    }


def reasons(decoded: Decoded) -> list[Reason]:
    return [reject.reason for reject in decoded.rejects]


ROOM = described("room", numeric("temperature", "°C"), numeric("humidity", "%"), power_source="Battery")


def test_only_what_changed_is_read_again() -> None:
    made = bridge(ROOM)
    assert values(send(made, "room", {"temperature": 20, "humidity": 40})) == {"temperature": 20, "humidity": 40}
    assert values(send(made, "room", {"temperature": 21, "humidity": 40}, 10)) == {"temperature": 21}
    assert reasons(send(made, "room", {"temperature": 21, "humidity": 40}, 20)) == [Reason.UNCHANGED]


def test_an_unchanged_value_is_read_once_in_a_heartbeat() -> None:
    made = bridge(ROOM)
    send(made, "room", {"temperature": 20})
    assert not values(send(made, "room", {"temperature": 20}, 299))
    assert values(send(made, "room", {"temperature": 20}, 300)) == {"temperature": 20}
    assert not values(send(made, "room", {"temperature": 20}, 599))


def test_the_heartbeat_follows_last_seen() -> None:
    made = bridge(ROOM)
    send(made, "room", {"temperature": 20, "last_seen": "2026-11-23T10:15:00.000Z"})
    assert not values(send(made, "room", {"temperature": 20, "last_seen": "2026-11-23T10:15:00.000Z"}, 400))
    assert values(send(made, "room", {"temperature": 20, "last_seen": "2026-11-23T10:20:00.000Z"}, 401))


def test_the_heartbeat_is_an_option() -> None:
    made = bridge(ROOM, heartbeat_s="60")
    send(made, "room", {"temperature": 20})
    assert values(send(made, "room", {"temperature": 20}, 60))


@pytest.mark.parametrize("text", ["soon", "0", "-1", "nan", "inf"])
def test_a_heartbeat_that_is_none_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="write a number of seconds"):
        bridge(heartbeat_s=text)


def test_a_restarted_bridge_repeats_nothing_new() -> None:
    made = bridge(ROOM)
    send(made, "room", {"temperature": 20, "humidity": 40})
    send(made, "bridge/state", {"state": "offline"}, 3_600)
    send(made, "bridge/state", {"state": "online"}, 3_610)
    assert values(send(made, "room", {"temperature": 20, "humidity": 45}, 3_612)) == {"humidity": 45}
    assert values(send(made, "room", {"temperature": 20, "humidity": 45}, 3_620)) == {"temperature": 20}


def test_a_minute_after_the_restart_the_heartbeat_holds_again() -> None:
    made = bridge(ROOM)
    send(made, "room", {"temperature": 20})
    send(made, "bridge/state", "online", 3_600)
    assert values(send(made, "room", {"temperature": 20}, 3_661)) == {"temperature": 20}


def test_our_own_reconnect_is_no_restart_of_the_bridge() -> None:
    made = bridge(ROOM)
    send(made, "bridge/state", {"state": "online"}, 1, retained=True)
    send(made, "room", {"temperature": 20}, 2)
    send(made, "bridge/state", {"state": "online"}, 400, retained=True)
    assert values(send(made, "room", {"temperature": 20}, 401)) == {"temperature": 20}


def test_a_bridge_that_came_back_while_we_were_away_has_restarted() -> None:
    made = bridge(ROOM)
    send(made, "room", {"temperature": 20}, 2)
    send(made, "bridge/state", {"state": "offline"}, 3)
    send(made, "bridge/state", {"state": "online"}, 400, retained=True)
    assert reasons(send(made, "room", {"temperature": 20}, 401)) == [Reason.UNCHANGED]


def test_memory_survives_a_restart_of_ours() -> None:
    made = bridge(described("plug", binary("occupancy", True, False), numeric("pressure", "kPa")), ROOM)
    send(made, "bridge/groups", [{"id": 1, "friendly_name": "all"}])
    send(made, "bridge/state", "online")
    send(made, "plug", {"pressure": 101.3, "occupancy": True})
    kept = made.state()
    assert made.state() == {}
    send(made, "plug", {"pressure": 101.4, "occupancy": True}, 5)
    changed = made.state()
    assert list(changed) == ["written/plug"]
    after = bridge()
    after.restore(kept | changed)
    assert reasons(send(after, "plug", {"pressure": 101.4, "occupancy": True}, 6)) == [Reason.UNCHANGED]
    assert values(send(after, "plug", {"pressure": 101.5, "occupancy": True}, 7)) == {"pressure": 1015}
    assert reasons(send(after, "all", {"state": "ON"}, 8)) == [Reason.OTHER_ROUTE]
    assert values(send(after, "plug", {"occupancy": True}, 400)) == {"occupied": 1}


def test_a_removed_device_is_forgotten() -> None:
    made = bridge(ROOM)
    made.state()
    topic, payload = encode_devices(BASE, [])
    made.decode(Message(topic, payload, T0))
    assert made.state() == {"plan/room": b""}


def test_retained_without_last_seen_is_no_reading() -> None:
    made = bridge(ROOM)
    assert reasons(send(made, "room", {"temperature": 20}, retained=True)) == [Reason.RETAINED]
    assert reasons(send(made, "room/temperature", "20", retained=True)) == [Reason.RETAINED]
    assert reasons(send(made, "room", {"temperature": 20, "last_seen": "2026-11-23T10:15:00"}, retained=True)) == [
        Reason.RETAINED
    ]
    seen = send(made, "room", {"temperature": 20, "last_seen": "2026-11-23T10:14:00Z"}, retained=True)
    assert seen.samples[0].time == T0 - 60 * SECOND


@pytest.mark.parametrize(
    ("last_seen", "time"),
    [
        ("2026-11-23T10:15:00.500Z", T0 + SECOND // 2),
        ("2026-11-23T11:15:00+01:00", T0),
        (1_795_428_900_500, T0 + SECOND // 2),
        ("2026-11-23T10:15:00", None),
        (1_795_428_900, None),
        (True, None),
        (None, None),
    ],
)
def test_last_seen(last_seen: Json, time: int | None) -> None:
    decoded = send(bridge(ROOM), "room", {"temperature": 20, "last_seen": last_seen})
    assert decoded.samples[0].time == time


@pytest.mark.parametrize(
    ("on", "off", "value", "is_open"),
    [
        (False, True, False, 1),
        (False, True, True, 0),
        (True, False, True, 1),
        ("ON", "OFF", "ON", 1),
        ("ON", "OFF", "OFF", 0),
    ],
)
def test_a_contact_is_open_at_its_value_on(on: Json, off: Json, value: Json, is_open: float) -> None:
    assert values(send(bridge(described("door", binary("contact", on, off))), "door", {"contact": value})) == {
        "open": is_open
    }


def test_a_word_that_the_description_does_not_know_is_no_state() -> None:
    made = bridge(described("door", binary("contact", False, True)))
    assert reasons(send(made, "door", {"contact": "ajar"})) == [Reason.WRONG_TYPE]


@pytest.mark.parametrize(
    ("expose", "sent", "read"),
    [
        (
            numeric("voltage", "mV", description="Voltage of the battery in millivolts"),
            2_985,
            {"battery_voltage": 2.985},
        ),
        (numeric("voltage", "V", description="Measured electrical potential value"), 230.4, {"voltage": 230.4}),
        (numeric("pressure", "hPa"), 1009.4, {"pressure": 1009.4}),
        (numeric("pressure", "kPa"), 100.94, {"pressure": 1009.4}),
        (numeric("voc", "ppb"), 120, {"tvoc": 120}),
        (numeric("voc", "ppm"), 0.12, {"tvoc": 120}),
        (numeric("voc", "µg/m³"), 231, {"tvoc_mass": 231}),
        (numeric("formaldehyd", "µg/m³"), 12, {"formaldehyde": 0.012}),
        (numeric("hcho", "mg/m³"), 0.012, {"formaldehyde": 0.012}),
        (numeric("current", "mA"), 280, {"current": 0.28}),
        (numeric("power_factor", "%"), 92, {"power_factor": 0.92}),
        (numeric("produced_energy", "kWh"), 0.52, {"electricity_export": 0.52}),
        (numeric("distance", "m"), 1.8, {"distance": 1_800}),
        (numeric("water_consumed", "L"), 1_250, {"water": 1.25}),
        (numeric("power_phase_b", "W"), 63, {"power b": 63}),
        (numeric("temperature", "°C", category="config"), 20, {}),
        (numeric("temperature", "°C") | {"access": 2}, 20, {}),
        (numeric("comfort_temperature", "°C"), 20, {}),
        (numeric("position", "%"), 60, {}),
    ],
)
def test_the_description_gives_unit_and_meaning(expose: dict[str, Json], sent: float, read: dict[str, float]) -> None:
    assert values(send(bridge(described("d", expose)), "d", {expose["property"]: sent})) == read


def test_a_unit_that_is_not_known_is_told_once() -> None:
    made = bridge(described("d", numeric("temperature", "°F")))
    assert reasons(send(made, "d", {"temperature": 68})) == [Reason.WRONG_UNIT]
    assert reasons(send(made, "d", {"temperature": 69})) == [Reason.NO_VALUE]


def light(*features: dict[str, Json], endpoint: str = "") -> dict[str, Json]:
    return {"type": "light", "features": list(features), **({"endpoint": endpoint} if endpoint else {})}


def test_a_light() -> None:
    bulb = described(
        "bulb",
        light(
            binary("state", "ON", "OFF"),
            numeric("brightness", value_min=0, value_max=254),
            numeric("color_temp", "mired", value_min=150, value_max=500),
        ),
    )
    read = values(send(bridge(bulb), "bulb", {"state": "ON", "brightness": 254, "color_temp": 250}))
    assert read == {"on": 1, "brightness": 100, "color_temperature": 4_000}


def test_brightness_has_the_scale_of_its_description() -> None:
    bulb = described("bulb", light(numeric("brightness", value_min=0, value_max=1_000)))
    assert values(send(bridge(bulb), "bulb", {"brightness": 500})) == {"brightness": 50}


def test_a_relay_with_two_channels() -> None:
    relay = described(
        "relay",
        *(
            {
                "type": "switch",
                "endpoint": side,
                "features": [binary("state", "ON", "OFF") | {"property": f"state_{side}"}],
            }
            for side in ("l1", "left")
        ),
    )
    assert values(send(bridge(relay), "relay", {"state_l1": "ON", "state_left": "OFF"})) == {
        "switched l1": 1,
        "switched left": 0,
    }


def test_a_setting_with_the_shape_of_a_switch_is_no_switch() -> None:
    setting = {"type": "switch", "features": [binary("state", "ON", "OFF") | {"property": "window_detection"}]}
    assert not values(send(bridge(described("trv", setting)), "trv", {"window_detection": "ON"}))


def test_heat_demand_wins_over_valve_position() -> None:
    trv = described("trv", numeric("valve_position", "%"), numeric("pi_heating_demand", "%"))
    assert values(send(bridge(trv), "trv", {"valve_position": 30, "pi_heating_demand": 35})) == {"valve_position": 35}


def test_the_temperature_of_a_relay_is_its_own() -> None:
    relay = {"type": "switch", "features": [binary("state", "ON", "OFF")]}
    breaker = described("breaker", relay, numeric("current", "A"), numeric("temperature", "°C"))
    assert values(send(bridge(breaker), "breaker", {"temperature": 48})) == {"device_temperature": 48}


@pytest.mark.parametrize("nothing", [None, "", "NaN", "unknown"])
def test_no_value(nothing: Json) -> None:
    assert reasons(send(bridge(ROOM), "room", {"temperature": nothing})) == [Reason.NO_VALUE]


@pytest.mark.parametrize("wrong", [True, "warm", [20], {"value": 20}])
def test_what_is_no_number(wrong: Json) -> None:
    decoded = send(bridge(ROOM), "room", {"temperature": wrong, "humidity": 40})
    assert (reasons(decoded), values(decoded)) == ([Reason.WRONG_TYPE], {"humidity": 40})


def test_without_a_description_only_the_certain_is_read() -> None:
    decoded = send(bridge(), "new", {"temperature": 20, "pressure": 101.3, "voc": 120, "state": "ON", "contact": False})
    assert values(decoded) == {"temperature": 20, "pressure": 1013, "open": 1}
    assert reasons(decoded) == [Reason.NO_DESCRIPTION]
    assert decoded.rejects[0].detail == "new: voc, state"


def test_a_device_that_the_bridge_does_not_support_is_read_as_not_described() -> None:
    made = bridge()
    devices = [{"friendly_name": "odd", "definition": None}, {"friendly_name": "Coordinator", "type": "Coordinator"}]
    assert reasons(send(made, "bridge/devices", devices)) == [Reason.DESCRIPTION]
    assert values(send(made, "odd", {"temperature": 20})) == {"temperature": 20}


def test_attribute_output() -> None:
    made = bridge(ROOM)
    decoded = send(made, "room/temperature", "21.4")
    assert (decoded.address, values(decoded)) == ("room", {"temperature": 21.4})
    assert reasons(send(made, "room", {"temperature": 21.4}, 1)) == [Reason.UNCHANGED]
    assert reasons(send(made, "room/update", {"state": "idle"})) == [Reason.NO_VALUE]


def test_attribute_output_of_words() -> None:
    made = bridge(described("a/b", binary("occupancy", True, False), light(binary("state", "ON", "OFF"))))
    assert values(send(made, "a/b/occupancy", "true")) == {"occupied": 1}
    assert values(send(made, "a/b/state", "OFF")) == {"on": 0}


@pytest.mark.parametrize(
    ("rest", "reason"),
    [
        ("room/set", Reason.COMMAND),
        ("room/get", Reason.COMMAND),
        ("room/l1/set", Reason.COMMAND),
        ("room/set/temperature", Reason.COMMAND),
        ("bridge/request/device/rename", Reason.COMMAND),
        ("bridge/info", Reason.DESCRIPTION),
        ("bridge/logging", Reason.DESCRIPTION),
        ("bridge/response/device/rename", Reason.DESCRIPTION),
    ],
)
def test_what_is_no_state(rest: str, reason: Reason) -> None:
    decoded = send(bridge(ROOM), rest, {"temperature": 20})
    assert (reasons(decoded), decoded.samples, decoded.address) == ([reason], [], "")


def test_a_device_may_be_called_set() -> None:
    assert values(send(bridge(ROOM._replace(friendly_name="hall/set")), "hall/set", {"humidity": 40})) == {
        "humidity": 40
    }


@pytest.mark.parametrize("payload", ['{"state":"offline"}', "offline"])
def test_presence(payload: str) -> None:
    made = bridge(ROOM)
    device, whole = send(made, "room/availability", payload, retained=True), send(made, "bridge/state", payload)
    assert (device.address, device.presence, reasons(device)) == ("room", False, [Reason.PRESENCE])
    assert (whole.address, whole.presence, reasons(whole)) == ("", False, [Reason.PRESENCE])


def test_an_empty_availability_says_nothing() -> None:
    decoded = send(bridge(ROOM), "room/availability", "")
    assert (decoded.presence, reasons(decoded)) == (None, [Reason.PRESENCE])


@pytest.mark.parametrize("online", [True, False])
def test_presence_is_reversed(online: bool) -> None:
    made = bridge()
    for topic, payload in (encode_availability(BASE, "a/b", online=online), encode_bridge_state(BASE, online=online)):
        assert made.decode(Message(topic, payload, T0)).presence is online


PLUG = described(
    "plug",
    {"type": "switch", "features": [binary("state", "ON", "OFF")]},
    numeric("power", "W"),
    numeric("current", "mA"),
    numeric("energy", "kWh"),
    binary("contact", False, True),
    numeric("pressure", "kPa"),
)


def test_encode_writes_the_device_s_own_words() -> None:
    sent = [("switched", 1.0), ("current", 0.28), ("open", 1.0), ("pressure", 1009.4)]
    readings = [Reading(BY_NAME[name], value) for name, value in sent]
    topic, payload = encode(BASE, "plug", PLUG.plan(), readings, T0, {"update": {"state": "idle"}})
    assert topic == "zigbee2mqtt/plug"
    assert json.loads(payload) == {
        "update": {"state": "idle"},
        "state": "ON",
        "current": 280,
        "contact": False,
        "pressure": 100.94,
        "last_seen": "2026-11-23T10:15:00.000Z",
    }


def test_encode_says_what_the_device_does_not_have() -> None:
    with pytest.raises(LookupError, match="plug has no property for humidity"):
        encode(BASE, "plug", PLUG.plan(), [Reading(BY_NAME["humidity"], 40)])


@given(
    st.floats(0, 3_000).map(lambda value: round(value, 2)),
    st.floats(0, 16).map(lambda value: round(value, 3)),
    st.sampled_from((0.0, 1.0)),
)
def test_encode_is_reversed(power: float, current: float, on: float) -> None:
    sent = {"power": power, "current": current, "switched": on}
    topic, payload = encode(BASE, "plug", PLUG.plan(), [Reading(BY_NAME[name], value) for name, value in sent.items()])
    assert values(bridge(PLUG).decode(Message(topic, payload, T0))) == pytest.approx(sent)


KEYS = st.sampled_from(["temperature", "contact", "state", "voltage_l1", "last_seen", "friendly_name", "definition"])
JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**64 - 1) | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=12) | KEYS, inner, max_size=6),
    max_leaves=12,
)
RESTS = st.sampled_from(["room", "new", "room/temperature", "bridge/devices", "bridge/state", "x/availability"])


@given(
    RESTS | st.text(max_size=30),
    st.binary(max_size=100) | JSON.map(lambda body: json.dumps(body).encode()),
    st.booleans(),
)
def test_anything_is_decoded_or_explained(rest: str, payload: bytes, retained: bool) -> None:
    decoded = bridge(ROOM).decode(Message(f"{BASE}/{rest}", payload, T0, retained))
    assert decoded.samples or decoded.rejects
    assert all(math.isfinite(reading.value) for sample in decoded.samples for reading in sample.readings)
    assert all(reject.detail.isprintable() and len(reject.detail) <= 220 for reject in decoded.rejects)


EXPOSES = st.dictionaries(
    st.sampled_from(["type", "name", "property", "access", "unit", "value_on", "value_off", "value_max", "features"]),
    JSON | st.sampled_from(["numeric", "binary", "light", "temperature", "brightness", "°C", 1]),
)


@given(st.lists(EXPOSES | JSON, max_size=5), JSON)
def test_any_description_is_survived(exposes: list[Json], power_source: Json) -> None:
    made = bridge()
    device = {"friendly_name": "d", "definition": {"exposes": exposes}, "power_source": power_source}
    send(made, "bridge/devices", [device])
    send(made, "d", {"temperature": 20, "brightness": 10})
    bridge().restore(made.state())
