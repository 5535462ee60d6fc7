"""Replay of quarantine: what passes now is stored once, what fails stays, and no message is ever without a fate."""

import json
import sqlite3
import time
from array import array
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import pytest

from devices import registry
from devices.decode import Decoder
from devices.message import Fate, Message
from ingest import counts, quarantine
from ingest.counts import RECEIVED, VALUES, Counts, look
from ingest.drain import State, Writer, write_rows
from ingest.influx import Faulty, Stored, Verdict
from ingest.journal import Entry, Journal
from ingest.journalfile import JournalError
from ingest.lineprotocol import Tags
from ingest.quarantine import Choice, Kept, group_id
from ingest.receive import digest
from ingest.replay import Result, descriptions, opened, replay
from ingest.session import Delivery
from tests.bench.estate import BUILDING, COUNCIL, write_estate

SECOND = 10**9
THEN = time.time_ns() - 3_600 * SECOND
NOW = time.time_ns()
ALL = Choice()


def topic(device: str) -> str:
    return f"tolbooth/v1/{COUNCIL}/{BUILDING}/{device}/readings"


def journal(folder: Path) -> Journal:
    return Journal(folder, max_bytes=2**30, keep_packets=10, quarantine_bytes=2**24, quarantine_age=2**62)


async def received(data: Path, estate: Path, messages: Sequence[Message]) -> None:
    """What ingest does with messages, up to the journal."""
    loaded = registry.load(estate)
    async with journal(data) as opened_journal:
        decoder = Decoder(loaded)
        decoder.restore(await opened_journal.states())
        deliveries = [Delivery(message, 0, False) for message in messages]
        await opened_journal.append(digest(deliveries, decoder, Tags(loaded), {}, lambda *_: None))


async def drained(data: Path, refuse: bytes = b"") -> list[str]:
    """What ingest does with the journal: the lines that the database gets."""
    written: list[str] = []

    class Database:
        async def write(self, body: bytes, lines: int) -> Verdict:
            del lines
            bad = [line for line in body.split(b"\n") if refuse and refuse in line]
            if bad:
                return Faulty("field type conflict", named=frozenset(bad), rest_stored=False, all_refused=False)
            written.extend(body.decode().split("\n"))
            return Stored()

        async def ensure_database(self) -> None:
            raise AssertionError

    async with journal(data) as opened_journal:
        while rows := await opened_journal.peek(0, 10_000):
            await write_rows(rows, opened_journal, Writer(Database(), State()))
    return written


def again(data: Path, estate: Path, choice: Choice = ALL, *, max_bytes: int = 2**30) -> Result:
    loaded = registry.load(estate)
    decoder = Decoder(loaded)
    with opened(data) as db:
        decoder.restore(descriptions(db))
        return replay(db, decoder, Tags(loaded), choice, now=NOW, max_bytes=max_bytes)


def fates(counts: Counts) -> dict[str, int]:
    assert counts.residual == 0
    return {fate.value: counts.fate(fate) for fate in Fate if counts.fate(fate)}


def kept(data: Path) -> list[Kept]:
    with opened(data) as db:
        return [row.kept for row in quarantine.read(db, Choice())]


def message(device: str, body: object, *, at: int = 0, retained: bool = False) -> Message:
    payload = body if isinstance(body, bytes) else json.dumps(body).encode()
    return Message(topic(device), payload, THEN + at * SECOND, retained)


async def test_what_passes_now_is_stored_with_its_old_time(tmp_path: Path) -> None:
    data, estate = tmp_path / "data", write_estate(tmp_path / "estate", 1)
    await received(data, estate, [message("sim-00001", {"temperature": 20, "humidity": 40}), message("x", b"{")])
    assert fates(look(data)) == {"quarantined": 2}
    write_estate(estate, 2)
    result = again(data, estate)
    assert (result.looked, result.stored, result.lines, result.left) == (2, 1, 1, 1)
    assert fates(look(data)) == {"quarantined": 1, "journalled": 1}
    (line,) = await drained(data)
    assert "device=sim-00001" in line
    assert line.endswith(f"temperature_c=20.0,humidity_pct=40.0 {THEN}")
    assert fates(look(data)) == {"quarantined": 1, "stored": 1}
    assert look(data).tally[VALUES, ""] == 2
    assert [row.reason for row in kept(data)] == ["malformed"]


async def test_replaying_twice_stores_nothing_new(tmp_path: Path) -> None:
    data, estate = tmp_path / "data", write_estate(tmp_path / "estate", 1)
    half = {"temperature": 20, "humidity": 400}
    await received(data, estate, [message("sim-00001", half), message("sim-00000", half), message("x", half)])
    assert fates(look(data)) == {"quarantined": 2, "journalled": 1}
    write_estate(estate, 2)
    assert again(data, estate).stored == 1
    before, quarantined = look(data), kept(data)
    second = again(data, estate)
    assert (second.looked, second.stored, second.lines, second.left) == (3, 0, 0, 3)
    assert (look(data), kept(data)) == (before, quarantined)
    assert [(row.reason, row.whole) for row in quarantined] == [
        ("out_of_range", False),
        ("out_of_range", False),
        ("unknown_device", True),
    ]
    assert fates(before) == {"quarantined": 1, "journalled": 2}
    assert len(await drained(data)) == 2


async def test_a_message_that_is_no_reading_after_all_is_refused(tmp_path: Path) -> None:
    data, estate = tmp_path / "data", write_estate(tmp_path / "estate", 1)
    await received(data, estate, [message("sim-00001", {"temperature": 20}, retained=True)])
    assert (await drained(data), kept(data)) == ([], [])
    assert fates(look(data)) == {"refused": 1}
    row = Kept(THEN, topic("sim-00000"), b'{"temperature": 20}', True, "unknown_device", "native: x", "", "", True)
    async with journal(data) as opened_journal:
        tally = Counter({(RECEIVED, ""): 1, ("quarantined", "unknown_device"): 1})
        await opened_journal.append(Entry(kept=[row], tally=tally))
    result = again(data, estate)
    assert (result.refused, result.left) == (1, 0)
    assert fates(look(data)) == {"refused": 2}
    assert look(data).tally["refused", "retained"] == 2


async def test_what_still_fails_stays_with_its_new_reason(tmp_path: Path) -> None:
    data, estate = tmp_path / "data", write_estate(tmp_path / "estate", 1)
    await received(data, estate, [message("sim-00001", {"temperature": 200})])
    assert [row.reason for row in kept(data)] == ["unknown_device"]
    write_estate(estate, 2)
    result = again(data, estate)
    assert dict(result.reasons) == {"out_of_range": 1}
    (row,) = kept(data)
    assert (row.reason, row.address, row.received) == ("out_of_range", "sim-00001", THEN)
    assert "temperature is 200" in row.detail
    tally = look(data).tally
    assert (tally["quarantined", "unknown_device"], tally["quarantined", "out_of_range"]) == (0, 1)
    assert fates(look(data)) == {"quarantined": 1}


async def test_only_what_is_chosen_is_replayed(tmp_path: Path) -> None:
    data, estate = tmp_path / "data", write_estate(tmp_path / "estate", 1)
    await received(data, estate, [message(f"sim-{n:05d}", {"temperature": 20}) for n in (1, 2, 3)])
    write_estate(estate, 4)
    assert again(data, estate, Choice(reason="malformed")).looked == 0
    assert again(data, estate, Choice(device="sim-00002")).stored == 1
    assert again(data, estate, Choice(device="sim-bench/native: sim-00003")).stored == 1
    (row,) = kept(data)
    assert again(data, estate, Choice(group=group_id(row))).stored == 1
    assert kept(data) == []


async def test_lines_that_the_database_refused_are_written_again(tmp_path: Path) -> None:
    data, estate = tmp_path / "data", write_estate(tmp_path / "estate", 2)
    both = {"temperature": 20, "co2": 500}
    await received(data, estate, [message("sim-00000", both), message("sim-00001", {"co2": 501})])
    assert len(await drained(data, refuse=b"air,")) == 1
    rows = kept(data)
    assert [(row.reason, row.whole) for row in rows] == [("database_refused", False), ("database_refused", True)]
    assert fates(look(data)) == {"stored": 1, "quarantined": 1}
    assert again(data, estate).stored == 2
    assert fates(look(data)) == {"stored": 1, "journalled": 1}
    lines = await drained(data)
    assert sorted(lines) == sorted(row.payload.decode() for row in rows)
    assert fates(look(data)) == {"stored": 2}
    assert (kept(data), look(data).tally[VALUES, ""]) == ([], 3)


async def test_a_status_line_that_was_refused_costs_no_message(tmp_path: Path) -> None:
    data = tmp_path / "data"
    async with journal(data) as opened_journal:
        await opened_journal.append(Entry(received=THEN, lines=["device,device=a online=1.0 1"]))
    await drained(data, refuse=b"device,")
    assert [row.whole for row in kept(data)] == [False]
    assert fates(look(data)) == {}


async def test_a_refused_message_is_one_row_with_all_its_lines(tmp_path: Path) -> None:
    data = tmp_path / "data"
    async with journal(data) as opened_journal:
        lines = ["air,device=a co2_ppm=1.0 1", "air,device=a co2_ppm=2.0 2", "air,device=b co2_ppm=3.0 3"]
        tally = Counter({(RECEIVED, ""): 2})
        await opened_journal.append(Entry(received=THEN, lines=lines, sizes=array("I", [2, 1]), tally=tally))
    await drained(data, refuse=b"air,")
    assert [row.payload.decode().split("\n") for row in kept(data)] == [lines[:2], lines[2:]]
    assert fates(look(data)) == {"quarantined": 2}


async def test_a_bridge_s_description_explains_and_its_cache_does_not_swallow(tmp_path: Path) -> None:
    data, estate = tmp_path / "data", write_estate(tmp_path / "estate", 1)
    council = estate / COUNCIL / "council.yaml"
    council.write_text(
        f"{council.read_text()}sources: [{{id: z, format: zigbee2mqtt, topic: z2m, building: {BUILDING}}}]\n"
    )
    devices = [
        {
            "friendly_name": "trv",
            "definition": {
                "model": "m",
                "vendor": "v",
                "exposes": [
                    {"type": "numeric", "name": "local_temperature", "property": "lt", "unit": "°C", "access": 1}
                ],
            },
        }
    ]
    described = Message("z2m/bridge/devices", json.dumps(devices).encode(), THEN, True)
    await received(data, estate, [described, *(Message("z2m/trv", b'{"lt": 20.5}', THEN + n) for n in (1, 2))])
    (row,) = kept(data)
    assert row.reason == "unknown_device"
    table = estate / COUNCIL / "devices.csv"
    head = "id,kind,model,source,address,interval,building,space,from\n"
    table.write_text(f"{head}sim-trv,radiator_thermostat,v m,z,trv,60,{BUILDING},room,2020-01-01\n")
    with opened(data) as db:
        assert any(key.startswith("plan/") for _, key, _ in descriptions(db))
        assert not any(key.startswith("written/") for _, key, _ in descriptions(db))
    assert again(data, estate).stored == 1
    assert ["device=sim-trv" in line for line in await drained(data)] == [True]


async def test_a_full_journal_is_left_alone(tmp_path: Path) -> None:
    data, estate = tmp_path / "data", write_estate(tmp_path / "estate", 2)
    await received(data, estate, [message("sim-00001", {"temperature": 20}), message("x", {"temperature": 20})])
    with pytest.raises(JournalError, match="full"):
        again(data, estate, max_bytes=1)
    assert len(kept(data)) == 1


async def test_chunks_are_whole_and_the_counts_add_up_between_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ingest.replay.CHUNK", 3)
    data, estate = tmp_path / "data", write_estate(tmp_path / "estate", 1)
    messages = [message(f"sim-{n % 2 + 1:05d}", {"temperature": 20 + n}, at=n) for n in range(10)]
    await received(data, estate, messages)
    write_estate(estate, 2)
    seen: list[dict[str, int]] = []
    add = counts.add

    def watched(db: sqlite3.Connection, tally: Counter[tuple[str, str]]) -> None:
        seen.append(fates(look(data)))
        add(db, tally)

    monkeypatch.setattr("ingest.counts.add", watched)
    assert again(data, estate).stored == 5
    assert [look["quarantined"] for look in seen] == [10, 8, 7, 5, 5]
    assert fates(look(data)) == {"quarantined": 5, "journalled": 5}


async def test_a_running_ingest_s_journal_counts_what_a_replay_took_away(tmp_path: Path) -> None:
    data, estate = tmp_path / "data", write_estate(tmp_path / "estate", 1)
    bad = [message("sim-00001", {"temperature": 20, "humidity": n % 100}, at=n) for n in range(2_000)]
    await received(data, estate, bad)
    write_estate(estate, 2)
    bounded = Journal(data, max_bytes=2**30, keep_packets=10, quarantine_bytes=400_000, quarantine_age=2**62)
    async with bounded as running:
        again(data, estate)
        row = Kept(THEN, "a", b"x" * 1_000, False, "malformed", "", "", "", True)
        tally = Counter({(RECEIVED, ""): 1, ("quarantined", "malformed"): 1})
        await running.append(Entry(kept=[row], tally=tally))
        assert (await running.counts()).quarantine == 1


def test_a_folder_without_a_journal_is_named(tmp_path: Path) -> None:
    with pytest.raises(JournalError, match="ingest has not run"), opened(tmp_path):
        pass


def test_a_group_is_what_differs_only_in_figures() -> None:
    def row(detail: str, address: str = "a") -> Kept:
        return Kept(1, "t", b"", False, "out_of_range", detail, "s", address, True)

    first = row("temperature is 200, plausible is -40 to 60 Cel")
    assert group_id(first) == group_id(row("temperature is 3.5e+08, plausible is -40 to 60 Cel"))
    assert group_id(first) != group_id(row("humidity is 200, plausible is 0 to 100 %RH"))
    assert group_id(first) != group_id(row(first.detail, "b"))


async def test_groups_have_count_first_and_last(tmp_path: Path) -> None:
    data, estate = tmp_path / "data", write_estate(tmp_path / "estate", 1)
    await received(
        data, estate, [message("a", {"temperature": 1}, at=n) for n in (5, 2, 9)] + [message("b", {"temperature": 1})]
    )
    with opened(data) as db:
        first, second = quarantine.groups(db, Choice())
        assert (first.rows, first.first, first.last) == (3, THEN + 2 * SECOND, THEN + 9 * SECOND)
        assert (second.rows, second.address) == (1, "b")
        assert len(quarantine.find(db, first.id)) == 3
        assert [row.id for row in quarantine.find(db, "2")] == [2]
        assert quarantine.find(db, "nothing") == []
