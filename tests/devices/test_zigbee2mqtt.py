"""The rules of the zigbee2mqtt format: what repeats, what is retained, what a description decides."""

import json
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from devices.formats.zigbee2mqtt import (
    encode,
    encode_availability,
    encode_bridge_state,
)
from devices.message import Message, Reading, Reason
from devices.schema import BY_NAME
from devices.timestamps import SECOND
from tests.devices.bridges import BASE, ROOM, T0, Json, binary, bridge, described, numeric, reasons, send, values


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
