"""S5: a flood costs ingest little memory, and the others little time.

The long form is `python -m tests.security.floods`; CI has a short one (test_floods.py).

One device publishes and waits until its reading is in the database, again and again: in quiet, and while a gateway that
is admitted floods the broker. Broker and accounts are as shipped. Machines differ and other work disturbs, so times are
compared within one run, in several rounds, and times below `floor_s` (by default `FLOOR_S`) count as that: nobody who
waits for a device that speaks once a minute can tell them apart.
"""

import argparse
import asyncio
import contextlib
import json
import statistics
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Final

import aiohttp

from devices.registry import load
from ingest.security import store
from ingest.security.accounts import INGEST
from ingest.servers import Broker, Database, influxdb, mosquitto
from tests.bench.estate import BUILDING, COUNCIL, device, write_estate
from tests.delivery.batches import machine
from tests.delivery.harness import DATABASE, Ingest, ingest_for, running
from tests.delivery.looks import memory_mb
from tests.delivery.report import Proof, markdown
from tests.security.flooder import FLOODS, Target, connect, publication

FLOOR_S: Final = 0.1
MEMORY_MB: Final = 50
GIVE_UP_S: Final = 20.0
SOURCE: Final = "sources:\n  - {id: z2m-hall, format: zigbee2mqtt, topic: zigbee2mqtt/sim-hall}\n"
GATEWAY, TOPIC = f"{COUNCIL}.z2m-hall", "zigbee2mqtt/sim-hall"
SIZES: Final[Mapping[str, int]] = {"topics": 1_000, "payloads": 10_000_000, "connections": 10_000}
WORDS: Final[Mapping[str, str]] = {
    "topics": "1,000 new topics a second",
    "payloads": "payloads of 10 MB",
    "connections": "10,000 connections",
}


@dataclass(slots=True)
class Prober:
    """One device that waits for each of its readings to be stored."""

    broker: Broker
    login: tuple[str, str]
    database: Database
    http: aiohttp.ClientSession
    number: int = 0

    async def waits(self, seconds: float) -> list[float]:
        """How long each reading took, s."""
        name, password = self.login
        client = await connect(Target(self.broker.host, self.broker.port, name, password, "", 0, 0), "prober")
        found, end = [], time.monotonic() + seconds
        while time.monotonic() < end:
            self.number += 1
            began = time.monotonic()
            body = json.dumps({"time": time.time_ns() // 1_000_000, "pulses": float(self.number)}).encode()
            topic = f"tolbooth/v1/{COUNCIL}/{BUILDING}/{device(0)}/readings"
            client.transport.write(publication(topic, body, self.number))
            while not await self._stored() and time.monotonic() - began < GIVE_UP_S:  # noqa: ASYNC110  it is asked, and tells nobody
                await asyncio.sleep(0.003)
            found.append(time.monotonic() - began)
            await asyncio.sleep(0.03)
        client.transport.abort()
        return found

    async def _stored(self) -> bool:
        statement = f"SELECT pulses FROM meter WHERE pulses = {self.number} AND time > now() - 1m"
        async with self.http.get(f"{self.database.url}/query", params={"db": DATABASE, "q": statement}) as answer:
            return b'"series"' in await answer.read()


@dataclass(slots=True)
class Outcome:
    quiet_s: list[float] = field(default_factory=list)
    """p99 of each round"""
    flood_s: list[float] = field(default_factory=list)
    sent: list[int] = field(default_factory=list)

    def ratio(self, floor_s: float) -> float:
        """Of the medians over the rounds."""
        return max(floor_s, statistics.median(self.flood_s)) / max(floor_s, statistics.median(self.quiet_s))


def p99(waits: Sequence[float]) -> float:
    return sorted(waits)[min(len(waits) - 1, int(len(waits) * 0.99))]


async def prove(
    folder: Path, *, seconds: float, rounds: int, floor_s: float = FLOOR_S, config: str | None = None
) -> Proof:
    """Run each flood in `rounds` of `seconds`; `config` takes the place of the shipped configuration of the broker."""
    estate = write_estate(folder / "estate", 20)
    council = estate / COUNCIL / "council.yaml"
    council.write_text(council.read_text() + SOURCE)
    security = folder / "security"
    store.init(security, load(estate), time.time_ns(), registry=estate)
    settings = {
        "TOLBOOTH_MQTT__USERNAME": INGEST,
        "TOLBOOTH_MQTT__PASSWORD": store.password(security, INGEST),
        "TOLBOOTH_CANARY__PERIOD": "2",
    }
    found: dict[str, Outcome] = {kind: Outcome() for kind in FLOODS}
    async with (
        mosquitto(folder / "broker", security=security, config=config) as broker,
        influxdb(folder / "influxdb") as database,
        aiohttp.ClientSession() as http,
    ):
        ingest = ingest_for(folder / "ingest", estate, broker=broker.port, database=database.url, settings=settings)
        async with running(ingest):
            name = f"{COUNCIL}.{device(0)}"
            prober = Prober(broker, (name, store.password(security, name)), database, http)
            await prober.waits(1)
            before = memory_mb(ingest.process)
            async with _watching_memory(ingest) as memory:
                for _ in range(rounds):
                    for kind, outcome in found.items():
                        await _round(kind, outcome, prober, broker, security, seconds)
                await asyncio.sleep(0.5)
            said = await ingest.status()
    grown = max(memory) - before
    bars = [
        (f"others wait less than twice as long during {WORDS[kind]}", _figure(outcome), outcome.ratio(floor_s) < 2)
        for kind, outcome in found.items()
    ]
    bars += [
        (f"at most {MEMORY_MB} MB more memory of ingest", f"{grown:.0f} MB", grown <= MEMORY_MB),
        ("every message has one fate", f"residual {said['residual']}", said["residual"] == 0),
        (
            "the floods came",
            str({kind: sum(one.sent) for kind, one in found.items()}),
            all(found[k].sent for k in found),
        ),
    ]
    notes = {"machine": machine(), "floor": f"times below {floor_s * 1000:.0f} ms count as that"}
    return Proof(
        "Floods (S5)", "A gateway that is admitted floods the broker; another device measures.", bars, notes=notes
    )


async def _round(kind: str, outcome: Outcome, prober: Prober, broker: Broker, security: Path, seconds: float) -> None:
    outcome.quiet_s.append(p99(await prober.waits(seconds)))
    target = Target(
        broker.host, broker.port, GATEWAY, store.password(security, GATEWAY), TOPIC, seconds + 1, SIZES[kind]
    )
    command = (sys.executable, "-m", "tests.security.flooder", kind)
    pipe = asyncio.subprocess.PIPE
    process = await asyncio.create_subprocess_exec(*command, stdin=pipe, stdout=pipe)
    flooding = asyncio.create_task(process.communicate(json.dumps(asdict(target)).encode()))
    await asyncio.sleep(0.7)
    outcome.flood_s.append(p99(await prober.waits(seconds)))
    answer, _ = await flooding
    outcome.sent.append(int(answer))


@contextlib.asynccontextmanager
async def _watching_memory(ingest: Ingest) -> AsyncIterator[list[float]]:
    """Resident memory of ingest, MB, ten times a second."""
    seen: list[float] = []

    async def look() -> None:
        while True:
            seen.append(memory_mb(ingest.process))
            await asyncio.sleep(0.1)

    task = asyncio.create_task(look())
    try:
        yield seen
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


def _figure(outcome: Outcome) -> str:
    quiet, flood = (1_000 * statistics.median(one) for one in (outcome.quiet_s, outcome.flood_s))
    return f"p99 {flood:.0f} ms against {quiet:.0f} ms in quiet"


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.security.floods", description=__doc__)
    parser.add_argument("--seconds", type=float, default=20.0)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--report", type=Path, help="file for the report")
    told = parser.parse_args()
    with tempfile.TemporaryDirectory() as place:
        proof = asyncio.run(prove(Path(place), seconds=told.seconds, rounds=told.rounds))
    print(markdown(proof))
    if told.report is not None:
        told.report.write_text(markdown(proof), encoding="utf-8")
    sys.exit(0 if proof.holds else 1)


if __name__ == "__main__":
    main()
