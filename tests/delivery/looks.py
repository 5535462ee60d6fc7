"""A look each second at an ingest that runs: what came, what is stored, what waits, and its memory."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

from ingest.counts import look
from ingest.processes import Process
from tests.delivery.harness import Ingest
from tests.delivery.report import Sample


@dataclass(slots=True)
class Looks:
    """Samples of a run, and its kills."""

    ingest: Ingest
    started: float = field(default_factory=time.monotonic)
    samples: list[Sample] = field(default_factory=list)
    kills: list[tuple[float, str]] = field(default_factory=list)

    @property
    def now_s(self) -> float:
        return time.monotonic() - self.started

    def take(self) -> None:
        counts = look(self.ingest.data)
        oldest = (time.time_ns() - counts.oldest) / 1e9 if counts.oldest else 0.0
        done = counts.tally.get(("stored", ""), 0)
        memory = memory_mb(self.ingest.process)
        self.samples.append(Sample(self.now_s, done, counts.messages, counts.residual, oldest, memory))


def memory_mb(process: Process) -> float:
    """Resident memory; 0 while it does not run."""
    try:
        lines = Path(f"/proc/{process.pid}/status").read_text().splitlines()
    except OSError:
        return 0.0
    return sum(int(line.split()[1]) / 1_024 for line in lines if line.startswith("VmRSS:"))


@asynccontextmanager
async def looking(looks: Looks) -> AsyncIterator[None]:
    """Take a sample each second."""
    done = asyncio.Event()

    async def look() -> None:
        while not done.is_set():
            await asyncio.to_thread(looks.take)
            await asyncio.sleep(1.0)

    task = asyncio.create_task(look())
    try:
        yield
    finally:
        done.set()
        await task
        looks.take()
