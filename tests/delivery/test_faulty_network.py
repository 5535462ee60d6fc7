"""A network that misbehaves loses and doubles nothing, on either side of ingest."""

import asyncio
from pathlib import Path

from ingest.processes import HOST
from tests.bench.estate import BUILDING, COUNCIL
from tests.bench.pipe import fast_broker
from tests.conftest import StartBroker, StartDatabase
from tests.delivery.harness import assert_stored, ingest_for, meanwhile, numbered, publisher, running
from tests.delivery.proxy import Proxy, proxy

MANY = 100_000
"""More than is published in the time of a test"""
SETTINGS = {"TOLBOOTH_INFLUX__TIMEOUT": "1", "TOLBOOTH_MQTT__KEEP_ALIVE": "5"}


async def misbehave(between: Proxy, *, hole_s: float) -> None:
    """Everything that can go wrong, one after the other."""
    between.latency_s = 0.05
    await asyncio.sleep(0.5)
    between.latency_s = 0.0
    for _ in range(3):
        between.reset()
        await asyncio.sleep(0.3)
    between.half_close()
    await asyncio.sleep(0.5)
    between.black_hole = True
    await asyncio.sleep(hole_s)
    between.black_hole = False
    between.reset()


async def test_between_ingest_and_database(
    tmp_path: Path, estate: Path, start_broker: StartBroker, start_database: StartDatabase
) -> None:
    broker, database = await start_broker(config=fast_broker()), await start_database()
    messages = numbered(MANY, devices=200, council=COUNCIL, building=BUILDING, timed=lambda n: n % 2 == 0)
    async with proxy(database.port) as between:
        url = f"http://{HOST}:{between.port}"
        ingest = ingest_for(tmp_path / "ingest", estate, broker=broker.port, database=url, settings=SETTINGS)
        async with running(ingest), publisher(broker) as client:
            async with meanwhile(client, messages, 800) as sent:
                await misbehave(between, hole_s=2)
            await ingest.settled(len(sent))
            await assert_stored(database, client.ledger)
        assert between.connections > 3


async def test_between_ingest_and_broker(
    tmp_path: Path, estate: Path, start_broker: StartBroker, start_database: StartDatabase
) -> None:
    broker, database = await start_broker(config=fast_broker()), await start_database()
    messages = numbered(MANY, devices=200, council=COUNCIL, building=BUILDING, timed=lambda n: n % 2 == 0)
    async with proxy(broker.port) as between:
        ingest = ingest_for(tmp_path / "ingest", estate, broker=between.port, database=database.url, settings=SETTINGS)
        async with running(ingest), publisher(broker) as client:
            async with meanwhile(client, messages, 500) as sent:
                await misbehave(between, hole_s=3)
            await ingest.settled(len(sent))
            await assert_stored(database, client.ledger)
        assert between.connections > 3
