"""How fast a backfill is beside the database alone: `python -m tests.bench.backfill --days 2`.

The demo council's history goes through `tolbooth backfill`'s own path into an InfluxDB; then the very same lines are
written straight into another database of the same server. The ratio holds on any machine; the rates do not.
"""

import argparse
import asyncio
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import aiohttp

import simulators
from devices import registry
from devices.message import Message
from devices.model import Estate
from devices.timestamps import SECOND
from ingest import servers
from ingest.load import load
from ingest.service import kit
from ingest.session import Delivery
from ingest.settings import Influx, Settings
from simulators.aside import messages_aside
from simulators.backfill import messages

ESTATE = Path(simulators.__file__).parent / "estate"
END = 1_769_040_000 * SECOND
DAY = 86_400 * SECOND
BATCH = 10_000

Make = Callable[[], Iterator[Message]]


def _settings(folder: Path, database: servers.Database, name: str) -> Settings:
    return Settings(registry=ESTATE, data=folder / name, influx=Influx(url=database.url, database=name))


async def _lines(folder: Path, database: servers.Database, make: Make) -> list[str]:
    async with kit(_settings(folder, database, "lines")) as parts:
        return parts.digest([Delivery(message, 0, False) for message in make()]).lines


async def _raw(database: servers.Database, lines: list[str]) -> float:
    bodies = ["\n".join(lines[at : at + BATCH]).encode() for at in range(0, len(lines), BATCH)]
    async with aiohttp.ClientSession() as http:
        async with http.post(f"{database.url}/query", data={"q": "CREATE DATABASE raw"}) as answer:
            answer.raise_for_status()
        begun = time.monotonic()
        for body in bodies:
            async with http.post(f"{database.url}/write?db=raw&precision=ns", data=body) as answer:
                answer.raise_for_status()
        return time.monotonic() - begun


async def measure(estate: Estate, days: int) -> None:
    start = END - days * DAY
    wanted: dict[str, Any] = {"estate": estate, "start_ns": start, "end_ns": END, "seed": 1}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        async with servers.influxdb(folder / "influxdb") as database:
            lines = await _lines(folder, database, lambda: messages(**wanted))
            begun = time.monotonic()
            await load(messages_aside(**wanted), _settings(folder, database, "backfill"), lambda count, received: None)
            took = time.monotonic() - begun
            raw = await _raw(database, lines)
    count = len(lines)
    print(f"backfill {count / took:10,.0f} lines/s\nraw      {count / raw:10,.0f} lines/s\nratio    {raw / took:10.2f}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--days", type=int, default=2)
    asyncio.run(measure(registry.load(ESTATE), parser.parse_args().days))


if __name__ == "__main__":
    main()
