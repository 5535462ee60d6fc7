"""A history that is stored: what it looks like to who watches meanwhile."""

import time
from pathlib import Path

from devices.model import SECOND, Message
from ingest.counts import look
from ingest.load import load
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
