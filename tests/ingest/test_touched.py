"""Which half-hours are to be rolled up: those with new readings in InfluxDB, until they were."""

import asyncio
import os
import signal
import sqlite3
import subprocess
import sys
from array import array
from collections import Counter
from pathlib import Path

import pytest

from devices.localdays import HALF_HOUR_NS
from devices.timestamps import FOREVER
from ingest.counts import look
from ingest.drain import State, Writer, write_rows
from ingest.influx import Faulty, Influx, Stored, Verdict
from ingest.journal import Entry, Journal
from ingest.journalfile import FILE
from ingest.rollup.touched import half_hours
from ingest.servers import Database
from ingest.settings import Influx as Options
from tests.ingest.journals import DAY, STORED, entry, opened

AT = 20 * DAY
"""A midnight, ns."""
METER = "meter,building=hall,council=moor,device={device} gas_m3={value} {time}"


def meter(half_hour: int, *, value: float = 1.0, device: str = "a") -> str:
    """A reading in the middle of a half-hour after `AT`."""
    return METER.format(device=device, value=value, time=AT + half_hour * HALF_HOUR_NS + HALF_HOUR_NS // 2)


async def settle(journal: Journal, *starts: int) -> None:
    """Settle what is in the journal, with so many half-hours after `AT` touched."""
    await journal.append(entry(1))
    rows = await journal.peek(0, 100)
    await journal.settle(rows, Counter({STORED: 1}), [], {AT + start * HALF_HOUR_NS for start in starts})


async def waiting(journal: Journal) -> list[int]:
    return [(one.start - AT) // HALF_HOUR_NS for one in await journal.touched(FOREVER, 100)]


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        ([], set()),
        (["climate,device=a temperature_c=1 5", "metering,device=a x=1 5"], set()),
        (["climate,device=meter,space=a temperature_c=1 5"], set()),
        ([meter(0)], {0}),
        ([f"occupancy,building=hall,space=a occupied=1.0,people=3.0 {AT + HALF_HOUR_NS}"], {1}),
        ([meter(3), "air,device=a co2_ppm=4 1", meter(4), meter(3, device="b")], {3, 4}),
        ([METER.format(device=r"my\ own\,meter\ 7", value=1, time=AT + 2 * HALF_HOUR_NS)], {2}),
        ([METER.format(device="a", value=1, time=AT + 2 * HALF_HOUR_NS - 1)], {1}),
    ],
)
def test_the_half_hours_of_lines(lines: list[str], expected: set[int]) -> None:
    found = half_hours("\n".join(lines).encode())
    assert {(start - AT) // HALF_HOUR_NS for start in found} == expected


async def test_the_newest_are_first_and_a_crash_forgets_none(tmp_path: Path) -> None:
    async with opened(tmp_path) as journal:
        await settle(journal, 3, 1)
        await settle(journal, 7)
        assert await waiting(journal) == [7, 3, 1]
        assert [(one.start - AT) // HALF_HOUR_NS for one in await journal.touched(AT + 7 * HALF_HOUR_NS, 1)] == [3]
    async with opened(tmp_path) as again:
        assert await waiting(again) == [7, 3, 1]
        counts = await again.counts()
        assert (counts.touched, counts.touched_since) == (3, DAY)
        assert look(tmp_path) == counts


async def test_what_is_touched_while_it_is_rolled_up_stays(tmp_path: Path) -> None:
    async with opened(tmp_path) as journal:
        await settle(journal, 1, 2)
        read = await journal.touched(FOREVER, 100)
        await settle(journal, 2)
        await journal.rolled_up(read, DAY + 5)
        assert await waiting(journal) == [2]
        counts = await journal.counts()
        assert counts.touched_since == DAY + 5, "what came before it was read is rolled up"
        await journal.rolled_up(await journal.touched(FOREVER, 100), DAY + 6)
        assert await waiting(journal) == []
        assert (await journal.counts()).touched_since is None


def test_a_journal_that_an_older_ingest_left_is_looked_at(tmp_path: Path) -> None:
    old = Path(__file__).parents[1] / "delivery" / "journal-v1.sql"
    with sqlite3.connect(tmp_path / FILE) as db:
        db.executescript(old.read_text())
    counts = look(tmp_path)
    assert (counts.touched, counts.touched_since) == (0, None)


class Refusing:
    """An InfluxDB that refuses some lines for good."""

    def __init__(self, *refused: str) -> None:
        self._refused = frozenset(line.encode() for line in refused)

    async def write(self, body: bytes, _lines: int) -> Verdict:
        named = self._refused & set(body.split(b"\n"))
        return Faulty("no", named, rest_stored=True) if named else Stored()

    async def ensure_database(self) -> None:
        raise AssertionError


async def test_only_what_is_stored_touches(tmp_path: Path) -> None:
    lines = [meter(1), meter(2), "climate,device=a temperature_c=1 5", meter(3)]
    async with opened(tmp_path) as journal:
        await journal.append(Entry(received=5, lines=lines, sizes=array("I", [2, 2])))
        assert await waiting(journal) == [], "it is not in InfluxDB yet"
        await write_rows(await journal.peek(0, 100), journal, Writer(Refusing(meter(2)), State()))
        assert await waiting(journal) == [3, 1]


async def test_a_batch_with_nothing_to_roll_up_touches_nothing(tmp_path: Path, database: Database) -> None:
    options = Options(url=database.url, database="touched")
    async with Influx(options) as influx, opened(tmp_path) as journal:
        await influx.connect()
        await influx.ensure_database()
        for lines, expected in (([f"climate,device=a temperature_c=1 {AT}"], []), ([meter(4)], [4])):
            await journal.append(Entry(received=5, lines=lines, sizes=array("I", [1])))
            await write_rows(await journal.peek(0, 100), journal, Writer(influx, State()))
            assert await waiting(journal) == expected


async def test_a_crash_between_two_settlements_leaves_each_whole(tmp_path: Path) -> None:
    """A process settles as fast as it can and is killed: what is settled has touched its half-hour."""
    script = (
        "import asyncio, sys, pathlib\nfrom tests.ingest.journals import opened\n"
        "from tests.ingest.test_touched import settle\n"
        "async def main():\n"
        "    async with opened(pathlib.Path(sys.argv[1])) as made:\n"
        "        for number in range(1_000_000):\n"
        "            await settle(made, number)\n"
        "            print(flush=True)\n"
        "asyncio.run(main())\n"
    )
    child = subprocess.Popen([sys.executable, "-c", script, str(tmp_path)], stdout=subprocess.PIPE)
    assert child.stdout is not None
    assert child.stdout.readline()
    await asyncio.sleep(0.2)
    os.kill(child.pid, signal.SIGKILL)
    said = 1 + len(child.stdout.readlines())
    child.wait()
    counts = await asyncio.to_thread(look, tmp_path)
    assert counts.touched == counts.tally[STORED] >= said
