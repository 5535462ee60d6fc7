"""Looks at a running ingest from outside: its `GET /status`, and the database behind it."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Iterable

import aiohttp
from pydantic import ValidationError

from devices.errors import MendableError
from devices.schema import Field
from ingest.counts import look
from ingest.health import report
from ingest.influx import DatabaseError, Influx
from ingest.settings import Settings
from ingest.view import SHOWN, Frame, Guide, Space, Status, latest_query, read_spaces

TIMEOUT = aiohttp.ClientTimeout(total=5)


class WatchError(MendableError):
    """Ingest does not answer as it should; the text says where, and what to do."""


async def fetch_status(settings: Settings) -> Status:
    """What ingest says of itself.

    Raises:
        WatchError: it does not answer, or is not of this version.
    """
    url = f"http://{settings.health.host}:{settings.health.port}/status"
    try:
        async with aiohttp.ClientSession(timeout=TIMEOUT) as http, http.get(url) as answer:
            return Status.model_validate_json(await answer.read())
    except (aiohttp.ClientError, OSError, TimeoutError) as error:
        raise WatchError(f"no ingest answers at {url}: start it, or name its settings with --settings") from error
    except ValidationError as error:
        fault = error.errors()[0]
        where = ".".join(map(str, fault["loc"]))
        raise WatchError(f"{url} is no status of this version's ingest: {where}: {fault['msg']}") from error


def journal_status(settings: Settings) -> Status:
    """What the journal says while no ingest runs: the counts add up after a crash too.

    Raises:
        JournalError: there is no journal.
    """
    absent = "ingest is not running"
    said = report(look(settings.data), time.time_ns())
    return Status.model_validate(
        said
        | {"lag_s": None, "broker": absent, "database": absent, "ready": False}
        | {"devices": {"registered": 0, "online": 0}, "canary": absent, "registry": "", "alarms": ()}
    )


async def stored_since(influx: Influx, fields: Iterable[Field], since_ns: int) -> int:
    """How many values of `fields` the database holds with a time from `since_ns` on; raises `DatabaseError`."""
    count = 0
    for field in fields:
        question = f'SELECT count("{field.key}") FROM "{field.measurement}" WHERE time >= {since_ns}'  # noqa: S608
        for series in await influx.query(question):
            count += int(series["values"][0][1])
    return count


async def frames(
    settings: Settings, influx: Influx, guide: Guide, check: Callable[[], None], *, every_s: float = 1.0
) -> AsyncIterator[Frame]:
    """One frame after another, for as long as `check`, called before each, does not raise.

    A frame that ingest does not answer is left out, and one that the database does not answer keeps the last values:
    an outage is what a person is watching for.
    """
    previous: Status | None = None
    then = time.monotonic()
    spaces: tuple[Space, ...] = ()
    while True:
        check()
        try:
            status = await fetch_status(settings)
            spaces = read_spaces([await influx.query(latest_query(field)) for field in SHOWN])
        except WatchError:
            await asyncio.sleep(every_s)
            continue
        except DatabaseError:
            pass
        now = time.monotonic()
        yield Frame(status, previous, now - then, spaces, guide)
        previous, then = status, now
        await asyncio.sleep(every_s)
