"""The commands of the engineer's bench as processes: what they read, print and return."""

import json
import os
import subprocess
import sys
from base64 import b64encode
from pathlib import Path

import pytest

from devices.decode import Decoder
from devices.message import Message
from devices.registry import load
from ingest.journal import Journal
from tests.bench.estate import BUILDING, COUNCIL, write_estate

ROOT = Path(__file__).parents[1]
COMMAND = (sys.executable, "-m", "tolbooth")
ENVIRONMENT = {**os.environ, "PYTHONPATH": str(ROOT), "COLUMNS": "120"}
TOPIC = f"tolbooth/v1/{COUNCIL}/{BUILDING}/sim-00000/readings"


def run(folder: Path, *arguments: str, given: bytes = b"") -> tuple[int, str, str]:
    done = subprocess.run(
        [*COMMAND, *arguments], cwd=folder, env=ENVIRONMENT, input=given, capture_output=True, check=False
    )
    assert b"Traceback" not in done.stderr, done.stderr.decode()
    return done.returncode, done.stdout.decode(), done.stderr.decode()


async def journalled(folder: Path, states: list[tuple[str, str, bytes]] | None = None) -> None:
    """Settings of an ingest, and its journal, which remembers `states`."""
    (folder / "tolbooth.toml").write_text('registry = "estate"\ndata = "data"\n')
    journal = Journal(folder / "data", max_bytes=2**30, keep_packets=1, quarantine_bytes=2**20, quarantine_age=2**62)
    async with journal:
        for state in states or []:
            await journal.remember(*state)


def test_decode_answers_each_line_before_the_next_comes(tmp_path: Path) -> None:
    with subprocess.Popen(
        [*COMMAND, "devices", "decode"], cwd=tmp_path, env=ENVIRONMENT, stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        for line, fate in (
            (b'{"topic": "zigbee2mqtt/a", "payload": {"humidity": 40}}', "stored"),
            (b"?", "quarantined"),
        ):
            process.stdin.write(line + b"\n")
            process.stdin.flush()
            assert json.loads(process.stdout.readline())["fate"] == fate
        process.stdin.close()
        assert process.stdout.read() == b""
    assert process.returncode == 0


def test_decode_with_a_registry_that_is_wrong_ends_with_its_mistake(tmp_path: Path) -> None:
    code, output, fault = run(tmp_path, "devices", "decode", "--registry", "nowhere")
    assert (code, output) == (2, "")
    assert "nowhere" in fault


def test_explain_reads_arguments_standard_input_and_base64(tmp_path: Path) -> None:
    write_estate(tmp_path / "estate", 1)
    body = b'{"temperature": 20.5}'
    registry = ("--registry", "estate", "--json")
    for arguments, given in (
        ((TOPIC, body.decode()), b""),
        ((TOPIC, "-"), body),
        ((TOPIC, b64encode(body).decode(), "--base64"), b""),
        ((TOPIC, "-", "--base64"), b64encode(body) + b"\n"),
    ):
        code, output, _ = run(tmp_path, "explain", *arguments, *registry, given=given)
        told = json.loads(output)
        assert (code, told["fate"], told["device"]) == (0, "stored", "sim-00000")
        assert told["lines"][0].startswith(f"climate,building={BUILDING},council={COUNCIL},device=sim-00000,")
        assert [step["name"] for step in told["steps"]][-1] == "place"
    code, _, fault = run(tmp_path, "explain", TOPIC, "%%", "--base64")
    assert code == 2
    assert "not base64" in fault


async def test_explain_knows_what_gateways_told_the_ingest_of_the_settings(tmp_path: Path) -> None:
    write_estate(tmp_path / "estate", 1)
    council = tmp_path / "estate" / COUNCIL / "council.yaml"
    council.write_text(f"{council.read_text()}sources: [{{id: z, format: zigbee2mqtt, topic: z2m}}]\n")
    exposes = [{"type": "numeric", "name": "local_temperature", "property": "lt", "unit": "°C", "access": 1}]
    device = {"friendly_name": "trv", "definition": {"model": "m", "vendor": "v", "exposes": exposes}}
    decoder = Decoder(load(tmp_path / "estate"))
    decoder.decode(Message("z2m/bridge/devices", json.dumps([device]).encode(), 1))
    await journalled(tmp_path, decoder.states())
    arguments = ("explain", "z2m/trv", '{"lt": 20.5}')
    _, told, _ = run(tmp_path, *arguments, "--settings", "tolbooth.toml")
    _, untold, _ = run(tmp_path, *arguments, "--registry", "estate")
    assert "temperature = 20.5 Cel" in told
    assert "temperature = 20.5 Cel" not in untold


async def test_explain_keeps_to_the_limits_of_the_settings(tmp_path: Path) -> None:
    write_estate(tmp_path / "estate", 1)
    await journalled(tmp_path)
    settings = tmp_path / "tolbooth.toml"
    settings.write_text(f"max_payload_bytes = 1024\n{settings.read_text()}")
    body = b'{"temperature": 20.5}' + b" " * 1_024
    _, told, _ = run(tmp_path, "explain", TOPIC, "-", "--settings", "tolbooth.toml", given=body)
    assert "too_large: 1045 bytes, at most 1024 are read" in told


@pytest.mark.parametrize(
    ("arguments", "code", "says"),
    [
        (("list",), 0, "quarantine is empty"),
        (("show", "7"), 1, "tolbooth quarantine list"),
        (("replay",), 2, "--all"),
        (("replay", "--all"), 0, "decoded again"),
        (("export",), 0, ""),
    ],
)
async def test_an_empty_quarantine(tmp_path: Path, arguments: tuple[str, ...], code: int, says: str) -> None:
    write_estate(tmp_path / "estate", 1)
    await journalled(tmp_path)
    done, output, fault = run(tmp_path, "quarantine", *arguments, "--settings", "tolbooth.toml")
    assert done == code
    assert says in output + fault


def test_a_quarantine_without_ingest_says_so(tmp_path: Path) -> None:
    (tmp_path / "tolbooth.toml").write_text('registry = "estate"\ndata = "data"\n')
    code, _, fault = run(tmp_path, "quarantine", "list", "--settings", "tolbooth.toml")
    assert code == 1
    assert "ingest has not run" in fault
