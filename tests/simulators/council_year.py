"""A whole year: every category against what is published, and 50 buildings with 1,000 devices: `make council-year`.

The second part simulates half-hourly readings of all devices, every one of them, with one process for each core and
its share of the buildings in each, and balances each meter's register with the physics and the answer key. Both go into
docs/simulators-year.md.
"""

import argparse
import multiprocessing
import os
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from queue import Empty, Queue
from typing import Any, Final, NamedTuple

from devices.model import Estate
from simulators.moments import DAY_S
from simulators.simulation import Simulation
from tests.simulators.conserved import Balance, Ledger, Seen, balances, summary
from tests.simulators.parts import parts
from tests.simulators.reference import council
from tests.simulators.report import table
from tests.simulators.year import DAYS, JANUARY_2026, year

BUILDINGS, DEVICES = 50, 1_000
SEED, DT = 5, 300
_COUNCIL_SEED = 1
REPORT: Final = Path(__file__).parents[2] / "docs" / "simulators-year.md"
_EVERY = 5
"""seconds between two lines of progress"""

_HEAD = """# A simulated year beside what is published

`make council-year` writes this page. One typical building of each kind, in Edinburgh's climate of 2026, without faults:
electricity and gas against the benchmarks of CIBSE TM46 (gas adjusted to the year's degree days by TM46's own rule),
gas of each week against its degree days, and electricity at night (00 to 05 against 10 to 15) and at weekends (a day of
the weekend against a weekday) against measured buildings in Great Britain. A published band is from the tenth to the
ninetieth of a hundred meters; sources and definitions are in `tests/simulators/bands.py`, and
`tests/simulators/test_year.py` holds the year to all of it.

"""


def count(estate: Estate, days: int, told: "Queue[int]") -> tuple[int, list[Seen]]:
    """Simulate so many days, count the readings and book the meters; each day that is done goes into `told`."""
    simulation, readings = Simulation(estate, seed=_COUNCIL_SEED, start=JANUARY_2026, every=1_800), 0
    ledger = Ledger(simulation)
    for _ in range(days):
        simulation.step(DAY_S)
        due = simulation.due(simulation.now)
        readings += sum(len(one.readings) for one in due)
        ledger.take(due)
        told.put(1)
    return readings, ledger.seen(simulation.now)


class Run(NamedTuple):
    """What became of so many days."""

    seconds: float
    """of the simulation and its messages; the key comes after"""
    readings: int
    balances: list[Balance]


def run(estate: Estate, days: int, processes: int, say: Callable[[str], None]) -> Run:
    """So many days on so many processes, with progress and the time left."""
    begun, done = time.perf_counter(), 0
    shares = parts(estate, processes)
    context = multiprocessing.get_context("spawn")
    with context.Manager() as manager, ProcessPoolExecutor(processes, mp_context=context) as pool:
        told: Any = manager.Queue()
        counted = [pool.submit(count, share, days, told) for share in shares]
        said = begun
        while not all(future.done() for future in counted) or done < days * len(shares):
            failed = next((future for future in counted if future.done() and future.exception()), None)
            if failed is not None:
                break
            try:
                done += told.get(timeout=0.5)
            except Empty:
                continue
            now = time.perf_counter()
            if now - said > _EVERY:
                share = done / (days * len(shares))
                say(f"  {share:5.1%}  {now - begun:4.0f} s gone, {(now - begun) * (1 - share) / share:4.0f} s left")
                said = now
        results = [future.result() for future in counted]
        seconds = time.perf_counter() - begun
        end = JANUARY_2026 + days * DAY_S
        keys = [
            pool.submit(balances, share, _COUNCIL_SEED, JANUARY_2026, end, seen)
            for share, (_, seen) in zip(shares, results, strict=True)
        ]
        kept = [one for key in keys for one in key.result()]
    return Run(seconds, sum(readings for readings, _ in results), kept)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--days", type=int, default=DAYS)
    parser.add_argument("--processes", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--report", type=Path, default=REPORT)
    wanted = parser.parse_args()
    figures = table(year(SEED, DT))
    print(figures)
    print(f"{wanted.days} days of {BUILDINGS} buildings and {DEVICES:,} devices, half-hourly:")
    seconds, readings, kept = run(
        council(BUILDINGS, DEVICES), wanted.days, wanted.processes, lambda text: print(text, flush=True)
    )
    took = (
        f"{wanted.days} days of {BUILDINGS} buildings and {DEVICES:,} devices, half-hourly, on {wanted.processes} "
        f"processes: {readings:,} readings in {seconds:.0f} s, {readings / seconds:,.0f} a second."
    )
    print(took)
    conserved = summary(kept, wanted.days)
    print(conserved)
    wanted.report.write_text(
        f"{_HEAD}{figures}\n## Conservation\n\n{conserved}\n## How long it takes\n\n{took}\n", encoding="utf-8"
    )


if __name__ == "__main__":
    main()
