"""Filling the real InfluxDB with lines and their roll-ups, and asking it as a board does."""

from collections.abc import Iterable
from datetime import datetime
from itertools import islice

import aiohttp

from dashboards.preview.frames import as_table
from dashboards.preview.influx import Connection
from dashboards.preview.influx import Influx as Reader
from dashboards.preview.macros import Choice, with_time, with_variables
from dashboards.preview.timerange import Range
from dashboards.sources import Source
from devices.localdays import HALF_HOUR_NS
from devices.timestamps import SECOND
from ingest.influx import Influx
from ingest.rollup.recompute import recompute
from ingest.settings import Influx as Options

ALL = {"council": Choice(("strathmore",)), "building": Choice((), ".*"), "space": Choice((), ".+")}
"""The variables as a board opens with them."""


async def fill(connection: Connection, lines: Iterable[str]) -> None:
    """Make the databases anew, write `lines` (times in seconds) to one and their roll-ups to the other."""
    source, times = iter(lines), []
    async with aiohttp.ClientSession(connection.url, raise_for_status=True) as session:
        for each in Source:
            for verb in ("DROP", "CREATE"):
                statement = f'{verb} DATABASE "{connection.database_of(each)}"'
                async with session.post("/query", data={"q": statement}) as response:
                    await response.read()
        while batch := list(islice(source, 20_000)):
            times += [int(line.rpartition(" ")[2]) for line in batch]
            parameters = {"db": connection.database, "precision": "s"}
            async with session.post("/write", params=parameters, data="\n".join(batch).encode()) as response:
                await response.read()
    await roll_up(connection, min(times) * SECOND, max(times) * SECOND)


async def roll_up(connection: Connection, first: int, last: int) -> None:
    """The roll-ups of the readings from `first` to `last` (ns), as ingest works them out."""
    async with Influx(Options(url=connection.url, database=connection.database)) as influx:
        await influx.ensure_database(connection.database_of(Source.ROLLUPS))
        await recompute(influx, first // HALF_HOUR_NS * HALF_HOUR_NS, (last // HALF_HOUR_NS + 1) * HALF_HOUR_NS)


def span(start: datetime, end: datetime) -> Range:
    """The time range of a board."""
    return Range(round(start.timestamp() * 1_000), round(end.timestamp() * 1_000))


async def rows(
    connection: Connection, text: str, start: datetime, end: datetime, source: Source
) -> list[dict[str, object]]:
    """The answer to a query of a table, with its tags."""
    query = with_time(with_variables(text, ALL), span(start, end), "1d", 0)
    async with Reader(connection) as influx:
        frames = as_table("A", await influx.query(query, source))
    return [
        {column.name: column.values[row] for column in frame.columns} for frame in frames for row in range(frame.length)
    ]
