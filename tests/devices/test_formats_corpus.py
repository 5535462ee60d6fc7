"""Messages of the corpus and of `cases`, read as they arrive live, and once more as a broker repeats them."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from devices.formats import make_source
from devices.message import Message, Source, SourceConfig
from tests.devices.vocabulary import CORPUS, expectations, payload_bytes, unmet

CASES = Path(__file__).parent / "cases"
ARRIVAL = 1_795_507_200_000_000_000
"""2026-11-24T08:00:00Z"""
TOLD = ("shelly2", "tasmota")
"""Formats of which some messages tell their time, and so may be retained"""


class Played(NamedTuple):
    format: str
    folder: Path
    topic: str
    file: str = "*.jsonl"


PLAYED = (
    Played("esphome", CORPUS / "esphome", ""),
    Played("homeassistant", CORPUS / "homeassistant", "homeassistant"),
    Played("homie", CORPUS / "homie", "homie"),
    Played("shelly1", CORPUS / "shelly", "shellies", "gen1*.jsonl"),
    Played("shelly2", CORPUS / "shelly", "", "gen2*.jsonl"),
    Played("tasmota", CORPUS / "tasmota", ""),
    Played("theengs", CORPUS / "theengs", "home"),
    Played("esphome", CASES / "esphome", ""),
    Played("homeassistant", CASES / "homeassistant", "homeassistant"),
    Played("homie", CASES / "homie", "homie"),
    Played("shelly1", CASES / "shelly1", "shellies"),
    Played("shelly2", CASES / "shelly2", ""),
    Played("tasmota", CASES / "tasmota", ""),
    Played("theengs", CASES / "theengs", "home"),
)
IDS = [f"{played.format}-{played.folder.parent.name}" for played in PLAYED]


def make(played: Played) -> Source:
    return make_source(SourceConfig("s", "fife", played.format, played.topic))


def rows(played: Played) -> Iterator[tuple[str, dict[str, Any]]]:
    for path in sorted(played.folder.glob(played.file)):
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
            yield f"{path.name}:{number}", json.loads(line)


@pytest.mark.parametrize("played", PLAYED, ids=IDS)
def test_what_is_expected_is_read_and_nothing_else(played: Played) -> None:
    made, wrong, wanted, step = make(played), [], 0, -1
    for step, (where, row) in enumerate(rows(played)):
        assert made.claims(row["topic"]), where
        decoded = made.decode(Message(row["topic"], payload_bytes(row), ARRIVAL + step * 1_000_000_000))
        assert decoded.samples or decoded.rejects, where
        described = row["topic"].startswith("tasmota/discovery/")
        expected = [] if described else expectations(row.get("expect", ()))
        wanted += len(expected)
        wrong += [(where, *want) for want in unmet(expected, decoded)]
        for forbidden in expectations(row.get("expect_reject", ())):
            assert unmet([forbidden], decoded) == [forbidden], where
        if described or row.get("expect") == []:
            assert not decoded.samples, where
        if "address" in row:
            assert {sample.address or decoded.address for sample in decoded.samples} == set(row["address"]), where
        if "reason" in row:
            assert {reject.reason for reject in decoded.rejects} == {row["reason"]}, where
        if "time" in row:
            assert {sample.time for sample in decoded.samples} == {row["time"]}, where
        if "fields" in row:
            found = [
                [r.field.name, r.channel, round(r.value, 6)] for sample in decoded.samples for r in sample.readings
            ]
            assert sorted(found) == sorted(row["fields"]), where
        online = [item["value"] for item in row.get("expect", ()) if item["quantity"] == "online"]
        assert [decoded.presence] == online or not online, where
    assert step >= 0
    assert not wrong, f"{wanted - len(wrong)} of {wanted}"


@pytest.mark.parametrize("played", PLAYED, ids=IDS)
def test_a_retained_message_without_a_time_is_no_reading(played: Played) -> None:
    made = make(played)
    for _, row in rows(played):
        decoded = made.decode(Message(row["topic"], payload_bytes(row), ARRIVAL, retained=True))
        assert all(sample.time is not None and played.format in TOLD for sample in decoded.samples)


@pytest.mark.parametrize("played", PLAYED, ids=IDS)
def test_descriptions_outlive_a_restart(played: Played) -> None:
    first = make(played)
    state: dict[str, bytes] = {}
    for _, row in rows(played):
        first.decode(Message(row["topic"], payload_bytes(row), ARRIVAL))
        state |= first.state()
    assert first.state() == {}
    second = make(played)
    second.restore(state)
    assert second.state() == {}
    for where, row in rows(played):
        if not first.describes(row["topic"]):
            message = Message(row["topic"], payload_bytes(row), ARRIVAL)
            assert second.claims(message.topic) == first.claims(message.topic), where
            assert second.decode(message).samples == first.decode(message).samples, where
