"""A crash between storing readings and rolling them up leaves the same roll-ups, after the next start."""

import asyncio
import random
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from devices.rollups import DAY, HALF_HOUR, MONTH, database_of
from ingest.rollup.span import roll_up
from ingest.servers import Database
from ingest.settings import Influx
from tests.bench.estate import BUILDING, COUNCIL
from tests.bench.pipe import fast_broker
from tests.conftest import StartBroker, StartDatabase
from tests.delivery.harness import (
    DATABASE,
    Publication,
    ingest_for,
    kill_and_restart,
    native,
    publisher,
    query,
    running,
)

METERS, STEPS, STEP_S = 6, 400, 1_700


def readings() -> Iterator[Publication]:
    """Eight days of registers, so that each message touches one half-hour."""
    start = int(time.time()) // STEP_S * STEP_S - STEPS * STEP_S
    for step in range(STEPS):
        for meter in range(METERS):
            values = {"heat": float(step * (meter + 1))}
            yield native(
                f"sim-{meter:05d}", values, (start + step * STEP_S) * 1_000, council=COUNCIL, building=BUILDING
            )


async def everything(database: Database) -> dict[tuple[str, str, int], list[Any]]:
    return {
        (measurement, series["tags"]["device"], at): values
        for measurement in (HALF_HOUR, DAY, MONTH)
        for series in await query(database, f'SELECT * FROM "{measurement}" GROUP BY *', database_of(DATABASE))
        for at, *values in series["values"]
    }


@pytest.mark.parametrize("period", ["3600", "0.2"])
async def test_crashes_before_and_amid_roll_ups_end_in_the_same(
    tmp_path: Path, estate: Path, start_broker: StartBroker, start_database: StartDatabase, period: str
) -> None:
    broker, database = await start_broker(config=fast_broker()), await start_database()
    chance = random.Random(11)
    messages = list(readings())
    chance.shuffle(messages)
    ingest = ingest_for(
        tmp_path / "ingest",
        estate,
        broker=broker.port,
        database=database.url,
        settings={"TOLBOOTH_ROLLUP__PERIOD": period},
    )
    async with running(ingest), publisher(broker) as client:
        for part in range(4):
            await client.publish(messages[part::4])
            await asyncio.sleep(chance.uniform(0, 0.5))
            await kill_and_restart(ingest.process)
        said = await ingest.settled(len(messages))
        if period == "3600":
            assert said["rollups"]["pending"] > 0
            await kill_and_restart(ingest.process)
        await ingest.until(lambda said: not said["rollups"]["pending"])
    assert "is not deleted" not in ingest.log, "the database was not made yet"
    found = await everything(database)
    await query(database, f'DROP DATABASE "{database_of(DATABASE)}"')
    await roll_up(Influx(url=database.url), None, None, lambda _: None)
    assert found == await everything(database)
    assert len(found) > METERS * STEPS * STEP_S / 1_800
