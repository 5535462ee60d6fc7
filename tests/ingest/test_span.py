"""Roll-ups of past days worked out again: by hand, and after a backfill."""

import os
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import UTC, date, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from devices.localdays import HALF_HOUR_NS
from devices.message import Message
from devices.rollups import HALF_HOUR, database_of
from devices.schemapage import PAGE
from devices.timestamps import SECOND
from ingest.counts import look
from ingest.influx import Influx, Stored
from ingest.load import load, roll_up
from ingest.processes import free_port
from ingest.rollup import span
from ingest.rollup.span import NothingError
from ingest.servers import Database
from ingest.settings import Influx as Options
from ingest.settings import Rollup, Settings
from tests.bench.estate import write_estate
from tests.ingest.databases import dropped, write

LONDON = ZoneInfo("Europe/London")
START = int(datetime(2026, 10, 23, 23, tzinfo=UTC).timestamp()) * SECOND
"""A Saturday's begin in London; on the Sunday the clocks go back."""
DAYS = 3
STEPS = 48 * DAYS + 2


async def prepared(url: str, name: str) -> Options:
    """Three local days and a bit of one meter, a kWh from the middle of each half-hour to the next; no roll-ups."""
    options = Options(url=url, database=name)
    async with Influx(options) as influx:
        await dropped(influx)
        await influx.ensure_database()
        at = START + HALF_HOUR_NS // 2
        await write(
            influx, [(f"meter,device=a,role=main heat_kwh={n}", at + n * HALF_HOUR_NS) for n in range(STEPS + 1)]
        )
    return options


async def days_rolled(options: Options) -> dict[date, float]:
    """Local day → kWh of its half-hours."""
    found: dict[date, float] = {}
    async with Influx(options) as influx:
        for series in await influx.query(f'SELECT heat_kwh FROM "{HALF_HOUR}"', database=database_of(options.database)):
            for at, kwh in series["values"]:
                day = datetime.fromtimestamp(at // SECOND, LONDON).date()
                found[day] = found.get(day, 0.0) + kwh
    return found


async def test_all_there_are_or_some_days_the_newest_first(database: Database) -> None:
    options = await prepared(database.url, "span_days")
    told: list[float] = []
    written = await span.roll_up(options, date(2026, 10, 25), date(2026, 10, 25), told.append)
    rolled = await days_rolled(options)
    assert rolled[date(2026, 10, 25)] == 50
    assert written > 0
    assert told == [1.0]
    told.clear()
    await span.roll_up(options, None, None, told.append)
    everything = dict(zip((date(2026, 10, day) for day in (24, 25, 26, 27)), (47.5, 50.0, 48.0, 0.5), strict=True))
    assert await days_rolled(options) == everything
    assert told == [pytest.approx(n / 4) for n in (1, 2, 3, 4)]  # the last reading is of the fourth day


async def test_days_without_readings_are_told_and_which_there_are(database: Database) -> None:
    options = await prepared(database.url, "span_none")
    with pytest.raises(NothingError, match="span_none has them from 2026-10-24 to 2026-10-27"):
        await span.roll_up(options, date(2027, 1, 1), None, lambda _: None)
    with pytest.raises(NothingError, match="nothing to roll up in span_empty: name the settings"):
        await span.roll_up(options.model_copy(update={"database": "span_empty"}), None, None, lambda _: None)


async def test_a_day_whose_readings_have_ended_in_part_keeps_its_roll_ups(database: Database) -> None:
    options = await prepared(database.url, "span_ended")
    await span.roll_up(options, None, None, lambda _: None)
    before = await days_rolled(options)
    async with Influx(options) as influx:
        await influx.query(f'DELETE FROM "meter" WHERE time < {START + 60 * HALF_HOUR_NS}', post=True)
    await span.roll_up(options, None, None, lambda _: None)
    assert await days_rolled(options) == before


async def test_the_query_of_the_schema_page_is_answered(database: Database) -> None:
    options = Options(url=database.url, database="span_page")
    now = time.time_ns()
    line = "meter,building=hall,device=a,role=main electricity_import_kwh={} {}"
    lines = [line.format(96 - n, now - n * HALF_HOUR_NS) for n in range(96)]
    async with Influx(options) as influx:
        await influx.ensure_database()
        assert await influx.write("\n".join(lines).encode(), len(lines)) == Stored()
        await span.roll_up(options, None, None, lambda _: None)
        (example,) = re.findall(r"```influxql\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
        (series,) = await influx.query(" ".join(example.split()), database=database_of(options.database))
    assert series["tags"] == {"building": "hall"}
    assert sum(kwh or 0 for _, kwh, _ in series["values"]) == pytest.approx(95)
    assert sum(kwh or 0 for _, _, kwh in series["values"]) == 0


def history(steps: int) -> Iterator[Message]:
    for n in range(steps):
        payload = f'{{"electricity_import":{n},"temperature":20,"time":{(START + n * HALF_HOUR_NS) // 10**6}}}'.encode()
        yield Message("tolbooth/v1/sim-bench/sim-hall/sim-00000/readings", payload, START + n * HALF_HOUR_NS, False)


@pytest.mark.parametrize("period", [60.0, 0.0])
async def test_a_history_is_rolled_up_when_it_is_stored(tmp_path: Path, database: Database, period: float) -> None:
    options = Options(url=database.url, database=f"span_load_{period:.0f}")
    settings = Settings(
        registry=write_estate(tmp_path / "estate", 1),
        data=tmp_path / "data",
        influx=options,
        rollup=Rollup(period=period),
    )
    told: list[float] = []
    await load(history(96), settings, lambda _count, _at: None)
    assert look(tmp_path / "data").touched == 96
    await roll_up(settings, told.append)
    assert look(tmp_path / "data").touched == (0 if period else 96)
    assert told == (sorted(told) if period else [])
    assert told[-1:] == ([1.0] if period else [])
    await roll_up(settings, told.append)


def command(*arguments: str, environment: dict[str, str]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        (sys.executable, "-m", "tolbooth", "rollup", *arguments),
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        check=False,
    )


async def test_the_command(tmp_path: Path, database: Database) -> None:
    options = await prepared(database.url, "span_command")
    environment = {
        "TOLBOOTH_REGISTRY": str(tmp_path),
        "TOLBOOTH_INFLUX__URL": options.url,
        "TOLBOOTH_INFLUX__DATABASE": options.database,
    }
    done = command("--since", "2026-10-25", "--until", "2026-10-26", environment=environment)
    assert done.returncode == 0, done.stderr
    assert "roll-ups 50 %\nroll-ups 100 %\n" in done.stdout
    assert "points of roll-ups are written" in done.stdout
    assert (await days_rolled(options))[date(2026, 10, 26)] == 48
    for arguments, code, words in (
        (("--since", "25 October"), 2, "does not match the format"),
        (("--since", "2026-10-26", "--until", "2026-10-25"), 2, "the last day is before the first"),
        (("--since", "2030-01-01"), 1, "has them from 2026-10-24 to 2026-10-27"),
    ):
        done = command(*arguments, environment=environment)
        assert done.returncode == code
        assert words in " ".join(done.stderr.replace("│", " ").split())
    away = command(environment={**environment, "TOLBOOTH_INFLUX__URL": f"http://127.0.0.1:{free_port()}"})
    assert away.returncode == 1
    assert "start InfluxDB, or set influx.url" in away.stderr
