"""Databases of a test's own on the InfluxDB of the run: readings, and the roll-ups beside them."""

from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager

from devices.rollups import database_of
from ingest.influx import Influx, Stored
from ingest.settings import Influx as Options

METER = "meter,building=b,council=c,device={device},level=0,meter=m,model=x,role=main,space=s,use=all"

Line = tuple[str, int]
"""A line without its time, and the time."""


async def dropped(influx: Influx) -> None:
    """Neither readings nor roll-ups are left."""
    for one in (influx.database, database_of(influx.database)):
        await influx.query(f'DROP DATABASE "{one}"', post=True)


@asynccontextmanager
async def empty(url: str, name: str) -> AsyncIterator[Influx]:
    """The database `name` and that of its roll-ups, made anew."""
    async with Influx(Options(url=url, database=name)) as influx:
        await dropped(influx)
        await influx.ensure_database()
        await influx.ensure_database(database_of(name))
        yield influx


async def write(influx: Influx, lines: Iterable[Line]) -> None:
    """Write lines; all are taken."""
    body = [f"{line} {time}" for line, time in lines]
    assert await influx.write("\n".join(body).encode(), len(body)) == Stored()
