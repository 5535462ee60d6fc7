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
from tests.delivery.harness import assert_stored, ingest_for, kill_and_restart, meanwhile, numbered, publisher, running

COUNT = 20_000
RATE = 1_800
MANY = 200_000
"""More than is published in the time of a test"""
QUICK_S = 15
"""Half of what docker-compose.yml gives ingest to stop"""


async def test_crashes_of_ingest_and_database_lose_and_double_nothing(
    tmp_path: Path, estate: Path, start_broker: StartBroker, start_database: StartDatabase
) -> None:
    broker, database = await start_broker(config=fast_broker()), await start_database()
    chance = random.Random(7)
    messages = numbered(MANY, devices=200, council=COUNCIL, building=BUILDING, timed=lambda index: index % 2 == 0)
    ingest = ingest_for(tmp_path / "ingest", estate, broker=broker.port, database=database.url)
    async with running(ingest), publisher(broker) as client:
        async with meanwhile(client, messages, RATE) as sent:
            for process in (ingest, ingest, database, ingest, ingest, database, ingest):
                await asyncio.sleep(chance.uniform(0.1, 0.5))
                await kill_and_restart(process.process, away_s=chance.uniform(0, 0.3))
        said = await ingest.settled(len(sent))
        assert said["fates"] == {
            "stored": len(sent),
            "journalled": 0,
            "duplicate": said["received"] - len(sent),
            "quarantined": 0,
            "refused": 0,
        }
        await assert_stored(database, client.ledger)


async def test_a_stop_under_load_is_quick_and_loses_nothing(
    tmp_path: Path, estate: Path, start_broker: StartBroker, start_database: StartDatabase
) -> None:
    broker, database = await start_broker(config=fast_broker()), await start_database()
    messages = numbered(MANY, devices=200, council=COUNCIL, building=BUILDING, timed=lambda _: False)
    ingest = ingest_for(tmp_path / "ingest", estate, broker=broker.port, database=database.url)
    async with running(ingest), publisher(broker) as client:
        async with meanwhile(client, messages, 2_000) as sent:
            await ingest.until(lambda said: said["received"] > 2_000)
            started = time.monotonic()
            await ingest.process.stop()
            assert time.monotonic() - started < QUICK_S
            assert "ingest stopped" in ingest.log
            await ingest.process.start()
        await ingest.settled(len(sent))
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
        assert time.monotonic() - started < QUICK_S
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
