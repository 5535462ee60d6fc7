"""Uplinks of real LoRaWAN devices, through The Things Stack and ChirpStack, raw and decoded by the server."""

from base64 import b64decode
from collections.abc import Iterator
from typing import Any

import pytest

from devices.devicemodel import find
from devices.formats import chirpstack, thethingsstack
from devices.message import Decoded, Message, Reason, Source, SourceConfig
from tests.devices.vocabulary import expectations, payload_bytes, rows, unmet

ARRIVAL = 1_770_106_500_000_000_000
FORMATS = {"tts": thethingsstack, "chirpstack": chirpstack}
FOUND_WRONG = {
    "EM300-SLD-ZLD 20ce9e744663 1001 5d 01": "the corpus says 79 %RH, from another byte; 5d is 93, half of it is 46.5",
    "emu-prof-ii": "the corpus calls exported energy energy; here it is stored as exported",
    "t-valve": "water and room have the same temperature, and the vocabulary takes the first",
}
"""why not all of the expected values are met"""


def address(payload: dict[str, Any]) -> str:
    told = (payload.get("end_device_ids") or {}).get("dev_eui") or (payload.get("deviceInfo") or {}).get("devEui")
    return str(told).lower() if told else b64decode(payload["devEUI"]).hex()


def source(folder: str, row: dict[str, Any], *, named: bool = True) -> Source:
    module = FORMATS[folder]
    models = {address(row["payload"]): row["model"]} if named else {}
    config = SourceConfig("lora", "fife", module.__name__.split(".")[-1], module.DEFAULT_TOPIC, models=models)
    made: Source = module.source(config)
    return made


def decoded_rows(folder: str) -> Iterator[tuple[dict[str, Any], Decoded]]:
    """Every row, with what of its readings is plausible."""
    for row in rows(folder):
        made = source(folder, row)
        assert made.claims(row["topic"])
        decoded = made.decode(Message(row["topic"], payload_bytes(row), ARRIVAL))
        for sample in decoded.samples:
            sample.readings = [r for r in sample.readings if r.field.low <= r.value <= r.field.high]
        yield row, decoded


@pytest.mark.parametrize("folder", FORMATS)
def test_expected_values_are_read(folder: str) -> None:
    wanted, missing = 0, []
    for row, decoded in decoded_rows(folder):
        expected = expectations(row.get("expect") or ())
        wanted += len(expected)
        missing += [(row["model"], *want) for want in unmet(expected, decoded)]
    print(f"\n{folder}: {wanted - len(missing)} of {wanted}; missing: {missing}")
    assert len(missing) <= {"tts": 3, "chirpstack": 1}[folder], FOUND_WRONG
    assert wanted > {"tts": 590, "chirpstack": 470}[folder]


@pytest.mark.parametrize("folder", FORMATS)
def test_nothing_is_read_that_must_be_rejected(folder: str) -> None:
    for row, decoded in decoded_rows(folder):
        for forbidden in expectations(row.get("expect_reject", ())):
            assert unmet([forbidden], decoded) == [forbidden], row["model"]
        if row.get("expect") == []:
            assert not decoded.samples


@pytest.mark.parametrize("folder", FORMATS)
def test_every_row_has_readings_or_a_reason(folder: str) -> None:
    for row, decoded in decoded_rows(folder):
        assert decoded.address == address(row["payload"])
        assert decoded.samples or decoded.rejects, row["model"]


@pytest.mark.parametrize("folder", FORMATS)
def test_bytes_of_an_unnamed_model_are_not_guessed(folder: str) -> None:
    for row in rows(folder, "thingsboard_uplinks_raw.jsonl"):
        named = find((row["payload"].get("deviceInfo") or {}).get("deviceProfileName", ""))
        if row["topic"].endswith("/up") and not named:
            decoded = source(folder, row, named=False).decode(Message(row["topic"], payload_bytes(row), ARRIVAL))
            assert not decoded.samples
            assert decoded.rejects[0].reason is Reason.UNKNOWN_FIELD
            assert "registry" in decoded.rejects[0].detail


@pytest.mark.parametrize("folder", FORMATS)
def test_an_uplink_that_comes_twice_counts_once_and_a_replay_is_read(folder: str) -> None:
    for row in rows(folder):
        made = source(folder, row)
        first = made.decode(Message(row["topic"], payload_bytes(row), ARRIVAL))
        if not first.samples or not row["topic"].endswith("/up"):
            continue
        again = made.decode(Message(row["topic"], payload_bytes(row), ARRIVAL + 1))
        assert [reject.reason for reject in again.rejects] == [Reason.UNCHANGED]
        assert made.decode(Message(row["topic"], payload_bytes(row), ARRIVAL)).samples == first.samples
