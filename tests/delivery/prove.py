"""The promises of delivery, at length: `make soak`, or `python -m tests.delivery.prove T1 --report docs/prove`.

The short forms of the same proofs run in CI (test_proofs.py). Exit code 1 if a promise does not hold.
"""

import argparse
import asyncio
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Final

from ingest.servers import Broker, Database, influxdb, mosquitto
from tests.bench.estate import write_estate
from tests.bench.pipe import fast_broker
from tests.delivery import crash_proof, proofs, soak_proof, together_proof
from tests.delivery.batches import DEVICES
from tests.delivery.report import Proof, markdown, svg

Run = Callable[[Path, Path, Broker, Database, argparse.Namespace], Awaitable[Proof]]


async def _crashes(folder: Path, estate: Path, broker: Broker, database: Database, told: argparse.Namespace) -> Proof:
    kills = crash_proof.Kills(told.kills_ingest, told.kills_database, told.kills_broker)
    return await crash_proof.crashes(
        folder, estate, broker, database, readings=told.readings, kills=kills, seconds=told.seconds
    )


async def _together(folder: Path, estate: Path, broker: Broker, database: Database, told: argparse.Namespace) -> Proof:
    return await together_proof.together(folder, estate, broker, database, crashes=told.kills_together)


async def _soak(folder: Path, estate: Path, broker: Broker, database: Database, told: argparse.Namespace) -> Proof:
    return await soak_proof.soak(folder, estate, broker, database, seconds=told.minutes * 60, seed=told.seed)


async def _outage(folder: Path, estate: Path, broker: Broker, database: Database, told: argparse.Namespace) -> Proof:
    return await proofs.outage(folder, estate, broker, database, readings=min(told.readings, 240_000))


async def _poison(folder: Path, estate: Path, broker: Broker, database: Database, told: argparse.Namespace) -> Proof:
    return await proofs.poison(folder, estate, broker, database, readings=2 * told.readings, rounds=8)


async def _pressure(folder: Path, estate: Path, broker: Broker, database: Database, told: argparse.Namespace) -> Proof:
    return await proofs.back_pressure(folder, estate, broker, database, seconds=told.pressure_seconds)


async def _strangers(folder: Path, estate: Path, broker: Broker, database: Database, told: argparse.Namespace) -> Proof:
    return await proofs.strangers(folder, estate, broker, database, devices=told.devices, garbage=told.garbage)


PROOFS: Final[dict[str, tuple[str, Run, bool]]] = {
    "T1": ("crashes", _crashes, True),
    "T3": ("together", _together, True),
    "T4": ("soak", _soak, True),
    "T5": ("outage", _outage, False),
    "T7": ("poison", _poison, False),
    "T14": ("strangers", _strangers, False),
    "T16": ("back-pressure", _pressure, False),
}
"""Promise → name of its report, its run, and whether the broker saves at each change, as it is shipped.

T1 stands for T2 too, and for the broker's crashes of T3; T14 for T15."""


async def prove(names: list[str], told: argparse.Namespace) -> bool:
    """Run the proofs, write their reports; whether all hold."""
    hold = True
    for name in names:
        title, run, durable = PROOFS[name]
        with tempfile.TemporaryDirectory() as place:
            folder = Path(place)
            estate = write_estate(folder / "estate", DEVICES)
            config = None if durable else fast_broker()
            async with mosquitto(folder / "broker", config=config) as broker, influxdb(folder / "influxdb") as database:
                proof = await run(folder / "ingest", estate, broker, database, told)
        hold = hold and proof.holds
        text = markdown(proof, f"{title}.svg" if proof.samples else "")
        print(text)
        if told.report is not None:
            told.report.mkdir(parents=True, exist_ok=True)
            (told.report / f"{title}.md").write_text(text, encoding="utf-8")
            if proof.samples:
                (told.report / f"{title}.svg").write_text(svg(proof), encoding="utf-8")
    return hold


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.delivery.prove", description=__doc__)
    parser.add_argument(
        "names", nargs="*", metavar="T1", choices=[*PROOFS, []], help=f"of {', '.join(PROOFS)}; by default all but T4"
    )
    parser.add_argument("--readings", type=int, default=1_000_000)
    parser.add_argument("--kills-ingest", type=int, default=100)
    parser.add_argument("--kills-database", type=int, default=50)
    parser.add_argument("--kills-broker", type=int, default=20)
    parser.add_argument("--kills-together", type=int, default=40, help="of broker and ingest, in each order")
    parser.add_argument("--seconds", type=float, default=480.0, help="over which the readings of T1 come")
    parser.add_argument("--devices", type=int, default=100_000, help="that nobody knows, of T14")
    parser.add_argument("--garbage", type=int, default=2_000_000, help="messages of T15")
    parser.add_argument("--pressure-seconds", type=float, default=600.0, help="that T16 takes")
    parser.add_argument("--minutes", type=float, default=60.0, help="that T4 takes")
    parser.add_argument("--seed", type=int, default=1, help="of the random moments of T4")
    parser.add_argument("--report", type=Path, help="folder for the reports")
    told = parser.parse_args()
    began = time.monotonic()
    hold = asyncio.run(prove(told.names or [name for name in PROOFS if name != "T4"], told))
    print(f"{'all promises hold' if hold else 'a promise does not hold'}, {time.monotonic() - began:.0f} s")
    sys.exit(0 if hold else 1)


if __name__ == "__main__":
    main()
