"""Occupancy ends after its days, on the real database with the least credential, and nothing else does."""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from pathlib import Path

import pytest
import pytest_asyncio
from aiohttp import web

from devices.localdays import HALF_HOUR_NS
from devices.registry import load
from devices.rollups import HALF_HOUR, database_of
from devices.timestamps import SECOND
from ingest.access import Access, arrange
from ingest.doctor import database as probe
from ingest.influx import DatabaseError, Influx, Stored
from ingest.journal import Journal
from ingest.processes import free_port
from ingest.retention import DAY, DONE, forget, keep_tidy, kept_since, oldest
from ingest.security import store
from ingest.servers import Database, influxdb
from ingest.settings import Influx as Options
from tests.bench.estate import write_estate

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

NOW = time.time_ns()
AGES = (1, 29, 31, 400)


@pytest_asyncio.fixture
async def protected(tmp_path: Path) -> AsyncIterator[tuple[Database, Access]]:
    """A database with the users that `init` makes, and readings of four ages."""
    estate = write_estate(tmp_path / "estate", 2)
    store.init(tmp_path / "security", load(estate), NOW, registry=estate)
    async with influxdb(tmp_path / "influxdb", protected=True) as database:
        access = await arrange(tmp_path / "security", database, "telemetry")
        lines = [
            f"occupancy,device=d,space=a people={people} {NOW - age * DAY + later}"
            for age in AGES
            for people, later in ((age, 0), (0, SECOND))
        ]
        lines += [f"climate,space=a people={age} {NOW - age * DAY}" for age in AGES]
        async with connection(database, access.ingest) as influx:
            await influx.connect()
            assert await influx.write("\n".join(lines).encode(), len(lines)) == Stored()
        yield database, access


def options(database: Database, who: Mapping[str, str], days: int = 0) -> Options:
    return Options.model_validate({"url": database.url, "occupancy_days": days, **who})


def connection(database: Database, who: Mapping[str, str]) -> Influx:
    return Influx(options(database, who))


def opened(folder: Path) -> Journal:
    return Journal(folder, max_bytes=2**24, keep_packets=9, quarantine_bytes=2**20, quarantine_age=DAY)


async def ages(influx: Influx, measurement: str, database: str | None = None) -> list[int]:
    found = await influx.query(f"SELECT people FROM {measurement}", database=database)
    return sorted({int(row[1]) for series in found for row in series["values"]})


async def tidied(influx: Influx, journal: Journal, now: int) -> None:
    """Keep tidy, with this time on the clock, until nothing older than 30 days is left."""
    task = asyncio.create_task(keep_tidy(influx, journal, 30, lambda: now, look_s=0.05))
    async with asyncio.timeout(20):
        while await oldest(influx, kept_since(now, 30)) is not None:  # noqa: ASYNC110  the database tells nobody
            await asyncio.sleep(0.05)
    await _end(task)


async def test_the_least_credential_deletes_old_occupancy_and_nothing_else(
    protected: tuple[Database, Access], tmp_path: Path
) -> None:
    database, access = protected
    assert (await probe.probe(options(database, access.ingest))).occupancy_days == pytest.approx(400, abs=1)
    async with connection(database, access.ingest) as influx, opened(tmp_path / "data") as journal:
        await tidied(influx, journal, NOW)
        assert await ages(influx, "occupancy") == [0, 1, 29]
        assert await ages(influx, "climate") == sorted(AGES)
        assert await ages(influx, HALF_HOUR, database_of(influx.database)) == [31, 400]
    assert (await probe.probe(options(database, access.ingest, 30))).occupancy_days == 0
    async with connection(database, access.boards) as reader:
        with pytest.raises(DatabaseError):
            await forget(reader, NOW)


async def test_a_late_reading_of_a_day_that_is_deleted_leaves_its_roll_up_alone(
    protected: tuple[Database, Access], tmp_path: Path
) -> None:
    database, access = protected
    async with connection(database, access.ingest) as influx, opened(tmp_path / "data") as journal:
        for now in (NOW, NOW + DAY):
            await tidied(influx, journal, now)
            late = f"occupancy,device=d,space=a people=7 {NOW - 31 * DAY}"
            assert await influx.write(late.encode(), 1) == Stored()
        assert await ages(influx, HALF_HOUR, database_of(influx.database)) == [31, 400]


async def test_a_half_hour_after_what_is_deleted_stays_as_it_was(
    protected: tuple[Database, Access], tmp_path: Path
) -> None:
    """Somebody came the evening before, and went at a quarter to one: that is known of half of the half-hour."""
    database, access = protected
    midnight = kept_since(NOW, 30)
    said = {-HALF_HOUR_NS: 4, HALF_HOUR_NS * 3 // 2: 0, HALF_HOUR_NS * 5 // 2: 0}
    async with connection(database, access.ingest) as influx, opened(tmp_path / "data") as journal:
        lines = [f"occupancy,device=e,space=b people={people} {midnight + at}" for at, people in said.items()]
        assert await influx.write("\n".join(lines).encode(), len(lines)) == Stored()
        for day in (NOW, NOW + DAY):
            await tidied(influx, journal, day)
        found = await influx.query(
            f"SELECT people FROM {HALF_HOUR} WHERE space = 'b' AND time = {midnight + HALF_HOUR_NS}",
            database=database_of(influx.database),
        )
    assert found[0]["values"][0][1] == 2


async def test_it_is_done_at_most_once_a_day_also_over_a_restart(tmp_path: Path) -> None:
    now, deleted = [NOW], []

    async def query(request: web.Request) -> web.Response:
        deleted.append(request.query["q"])
        return web.Response(text="{}\n", content_type="application/json")  # as InfluxDB 2.9.1 answers a DELETE

    async with answering(query, "2.9.1") as url, Influx(Options(url=url)) as influx:
        for expected in (1, 1, 2):
            async with opened(tmp_path / "data") as journal:
                task = asyncio.create_task(keep_tidy(influx, journal, 30, lambda: now[0], look_s=0.01))
                async with asyncio.timeout(20):
                    while len(deleted) < expected or not await journal.recall(*DONE):  # noqa: ASYNC110  nobody tells
                        await asyncio.sleep(0.01)
                await asyncio.sleep(0.1)  # ten more looks
                await _end(task)
            assert len(deleted) == expected
            now[0] += DAY // 2
    assert deleted[0] == f'DELETE FROM "occupancy" WHERE time < {(NOW - 30 * DAY) // DAY * DAY}'


async def test_influxdb_3_is_not_asked_and_that_is_said(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    async def query(_: web.Request) -> web.Response:
        raise AssertionError("InfluxDB 3 has no DELETE")

    async with answering(query, "3.1.0") as url, Influx(Options(url=url)) as influx, opened(tmp_path) as journal:
        await asyncio.wait_for(keep_tidy(influx, journal, 30), 20)
    assert "InfluxDB 3 has no DELETE; set the retention of its database" in caplog.text


async def test_what_the_database_refuses_is_said_and_tried_again(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    asked = []

    async def query(_: web.Request) -> web.Response:
        asked.append(1)
        return web.json_response({"error": "requires WRITE on telemetry"}, status=403)

    async with answering(query, "1.6.7") as url, Influx(Options(url=url)) as influx, opened(tmp_path) as journal:
        task = asyncio.create_task(keep_tidy(influx, journal, 30, look_s=0.02))
        async with asyncio.timeout(20):
            while len(asked) < 2:  # noqa: ASYNC110  the server tells nobody
                await asyncio.sleep(0.01)
        await _end(task)
    assert "occupancy older than 30 days is not deleted" in caplog.text
    assert "requires WRITE" in caplog.text


@contextlib.asynccontextmanager
async def answering(query: Handler, version: str) -> AsyncIterator[str]:
    """A server that answers as an InfluxDB of this version."""

    async def ping(_: web.Request) -> web.Response:
        return web.Response(status=204, headers={"X-Influxdb-Version": version})

    async def empty(_: web.Request) -> web.Response:
        return web.json_response({"results": [{"statement_id": 0}]})

    app = web.Application()
    app.add_routes([web.get("/ping", ping), web.get("/query", empty), web.post("/query", query)])
    runner = web.AppRunner(app)
    await runner.setup()
    port = free_port()
    await web.TCPSite(runner, "127.0.0.1", port).start()
    try:
        yield f"http://127.0.0.1:{port}"
    finally:
        await runner.cleanup()


async def _end(task: asyncio.Task[None]) -> None:
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
