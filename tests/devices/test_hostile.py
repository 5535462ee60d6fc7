"""What the fuzzer found once, kept as cases of its own."""

import json

import orjson
import pytest

from devices.decode import Decoder
from devices.devicemodel import LONGEST_KEY, MAX_KEYS, find
from devices.formats import make_source
from devices.meaning import MAX_NAME, meaning
from devices.message import Message, Reason, Source, SourceConfig
from devices.model import Estate
from devices.normalise import normalise
from devices.text import show
from tests.devices import recorded
from tests.devices.recorded import ARRIVAL, COUNCIL

DEEP = "[" * 300 + "]" * 300


def source(name: str, topic: str) -> Source:
    return make_source(SourceConfig("s", COUNCIL, name, topic))


def whole_estate() -> Estate:
    return recorded.estate(recorded.recorded("native"))


def test_what_is_nested_too_deep_to_be_written_is_shown() -> None:
    """orjson reads 1,024 levels and writes 254."""
    assert show(orjson.loads(DEEP)) == "[…]"
    assert show(orjson.loads('{"a":' * 1_000 + "1" + "}" * 1_000)) == "{…}"


@pytest.mark.parametrize("key", ["temperature", "occupancy", "battery"])
def test_a_deep_value_is_rejected_and_raises_nothing(key: str) -> None:
    made = source("zigbee2mqtt", "zigbee2mqtt")
    decoded = made.decode(Message("zigbee2mqtt/hall", f'{{"{key}": {DEEP}}}'.encode(), ARRIVAL))
    assert [reject.reason for reject in decoded.rejects] == [Reason.WRONG_TYPE]


def test_a_word_of_a_description_that_is_nested_too_deep_is_not_remembered() -> None:
    made = source("zigbee2mqtt", "zigbee2mqtt")
    expose = f'{{"type": "binary", "name": "contact", "property": "contact", "access": 1, "value_on": {DEEP}}}'
    device = f'{{"friendly_name": "door", "definition": {{"exposes": [{expose}]}}}}'
    made.decode(Message("zigbee2mqtt/bridge/devices", f"[{device}]".encode(), ARRIVAL))
    again = source("zigbee2mqtt", "zigbee2mqtt")
    again.restore(made.state())
    (sample,) = again.decode(Message("zigbee2mqtt/door", b'{"contact": true}', ARRIVAL)).samples
    assert [(reading.field.name, reading.value) for reading in sample.readings] == [("open", 1.0)]


@pytest.mark.parametrize("stamp", ["9999-12-31T23:59:59Z", "0001-01-01T00:00:00Z", 99_999_999_999_999, 10**13])
def test_a_time_beyond_64_bits_can_be_remembered(stamp: object) -> None:
    made = source("zigbee2mqtt", "zigbee2mqtt")
    body = json.dumps({"temperature": 20.5, "last_seen": stamp}).encode()
    assert made.decode(Message("zigbee2mqtt/hall", body, ARRIVAL)).samples
    source("zigbee2mqtt", "zigbee2mqtt").restore(made.state())
    fresh = made.decode(Message("zigbee2mqtt/hall", b'{"temperature": 20.5}', ARRIVAL))
    assert fresh.samples


def test_an_old_birth_without_metrics_has_a_reason() -> None:
    made = source("sparkplug", "spBv1.0")
    made.decode(Message("spBv1.0/hall/NBIRTH/node", b"", ARRIVAL))
    decoded = made.decode(Message("spBv1.0/hall/NBIRTH/node", b"", ARRIVAL - 1))
    assert [reject.reason for reject in decoded.rejects] == [Reason.DESCRIPTION]


def test_an_address_that_nobody_knows_is_safe_to_print() -> None:
    body = json.dumps({"model": "LaCrosse", "id": "\0\n\x1b[2J", "temperature_C": 4.5}).encode()
    outcome = Decoder(whole_estate()).decode(Message("home/gw1/RTL_433toMQTT", body, ARRIVAL))
    (reject,) = outcome.rejects
    assert reject.reason is Reason.UNKNOWN_DEVICE
    assert reject.detail.isprintable()


def test_names_from_outside_cost_bounded_memory() -> None:
    model = find("Milesight EM300-TH")
    assert model is not None
    names = [f"k{number}" for number in range(2 * MAX_KEYS)] + ["x" * (LONGEST_KEY + 1)]
    for name in names:
        normalise(model, {name: 1}, None)
    assert len(model.keys) <= MAX_KEYS
    assert max(map(len, model.keys)) <= LONGEST_KEY
    assert meaning("temperature/" + "x" * MAX_NAME, "Cel") == meaning("temperature/" + "x" * MAX_NAME + "y", "Cel")
