"""Crashes and stops lose nothing and double nothing (T1, T2, T17), on real servers.

The broker saves every second here instead of at each change: with a save at each change it hands ingest only some
hundred messages a second, and 20,000 would take a minute. It is not the broker that crashes in these tests.
"""

import asyncio
import random
import time
from pathlib import Path

from tests.bench.estate import BUILDING, COUNCIL
from tests.bench.pipe import fast_broker
from tests.conftest import StartBroker, StartDatabase
from tests.delivery.harness import assert_stored, ingest_for, kill_and_restart, numbered, publisher, running

COUNT = 20_000
RATE = 1_800


async def test_crashes_of_ingest_and_database_lose_and_double_nothing(
    tmp_path: Path, estate: Path, start_broker: StartBroker, start_database: StartDatabase
) -> None:
    broker, database = await start_broker(config=fast_broker()), await start_database()
    chance = random.Random(7)
    messages = list(
        numbered(COUNT, devices=200, council=COUNCIL, building=BUILDING, timed=lambda index: index % 2 == 0)
    )
    ingest = ingest_for(tmp_path / "ingest", estate, broker=broker.port, database=database.url)
    async with running(ingest), publisher(broker) as client:
        publishing = asyncio.create_task(client.publish(messages, RATE))
        for process in (ingest, ingest, database, ingest, ingest, database, ingest):
            await asyncio.sleep(chance.uniform(0.1, 0.5))
            assert not publishing.done(), "the crash comes too late to matter"
            await kill_and_restart(process.process, away_s=chance.uniform(0, 0.3))
        await publishing
        said = await ingest.settled(COUNT)
        assert said["fates"] == {
            "stored": COUNT,
            "journalled": 0,
            "duplicate": said["received"] - COUNT,
            "quarantined": 0,
            "refused": 0,
        }
        await assert_stored(database, client.ledger)


async def test_a_stop_under_load_is_quick_and_loses_nothing(
    tmp_path: Path, estate: Path, start_broker: StartBroker, start_database: StartDatabase
) -> None:
    broker, database = await start_broker(config=fast_broker()), await start_database()
    messages = list(numbered(6_000, devices=200, council=COUNCIL, building=BUILDING, timed=lambda _: False))
    ingest = ingest_for(tmp_path / "ingest", estate, broker=broker.port, database=database.url)
    async with running(ingest), publisher(broker) as client:
        publishing = asyncio.create_task(client.publish(messages, 2_000))
        await asyncio.sleep(1)
        started = time.monotonic()
        await ingest.process.stop()
        assert time.monotonic() - started < 5
        assert "ingest stopped" in ingest.log
        assert not publishing.done()
        await ingest.process.start()
        await publishing
        await ingest.settled(len(messages))
        await assert_stored(database, client.ledger)


async def test_a_stop_while_the_database_is_away_is_quick_and_loses_nothing(
    tmp_path: Path, estate: Path, start_broker: StartBroker, start_database: StartDatabase
) -> None:
    broker, database = await start_broker(config=fast_broker()), await start_database()
    messages = list(numbered(2_000, devices=200, council=COUNCIL, building=BUILDING, timed=lambda _: False))
    ingest = ingest_for(tmp_path / "ingest", estate, broker=broker.port, database=database.url)
    async with running(ingest), publisher(broker) as client:
        await database.process.kill()
        await client.publish(messages, 2_000)
        await ingest.until(lambda said: said["fates"]["journalled"] == len(messages))
        started = time.monotonic()
        await ingest.process.stop()
        assert time.monotonic() - started < 5
        await database.process.start()
        await ingest.process.start()
        await ingest.settled(len(messages))
        await assert_stored(database, client.ledger)


async def test_a_stock_mosquitto_loses_nothing_in_normal_running(
    tmp_path: Path, estate: Path, start_broker: StartBroker, start_database: StartDatabase
) -> None:
    broker, database = await start_broker(default_config=True), await start_database()
    messages = list(
        numbered(COUNT, devices=200, council=COUNCIL, building=BUILDING, timed=lambda index: index % 2 == 0)
    )
    ingest = ingest_for(tmp_path / "ingest", estate, broker=broker.port, database=database.url)
    async with running(ingest), publisher(broker) as client:
        await client.publish(messages, 2_000)
        await ingest.settled(COUNT)
        await assert_stored(database, client.ledger)
