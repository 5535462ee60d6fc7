"""The proof that crashes lose and double nothing: ingest, database and broker are killed while readings come."""

import asyncio
import contextlib
import random
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ingest.processes import Process
from ingest.servers import Broker, Database
from tests.delivery.batches import batches, difference, machine
from tests.delivery.harness import (
    Ingest,
    ingest_for,
    kill_and_restart,
    publisher,
    running,
)
from tests.delivery.looks import Looks, looking
from tests.delivery.report import Proof


@dataclass(frozen=True, slots=True)
class Kills:
    ingest: int
    database: int
    broker: int


async def crashes(
    folder: Path, estate: Path, broker: Broker, database: Database, *, readings: int, kills: Kills, seconds: float
) -> Proof:
    """T1, T2, T3: ingest, database and broker are killed all the time, and every reading is stored once."""
    messages = list(batches(readings))
    ingest = ingest_for(folder, estate, broker=broker.port, database=database.url)
    chance = random.Random(1)
    async with running(ingest), publisher(broker) as client:
        looks = Looks(ingest)
        async with looking(looks):
            publishing = asyncio.create_task(
                client.publish(messages, per_second=len(messages) / seconds, timeout_s=300)
            )
            ended: list[float] = []
            publishing.add_done_callback(lambda _: ended.append(looks.now_s))
            await asyncio.gather(
                _killing(looks, one_at_a_time(ingest, broker, kills, chance), seconds, chance),
                _killing(looks, [("database", database.process)] * kills.database, seconds, chance),
            )
            await publishing
            said = await settled(ingest, len(messages))
        found = await difference(database, client.ledger)
        published = client.ledger.readings.total()
    worst = max(abs(sample.residual) for sample in looks.samples)
    during = all(at < ended[0] for at, _ in looks.kills)
    bars = [
        (f"{readings:,} readings published", f"{published:,}", published == sum(len(m.readings) for m in messages)),
        *found.bars,
        ("every message has one fate, at every look", f"worst residual {worst}", worst == 0),
        ("killed while readings came", ", ".join(f"{n} {what}" for what, n in counted(looks)), during),
    ]
    notes = {
        "messages": f"{len(messages):,}, {said['received']:,} received, {said['fates']['duplicate']:,} of them again",
        "journal": f"at most {max(sample.journalled for sample in looks.samples):,} messages",
        "memory of ingest": f"at most {max(sample.memory_mb for sample in looks.samples):.0f} MB",
        "time": f"{looks.now_s:.0f} s, looked at {len(looks.samples)} times",
        "machine": machine(),
    }
    what = (
        "SIGKILL to ingest, InfluxDB and the broker with its shipped, durable settings, while devices publish at QoS 1."
    )
    return Proof("Crashes lose and double nothing (T1, T2, T3)", what, bars, looks.samples, looks.kills, notes)


def counted(looks: Looks) -> list[tuple[str, int]]:
    """What was killed, and how often."""
    return sorted(Counter(what for _, what in looks.kills).items())


def one_at_a_time(ingest: Ingest, broker: Broker, kills: Kills, chance: random.Random) -> list[tuple[str, Process]]:
    """The kills of ingest and of the broker in one order, so that neither is killed while the other is away.

    Mosquitto acknowledges a message some milliseconds before it saves it. What it had not saved when it was killed
    ingest has by then, unless that was away too.
    """
    order = [("ingest", ingest.process)] * kills.ingest + [("broker", broker.process)] * kills.broker
    chance.shuffle(order)
    return order


async def _killing(looks: Looks, order: Sequence[tuple[str, Process]], seconds: float, chance: random.Random) -> None:
    """Kill and restart in this order, spread over nine tenths of the time that readings come."""
    for n, (what, process) in enumerate(order):
        due = seconds * 0.9 * (n + chance.random()) / len(order)
        await asyncio.sleep(max(0.0, due - looks.now_s))
        await kill(looks, what, process, chance.uniform(0, 0.3))


async def kill(looks: Looks, what: str, process: Process, away_s: float) -> None:
    """Kill one of the three and start it again; ingest is connected to the broker afterwards."""
    looks.kills.append((looks.now_s, what))
    await kill_and_restart(process, away_s=away_s)
    if what != "database":
        await connected(looks.ingest)


async def settled(ingest: Ingest, messages: int) -> dict[str, Any]:
    """What ingest says when all have come, or when too long nothing did: then the sets will tell what is missing."""
    with contextlib.suppress(AssertionError):
        return await ingest.settled(messages, timeout_s=60)
    return await ingest.status()


async def connected(ingest: Ingest) -> None:
    """Wait until ingest listens to the broker that runs now."""
    await asyncio.sleep(0.1)
    await ingest.until(lambda said: said["broker"].startswith("connected"))
