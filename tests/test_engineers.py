"""The transcripts of docs/engineers.md, run again: what is typed there gives what is shown there."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from devices import registry
from devices.decode import Decoder
from devices.message import Message
from ingest.journal import Journal
from ingest.lineprotocol import Tags
from ingest.receive import digest
from ingest.session import Delivery
from tests.bench.estate import write_estate

ROOT = Path(__file__).parents[1]
PAGE = ROOT / "docs" / "engineers.md"
ARRIVAL = 1_795_507_200_000_000_000
"""2026-11-24T08:00:00Z"""
BASE = "tolbooth/v1/sim-bench/sim-hall"
RECORDED = (
    {"topic": "tele/lobby/SENSOR", "payload": {"DS18B20": {"Id": "000005", "Temperature": 21.2}, "TempUnit": "C"}},
    {"topic": "tele/lobby/LWT", "payload": "Online", "retained": True},
    {"topic": "shellies/shellyht-1/sensor/humidity", "payload": "145", "received": "2026-11-24T08:00:00Z"},
)
KEPT = (
    (f"{BASE}/boiler-room/readings", b'{"temperature": 31.5}'),
    (f"{BASE}/boiler-room/readings", b'{"temperature": 32.0}'),
    (f"{BASE}/sim-00000/readings", b'{"temperature": 200}'),
)


def blocks() -> list[str]:
    return re.findall(r"^```console\n(.*?)^```", PAGE.read_text(), re.MULTILINE | re.DOTALL)


def run(command: str, folder: Path) -> str:
    """Output of a command typed in `folder`, where `tolbooth` is this project's."""
    function = f'tolbooth() {{ "{sys.executable}" -m tolbooth "$@"; }}; {command}'
    environment = {**os.environ, "COLUMNS": "100", "PYTHONPATH": str(ROOT), "PYTHONIOENCODING": "utf-8"}
    done = subprocess.run(
        ["bash", "-c", function], cwd=folder, env=environment, capture_output=True, text=True, check=False
    )
    assert "Traceback" not in done.stderr, done.stderr
    return "".join(f"{line.rstrip()}\n" for line in (done.stdout + done.stderr).splitlines())


def transcript(folder: Path) -> list[tuple[str, str, str]]:
    """(command, output shown, output now) of every command on the page, in order."""
    found = []
    for block in blocks():
        for command, shown in re.findall(r"^\$ (.*)\n((?:(?!\$ ).*\n)*)", block, re.MULTILINE):
            found.append((command, shown, run(command, folder)))
    return found


def matches(shown: str, now: str) -> bool:
    return re.fullmatch(".*?".join(map(re.escape, shown.split("…"))), now, re.DOTALL) is not None


@pytest.fixture
async def workplace(tmp_path: Path) -> Path:
    """A folder with an estate, a recording, and a quarantine of three messages."""
    estate = write_estate(tmp_path / "estate", 1)
    data, settings = tmp_path / "data", tmp_path / ".tolbooth" / "tolbooth.toml"
    settings.parent.mkdir()
    settings.write_text('registry = "estate"\ndata = "data"\n')
    (tmp_path / "messages.jsonl").write_text("".join(f"{json.dumps(line)}\n" for line in RECORDED))
    loaded = registry.load(estate)
    deliveries = [
        Delivery(Message(topic, payload, ARRIVAL + index * 10**9), 0, False)
        for index, (topic, payload) in enumerate(KEPT)
    ]
    journal = Journal(data, max_bytes=2**30, keep_packets=1, quarantine_bytes=2**20, quarantine_age=2**62)
    async with journal:
        await journal.append(digest(deliveries, Decoder(loaded), Tags(loaded), {}, lambda *_: None))
    return tmp_path


async def test_the_transcripts_are_what_happens(workplace: Path) -> None:
    told = transcript(workplace)
    assert len(told) > 8
    for command, shown, now in told:
        assert matches(shown, now), f"$ {command}\n{now}\nis not what docs/engineers.md shows:\n{shown}"


def test_a_transcript_that_differs_is_seen() -> None:
    assert matches("a … c\n", "a b c\n")
    assert not matches("a … c\n", "a b d\n")
    assert not matches("a\n", "a\nb\n")
