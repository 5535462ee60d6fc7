"""What all delivery tests need: an ingest to kill, a ledger of what was published, and a look at what is stored.

The ledger is written by an independent MQTT client (paho) from what the test wanted to say, and the check reads
InfluxDB back by InfluxQL: nothing of the path under test is used to judge it.
"""

import asyncio
import json
import os
import signal
import sqlite3
import sys
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from queue import SimpleQueue
from threading import Event
from typing import Any, Final, NamedTuple

import aiohttp
import paho.mqtt.client as paho
from paho.mqtt.enums import CallbackAPIVersion

from devices.schema import BY_NAME
from ingest import journalfile
from ingest.counts import Counts, look
from ingest.processes import HOST, Process, free_port
from ingest.servers import Broker, Database, influxdb

COMMAND: Final = (sys.executable, "-m", "tolbooth", "ingest")
DATABASE: Final = "telemetry"
TIMEOUT: Final = aiohttp.ClientTimeout(total=20)
UNACKNOWLEDGED: Final = 60_000
"""Messages that wait for their acknowledgement, at most: there are 65,535 packet identifiers."""


@dataclass(frozen=True, slots=True)
class Ingest:
    """An ingest process of the test's own; `process` starts, stops and kills it."""

    process: Process
    data: Path

    @property
    def url(self) -> str:
        return f"http://{HOST}:{self.process.port}"

    @property
    def log(self) -> str:
        return self.process.log.read_text(errors="replace")

    async def status(self) -> dict[str, Any]:
        """What `/status` answers."""
        async with aiohttp.ClientSession(timeout=TIMEOUT) as http, http.get(f"{self.url}/status") as answer:
            said: dict[str, Any] = await answer.json()
            return said

    async def until(self, wanted: Callable[[dict[str, Any]], bool], timeout_s: float = 30) -> dict[str, Any]:
        """Wait until `/status` says what is wanted."""
        deadline = time.monotonic() + timeout_s
        while True:
            said = await self.status()
            if wanted(said):
                return said
            assert time.monotonic() < deadline, f"not within {timeout_s} s: {said}\n{self.log[-2_000:]}"
            await asyncio.sleep(0.05)

    async def settled(self, messages: int, timeout_s: float = 60) -> dict[str, Any]:
        """Wait until so many messages are received for the first time, and none waits in the journal."""
        return await self.until(
            lambda said: said["received"] - said["fates"]["duplicate"] >= messages and not said["journal"]["rows"],
            timeout_s,
        )

    def quarantine(self) -> list[tuple[str, bytes, str, str]]:
        """(topic, payload, reason, detail) of every row, oldest first."""
        with sqlite3.connect(f"file:{self.data / journalfile.FILE}?mode=ro", uri=True) as db:
            return db.execute("SELECT topic, payload, reason, detail FROM quarantine ORDER BY id").fetchall()


def ingest_for(
    folder: Path, estate: Path, *, broker: int, database: str, settings: Mapping[str, str] | None = None
) -> Ingest:
    """An ingest that is not started yet; `broker` is a port, `database` a URL, `settings` more of the environment."""
    port = free_port()
    folder.mkdir(parents=True, exist_ok=True)
    environment = {
        "TOLBOOTH_REGISTRY": str(estate),
        "TOLBOOTH_DATA": str(folder / "data"),
        "TOLBOOTH_MQTT__PORT": str(broker),
        "TOLBOOTH_INFLUX__URL": database,
        "TOLBOOTH_HEALTH__PORT": str(port),
        **(settings or {}),
    }

    async def serves() -> bool:
        try:
            async with aiohttp.ClientSession(timeout=TIMEOUT) as http, http.get(f"http://{HOST}:{port}/healthz") as a:
                return a.status == 200
        except (aiohttp.ClientError, OSError, TimeoutError):
            return False

    return Ingest(Process("ingest", COMMAND, folder, serves, port, environment), folder / "data")


@asynccontextmanager
async def running(ingest: Ingest, *, ready: bool = True) -> AsyncIterator[Ingest]:
    """Start it and stop it; while it runs, the accounts are watched."""
    await ingest.process.start()
    try:
        if ready:
            await ingest.until(lambda said: said["ready"])
        async with watched(ingest):
            yield ingest
    finally:
        await ingest.process.stop()


@asynccontextmanager
async def watched(ingest: Ingest) -> AsyncIterator[None]:
    """Look at the accounts all the time; fails if one message was ever without a fate, or a count went down (T18)."""
    done = asyncio.Event()
    looks: list[Counts] = []

    async def watch() -> None:
        while not done.is_set():
            looks.append(await asyncio.to_thread(look, ingest.data))
            await asyncio.sleep(0.1)

    task = asyncio.create_task(watch())
    try:
        yield
    finally:
        done.set()
        await task
    assert looks
    assert [look for look in looks if look.residual] == []
    assert [a.received for a in looks] == sorted(a.received for a in looks)


class Reading(NamedTuple):
    """One value as it was published, or as it is stored; `time` is None where the device told none."""

    device: str
    name: str
    value: float
    time: int | None


@dataclass(slots=True)
class Ledger:
    """Readings that the broker has acknowledged."""

    readings: Counter[Reading] = field(default_factory=Counter)

    def add(self, readings: Iterable[Reading]) -> None:
        self.readings.update(readings)


class Publication(NamedTuple):
    topic: str
    payload: bytes
    readings: tuple[Reading, ...] = ()
    """what it ought to become"""
    retain: bool = False


def native(
    device: str, values: Mapping[str, float], time_ms: int | None, *, council: str, building: str
) -> Publication:
    """A message in the native format, as docs and architecture describe it."""
    body = dict(values) if time_ms is None else {"time": time_ms, **values}
    stamp = None if time_ms is None else time_ms * 1_000_000
    readings = tuple(Reading(device, name, value, stamp) for name, value in values.items())
    return Publication(f"tolbooth/v1/{council}/{building}/{device}/readings", json.dumps(body).encode(), readings)


@asynccontextmanager
async def publisher(broker: Broker, client_id: str = "test-publisher") -> AsyncIterator["Publisher"]:
    """A connected paho client."""
    made = Publisher(broker, client_id)
    try:
        yield made
    finally:
        await asyncio.to_thread(made.close)


class Publisher:
    """Publishes at QoS 1 and enters what was acknowledged in a ledger."""

    def __init__(self, broker: Broker, client_id: str) -> None:
        self.ledger = Ledger()
        self._acknowledged: SimpleQueue[int] = SimpleQueue()
        self._client = paho.Client(CallbackAPIVersion.VERSION2, client_id)
        self._client.max_inflight_messages_set(500)
        self._client.on_publish = lambda _client, _userdata, mid, *_: self._acknowledged.put(mid)
        self._client.connect(broker.host, broker.port)
        self._client.loop_start()

    async def publish(self, messages: Iterable[Publication], per_second: float = 0, timeout_s: float = 60) -> None:
        """Publish, and wait until the broker has acknowledged all."""
        await asyncio.to_thread(self._publish, messages, per_second, timeout_s)

    def _publish(self, messages: Iterable[Publication], per_second: float, timeout_s: float) -> None:
        start = time.monotonic()
        sent: dict[int, Publication] = {}
        for index, message in enumerate(messages):
            if per_second and (ahead := index / per_second - (time.monotonic() - start)) > 0:
                time.sleep(ahead)
            while len(sent) >= UNACKNOWLEDGED or not self._acknowledged.empty():
                self._enter(sent, timeout_s)
            sent[self._client.publish(message.topic, message.payload, qos=1, retain=message.retain).mid] = message
        while sent:
            self._enter(sent, timeout_s)

    def _enter(self, sent: dict[int, Publication], timeout_s: float) -> None:
        self.ledger.add(sent.pop(self._acknowledged.get(timeout=timeout_s)).readings)

    def close(self) -> None:
        self._client.disconnect()
        self._client.loop_stop()


@asynccontextmanager
async def meanwhile(
    client: Publisher, messages: Iterable[Publication], per_second: float
) -> AsyncIterator[list[Publication]]:
    """Publish for as long as the block takes, however slow the machine is; what was sent, acknowledged after it.

    There have to be more messages than the block can need.
    """
    over = Event()
    sent: list[Publication] = []

    def until_over() -> Iterator[Publication]:
        for message in messages:
            if over.is_set():
                return
            sent.append(message)
            yield message
        assert over.is_set(), "too few messages for so long a time"

    publishing = asyncio.create_task(client.publish(until_over(), per_second))
    try:
        yield sent
    finally:
        over.set()
        await publishing


async def query(database: Database | str, statement: str, name: str = DATABASE) -> list[dict[str, Any]]:
    """The series that InfluxDB answers, times in ns."""
    url = database if isinstance(database, str) else database.url
    parameters = {"db": name, "q": statement, "epoch": "ns"}
    async with aiohttp.ClientSession() as http, http.post(f"{url}/query", params=parameters) as answer:
        body = await answer.json()
        (result,) = body["results"]
        assert "error" not in result, result
        series: list[dict[str, Any]] = result.get("series", [])
        return series


async def stored(database: Database, names: Iterable[str]) -> Counter[Reading]:
    """Every stored value of these fields, with its time."""
    found: Counter[Reading] = Counter()
    for name in names:
        known = BY_NAME[name]
        for series in await query(database, f'SELECT "{known.key}" FROM "{known.measurement}" GROUP BY "device"'):
            device = series["tags"]["device"]
            found.update(Reading(device, name, value, at) for at, value in series["values"] if value is not None)
    return found


async def assert_stored(database: Database, ledger: Ledger, names: Sequence[str] | None = None) -> None:
    """What is stored is what was published: nothing lost, nothing twice, nothing else.

    A reading without a device time is compared without its time, so the test has to keep its values apart.
    """
    names = sorted({reading.name for reading in ledger.readings}) if names is None else names
    untimed = {reading for reading in ledger.readings if reading.time is None}
    found: Counter[Reading] = Counter()
    for reading, n in (await stored(database, names)).items():
        without = reading._replace(time=None)
        found[without if without in untimed else reading] += n
    lost, extra = ledger.readings - found, found - ledger.readings
    assert not lost, f"{lost.total()} lost of {ledger.readings.total()}, such as {next(iter(lost))}"
    assert not extra, f"{extra.total()} too many, such as {next(iter(extra))}"


async def kill_and_restart(process: Process, *, away_s: float = 0.0) -> None:
    """SIGKILL, and start it again after a while."""
    assert process.pid is not None
    os.kill(process.pid, signal.SIGKILL)
    await process.kill()
    await asyncio.sleep(away_s)
    await process.start()


def numbered(
    count: int, *, devices: int, council: str, building: str, timed: Callable[[int], bool]
) -> Iterator[Publication]:
    """Messages whose two values tell each from every other; `timed` says which tell their own time."""
    start = int(time.time() * 1_000) - count
    for index in range(count):
        yield native(
            f"sim-{index % devices:05d}",
            {"illuminance": float(index), "pulses": float(index + 1)},
            start + index if timed(index) else None,
            council=council,
            building=building,
        )


@contextmanager
def hanging(database: Database) -> Iterator[None]:
    """An InfluxDB that accepts connections and answers nothing."""
    assert database.process.pid is not None
    os.kill(database.process.pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(database.process.pid, signal.SIGCONT)


@asynccontextmanager
async def influxdb_with_accounts(folder: Path) -> AsyncIterator[str]:
    """The URL of an InfluxDB 1.x that asks for passwords; the administrator is `admin`, `admin`."""
    async with influxdb(folder, protected=True) as database:
        await as_admin(database.url, "CREATE USER admin WITH PASSWORD 'admin' WITH ALL PRIVILEGES")
        yield database.url


async def as_admin(url: str, *statements: str) -> None:
    for statement in statements:
        parameters = {"q": statement, "u": "admin", "p": "admin"}
        async with aiohttp.ClientSession() as http, http.post(f"{url}/query", params=parameters) as answer:
            assert answer.status == 200, await answer.text()
            assert "error" not in await answer.text()
