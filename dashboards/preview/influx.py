"""Questions to InfluxDB: `/query` with HTTP Basic, the one way that 1.x, 2.x and 3.x share."""

import asyncio
from dataclasses import dataclass
from typing import Final

import aiohttp
import orjson

from dashboards.preview.frames import QueryError, Series, series_of
from dashboards.sources import Source
from devices import rollups

AT_ONCE: Final = 4
"""Queries under way at one time."""
TIMEOUT: Final = 30.0
"""Seconds for one query."""


@dataclass(frozen=True, slots=True)
class Connection:
    """Where the readings are, with their roll-ups beside them, and as whom to read both."""

    url: str
    database: str
    username: str = ""
    password: str = ""

    def database_of(self, source: Source) -> str:
        """The database behind a data source of the boards."""
        return {Source.READINGS: self.database, Source.ROLLUPS: rollups.database_of(self.database)}[source]


class Influx:
    """A client for reading; used as an async context manager."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._turn = asyncio.Semaphore(AT_ONCE)
        self._session: aiohttp.ClientSession | None = None

    async def __aenter__(self) -> "Influx":
        connection = self._connection
        headers = {}
        if connection.username:
            headers["Authorization"] = aiohttp.encode_basic_auth(connection.username, connection.password)
        self._session = aiohttp.ClientSession(headers=headers, timeout=aiohttp.ClientTimeout(total=TIMEOUT))
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._session:
            await self._session.close()

    async def query(self, text: str, source: Source) -> list[Series]:
        """The series of one statement to a data source, times in milliseconds.

        Raises:
            QueryError: the database is away, refuses the query, or answers what is no JSON.
        """
        if self._session is None:
            raise RuntimeError("use Influx as an async context manager")
        database = self._connection.database_of(source)
        parameters = {"db": database, "epoch": "ms", "q": text}
        url = f"{self._connection.url.rstrip('/')}/query"
        async with self._turn:
            try:
                async with self._session.post(url, data=parameters) as response:
                    body = await response.read()
            except (aiohttp.ClientError, TimeoutError) as error:
                raise QueryError(f"InfluxDB at {self._connection.url} does not answer: {error}") from error
        try:
            answer = orjson.loads(body)
        except orjson.JSONDecodeError as error:
            raise QueryError(f"InfluxDB answered {response.status}, and no JSON") from error
        if response.status in (401, 403):
            raise QueryError("InfluxDB refuses the user or token: check the settings of the preview")
        try:
            return series_of(answer)
        except QueryError as error:
            if str(error).startswith("database not found"):
                raise QueryError(f"InfluxDB has no database {database}: start ingest, which makes it") from error
            raise
