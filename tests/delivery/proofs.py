"""Proofs of what is no crash: one function a promise, on real servers, with a ledger.

Short in CI, long by `make soak`.
"""

import asyncio
import contextlib
import json
import random
import sqlite3
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import aiohttp

from devices.schema import BY_NAME
from ingest.counts import look
from ingest.journalfile import FILE
from ingest.processes import HOST
from ingest.servers import Broker, Database
from tests.bench.estate import BUILDING, COUNCIL
from tests.delivery.batches import DAY_MS, DEVICES, NAMES, batches, difference, machine
from tests.delivery.harness import (
    DATABASE,
    Ingest,
    Publication,
    Publisher,
    hanging,
    ingest_for,
    publisher,
    query,
    running,
)
from tests.delivery.looks import Looks, looking, memory_mb
from tests.delivery.proxy import proxy
from tests.delivery.report import Proof


async def outage(folder: Path, estate: Path, broker: Broker, database: Database, *, readings: int) -> Proof:
    """T5: the database is away while readings come; they take little disk, and drain faster than they came."""
    messages = list(batches(readings, in_message=4))
    ingest = ingest_for(folder, estate, broker=broker.port, database=database.url)
    async with running(ingest), publisher(broker) as client:
        looks = Looks(ingest)
        async with looking(looks):
            await database.process.kill()
            looks.kills.append((looks.now_s, "database"))
            began = looks.now_s
            await client.publish(messages, timeout_s=300)
            await ingest.until(lambda said: said["fates"]["journalled"] == len(messages), 300)
            came_s = looks.now_s - began
            size = await asyncio.to_thread(held, ingest.data / FILE)
            await database.process.start()
            began = looks.now_s
            await ingest.settled(len(messages), timeout_s=300)
            drained_s = looks.now_s - began
        found = await difference(database, client.ledger)
    each, rate = size / readings, readings / drained_s
    bars = [
        *found.bars,
        ("at most 200 bytes of disk for a reading", f"{each:.0f}", each <= 200),
        ("a day of 43 million readings drains in two hours", f"{rate:,.0f} readings a second", rate >= 6_000),
    ]
    notes = {
        "came": f"in {came_s:.1f} s",
        "drained": f"in {drained_s:.1f} s, the restart included",
        "machine": machine(),
    }
    return Proof("A long outage (T5)", "InfluxDB is away while readings come.", bars, looks.samples, looks.kills, notes)


def held(path: Path) -> int:
    """Bytes that a journal's content takes on disk, without SQLite's log beside it, which is some 16 MB at most."""
    with (
        tempfile.NamedTemporaryFile() as copy,
        contextlib.closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as live,
        contextlib.closing(sqlite3.connect(copy.name)) as target,
    ):
        live.backup(target)
        return Path(copy.name).stat().st_size


CLEAN = ("pulses", "people_in", "people_out")
"""Fields that the database takes; `openings` it refuses."""
EVERY = 1_000
"""Lines of which one is refused."""


async def poison(
    folder: Path, estate: Path, broker: Broker, database: Database, *, readings: int, rounds: int, pace: float = 0.9
) -> Proof:
    """T7: one line in a thousand is refused by the database; it goes to quarantine, and holds nobody up.

    Each round drains as many lines without and with poison; the fastest of each are compared, since whatever else the
    machine does only slows one down. `pace` is how much of the speed without poison must be left.
    """
    messages = list(batches(readings, in_message=30, names=CLEAN))
    start_ms = int(time.time() * 1_000) - 20 * DAY_MS
    lines = readings * 2 // len(CLEAN)
    bad = [_poisoned(n, start_ms) for n in range(lines // 2 // EVERY)]
    ingest = ingest_for(
        folder, estate, broker=broker.port, database=database.url, settings={"TOLBOOTH_INFLUX__TIMEOUT": "120"}
    )
    share, bad_share = len(messages) // (2 * rounds), len(bad) // rounds
    clean_s, poisoned_s = [], []
    async with running(ingest), publisher(broker) as client:
        await write(database, f"opening openings=1i {start_ms}000000")
        for each in range(rounds):
            first, second = (messages[n * share : (n + 1) * share] for n in (2 * each, 2 * each + 1))
            refused = bad[each * bad_share : (each + 1) * bad_share]
            clean_s.append(await _drained(ingest, database, client, first))
            poisoned_s.append(await _drained(ingest, database, client, mixed(second, refused)))
        reasons = Counter(reason for _, _, reason, _ in ingest.quarantine())
        said = await ingest.status()
        found = await difference(database, client.ledger, CLEAN)
    ratio, wanted = min(clean_s) / min(poisoned_s), rounds * bad_share
    bars = [
        *found.bars,
        (f"exactly {wanted:,} lines in quarantine", str(dict(reasons)), reasons == {"database_refused": wanted}),
        ("every message has one fate", f"residual {said['residual']}", said["residual"] == 0),
        (f"drains at least {pace} times as fast as without poison", f"{ratio:.2f}", ratio >= pace),
    ]
    taken = {"without poison": clean_s, "with poison": poisoned_s}
    notes = {name: ", ".join(f"{each:.2f}" for each in seconds) + " s" for name, seconds in taken.items()}
    return Proof(
        "Poison cannot block (T7)",
        f"InfluxDB refuses one line in {EVERY:,} for good: its field has another type. "
        f"{lines // 2 // rounds:,} lines are drained at a time.",
        bars,
        notes={**notes, "machine": machine()},
    )


def _poisoned(number: int, start_ms: int) -> Publication:
    topic = f"tolbooth/v1/{COUNCIL}/{BUILDING}/sim-{number % DEVICES:05d}/readings"
    return Publication(topic, json.dumps({"time": start_ms + number, "openings": number}).encode())


def mixed(good: Sequence[Publication], bad: Sequence[Publication]) -> list[Publication]:
    """The bad ones spread evenly among the good."""
    every = len(good) // len(bad)
    found: list[Publication] = []
    for n, one in enumerate(bad):
        found += [*good[n * every : (n + 1) * every], one]
    return found + list(good[len(bad) * every :])


async def _drained(ingest: Ingest, database: Database, client: Publisher, messages: Sequence[Publication]) -> float:
    """Let these messages wait in the journal while the database stands still; the seconds it takes for them then."""
    with hanging(database):
        before = (await ingest.status())["fates"]["journalled"]
        await client.publish(messages, timeout_s=100)
        await ingest.until(lambda said: said["fates"]["journalled"] - before >= len(messages), 100)
        began = time.monotonic()
    while look(ingest.data).messages:  # noqa: ASYNC110  the journal is another process's
        await asyncio.sleep(0.002)
    return time.monotonic() - began


async def write(database: Database, line: str) -> None:
    """Write a line as somebody else would."""
    async with (
        aiohttp.ClientSession() as http,
        http.post(f"{database.url}/write", params={"db": DATABASE}, data=line) as answer,
    ):
        assert answer.status == 204, await answer.text()


async def back_pressure(folder: Path, estate: Path, broker: Broker, database: Database, *, seconds: float) -> Proof:
    """T16: devices send five times what the database takes; memory stays small, and nothing is lost."""
    lines_a_second, lines = 1_000, len({BY_NAME[name].measurement for name in NAMES})
    rate = 5 * lines_a_second / lines
    sent = int(seconds * rate)
    settings = {"TOLBOOTH_INFLUX__BATCH_LINES": str(lines_a_second // 2)}
    async with proxy(database.port) as between:
        url = f"http://{HOST}:{between.port}"
        ingest = ingest_for(folder, estate, broker=broker.port, database=url, settings=settings)
        async with running(ingest), publisher(broker) as client:
            looks = Looks(ingest)
            async with looking(looks):
                between.latency_s = 0.25  # there and back: two batches a second
                messages = batches(sent * len(NAMES), in_message=len(NAMES))
                await client.publish(messages, per_second=rate, timeout_s=300)
                came_s = looks.now_s
                behind = (await ingest.status())["fates"]["journalled"]
                between.latency_s = 0.0
                await ingest.settled(sent, timeout_s=900)
            found = await difference(database, client.ledger)
    memory = max(sample.memory_mb for sample in looks.samples)
    bars = [
        *found.bars,
        ("at most 200 MB of memory", f"{memory:.0f} MB", memory <= 200),
        ("the database was really behind", f"{behind:,} of {sent:,} messages", behind > sent // 2),
    ]
    notes = {
        "came": f"{sent * lines / came_s:,.0f} lines a second for {came_s:,.0f} s",
        "stored meanwhile": f"{(sent - behind) * lines / came_s:,.0f} lines a second",
        "drained": f"in {looks.now_s - came_s:,.0f} s, when the database was quick again",
        "machine": machine(),
    }
    return Proof(
        "Back-pressure (T16)", "Devices send five times what the database takes.", bars, looks.samples, notes=notes
    )


async def strangers(
    folder: Path, estate: Path, broker: Broker, database: Database, *, devices: int, garbage: int
) -> Proof:
    """T14, T15: unknown devices and garbage grow no series and little memory, and then good messages pass."""
    chance = random.Random(3)
    unknown = (
        Publication(f"tolbooth/v1/{COUNCIL}/{BUILDING}/ghost-{n:06d}/readings", b'{"pulses":%d}' % n)
        for n in range(devices)
    )
    noise = (
        Publication(f"tolbooth/v1/{COUNCIL}/{_level(chance)}/{_level(chance)}/readings", chance.randbytes(n % 300))
        for n in range(garbage)
    )
    good = list(batches(4_000, in_message=4))
    ingest = ingest_for(folder, estate, broker=broker.port, database=database.url)
    async with running(ingest), publisher(broker) as client:
        await client.publish(good[:100])
        await ingest.settled(100)
        before, series = memory_mb(ingest.process), await _series(database)
        bad, began = devices + garbage, time.monotonic()
        await client.publish(unknown, timeout_s=300)
        await client.publish(noise, timeout_s=300)
        await ingest.settled(100 + bad, timeout_s=600)
        took_s = time.monotonic() - began
        grown, new = memory_mb(ingest.process) - before, await _series(database) - series
        await client.publish(good[100:])
        said = await ingest.settled(1_000 + bad)
        found = await difference(database, client.ledger)
    starts = ingest.log.count("ingest started")
    counted = said["fates"]["quarantined"] + said["fates"]["refused"]
    bars = [
        *found.bars,
        ("no series grow", f"{new}", new <= 0),
        ("at most 50 MB more memory", f"{grown:.0f} MB", grown <= 50),
        ("all are counted", f"{counted:,} of {bad:,}", counted == bad),
        ("ingest never ended", f"started {starts} time", starts == 1),
    ]
    what = f"{devices:,} unknown devices, {garbage:,} messages of random bytes on random topics, then 1,000 good ones."
    notes = {
        "rate": f"{bad / took_s:,.0f} messages a second",
        "memory": f"{before:.0f} MB before",
        "machine": machine(),
    }
    return Proof("Strangers and garbage (T14, T15)", what, bars, notes=notes)


def _level(chance: random.Random) -> str:
    return "".join(chance.choices("abcxyz019-_ \u00e9\u202e$", k=chance.randrange(1, 12)))


async def _series(database: Database) -> int:
    """Series of devices' own measurements; ingest's status lines come when the minute turns."""
    found = await query(database, "SHOW SERIES")
    return sum(not row[0].startswith("device,") for series in found for row in series["values"])
