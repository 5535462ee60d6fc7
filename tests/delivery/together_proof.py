"""The proof of what a crash of broker and ingest together costs: bounded, measured, and nothing for any other pair.

Mosquitto acknowledges a message when it has read it, and saves it at the end of the same turn of its loop, some
milliseconds later (its maintainer: github.com/eclipse-mosquitto/mosquitto/issues/1855). It reads one packet of each
connection in a turn. What it had not saved when it was killed ingest has on its own disk a moment later, unless that
was killed within this moment, or away.
"""

import asyncio
import os
import random
import signal
import time
from collections.abc import Iterator, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from statistics import median
from typing import Final

from ingest.processes import Process
from ingest.servers import Broker, Database
from tests.delivery.batches import NAMES, batches, machine
from tests.delivery.crash_proof import connected, settled
from tests.delivery.harness import Ingest, Publication, Publisher, Reading, ingest_for, publisher, running, stored
from tests.delivery.report import Proof

PUBLISHERS: Final = 4
MESSAGES: Final = 72
"""Of each publisher, around one crash."""
MESSAGES_A_SECOND: Final = 60
APART_S: Final = 0.25
"""Long enough for ingest to have on its disk what it was sent before the first kill, where disk and cores are busy."""
APART: Final = f"{APART_S * 1_000:.0f} ms"


@dataclass(slots=True)
class Crash:
    """One crash of two, and what was published around it."""

    messages: Sequence[Publication]
    gap_s: float = 0.0
    """from one kill to the other, as it was"""

    def lost(self, found: set[Reading]) -> int:
        """Messages of which something is not stored."""
        return sum(not found.issuperset(message.readings) for message in self.messages)


async def together(folder: Path, estate: Path, broker: Broker, database: Database, *, crashes: int) -> Proof:
    """T3: broker and ingest are killed in one instant, and a little apart in either order; what is lost is counted."""
    ingest = ingest_for(folder, estate, broker=broker.port, database=database.url)
    chance = random.Random(2)
    stream = batches(3 * crashes * PUBLISHERS * MESSAGES * len(NAMES), in_message=len(NAMES))
    orders = (
        (broker.process, ingest.process, 0.0),
        (broker.process, ingest.process, APART_S),
        (ingest.process, broker.process, APART_S),
    )
    async with running(ingest), AsyncExitStack() as exits:
        clients = [await exits.enter_async_context(publisher(broker, f"test-{n}")) for n in range(PUBLISHERS)]
        done = [[await _crash(stream, clients, ingest, order, chance) for _ in range(crashes)] for order in orders]
        said = await settled(ingest, sum(len(crash.messages) for crashes in done for crash in crashes))
        counted = await stored(database, NAMES)
    found = set(counted)
    lost = [[crash.lost(found) for crash in crashes] for crashes in done]
    published = {
        reading for crashes in done for crash in crashes for message in crash.messages for reading in message.readings
    }
    return _proof(done, lost, doubled=counted.total() - len(published & found), residual=said["residual"])


async def _crash(
    stream: Iterator[Publication],
    clients: Sequence[Publisher],
    ingest: Ingest,
    order: tuple[Process, Process, float],
    chance: random.Random,
) -> Crash:
    """Publish, kill two amid it, start them again, and wait until all is acknowledged."""
    crash = Crash(list(islice(stream, len(clients) * MESSAGES)))
    publishing = asyncio.gather(
        *(
            client.publish(crash.messages[n :: len(clients)], per_second=MESSAGES_A_SECOND)
            for n, client in enumerate(clients)
        )
    )
    await asyncio.sleep(chance.uniform(0.3, 0.9) * MESSAGES / MESSAGES_A_SECOND)
    first, second, gap = order
    crash.gap_s = _kill(first, second, gap)
    await asyncio.gather(first.kill(), second.kill())
    await asyncio.gather(first.start(), second.start())
    await publishing
    await connected(ingest)
    return crash


def _kill(first: Process, second: Process, gap_s: float) -> float:
    """SIGKILL to both; the seconds between, as they were."""
    assert first.pid is not None
    assert second.pid is not None
    one, other = first.pid, second.pid
    os.kill(one, signal.SIGKILL)
    at = time.monotonic()
    if gap_s:
        time.sleep(gap_s)
    os.kill(other, signal.SIGKILL)
    return time.monotonic() - at


def _proof(done: Sequence[Sequence[Crash]], lost: Sequence[Sequence[int]], *, doubled: int, residual: int) -> Proof:
    instant, broker_first, ingest_first = lost
    gaps = [crash.gap_s for crash in done[0]]
    bars = [
        _bounded("in one instant", instant),
        (f"broker, and ingest {APART} later: 0 lost", _told(broker_first), not any(broker_first)),
        _bounded(f"ingest, and the broker {APART} later, while ingest is away", ingest_first),
        ("0 readings doubled or wrong", f"{doubled:,}", not doubled),
        ("every message has one fate", f"residual {residual}", residual == 0),
    ]
    messages = [sum(len(crash.messages) for crash in crashes) for crashes in done]
    notes = {
        "published": f"{PUBLISHERS} connections, {PUBLISHERS * MESSAGES_A_SECOND} messages a second, "
        f"{messages[0]:,} around the crashes of each order",
        "one instant": f"two signals, half of the times within {median(gaps) * 1e6:.0f} µs, "
        f"at most {max(gaps) * 1e6:,.0f}; where the machine is busy they are further apart, and less is lost",
        "bound": "Mosquitto acknowledges a message when it has read it, reads one of each connection, and then saves: "
        "one message a connection that publishes in those milliseconds, however many wait",
        "machine": machine(),
    }
    return Proof(
        "Broker and ingest crash together (T3)",
        f"SIGKILL to the broker, as it is shipped, and to ingest: in one instant, and {APART} apart in either order.",
        bars,
        notes=notes,
    )


def _bounded(what: str, lost: Sequence[int]) -> tuple[str, str, bool]:
    return (f"{what}: at most {PUBLISHERS} messages a crash", _told(lost), max(lost) <= PUBLISHERS)


def _told(lost: Sequence[int]) -> str:
    hit = sum(n > 0 for n in lost)
    return f"{sum(lost)} lost in {hit} of {len(lost)} crashes, {max(lost)} at most in one"
