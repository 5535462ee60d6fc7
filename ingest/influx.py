"""InfluxDB of any generation (1.6 to 3) by the two endpoints that all of them share: `/write` and `/query`.

`judge` says what each answer to a write means for the lines that were sent; it is pure, and tests/ingest/test_judge.py
has a case for each. The generations differ: 1.x keeps the good lines of a batch with a bad one, 2.x and 3.x keep none.
"""

import asyncio
import gzip
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Final, Self
from urllib.parse import urlsplit

import aiohttp
import orjson

from devices.errors import MendableError
from ingest.settings import Influx as Options

MAX_ANSWER: Final = 2**20
"""Bytes of an answer to a write that are read: it may name every refused line."""
OLDEST: Final = (1, 6)
_LOOPBACK: Final = ("localhost", "127.0.0.1", "::1")
_UNPARSED: Final = re.compile(r"unable to parse '(.*?)': ", re.DOTALL)
DROPPED: Final = re.compile(r"dropped=(\d+)")
"""How many lines an answer says were refused."""


_MENDS: Final = {
    401: ": set influx.username and influx.password, or influx.token",
    403: ": give influx.username (or influx.token) the right to write",
}


class DatabaseError(MendableError):
    """The database cannot be used as it is; the text says what to do."""


@dataclass(frozen=True, slots=True)
class Stored:
    """All lines are in the database."""


@dataclass(frozen=True, slots=True)
class Faulty:
    """At least one line was refused for good."""

    detail: str
    named: frozenset[bytes] = frozenset()
    """the refused lines, where the answer names them all"""
    rest_stored: bool = False
    """the lines that are not named are in the database"""
    all_refused: bool = False


@dataclass(frozen=True, slots=True)
class TooLarge:
    """Fewer lines may pass."""

    detail: str


@dataclass(frozen=True, slots=True)
class Wait:
    """The database is busy or away; the same lines may pass later."""

    detail: str
    seconds: float | None = None
    """how long the server asked to wait"""


@dataclass(frozen=True, slots=True)
class Halt:
    """Only a person can mend it; the lines are kept and tried again slowly."""

    detail: str
    missing_database: bool = False


Verdict = Stored | Faulty | TooLarge | Wait | Halt


def identifiers(names: Iterable[str]) -> str:
    """Names as InfluxQL identifiers, comma-separated."""
    return ", ".join(f'"{name}"' for name in names)


def judge(status: int, headers: Mapping[str, str], text: str, lines: int) -> Verdict:
    """What the answer to a write of `lines` lines means.

    Only 204 says that they are stored: every generation answers so, and a proxy's log-in page answers 200. A page is
    no database's answer either, and says nothing about the lines.
    """
    if status == 204:
        return Stored()
    detail = f"{status}: {_message(text)}"
    if status in (400, 422) and not text.lstrip().startswith("<"):
        return _judge_lines(text, detail, lines)
    if status == 413:
        return TooLarge(detail)
    if status in _MENDS:
        return Halt(f"{detail}{_MENDS[status]}")
    if status == 404:
        return Halt(f"{detail}: create the database, or set influx.database", missing_database=True)
    if status == 500 and any(words in text for words in ("retention policy not found", "partial write", "parse '")):
        return Halt(f"{detail}: look into the database's configuration")
    if status in (408, 429, 499) or status >= 500:
        return Wait(detail, _retry_after(headers))
    return Halt(f"{detail}: is influx.url an InfluxDB?")


def _judge_lines(text: str, detail: str, lines: int) -> Verdict:
    message = _message(text)
    named = frozenset(match.encode() for match in _UNPARSED.findall(message))
    dropped = DROPPED.search(message)
    if dropped and int(dropped[1]) >= lines:
        return Faulty(detail, all_refused=True)
    # 1.x reports either what it could not parse or what it could not write, never both
    if named and (dropped is None or dropped[1] == "0"):
        return Faulty(detail, named, rest_stored=message.startswith("partial write"))
    return Faulty(detail)


def _message(text: str) -> str:
    try:
        answer = orjson.loads(text)
    except orjson.JSONDecodeError:
        return text.strip()
    if isinstance(answer, dict):
        said = answer.get("error") or answer.get("message")
        if isinstance(said, str):
            return said
    return text.strip()


def _retry_after(headers: Mapping[str, str]) -> float | None:
    try:
        return max(0.0, min(float(headers.get("Retry-After", "")), 3_600.0))
    except ValueError:
        return None


class Influx:
    """A connection to the database; an async context manager."""

    def __init__(self, options: Options) -> None:
        self._options = options
        self._url = options.url.rstrip("/")
        local = (urlsplit(options.url).hostname or "") in _LOOPBACK
        self._gzip = not local if options.gzip is None else options.gzip
        self.version: tuple[int, int] | None = None
        """major and minor, once `connect` has been answered"""

    async def __aenter__(self) -> Self:
        options = self._options
        token = options.token.get_secret_value()
        auth = None
        if token:
            auth = aiohttp.encode_basic_auth("token", token)
        elif options.username:
            auth = aiohttp.encode_basic_auth(options.username, options.password.get_secret_value())
        self._http = aiohttp.ClientSession(
            headers={"Authorization": auth} if auth else None,
            timeout=aiohttp.ClientTimeout(total=options.timeout),
            connector=aiohttp.TCPConnector(limit=8),
        )
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._http.close()

    @property
    def database(self) -> str:
        """Where the readings are."""
        return self._options.database

    async def write(self, body: bytes, lines: int, *, database: str | None = None) -> Verdict:
        """Write lines with times in ns. Never raises for what the server or the network does."""
        headers = {"Content-Type": "text/plain; charset=utf-8"}
        if self._gzip:
            body = await asyncio.to_thread(gzip.compress, body, 1)
            headers["Content-Encoding"] = "gzip"
        url = f"{self._url}/write?db={database or self.database}&precision=ns"
        try:
            async with self._http.post(url, data=body, headers=headers, allow_redirects=False) as answer:
                text = (await _read(answer.content)).decode(errors="replace")
                return judge(answer.status, answer.headers, text, lines)
        except (aiohttp.ClientError, OSError, TimeoutError) as error:
            return Wait(_absent(self._url, error))

    async def query(self, query: str, *, database: str | None = None, post: bool = False) -> list[dict[str, Any]]:
        """The series of an InfluxQL statement, times in ns.

        Raises:
            DatabaseError: it did not answer, or refused the statement.
        """
        parameters = {"q": query, "epoch": "ns", "db": self._options.database if database is None else database}
        request = self._http.post if post else self._http.get
        try:
            async with request(f"{self._url}/query", params=parameters) as answer:
                body = await answer.read()
                if answer.status != 200:
                    message = _message(body.decode(errors="replace"))
                    raise DatabaseError(
                        f"{self._url} answered {answer.status}: {message}{_MENDS.get(answer.status, '')}"
                    )
        except (aiohttp.ClientError, OSError, TimeoutError) as error:
            raise DatabaseError(_absent(self._url, error)) from error
        try:
            said = orjson.loads(body)
            results = [] if said == {} else said["results"]  # 2.x says no more of a DELETE that it has done
        except (orjson.JSONDecodeError, KeyError, TypeError) as error:
            raise DatabaseError(f"{self._url}/query answers, but not as InfluxDB does: set influx.url") from error
        series: list[dict[str, Any]] = []
        for result in results:
            if "error" in result:
                raise DatabaseError(f"{query}: {result['error']}")
            series += result.get("series", [])
        return series

    async def end(
        self, measurement: str, keys: Iterable[str], *, last: bool = False, where: str = "", database: str | None = None
    ) -> int | None:
        """The time (ns) of the first or last point that has one of these fields; None where there is none.

        Raises:
            DatabaseError: it did not answer, or refused.
        """
        condition, order = f" WHERE {where}" if where else "", "DESC" if last else "ASC"
        question = f'SELECT {identifiers(keys)} FROM "{measurement}"{condition} ORDER BY time {order} LIMIT 1'  # noqa: S608 - ours
        times = [int(row[0]) for series in await self.query(question, database=database) for row in series["values"]]
        return times[0] if times else None

    async def connect(self) -> tuple[int, int]:
        """Which generation answers; (major, minor).

        Raises:
            DatabaseError: it is absent, no InfluxDB, or too old.
        """
        try:
            async with self._http.get(f"{self._url}/ping") as answer:
                version = answer.headers.get("X-Influxdb-Version", "").removeprefix("v")
                found = re.match(r"(\d+)\.(\d+)", version)
                if found is None and "cluster-uuid" in answer.headers:
                    found = re.match(r"(\d+)\.(\d+)", "3.0")
        except (aiohttp.ClientError, OSError, TimeoutError) as error:
            raise DatabaseError(_absent(self._url, error)) from error
        if found is None:
            raise DatabaseError(f"{self._url} answers, but is no InfluxDB: set influx.url")
        self.version = int(found[1]), int(found[2])
        if self.version < OLDEST or (2, 0) <= self.version < (2, 4):
            raise DatabaseError(f"{self._url} is InfluxDB {version}: use 1.6 or newer, 2.4 or newer, or 3")
        return self.version

    async def ensure_database(self, database: str | None = None) -> None:
        """Create the database where it is missing: that of the readings, with their retention, or another.

        Raises:
            DatabaseError: it is missing and may not be created.
        """
        major, _ = self.version or await self.connect()
        retention_days = 0 if database else self._options.retention_days
        if major == 1:
            await self._create_on_1(database or self.database, retention_days)
        elif major == 2:
            await asyncio.to_thread(_create_bucket, self._options, database or self.database, retention_days)

    async def _create_on_1(self, database: str, retention_days: int) -> None:
        shown = await self.query("SHOW DATABASES")
        if any([database] in series.get("values", []) for series in shown):
            return
        duration = f" WITH DURATION {retention_days}d" if retention_days else ""
        await self.query(f'CREATE DATABASE "{database}"{duration}', post=True)


def _create_bucket(options: Options, database: str, retention_days: int) -> None:
    # only 2.x needs it, and it is slow to import
    from influxdb_client.client.influxdb_client import InfluxDBClient
    from influxdb_client.domain.bucket_retention_rules import BucketRetentionRules
    from influxdb_client.rest import ApiException
    from urllib3.exceptions import HTTPError

    rules = []
    if retention_days:
        seconds = retention_days * 86_400
        rules = [BucketRetentionRules(type="expire", every_seconds=seconds)]  # type: ignore[no-untyped-call]  # theirs
    token = options.token.get_secret_value()
    try:
        with InfluxDBClient(options.url, token, org=options.organisation) as client:
            buckets = client.buckets_api()
            if buckets.find_bucket_by_name(database) is None:
                buckets.create_bucket(bucket_name=database, retention_rules=rules)
    except ApiException as error:
        raise DatabaseError(
            f"{options.url}: bucket {database} is missing or not readable, and may not be created "
            f"({error.status}): create it, or give influx.token the right to"
        ) from error
    except HTTPError as error:
        raise DatabaseError(_absent(options.url, error)) from error


async def _read(content: aiohttp.StreamReader) -> bytes:
    """A body, up to `MAX_ANSWER` bytes of it."""
    body = bytearray()
    while len(body) < MAX_ANSWER and (part := await content.read(MAX_ANSWER - len(body))):
        body += part
    return bytes(body)


def _absent(url: str, error: Exception) -> str:
    if isinstance(error, TimeoutError):
        return f"{url} did not answer in time"
    return f"{url} is not there ({type(error).__name__}): start InfluxDB, or set influx.url"
