"""Replay and tail beside a running ingest, as a person runs them."""

import asyncio
import json
import os
import sys
import time
from asyncio.subprocess import PIPE
from pathlib import Path
from typing import Any

import pytest

from tests.bench.estate import BUILDING, COUNCIL, write_estate
from tests.conftest import StartBroker, StartDatabase
from tests.delivery.harness import Ingest, assert_stored, ingest_for, native, publisher, running


async def command(ingest: Ingest, *arguments: str, environment: dict[str, str] | None = None) -> tuple[int, str]:
    """Exit code and output of `tolbooth …` with the settings of the ingest."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "tolbooth",
        *arguments,
        stdout=PIPE,
        stderr=asyncio.subprocess.STDOUT,
        env={**os.environ, **(environment or {})},
    )
    output, _ = await process.communicate()
    assert process.returncode is not None
    return process.returncode, output.decode()


def settings_file(folder: Path, ingest: Ingest, estate: Path, broker: int) -> str:
    path = folder / "tolbooth.toml"
    path.write_text(f'registry = "{estate}"\ndata = "{ingest.data}"\n[mqtt]\nport = {broker}\n')
    return str(path)


async def test_what_was_unknown_is_stored_within_seconds_of_a_replay(
    tmp_path: Path, estate: Path, start_broker: StartBroker, start_database: StartDatabase
) -> None:
    broker, database = await start_broker(), await start_database()
    write_estate(estate, 1)
    ingest = ingest_for(tmp_path / "ingest", estate, broker=broker.port, database=database.url)
    settings = settings_file(tmp_path, ingest, estate, broker.port)
    start = int(time.time() * 1_000) - 100_000
    messages = [
        native(f"sim-{n % 2:05d}", {"pulses": float(n)}, start + n, council=COUNCIL, building=BUILDING)
        for n in range(1_200)
    ]
    async with running(ingest), publisher(broker) as client:
        await client.publish(messages)
        said = await ingest.settled(len(messages))
        assert said["fates"]["quarantined"] == 600
        code, output = await command(ingest, "quarantine", "list", "--settings", settings, "--json")
        (group,) = json.loads(output)
        assert (code, group["count"], group["address"], group["reason"]) == (0, 600, "sim-00001", "unknown_device")
        write_estate(estate, 2)
        code, output = await command(ingest, "quarantine", "replay", "--all", "--settings", settings, "--json")
        assert code == 0, output
        assert json.loads(output)["stored"] == 600
        replayed = time.monotonic()
        said = await ingest.until(lambda said: said["fates"]["stored"] == 1_200)
        assert time.monotonic() - replayed < 15
        assert (said["fates"]["quarantined"], said["residual"], said["quarantine"]["rows"]) == (0, 0, 0)
        code, output = await command(ingest, "quarantine", "replay", "--all", "--settings", settings)
        assert (code, output.split()[:5]) == (0, ["decoded", "again", "0", "stored", "0"])
    await assert_stored(database, client.ledger)


async def test_a_replay_beside_steady_traffic_loses_and_doubles_nothing(
    tmp_path: Path, estate: Path, start_broker: StartBroker, start_database: StartDatabase
) -> None:
    broker, database = await start_broker(), await start_database()
    write_estate(estate, 1)
    ingest = ingest_for(tmp_path / "ingest", estate, broker=broker.port, database=database.url)
    settings = settings_file(tmp_path, ingest, estate, broker.port)
    start = int(time.time() * 1_000) - 100_000

    def values(device: str, first: int, count: int) -> list[Any]:
        return [
            native(device, {"pulses": float(n)}, start + n, council=COUNCIL, building=BUILDING)
            for n in range(first, first + count)
        ]

    async with running(ingest), publisher(broker) as client:
        await client.publish(values("sim-00001", 0, 3_000))
        await ingest.settled(3_000)
        write_estate(estate, 2)
        steady = asyncio.create_task(client.publish(values("sim-00000", 5_000, 2_000), per_second=1_000))
        code, output = await command(
            ingest, "quarantine", "replay", "--reason", "unknown_device", "--settings", settings
        )
        assert code == 0, output
        await steady
        await ingest.until(lambda said: said["fates"]["stored"] == 5_000)
    await assert_stored(database, client.ledger)


async def test_tail_shows_messages_with_their_fates(tmp_path: Path, estate: Path, start_broker: StartBroker) -> None:
    broker = await start_broker()
    ingest = ingest_for(tmp_path / "ingest", estate, broker=broker.port, database="http://127.0.0.1:1")
    settings = settings_file(tmp_path, ingest, estate, broker.port)

    async def published() -> None:
        async with publisher(broker) as client:
            while True:
                await client.publish(
                    [
                        native(f"sim-{d}", {"temperature": 20.5}, None, council=COUNCIL, building=BUILDING)
                        for d in ("00001", "99999")
                    ]
                )
                await asyncio.sleep(0.2)

    publishing = asyncio.create_task(published())
    try:
        plain, told, chosen = await asyncio.wait_for(
            asyncio.gather(
                command(ingest, "tail", "--count", "4", "--settings", settings),
                command(ingest, "tail", "--count", "2", "--json", "--settings", settings),
                command(ingest, "tail", "--count", "2", "--fate", "quarantined", "--settings", settings),
            ),
            30,
        )
    finally:
        publishing.cancel()
    assert [plain[0], told[0], chosen[0]] == [0, 0, 0], (plain, told, chosen)
    assert len(plain[1].splitlines()) == 4
    assert "sim-00001 (sim-bench/native)  temperature 20.5 °C" in plain[1]
    assert {json.loads(line)["fate"] for line in told[1].splitlines()} == {"stored", "quarantined"}
    assert ["sim-99999" in line and "unknown_device" in line for line in chosen[1].splitlines()] == [True, True]


@pytest.mark.parametrize("arguments", [("--count", "1"), ("--fate", "lost")])
async def test_tail_says_what_is_wrong(
    tmp_path: Path, estate: Path, a_free_port: int, arguments: tuple[str, ...]
) -> None:
    ingest = ingest_for(tmp_path / "ingest", estate, broker=a_free_port, database="http://127.0.0.1:1")
    settings = settings_file(tmp_path, ingest, estate, a_free_port)
    code, output = await command(ingest, "tail", *arguments, "--settings", settings)
    assert code == (1 if "--count" in arguments else 2)
    assert "Traceback" not in output
    assert (f"127.0.0.1:{a_free_port}" if "--count" in arguments else "no fate") in output
