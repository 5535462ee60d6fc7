"""The bench's commands as they are typed, on quarantine alone: the broker is not there."""

import json
import sqlite3
import time
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

import tolbooth
from devices import registry
from devices.decode import Decoder
from devices.message import Message
from ingest.journal import Journal
from ingest.lineprotocol import Tags
from ingest.receive import digest
from ingest.session import Delivery
from tests.bench.estate import write_estate

BOILER = "tolbooth/v1/sim-bench/sim-hall/boiler-room/readings"


@pytest.fixture
async def settings(tmp_path: Path, a_free_port: int) -> Path:
    """Settings of an ingest whose quarantine keeps four messages of a device that the registry lacks."""
    estate = write_estate(tmp_path / "estate", 1)
    start = time.time_ns() - 3_600 * 10**9
    kept = [
        Delivery(Message(BOILER, b'{"temperature": 31.5, "humidity": 40}', start + n * 300 * 10**9), 0, False)
        for n in range(4)
    ]
    loaded = registry.load(estate)
    journal = Journal(tmp_path / "data", max_bytes=2**30, keep_packets=1, quarantine_bytes=2**20, quarantine_age=2**62)
    async with journal:
        await journal.append(digest(kept, Decoder(loaded), Tags(loaded), {}, lambda *_: None))
    path = tmp_path / "tolbooth.toml"
    path.write_text(f'registry = "{estate}"\ndata = "{tmp_path / "data"}"\n[mqtt]\nport = {a_free_port}\n')
    return path


def typed(settings: Path, *arguments: str) -> Result:
    return CliRunner().invoke(tolbooth.app, [*arguments, "--settings", str(settings)])


def test_the_unknown_are_listed_for_machines(settings: Path) -> None:
    done = typed(settings, "devices", "unknown", "--listen", "0s", "--json")
    assert done.exit_code == 0, done.output
    (found,) = json.loads(done.stdout)
    assert (found["source"], found["address"], found["messages"]) == ("sim-bench/native", "boiler-room", 4)
    assert (found["interval"], found["kind"], found["fields"]) == (300, "room_sensor", ["humidity", "temperature"])


def test_without_a_broker_quarantine_is_shown_and_the_rest_said(settings: Path) -> None:
    done = typed(settings, "devices", "unknown", "--listen", "1s")
    assert done.exit_code == 0, done.output
    assert "boiler-room: room_sensor, native" in done.stdout
    assert "4 times, every 5 min" in done.stdout
    assert "only quarantine was looked at" in done.stderr


def test_an_adopted_device_gets_what_was_kept(settings: Path, tmp_path: Path) -> None:
    command = ("devices", "adopt", "boiler-room", "--building", "sim-hall", "--model", "Acme 1", "--listen", "0s")
    wrong = typed(settings, *command, "--space", "rooms")
    assert wrong.exit_code == 2
    assert "unknown space 'rooms' in sim-hall: did you mean 'room'?" in wrong.stderr
    done = typed(settings, *command, "--space", "room", "--json")
    assert done.exit_code == 0, done.output
    told = json.loads(done.stdout)
    assert (told["adopted"]["device"], told["adopted"]["new_source"], told["replayed"]) == ("boiler-room", False, 4)
    with sqlite3.connect(tmp_path / "data" / "journal.sqlite3") as db:
        assert db.execute("SELECT COUNT(*) FROM quarantine").fetchone() == (0,)
        ((lines,),) = db.execute("SELECT lines FROM batch").fetchall()
    assert lines.count(b"climate,") == 4
    assert typed(settings, "devices", "unknown", "--listen", "0s").stdout == "everybody who is talking is known\n"
    again = typed(settings, *command)
    assert (again.exit_code, "nobody unknown was heard as 'boiler-room'" in again.stderr) == (2, True)


def test_a_device_is_replaced(settings: Path) -> None:
    done = typed(settings, "devices", "replace", "sim-00000", "sim-00001", "--at", "2026-09-01", "--json")
    assert done.exit_code == 0, done.output
    assert json.loads(done.stdout)["row"]["from"] == "2026-09-01"
    wrong = typed(settings, "devices", "replace", "sim-00009", "sim-00002", "--at", "2026-09-01")
    assert (wrong.exit_code, "no council has a device 'sim-00009'" in wrong.stderr) == (2, True)
