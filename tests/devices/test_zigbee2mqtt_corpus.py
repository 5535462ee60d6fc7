"""Messages of real Zigbee2MQTT devices, each read by the description that the bridge gave of it."""

from devices.formats.zigbee2mqtt import source
from devices.message import Message, Source, SourceConfig
from tests.devices.vocabulary import expectations, payload_bytes, rows, unmet

ARRIVAL = 1_770_106_500_000_000_000
SAMPLES = ("state_samples.jsonl", "state_constructed_from_exposes.jsonl")


def bridge() -> Source:
    return source(SourceConfig("z2m", "fife", "zigbee2mqtt", "zigbee2mqtt"))


def described_bridge() -> Source:
    """One bridge that has described every device of the corpus; its list arrives whole, as the real one's does."""
    devices = [device for row in rows("zigbee2mqtt", "bridge_devices_exposes.jsonl") for device in row["payload"]]
    made = bridge()
    made.decode(Message("zigbee2mqtt/bridge/devices", payload_bytes({"payload": devices}), ARRIVAL, retained=True))
    return made


def test_every_expected_value_is_read() -> None:
    missing, wanted = [], 0
    for file in SAMPLES:
        made = described_bridge()
        for number, row in enumerate(rows("zigbee2mqtt", file), 1):
            expected = expectations(row["expect"])
            decoded = made.decode(Message(row["topic"].replace("<name>", f"n{number}"), payload_bytes(row), ARRIVAL))
            wanted += len(expected)
            missing += [(file, number, row.get("model"), *want) for want in unmet(expected, decoded)]
    print(f"\n{wanted - len(missing)} of {wanted} expected values; missing: {missing}")
    assert not missing


def test_nothing_is_read_that_must_be_rejected() -> None:
    made = described_bridge()
    for number, row in enumerate(rows("zigbee2mqtt", "state_samples.jsonl"), 1):
        decoded = made.decode(Message(row["topic"].replace("<name>", f"n{number}"), payload_bytes(row), ARRIVAL))
        for forbidden in expectations(row.get("expect_reject", ())):
            assert unmet([forbidden], decoded) == [forbidden]
        if not row["expect"]:
            assert not decoded.samples


def test_time_is_last_seen() -> None:
    made = described_bridge()
    for row in rows("zigbee2mqtt", "state_constructed_from_exposes.jsonl"):
        (sample,) = made.decode(Message(row["topic"], payload_bytes(row), ARRIVAL + 9)).samples
        told = "last_seen" in row["payload"]
        assert (sample.time, sample.time_source) == ((ARRIVAL, "gateway") if told else (None, "arrival"))
