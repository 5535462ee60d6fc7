"""T11 on real servers: two messages within one time stamp of a device, and how they are seen."""

import time
from pathlib import Path

import aiohttp

from tests.bench.estate import BUILDING, COUNCIL
from tests.conftest import StartBroker, StartDatabase
from tests.delivery.harness import TIMEOUT, Reading, ingest_for, native, publisher, running, stored


async def test_the_last_value_of_a_second_wins_and_the_loss_is_counted(
    tmp_path: Path, estate: Path, start_broker: StartBroker, start_database: StartDatabase
) -> None:
    broker, database = await start_broker(), await start_database()
    second_ms = int(time.time()) * 1_000
    said_by_devices = [
        ("sim-00001", {"temperature": 20.0, "humidity": 40.0}),
        ("sim-00001", {"temperature": 20.0, "humidity": 40.0}),
        ("sim-00002", {"temperature": 20.0}),
        ("sim-00001", {"co2": 600.0}),
        ("sim-00001", {"temperature": 20.5, "humidity": 40.0}),
    ]
    messages = [native(name, body, second_ms, council=COUNCIL, building=BUILDING) for name, body in said_by_devices]
    ingest = ingest_for(tmp_path / "ingest", estate, broker=broker.port, database=database.url)
    async with running(ingest), publisher(broker) as client:
        assert (await ingest.status())["rewritten"] == {"values": 0, "last": ""}
        await client.publish(messages)
        said = await ingest.settled(len(messages))
        assert said["fates"]["stored"] == len(messages)
        assert said["rewritten"]["values"] == 1
        assert said["rewritten"]["last"].startswith(f"{COUNCIL}/sim-00001: temperature of ")
        assert said["rewritten"]["last"].endswith("Z was 20 and became 20.5")
        assert f"replaced another of the same time: 1; {said['rewritten']['last']}" in ingest.log
        async with aiohttp.ClientSession(timeout=TIMEOUT) as http, http.get(f"{ingest.url}/metrics") as answer:
            assert "\ntolbooth_values_rewritten_total 1.0\n" in await answer.text()
        found = await stored(database, ["temperature"])
        at = second_ms * 1_000_000
        assert set(found) == {
            Reading("sim-00001", "temperature", 20.5, at),
            Reading("sim-00002", "temperature", 20.0, at),
        }
        await ingest.process.stop()
        await ingest.process.start()
        await client.publish(messages[:1])
        assert (await ingest.settled(len(messages) + 1))["rewritten"] == {"values": 1, "last": ""}
