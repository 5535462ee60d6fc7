"""Rules of the formats that a single message cannot show: options, routes, clocks, bounds and hostile descriptions."""

from collections.abc import Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st

from devices.message import Message, Reason, TimeSource
from devices.timestamps import SECOND
from tests.devices.sources import ARRIVAL, make, reasons, say, values

DESCRIBED = ("esphome", "homeassistant", "homie", "shelly1", "shelly2", "tasmota", "theengs")


@pytest.mark.parametrize("name", DESCRIBED)
def test_no_filter_asks_for_commands(name: str) -> None:
    made = make(name, "base")
    words = ("cmnd", "set", "command", "rpc/", "#")
    asked = [level for topic in made.filters for level in topic.split("/") if "RTL_433toMQTT" not in topic]
    assert made.filters
    assert not [level for level in asked if level in words]


@pytest.mark.parametrize(
    ("options", "topic", "address"),
    [
        ({"full_topic": "%topic%/%prefix%/"}, "council/desk/tele/SENSOR", "desk"),
        ({"full_topic": "site/%prefix%/%topic%/"}, "council/site/tele/desk/SENSOR", "desk"),
        ({}, "council/tele/hall/desk/SENSOR", "hall/desk"),
    ],
)
def test_full_topic_says_where_the_device_stands(options: Mapping[str, str], topic: str, address: str) -> None:
    made = make("tasmota", "council", options)
    assert made.claims(topic)
    assert not made.claims("elsewhere/tele/desk/SENSOR")
    decoded = say(made, topic, {"AM2301": {"Temperature": 20.5}})
    assert (decoded.address, values(decoded)) == (address, {"temperature": 20.5})


@pytest.mark.parametrize(
    ("name", "options", "said"),
    [
        ("tasmota", {"full_topic": "%topic%"}, "%prefix%"),
        ("tasmota", {"timezone": "Europe/Leith"}, "Europe/London"),
        ("shelly2", {"number:201": "warmth"}, "no field of the schema"),
        ("shelly2", {"number:201": "temperature kWh"}, "no unit of temperature"),
    ],
)
def test_a_wrong_option_says_how_to_mend_it(name: str, options: Mapping[str, str], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        make(name, "", options)


def test_shelly_1_reads_the_unit_that_its_owner_says() -> None:
    made = make("shelly1", "shellies", {"shellyht-1/temperature_unit": "F"})
    assert values(say(made, "shellies/shellyht-1/sensor/temperature", "70.7")) == pytest.approx({"temperature": 21.5})
    assert values(say(made, "shellies/shellyht-2/sensor/temperature", "21.5")) == {"temperature": 21.5}


def test_shelly_2_reads_virtual_components_that_are_named_in_options() -> None:
    options = {"bthomesensor:200": "temperature [degF]", "st/number:200": "humidity", "boolean:200": "heating"}
    made = make("shelly2", "", options)
    assert values(say(made, "gw/status/bthomesensor:200", {"value": 70.7})) == pytest.approx({"temperature": 21.5})
    assert values(say(made, "st/status/number:200", {"value": 58})) == {"humidity": 58}
    assert values(say(made, "st/status/boolean:200", {"value": True})) == {"heating": 1.0}
    assert reasons(say(made, "gw/status/number:200", {"value": 58})) == {Reason.NO_DESCRIPTION}


def test_shelly_2_returns_to_status_when_notifications_end() -> None:
    made = make("shelly2", "")
    rpc = {
        "src": "shellyplug-1",
        "method": "NotifyStatus",
        "params": {"ts": ARRIVAL / SECOND, "switch:0": {"apower": 5}},
    }
    status = {"id": 0, "apower": 6}
    assert values(say(made, "shellyplug-1/status/switch:0", status)) == {"power": 6}
    assert values(say(made, "shellyplug-1/events/rpc", rpc)) == {"power": 5}
    assert reasons(say(made, "shellyplug-1/status/switch:0", status, ARRIVAL + SECOND)) == {Reason.OTHER_ROUTE}
    assert values(say(made, "shellyplug-2/status/switch:0", status)) == {"power": 6}
    assert values(say(made, "shellyplug-1/status/switch:0", status, ARRIVAL + 3_601 * SECOND)) == {"power": 6}


def test_shelly_2_learns_from_the_registry_whether_temperature_is_the_rooms() -> None:
    made = make("shelly2", "", models={"attic": "Shelly H&T", "cellar": "Shelly Pro 3EM"})
    assert values(say(made, "cellar/status/temperature:0", {"tC": 41.0})) == {"device_temperature": 41.0}
    assert reasons(say(made, "loft/status/temperature:0", {"tC": 19.5})) == {Reason.NO_DESCRIPTION}
    full = {"src": "shellyhtg3-1", "method": "NotifyFullStatus", "params": {"ts": 1.3, "temperature:0": {"tC": 19.5}}}
    assert values(say(made, "loft/events/rpc", full)) == {"temperature": 19.5}


def ble(gateway: str, rssi: int, second: int) -> tuple[str, dict[str, object], int]:
    body: dict[str, object] = {"type": "THB", "tempc": 21.5, "rssi": rssi}
    return f"home/{gateway}/BTtoMQTT/A4C138000001", body, ARRIVAL + second * SECOND


def test_one_gateway_is_read_for_each_sensor() -> None:
    made = make("theengs", "home")
    told = [
        ("a", -80, 0),
        ("b", -79, 1),
        ("a", -80, 60),
        ("b", -60, 61),
        ("a", -80, 120),
        ("b", -60, 121),
        ("a", -80, 400),
    ]
    read = [bool(say(made, *ble(*one)).samples) for one in told]
    assert read == [True, False, True, False, False, True, True]


def test_a_flood_of_addresses_costs_bounded_memory() -> None:
    made = make("theengs", "home")
    for number in range(25_000):
        body = b'{"type":"THB","tempc":21.5,"rssi":-70}'
        made.decode(Message(f"home/g/BTtoMQTT/{number:012X}", body, ARRIVAL))
    assert len(vars(made)["_routes"]) <= 20_000


def test_a_telephone_leaves_no_trace() -> None:
    made = make("theengs", "home")
    decoded = say(made, "home/g/BTtoMQTT/A4C138000001", {"type": "TRACK", "id": "A4:C1:38:00:00:01", "batt": 50})
    assert not decoded.samples
    assert decoded.address == ""
    assert "A4" not in repr(decoded.rejects)


def test_homie_holds_no_retained_value() -> None:
    made = make("homie", "homie")
    say(made, "homie/room/sensor/temperature", "21.5", retained=True)
    say(made, "homie/room/sensor/temperature/$datatype", "float", retained=True)
    assert not say(made, "homie/room/sensor/temperature/$unit", "°C", retained=True).samples


def test_homie_holds_the_live_value_though_it_is_repeated() -> None:
    made = make("homie", "homie")
    say(made, "homie/room/sensor/temperature", "21.5")
    say(made, "homie/room/sensor/temperature", "21.5", ARRIVAL + SECOND, retained=True)
    say(made, "homie/room/sensor/temperature/$datatype", "float", retained=True)
    (sample,) = say(made, "homie/room/sensor/temperature/$unit", "°C", retained=True).samples
    assert (sample.time, sample.time_source) == (ARRIVAL, TimeSource.ARRIVAL)


def test_discovered_topics_are_subscribed_to() -> None:
    made = make("homeassistant", "homeassistant")
    config = {
        "stat_t": "acme/1/s",
        "avty_t": "acme/1/a",
        "dev_cla": "temperature",
        "unit_of_meas": "°C",
        "uniq_id": "u",
    }
    assert not made.claims("acme/1/s")
    say(made, "homeassistant/sensor/x/config", config, retained=True)
    assert {"acme/1/s", "acme/1/a"} <= set(made.filters)
    assert made.claims("acme/1/s")
    again = make("homeassistant", "homeassistant")
    again.restore(made.state())
    assert again.filters == made.filters


def test_a_description_without_end_is_not_taken() -> None:
    huge = {
        "cmps": {
            str(n): {"p": "sensor", "stat_t": "a/s", "dev_cla": "power", "unit_of_meas": "W"} for n in range(5_000)
        }
    }
    made = make("homeassistant", "homeassistant")
    assert reasons(say(made, "homeassistant/device/x/config", huge)) == {Reason.TOO_LARGE}
    assert (made.state(), made.claims("a/s")) == ({}, False)
    few = {"cmps": dict(list(huge["cmps"].items())[:1_000])}
    assert reasons(say(made, "homeassistant/device/x/config", few)) == {Reason.DESCRIPTION}
    assert len(say(made, "a/s", "5").samples[0].readings) == 256


@pytest.mark.parametrize("name", ["Maximum power", "Power limit", "Target power", "Power alarm threshold"])
def test_a_limit_is_no_measurement(name: str) -> None:
    made = make("homeassistant", "homeassistant")
    config = {"stat_t": "a/s", "name": name, "dev_cla": "power", "unit_of_meas": "W", "uniq_id": "u"}
    say(made, "homeassistant/sensor/x/config", config)
    assert not say(made, "a/s", "5").samples


@pytest.mark.parametrize("name", DESCRIBED)
@given(topic=st.text(max_size=40), payload=st.binary(max_size=40))
def test_no_topic_raises(name: str, topic: str, payload: bytes) -> None:
    made = make(name, "b")
    for whole in (topic, f"b/{topic}", f"b/x/{topic}/y", f"homeassistant/sensor/{topic}/config"):
        made.claims(whole)
        made.describes(whole)
        made.decode(Message(whole, payload, ARRIVAL))
