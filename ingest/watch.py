"""Looks at a running ingest from outside, by its `GET /status`, and at the database by InfluxQL."""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import aiohttp
from pydantic import ValidationError

from ingest.settings import Settings
from ingest.view import Frame, Guide, Space, Status, read_spaces, spaces_query

TIMEOUT = aiohttp.ClientTimeout(total=5)


class WatchError(Exception):
    """Ingest or the database does not answer as it should; the text says which, where and what to do."""


def status_url(settings: Settings) -> str:
    return f"http://{settings.health.host}:{settings.health.port}/status"


async def fetch_status(url: str) -> Status:
    """What ingest says of itself; raises `WatchError`."""
    try:
        async with aiohttp.ClientSession(timeout=TIMEOUT) as http, http.get(url) as answer:
            return Status.model_validate_json(await answer.read())
    except (aiohttp.ClientError, TimeoutError) as error:
        raise WatchError(f"no ingest answers at {url}: start it, or name its settings with --settings") from error
    except ValidationError as error:
        raise WatchError(f"{url} is not the status of this version's ingest: {error.error_count()} mistakes") from error


async def query(settings: Settings, statements: str) -> dict[str, Any]:
    """The answer to InfluxQL statements; raises `WatchError`, also for an error inside the answer."""
    influx = settings.influx
    token, password = influx.token.get_secret_value(), influx.password.get_secret_value()
    user = influx.username or "tolbooth"
    auth = aiohttp.BasicAuth(user, token or password) if token or influx.username else None
    try:
        async with (
            aiohttp.ClientSession(timeout=TIMEOUT, auth=auth) as http,
            http.get(f"{influx.url}/query", params={"db": influx.database, "q": statements, "epoch": "ns"}) as answer,
        ):
            body: dict[str, Any] = await answer.json(content_type=None)
    except (aiohttp.ClientError, TimeoutError, ValueError) as error:
        raise WatchError(f"no InfluxDB answers at {influx.url}") from error
    faults = [body.get("error"), *(result.get("error") for result in body.get("results", ()))]
    if fault := next(filter(None, faults), None):
        raise WatchError(f"{influx.url} refused a query: {fault}")
    return body


async def frames(
    settings: Settings, guide: Guide, still_runs: Callable[[], Awaitable[None]], *, every_s: float = 1.0
) -> AsyncIterator[Frame]:
    """One frame after another; `still_runs` is asked before each and raises to end it.

    A frame without an answer is skipped: what is stopped is for `still_runs` to say.
    """
    previous: tuple[Status, float] | None = None
    spaces: tuple[Space, ...] = ()
    while True:
        await still_runs()
        try:
            status = await fetch_status(status_url(settings))
            spaces = read_spaces(await query(settings, spaces_query()))
        except WatchError:
            await asyncio.sleep(every_s)
            continue
        now = time.monotonic()
        yield Frame(status, previous and previous[0], now - previous[1] if previous else 0.0, spaces, guide)
        previous = status, now
        await asyncio.sleep(every_s)
