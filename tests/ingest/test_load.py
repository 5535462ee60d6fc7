"""A history that is stored: what it looks like to who watches meanwhile."""

import time
from pathlib import Path

from devices.message import Message
from devices.rollups import HALF_HOUR, database_of
from devices.timestamps import SECOND
from ingest.counts import look
from ingest.influx import Influx as Asking
from ingest.load import load, roll_up
from ingest.servers import Database
from ingest.settings import Influx, Settings
from tests.bench.estate import message, write_estate


async def test_the_journal_is_as_old_as_what_waits_in_it_not_as_the_history(tmp_path: Path, database: Database) -> None:
    influx = Influx(url=database.url, database="load_age")
    settings = Settings(registry=write_estate(tmp_path / "estate", 1), data=tmp_path / "data", influx=influx)
    began = time.time_ns()
    months_ago = began - 200 * 86_400 * SECOND
    history = [Message(*message(0, None), months_ago + at * SECOND, False) for at in range(10)]
    seen: list[int | None] = []

    await load(history, settings, lambda _count, _at: seen.append(look(tmp_path / "data").oldest))

    (oldest,) = seen
    assert oldest is not None
    assert began <= oldest <= time.time_ns()


async def test_occupancy_of_a_history_is_rolled_up_also_where_its_readings_are_to_end(
    tmp_path: Path, database: Database
) -> None:
    influx = Influx(url=database.url, database="load_occupancy", occupancy_days=30)
    settings = Settings(registry=write_estate(tmp_path / "estate", 1), data=tmp_path / "data", influx=influx)
    topic, _ = message(0, None)
    months_ago = time.time_ns() - 200 * 86_400 * SECOND
    said = [Message(topic, b'{"people": 4, "occupied": true}', months_ago + at * SECOND, False) for at in (0, 60)]

    await load(said, settings, lambda _count, _at: None)
    await roll_up(settings, lambda _share: None)

    async with Asking(influx) as asking:
        (series,) = await asking.query(f'SELECT "people" FROM "{HALF_HOUR}"', database=database_of(influx.database))
    assert [people for _, people in series["values"]] == [4]
