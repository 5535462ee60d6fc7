"""The loop of the roll-ups, on the real InfluxDB: no half-hour is lost, and readings go on whatever happens to it."""

import asyncio
import contextlib
import logging
import time
from array import array
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import pytest

from devices.localdays import HALF_HOUR_NS
from devices.rollups import DAY as DAYS
from devices.rollups import HALF_HOUR, database_of
from devices.timestamps import FOREVER, SECOND
from ingest.drain import State, Writer, write_rows
from ingest.influx import DatabaseError, Influx
from ingest.journal import Entry, Journal
from ingest.rollup import service
from ingest.rollup.recompute import recompute
from ingest.rollup.service import RollUps, newest_part
from ingest.rollup.touched import Touched
from ingest.servers import Database
from ingest.settings import Influx as Options
from tests.conftest import StartDatabase
from tests.delivery.harness import as_admin, influxdb_with_accounts
from tests.ingest.journals import opened

METER = "meter,building=hall,council=moor,device={device},meter=main electricity_import_kwh={value} {time}"
MIDNIGHT = int(datetime(2026, 3, 27, tzinfo=UTC).timestamp()) * SECOND
"""A Friday in Britain; on the Sunday the clocks go forward."""


@pytest.fixture(autouse=True)
def no_patience(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(service, "FIRST_DELAY", 0.02)
    monkeypatch.setattr(service, "LAST_DELAY", 0.1)


@dataclass(slots=True)
class Seen:
    """Recomputes, and keeps what it was asked for; fails first as often as it is told to."""

    spans: list[tuple[int, int]] = field(default_factory=list)
    faults: list[Exception] = field(default_factory=list)
    poison: int = 0
    """a half-hour that always fails"""
    began: asyncio.Event = field(default_factory=asyncio.Event)
    go: asyncio.Event | None = None

    async def __call__(self, influx: Influx, start: int, end: int, *, occupancy_since: int) -> int:
        self.spans.append((start, end))
        self.began.set()
        if self.go:
            await self.go.wait()
        if self.faults:
            raise self.faults.pop()
        if start <= self.poison < end:
            raise ZeroDivisionError("no days")
        return await recompute(influx, start, end, occupancy_since=occupancy_since)


async def take(journal: Journal, influx: Influx, steps: Sequence[int]) -> None:
    """Store a reading for each of these half-hours after `MIDNIGHT`, a kWh for each half-hour since."""
    lines = [METER.format(device="a", value=float(step), time=MIDNIGHT + step * HALF_HOUR_NS) for step in steps]
    await journal.append(Entry(received=5, lines=lines, sizes=array("I", [1] * len(lines))))
    await write_rows(await journal.peek(0, 10_000), journal, Writer(influx, State()))


@contextlib.asynccontextmanager
async def running(rolling: RollUps, period: float = 0.05) -> AsyncIterator[None]:
    task = asyncio.create_task(rolling.run(period))
    try:
        yield
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def until_none_waits(journal: Journal) -> None:
    async with asyncio.timeout(20):
        while await journal.touched(FOREVER, 1):  # noqa: ASYNC110  the table tells nobody
            await asyncio.sleep(0.02)


async def consumption(influx: Influx, measurement: str = HALF_HOUR) -> dict[int, float]:
    """Half-hours after `MIDNIGHT` → kWh."""
    found = await influx.query(
        f'SELECT electricity_import_kwh FROM "{measurement}"', database=database_of(influx.database)
    )
    return {(at - MIDNIGHT) // HALF_HOUR_NS: kwh for series in found for at, kwh in series["values"]}


@contextlib.asynccontextmanager
async def stored(database: Database, name: str) -> AsyncIterator[Influx]:
    async with Influx(Options.model_validate({"url": database.url, "database": name, "timeout": 5})) as influx:
        await influx.connect()
        await influx.ensure_database()
        yield influx


def touched(*steps: int) -> list[Touched]:
    return [Touched(MIDNIGHT + step * HALF_HOUR_NS, 1, 0) for step in steps]


@pytest.mark.parametrize(
    ("steps", "count"),
    [
        ((), 0),
        ((7,), 1),
        ((7, 6, 5), 3),
        ((7, 3, 2), 3),
        ((7, 2), 1),
        ((1, 0, -1), 2),
        (tuple(range(2 * 48 + 45, 0, -1)), 46),
        (tuple(range(2 * 48 + 46, 0, -1)), 1),
    ],
)
def test_a_part_is_of_one_local_day_and_near_together(steps: Sequence[int], count: int) -> None:
    assert newest_part(touched(*steps)) == touched(*steps[:count])


async def test_what_comes_is_rolled_up_the_newest_first_and_forgotten(tmp_path: Path, database: Database) -> None:
    seen = Seen()
    async with stored(database, "rolled_newest") as influx, opened(tmp_path) as journal:
        await take(journal, influx, range(4 * 48))
        async with running(RollUps(journal, influx, 0, seen)):
            await until_none_waits(journal)
            assert seen.spans == sorted(seen.spans, reverse=True)
            assert len(seen.spans) == 5  # the last half-hours are of Tuesday: Sunday was short
            assert await consumption(influx) == dict.fromkeys(range(4 * 48 - 1), 1.0)
            assert await consumption(influx, DAYS) == {0: 48.0, 48: 48.0, 96: 46.0, 142: 48.0, 190: 1.0}
            await take(journal, influx, [4 * 48])
            await until_none_waits(journal)
            assert len(await consumption(influx)) == 4 * 48


async def test_live_occupancy_ends_in_roll_ups_wherever_its_spaces_are_stored(
    tmp_path: Path, database: Database
) -> None:
    """A space by its name, over time; small spaces together, reading by reading, since their moments are moved."""
    place = "occupancy,building=hall,council=moor"
    async with stored(database, "rolled_occupancy") as influx, opened(tmp_path) as journal:
        async with running(RollUps(journal, influx, 30)):
            now = time.time_ns() // HALF_HOUR_NS * HALF_HOUR_NS
            for start, occupied in ((now - HALF_HOUR_NS, (0.0, 1.0)), (now, (1.0, 1.0))):
                lines = [
                    f"{place}{tags} occupied={value},people=3.0 {start + number * 600 * SECOND}"
                    for tags in (",device=pir,level=1,space=a", r",level=1,part=0f,space=small\ spaces")
                    for number, value in enumerate(occupied)
                ]
                await journal.append(Entry(received=5, lines=lines, sizes=array("I", [1] * len(lines))))
                await write_rows(await journal.peek(0, 100), journal, Writer(influx, State()))
                await until_none_waits(journal)
        found = await influx.query(
            f'SELECT "occupied", "occupied_readings" FROM "{HALF_HOUR}" GROUP BY "space", "part"',
            database=database_of(influx.database),
        )
    assert {(one["tags"]["space"], one["tags"]["part"]) for one in found} == {("a", ""), ("small spaces", "0f")}
    for one in found:
        share = 0.5 if one["tags"]["part"] else pytest.approx(2 / 3)
        assert one["values"] == [[now - HALF_HOUR_NS, share, 2], [now, 1, 2]]


async def test_what_is_touched_meanwhile_is_done_again(tmp_path: Path, database: Database) -> None:
    seen = Seen(go=asyncio.Event())
    async with stored(database, "rolled_again") as influx, opened(tmp_path) as journal:
        await take(journal, influx, [0, 1, 2])
        async with running(RollUps(journal, influx, 0, seen)):
            await asyncio.wait_for(seen.began.wait(), 5)
            await take(journal, influx, [1])
            assert seen.go is not None
            seen.go.set()
            await until_none_waits(journal)
    step = MIDNIGHT + HALF_HOUR_NS
    assert seen.spans == [(MIDNIGHT, MIDNIGHT + 3 * HALF_HOUR_NS), (step, step + HALF_HOUR_NS)]


async def test_new_readings_do_not_wait_for_a_history(tmp_path: Path, database: Database) -> None:
    """A pass that takes longer than a period begins anew at the newest."""
    seen = Seen(go=asyncio.Event())
    async with stored(database, "rolled_history") as influx, opened(tmp_path) as journal:
        await take(journal, influx, range(5 * 48))
        async with running(RollUps(journal, influx, 0, seen), period=0.2):
            await asyncio.wait_for(seen.began.wait(), 5)
            await take(journal, influx, [6 * 48])
            await asyncio.sleep(0.3)
            assert seen.go is not None
            seen.go.set()
            await until_none_waits(journal)
    newest = MIDNIGHT + 6 * 48 * HALF_HOUR_NS
    assert seen.spans[1] == (newest, newest + HALF_HOUR_NS)


async def test_an_outage_delays_roll_ups_and_loses_none(tmp_path: Path, start_database: StartDatabase) -> None:
    database = await start_database()
    async with stored(database, "telemetry") as influx, opened(tmp_path) as journal:
        rolling = RollUps(journal, influx, 0)
        await take(journal, influx, range(60))
        await database.process.kill()
        async with running(rolling):
            async with asyncio.timeout(10):
                while not rolling.state.text.startswith("waiting"):  # noqa: ASYNC110  the state tells nobody
                    await asyncio.sleep(0.02)
            assert (rolling.state.ok, "start InfluxDB" in rolling.state.text) == (False, True)
            assert (await journal.counts()).touched == 60
            await database.process.start()
            await until_none_waits(journal)
            await asyncio.sleep(0.1)
            assert (rolling.state.ok, rolling.state.text) == (True, "ok")
            assert await consumption(influx) == dict.fromkeys(range(59), 1.0)


async def test_a_missing_right_is_told_with_its_mend_and_readings_go_on(tmp_path: Path) -> None:
    async with influxdb_with_accounts(tmp_path / "influxdb") as url:
        await as_admin(
            url,
            "CREATE DATABASE telemetry",
            "CREATE USER ingest WITH PASSWORD 'known'",
            "GRANT ALL ON telemetry TO ingest",
        )
        options = Options.model_validate({"url": url, "username": "ingest", "password": "known"})
        async with Influx(options) as influx, opened(tmp_path / "data") as journal:
            await influx.connect()
            rolling = RollUps(journal, influx, 0)
            async with running(rolling):
                await take(journal, influx, [0, 1, 2])
                async with asyncio.timeout(5):
                    while rolling.state.ok:  # noqa: ASYNC110  the state tells nobody
                        await asyncio.sleep(0.02)
                assert "create the database telemetry_rollup, and give the account of ingest" in rolling.state.text
                assert (await journal.counts()).rows == 0, "readings go on"
                assert (await journal.counts()).touched == 3
                await as_admin(url, "CREATE DATABASE telemetry_rollup", "GRANT ALL ON telemetry_rollup TO ingest")
                await until_none_waits(journal)
                assert await consumption(influx) == {0: 1.0, 1: 1.0}


async def test_a_database_of_roll_ups_that_is_dropped_is_made_again(tmp_path: Path, database: Database) -> None:
    async with (
        stored(database, "rolled_dropped") as influx,
        opened(tmp_path) as journal,
        running(RollUps(journal, influx, 0)),
    ):
        await take(journal, influx, [0, 1])
        await until_none_waits(journal)
        await influx.query(f'DROP DATABASE "{database_of("rolled_dropped")}"', post=True)
        await take(journal, influx, [2])
        await until_none_waits(journal)
        assert (await consumption(influx))[1] == 1.0


async def test_a_bug_is_logged_once_and_what_it_left_is_done_later(
    tmp_path: Path, database: Database, caplog: pytest.LogCaptureFixture
) -> None:
    seen = Seen(faults=[DatabaseError("busy"), ZeroDivisionError("no days"), ZeroDivisionError("no days")])
    async with stored(database, "rolled_bug") as influx, opened(tmp_path) as journal:
        await take(journal, influx, [0, 1])
        with caplog.at_level(logging.INFO):
            async with running(RollUps(journal, influx, 0, seen)):
                await until_none_waits(journal)
        assert await consumption(influx) == {0: 1.0}
    assert len([one for one in caplog.records if one.exc_info]) == 1
    assert "roll-ups: failed: ZeroDivisionError: no days" in caplog.text
    assert "roll-ups: waiting: busy" in caplog.text


async def test_a_bug_in_one_day_does_not_hold_up_the_others(tmp_path: Path, database: Database) -> None:
    poisoned = MIDNIGHT + 48 * HALF_HOUR_NS
    async with stored(database, "rolled_poison") as influx, opened(tmp_path) as journal:
        await take(journal, influx, range(3 * 48))
        rolling = RollUps(journal, influx, 0, Seen(poison=poisoned))
        async with running(rolling):
            async with asyncio.timeout(20):
                while (await journal.counts()).touched > 48:  # noqa: ASYNC110  nobody tells
                    await asyncio.sleep(0.02)
            left = await journal.touched(poisoned + 48 * HALF_HOUR_NS, 100)
            await asyncio.sleep(0.1)
            assert rolling.state.text.startswith("failed: ZeroDivisionError")
        days = await consumption(influx, DAYS)
    assert [one.start for one in left][-1] == poisoned
    assert len(left) == 48
    assert (days[0], days[96]) == (48, 46)
