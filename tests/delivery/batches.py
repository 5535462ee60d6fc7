"""Many readings in few messages, and what is stored of them against the ledger."""

import json
import os
import platform
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from ingest.servers import Database
from tests.bench.estate import BUILDING, COUNCIL
from tests.delivery.harness import (
    Ledger,
    Publication,
    Reading,
    stored,
)

NAMES: Final = ("pulses", "people_in", "people_out", "openings")
"""Registers with room for values that are all different."""
DEVICES: Final = 200
DAY_MS: Final = 86_400_000


def batches(readings: int, *, in_message: int = 20, names: Sequence[str] = NAMES) -> Iterator[Publication]:
    """Messages of `in_message` readings each, every value and every time different; all tell their time."""
    samples = max(1, in_message // len(names))
    start = int(time.time() * 1_000) - 20 * DAY_MS
    for index in range(readings // (samples * len(names))):
        device = f"sim-{index % DEVICES:05d}"
        body, expected = [], []
        for at in range(index * samples, (index + 1) * samples):
            values = {name: float(at * len(names) + n) for n, name in enumerate(names)}
            body.append({"time": start + at, **values})
            expected += [Reading(device, name, value, (start + at) * 1_000_000) for name, value in values.items()]
        topic = f"tolbooth/v1/{COUNCIL}/{BUILDING}/{device}/readings"
        yield Publication(topic, json.dumps(body).encode(), tuple(expected))


@dataclass(frozen=True, slots=True)
class Difference:
    lost: int
    doubled: int
    """stored and not published, or oftener"""

    @property
    def bars(self) -> list[tuple[str, str, bool]]:
        return [
            ("0 readings lost", f"{self.lost:,}", not self.lost),
            ("0 readings doubled or wrong", f"{self.doubled:,}", not self.doubled),
        ]


async def difference(database: Database, ledger: Ledger, names: Sequence[str] = NAMES) -> Difference:
    """What is stored against what was acknowledged."""
    found: Counter[Reading] = await stored(database, names)
    return Difference((ledger.readings - found).total(), (found - ledger.readings).total())


def machine() -> str:
    return f"{os.cpu_count()} cores, Python {platform.python_version()}, {platform.system()}"
