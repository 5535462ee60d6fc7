"""Asks the database: which it is, what we may do in it, how long it keeps things. It stores nothing."""

import re
import time
from email.utils import parsedate_to_datetime
from typing import Final

import aiohttp

from devices.rollups import database_of
from devices.timestamps import SECOND
from ingest import retention
from ingest.doctor.findings import DAY, OCCUPANCY_DAYS, DatabaseEvidence
from ingest.doctor.rollups import RollUpsEvidence
from ingest.influx import DatabaseError, Faulty, Halt, Influx, Stored
from ingest.rollup.span import CONSUMPTION, first_reading, first_rolled
from ingest.settings import Influx as Options

_UNIT_S: Final = {"h": 3_600, "m": 60, "s": 1}


async def probe(options: Options) -> DatabaseEvidence:
    """What the database answers; never raises for what it does."""
    async with Influx(options) as influx:
        try:
            major, minor = await influx.connect()
        except DatabaseError as error:
            return DatabaseEvidence(str(error))
        return DatabaseEvidence(
            "",
            f"{major}.{minor}",
            await _writable(influx),
            await _readable(influx),
            await (_retention_days(influx, options.database) if major == 1 else _bucket_days(options, major)),
            await _skew_s(options.url),
            await _occupancy_days(influx, options),
        )


async def rollups(options: Options) -> RollUpsEvidence | None:
    """What the database of roll-ups answers; None where there is no database at all."""
    async with Influx(options) as influx:
        try:
            await influx.connect()
        except DatabaseError:
            return None
        writable = await _writable(influx, database_of(options.database))
        return RollUpsEvidence(writable, await _behind_days(influx) if writable == "yes" else None)


async def _behind_days(influx: Influx) -> float | None:
    try:
        read = await first_reading(influx)
        rolled = await first_rolled(influx, CONSUMPTION)
    except DatabaseError:
        return None
    if read is None:
        return 0.0
    return max(0, (time.time_ns() if rolled is None else rolled) - read) / SECOND / DAY


async def _writable(influx: Influx, database: str | None = None) -> str:
    """An empty body writes nothing, but only somebody who may write is told so; InfluxDB 3 calls it a bad request."""
    verdict = await influx.write(b"", 0, database=database)
    if isinstance(verdict, Stored) or (isinstance(verdict, Faulty) and "empty" in verdict.detail):
        return "yes"
    return "missing" if isinstance(verdict, Halt) and verdict.missing_database else verdict.detail


async def _readable(influx: Influx) -> str:
    try:
        await influx.query("SHOW MEASUREMENTS LIMIT 1")
    except DatabaseError as error:
        return str(error)
    return "yes"


async def _occupancy_days(influx: Influx, options: Options) -> float | None:
    """How old the oldest occupancy is where that is more than allowed; a day and more is the deletion's own pace."""
    allowed = options.occupancy_days + 2 if options.occupancy_days else OCCUPANCY_DAYS
    now = time.time_ns()
    try:
        first = await retention.oldest(influx, now - allowed * DAY * SECOND)
    except DatabaseError:
        return None
    return 0.0 if first is None else (now - first) / SECOND / DAY


async def _retention_days(influx: Influx, database: str) -> float | None:
    try:
        policies = await influx.query(f'SHOW RETENTION POLICIES ON "{database}"')
    except DatabaseError:
        return None
    for series in policies:
        for row in series.get("values", []):
            policy = dict(zip(series["columns"], row, strict=False))
            if policy.get("default"):
                return duration_s(str(policy.get("duration", ""))) / DAY
    return None


async def _bucket_days(options: Options, major: int) -> float | None:
    """The retention of the bucket on 2.x, whose InfluxQL says 0s of every one; 3.x does not tell it to who writes."""
    if major != 2:
        return None
    headers = {"Authorization": f"Token {options.token.get_secret_value()}"}
    try:
        async with (
            aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=5)) as http,
            http.get(
                f"{options.url.rstrip('/')}/api/v2/buckets", params={"name": options.database}, headers=headers
            ) as answer,
        ):
            said = await answer.json()
            (bucket,) = said["buckets"]
            return max((float(rule["everySeconds"]) for rule in bucket["retentionRules"]), default=0.0) / DAY
    except (aiohttp.ClientError, OSError, TimeoutError, KeyError, ValueError, TypeError):
        return None


def duration_s(text: str) -> float:
    """Seconds of a duration as InfluxQL shows it, `168h0m0s`; 0s is for ever."""
    return sum(int(n) * _UNIT_S[unit] for n, unit in re.findall(r"(\d+)([hms])", text))


async def _skew_s(url: str) -> float | None:
    """How far the server's clock is ahead, to half a second: HTTP tells whole ones."""
    timeout = aiohttp.ClientTimeout(total=5)
    try:
        async with aiohttp.ClientSession(timeout=timeout) as http:
            before = time.time()
            async with http.get(f"{url.rstrip('/')}/ping") as answer:
                after = time.time()
                told = parsedate_to_datetime(answer.headers["Date"]).timestamp()
    except (aiohttp.ClientError, OSError, TimeoutError, KeyError, ValueError):
        return None
    return told + 0.5 - (before + after) / 2
