"""The whole path against a bar: `make bench`, or `python -m tests.bench.pipe --json`.

Publisher, broker, ingest and InfluxDB run on the same two cores. A message has four values. The same lines that
ingest makes are also loaded straight into the same InfluxDB; the ratio is what the path costs, on any machine.
"""

import argparse
import asyncio
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import aiohttp
import mqtt5

from devices import registry
from devices.decode import Decoder
from devices.message import Message
from ingest import lineprotocol, servers
from ingest.lineprotocol import Tags
from ingest.processes import free_port
from tests.bench import publisher
from tests.bench.estate import DEVICES, message, write_estate

CORES = 2
RAW_BATCH = 10_000
LATENCY_RATE = 5_000
PROBES_EVERY = 0.1
COMMAND = (sys.executable, "-m", "tolbooth", "ingest")


@dataclass(frozen=True, slots=True)
class Figures:
    """What the benchmark prints; rates are of messages."""

    messages_per_second: float
    cpu_us_per_message: float
    peak_rss_mb: float
    latency_p50_s: float
    latency_p99_s: float
    raw_messages_per_second: float
    ratio_to_raw: float


@dataclass(frozen=True, slots=True)
class Stack:
    broker: servers.Broker
    database: servers.Database
    estate: Path
    ingest: subprocess.Popen[bytes]
    health: str
    http: aiohttp.ClientSession

    async def status(self) -> dict[str, object]:
        async with self.http.get(f"{self.health}/status") as answer:
            said: dict[str, object] = await answer.json()
            return said

    async def stored(self, count: int) -> None:
        """Wait until ingest has stored so many messages."""
        while True:
            said = await self.status()
            fates = said["fates"]
            assert isinstance(fates, dict)
            if fates["stored"] >= count:
                return
            await asyncio.sleep(0.05)


def fast_broker() -> str:
    """The shipped configuration, but saved every second instead of at every change.

    Mosquitto reads one packet of a connection in each turn of its loop. A save at every change adds some milliseconds
    to each turn, and so bounds the rate of any single connection, ours included.
    """
    shipped = servers.shipped_config("mosquitto.conf")
    fast = shipped.replace("autosave_on_changes true", "autosave_on_changes false")
    assert fast != shipped
    return fast


@asynccontextmanager
async def stack(folder: Path) -> AsyncIterator[Stack]:
    """Broker, database and ingest on free ports, with a bench estate."""
    estate = write_estate(folder / "estate")
    async with AsyncExitStack() as exits:
        broker = await exits.enter_async_context(servers.mosquitto(folder / "mosquitto", config=fast_broker()))
        database = await exits.enter_async_context(servers.influxdb(folder / "influxdb"))
        http = await exits.enter_async_context(aiohttp.ClientSession())
        port = free_port()
        environment = os.environ | {
            "TOLBOOTH_REGISTRY": str(estate),
            "TOLBOOTH_DATA": str(folder / "data"),
            "TOLBOOTH_MQTT__PORT": str(broker.port),
            "TOLBOOTH_INFLUX__URL": database.url,
            "TOLBOOTH_INFLUX__TOKEN": database.token,
            "TOLBOOTH_INFLUX__ORGANISATION": database.organisation or "tolbooth",
            "TOLBOOTH_HEALTH__PORT": str(port),
        }
        ingest = subprocess.Popen(COMMAND, env=environment, stdin=subprocess.DEVNULL)
        exits.callback(_end, ingest)
        running = Stack(broker, database, estate, ingest, f"http://127.0.0.1:{port}", http)
        await _ready(running)
        yield running


def _end(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    process.wait(20)


async def _ready(running: Stack) -> None:
    for _ in range(200):
        try:
            async with running.http.get(f"{running.health}/readyz") as answer:
                if answer.status == 200:
                    return
        except aiohttp.ClientError:
            pass
        await asyncio.sleep(0.05)
    raise TimeoutError("ingest was not ready within 10 s")


def _cpu_seconds(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def _peak_mb(pid: int) -> float:
    status = Path(f"/proc/{pid}/status").read_text()
    (line,) = (line for line in status.splitlines() if line.startswith("VmHWM"))
    return int(line.split()[1]) / 1024


async def raw_load(running: Stack, messages: Sequence[tuple[str, bytes]]) -> float:
    """Messages a second of the same lines straight into the same InfluxDB, one connection."""
    estate = registry.load(running.estate)
    decoder, tags = Decoder(estate), Tags(estate)
    lines = [
        line
        for topic, payload in messages
        for line in lineprotocol.lines(decoder.decode(Message(topic, payload, time.time_ns())).placed, tags)
    ]
    bodies = ["\n".join(lines[start : start + RAW_BATCH]).encode() for start in range(0, len(lines), RAW_BATCH)]
    async with running.http.post(f"{running.database.url}/query", params={"q": "CREATE DATABASE raw"}) as answer:
        await answer.read()
    started = time.monotonic()
    for body in bodies:
        async with running.http.post(f"{running.database.url}/write?db=raw&precision=ns", data=body) as answer:
            assert answer.status == 204, await answer.text()
    return len(messages) / (time.monotonic() - started)


async def throughput(running: Stack, messages: Sequence[tuple[str, bytes]]) -> tuple[float, float]:
    """Messages a second from the first publication to the last confirmation, and CPU µs of ingest for each."""
    ready = publisher.packets(messages)
    sender = await publisher.connect(running.broker.host, running.broker.port, "bench-throughput")
    before = _cpu_seconds(running.ingest.pid)
    started = time.monotonic()
    sender.start(ready)
    await sender.done
    await running.stored(len(messages))
    seconds = time.monotonic() - started
    cpu = _cpu_seconds(running.ingest.pid) - before
    return len(messages) / seconds, cpu / len(messages) * 1e6


async def latency(running: Stack, seconds: float) -> tuple[float, float]:
    """Publish-to-queryable p50 and p99 in seconds, of probes among `LATENCY_RATE` messages a second."""
    now = time.time_ns()
    count = int(LATENCY_RATE * seconds)
    ready = publisher.packets([message(index, now + index * 200_000) for index in range(count)])
    sender = await publisher.connect(running.broker.host, running.broker.port, "bench-rate")
    load = asyncio.create_task(publisher.at_rate(sender, ready, LATENCY_RATE))
    prober = await publisher.connect(running.broker.host, running.broker.port, "bench-probe")
    waits: list[float] = []
    while not load.done():
        await asyncio.sleep(PROBES_EVERY)
        waits.append(await _probe(running, prober, len(waits)))
    await load
    waits.sort()
    return statistics.median(waits), waits[min(len(waits) - 1, int(len(waits) * 0.99))]


async def _probe(running: Stack, prober: publisher.Publisher, number: int) -> float:
    topic, payload = message(DEVICES - 1, time.time_ns(), probe=number)
    started = time.monotonic()
    prober.start([mqtt5.PublishPacket(topic, payload, qos=mqtt5.QoS.AT_LEAST_ONCE, packet_id=1).write()])
    query = f"SELECT count(pulses) FROM meter WHERE pulses = {number + 1}"
    while True:
        params = {"db": "telemetry", "q": query}
        async with running.http.get(f"{running.database.url}/query", params=params) as answer:
            if b'"series"' in await answer.read():
                return time.monotonic() - started
        await asyncio.sleep(0.002)


async def measure(count: int, seconds: float) -> Figures:
    """Run everything once."""
    with tempfile.TemporaryDirectory(prefix="tolbooth-bench-") as folder:
        async with stack(Path(folder)) as running:
            start = time.time_ns() - 86_400 * 10**9
            messages = [message(index, start + index * 1_000_000) for index in range(count)]
            raw = await raw_load(running, messages)
            rate, cpu = await throughput(running, messages)
            p50, p99 = await latency(running, seconds)
            return Figures(
                round(rate), round(cpu, 2), round(_peak_mb(running.ingest.pid), 1),
                round(p50, 4), round(p99, 4), round(raw), round(rate / raw, 3),
            )  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--messages", type=int, default=400_000)
    parser.add_argument("--seconds", type=float, default=20.0, help="of the latency part")
    options = parser.parse_args()
    if len(os.sched_getaffinity(0)) > CORES:
        os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:CORES])
    figures = asyncio.run(measure(options.messages, options.seconds))
    said = {name: getattr(figures, name) for name in Figures.__dataclass_fields__}
    if options.json:
        print(json.dumps(said))
        return
    for name, value in said.items():
        print(f"{name:26} {value:>12,}")


if __name__ == "__main__":
    main()
