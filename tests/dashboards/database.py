"""Filling the real InfluxDB with lines, and naming the variables of a board."""

from collections.abc import Iterable
from itertools import islice

import aiohttp

from dashboards.preview.influx import Connection
from dashboards.preview.macros import Choice

ALL = {"council": Choice(("strathmore",)), "building": Choice((), ".*"), "space": Choice((), ".+")}
"""The variables as a board opens with them."""


async def fill(connection: Connection, lines: Iterable[str]) -> None:
    """Make the database anew and write `lines` to it; their times are in seconds."""
    source = iter(lines)
    async with aiohttp.ClientSession(connection.url, raise_for_status=True) as session:
        for statement in (f"DROP DATABASE {connection.database}", f"CREATE DATABASE {connection.database}"):
            async with session.post("/query", data={"q": statement}) as response:
                await response.read()
        while batch := list(islice(source, 20_000)):
            parameters = {"db": connection.database, "precision": "s"}
            async with session.post("/write", params=parameters, data="\n".join(batch).encode()) as response:
                await response.read()
