"""The soak: ingest, InfluxDB and the broker are killed at random moments for an hour, and memory does not grow."""

import asyncio
import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from statistics import median
from typing import Final

from ingest.processes import Process
from ingest.servers import Broker, Database
from tests.delivery.batches import batches, difference, machine
from tests.delivery.crash_proof import counted, kill, settled
from tests.delivery.harness import Ingest, ingest_for, publisher, running
from tests.delivery.looks import Looks, looking
from tests.delivery.report import Proof, Sample

IN_MESSAGE: Final = 20
MESSAGES_A_SECOND: Final = 40
"""Well below what the broker, which saves at each change and reads one acknowledgement between two saves, lets pass on
a machine that others use too: what waited during an absence has to drain."""
QUIET: Final = (0.25, 0.75)
"""Between these shares of the time ingest is not killed, so that one life is long enough to tell whether it grows."""
GAP_S: Final = 1.0
"""Seconds, at least, from a kill of ingest or broker to the next of the other, which is connected again by then."""
SETTLED_S: Final = 600.0
"""A life of ingest as long as this tells whether it grows: what it keeps for its devices is there after a tenth."""
GROWTH: Final = 0.10


async def soak(folder: Path, estate: Path, broker: Broker, database: Database, *, seconds: float, seed: int) -> Proof:
    """T4: whatever is killed when, 0 readings are lost or doubled, and a long life of ingest does not grow."""
    ingest = ingest_for(folder, estate, broker=broker.port, database=database.url)
    sent = int(seconds * MESSAGES_A_SECOND)
    messages = batches(sent * IN_MESSAGE, in_message=IN_MESSAGE)
    every = min(20.0, seconds / 10)
    async with running(ingest), publisher(broker) as client:
        looks = Looks(ingest)
        async with looking(looks):
            await asyncio.gather(
                client.publish(messages, per_second=MESSAGES_A_SECOND, timeout_s=300),
                _killing(looks, _path(looks, ingest, broker, seconds, seed), seconds, random.Random(seed), every),
                _killing(looks, lambda: ("database", database.process), seconds, random.Random(seed + 1), 2 * every),
            )
            said = await settled(ingest, sent)
        found = await difference(database, client.ledger)
        published = client.ledger.readings.total()
    worst = max(abs(sample.residual) for sample in looks.samples)
    what_died = ", ".join(f"{n} {what}" for what, n in counted(looks))
    bars = [
        (f"{sent * IN_MESSAGE:,} readings published", f"{published:,}", published == sent * IN_MESSAGE),
        *found.bars,
        ("every message has one fate, at every look", f"worst residual {worst}", worst == 0),
        ("all three killed", what_died, len(counted(looks)) == 3),
        *memory_bars(lives(looks.samples, looks.kills)),
    ]
    notes = {
        "messages": f"{sent:,}, {said['received']:,} received, {said['fates']['duplicate']:,} of them again",
        "rate": f"{IN_MESSAGE * MESSAGES_A_SECOND:,} readings a second, steadily",
        "kills": f"ingest or broker every {every:.0f} s on average, and InfluxDB, whatever the others do, every "
        f"{2 * every:.0f} s; seed {seed}",
        "apart": f"ingest and broker die at least {GAP_S:g} s apart, each while the other is connected. Both in the "
        "same instant is [a proof of its own](together.md)",
        "journal": f"at most {max(sample.journalled for sample in looks.samples):,} messages",
        "time": f"{looks.now_s:,.0f} s, looked at {len(looks.samples):,} times",
        "memory": "a start of ingest begins anew, so growth is judged within the longest life: ingest is left alone "
        "for half of the time, while the others are killed. Compared are medians of resident memory: after the first "
        "tenth of that life, for a tenth, and in its last tenth",
        "machine": machine(),
    }
    return Proof(
        "An hour of crashes at random (T4)" if seconds >= 3_600 else "Crashes at random (T4)",
        "SIGKILL to ingest, InfluxDB and the broker, as it is shipped, at random moments, while 200 devices publish.",
        bars,
        looks.samples,
        looks.kills,
        notes,
    )


def _path(looks: Looks, ingest: Ingest, broker: Broker, seconds: float, seed: int) -> Callable[[], tuple[str, Process]]:
    """Which of the two on a message's way to the journal is killed next."""
    chance = random.Random(seed + 2)
    start, end = (share * seconds for share in QUIET)

    def choose() -> tuple[str, Process]:
        if start <= looks.now_s <= end or chance.random() < 0.25:
            return "broker", broker.process
        return "ingest", ingest.process

    return choose


async def _killing(
    looks: Looks, choose: Callable[[], tuple[str, Process]], seconds: float, chance: random.Random, every: float
) -> None:
    """Kill and restart at random moments, `every` seconds on average."""
    while True:
        pause = GAP_S + chance.uniform(0, 2 * (every - GAP_S))
        if looks.now_s + pause > seconds:
            return
        await asyncio.sleep(pause)
        what, process = choose()
        await kill(looks, what, process, chance.uniform(0, 0.5))


@dataclass(frozen=True, slots=True)
class Life:
    """Ingest from one start to its end; memory in MB."""

    seconds: float
    early: float
    """median of the second tenth of its time"""
    late: float
    """median of its last tenth"""
    peak: float


def lives(samples: Sequence[Sample], kills: Sequence[tuple[float, str]]) -> list[Life]:
    """The lives of ingest that were looked at ten times or more, in order."""
    ends = [0.0, *(at for at, what in kills if what == "ingest"), float("inf")]
    found = []
    for start, end in pairwise(ends):
        own = [one for one in samples if start < one.at_s < end and one.memory_mb]
        if len(own) < 10:
            continue
        tenth = len(own) // 10
        memory = [one.memory_mb for one in own]
        early, late = median(memory[tenth : 2 * tenth]), median(memory[-tenth:])
        found.append(Life(own[-1].at_s - own[0].at_s, early, late, max(memory)))
    return found


def memory_bars(found: Sequence[Life]) -> list[tuple[str, str, bool]]:
    """Growth within the longest life, where that is long enough to tell; and of the peak from life to life."""
    longest = max(found, key=lambda life: life.seconds, default=None)
    if longest is None or longest.seconds < SETTLED_S:
        return []
    growth = longest.late / longest.early - 1
    told = f"{growth:+.1%} in {longest.seconds / 60:.0f} min: {longest.early:.1f} MB, then {longest.late:.1f} MB"
    third = max(1, len(found) // 3)
    first, last = (median(life.peak for life in part) for part in (found[:third], found[-third:]))
    again = f"{last / first - 1:+.1%}: {first:.1f} MB, then {last:.1f} MB, medians of {third} lives"
    return [
        ("memory of ingest grows by less than 10 % in its longest life", told, growth < GROWTH),
        (
            "its peak grows by less than 10 % from the first third of its lives to the last",
            again,
            last / first - 1 < GROWTH,
        ),
    ]
