"""Several faults in one batch, against the real database: what is called stored is stored, the rest is refused (T7).

Which lines it must refuse follows from what was written before: a field has one type in a shard, and one of the two
times lies in another shard than the other.
"""

import random
import time
from collections.abc import Iterator
from dataclasses import dataclass, field

import pytest
from pydantic import SecretStr

from ingest.drain import State, Writer
from ingest.influx import Influx, Stored, Verdict
from ingest.servers import Database
from ingest.settings import Influx as Options

DAY = 86_400 * 10**9
NOW = time.time_ns()
TIMES = (NOW - 2 * DAY, NOW - 40 * DAY)
INTEGERS = frozenset(
    {("climate", "x", TIMES[0]), ("climate", "y", TIMES[1]), ("meter", "x", TIMES[0]), ("meter", "x", TIMES[1])}
)
"""Measurement, field and time where the database holds integers."""
TOO_OLD = NOW - 200 * DAY
CUT_OFF = b"climate,device=a x="


@dataclass(slots=True)
class Counted:
    """Counts the lines that are written, and those of the largest write."""

    influx: Influx
    writes: list[int] = field(default_factory=list)

    async def write(self, body: bytes, lines: int) -> Verdict:
        self.writes.append(lines)
        return await self.influx.write(body, lines)

    async def ensure_database(self) -> None:
        raise AssertionError


def options(database: Database, name: str) -> Options:
    return Options(
        url=database.url,
        database=name,
        token=SecretStr(database.token),
        organisation=database.organisation or "x",
        retention_days=100,
    )


async def integers(influx: Influx) -> None:
    await influx.connect()
    await influx.ensure_database()
    lines = [b"%s,device=first %s=1i %d" % (m.encode(), f.encode(), at) for m, f, at in sorted(INTEGERS)]
    assert await influx.write(b"\n".join(lines), len(lines)) == Stored()


def batch(chance: random.Random, count: int, first: int) -> Iterator[tuple[bytes, bool]]:
    """Lines, each with its own time and value, and whether it must be refused."""
    for n in range(first, first + count):
        if chance.random() < 0.002:
            yield CUT_OFF, True
            continue
        measurement = chance.choice(("climate", "meter", "power"))
        keys = sorted(chance.sample(("x", "y", "zx", "z"), chance.randint(1, 3))) if chance.random() < 0.1 else ["z"]
        at = chance.choice(TIMES)
        bad = any((measurement, key, at) in INTEGERS for key in keys)
        if chance.random() < 0.02:
            at, bad = TOO_OLD, True
        device = chance.choice((r"a", r"b\,x\=1", r"\ c\ d"))
        fields = ",".join(f"{key}={float(n)!r}" for key in keys)
        yield f"{measurement},device={device} {fields} {at + n}".encode(), bad


@pytest.mark.parametrize("seed", range(8))
async def test_of_several_faults_in_a_batch_none_is_called_stored(database: Database, seed: int) -> None:
    chance = random.Random(seed)
    async with Influx(options(database, f"mixes-{seed}")) as influx:
        await integers(influx)
        writer = Writer(influx, State())
        wanted: set[bytes] = set()
        for number in range(4):
            lines = list(batch(chance, 400, number * 400))
            refused = await writer.write(b"\n".join(line for line, _ in lines), len(lines))
            assert sorted(each.line for each in refused) == sorted(line for line, bad in lines if bad)
            wanted |= {line for line, bad in lines if not bad}
        series = await influx.query("SELECT * FROM climate, meter, power WHERE device != 'first' GROUP BY device")
    found = {(each["name"], row[0]) for each in series for row in each["values"]}
    assert found == {(line.split(b",", 1)[0].decode(), int(line.rsplit(b" ", 1)[1])) for line in wanted}


async def test_a_fault_that_is_known_costs_one_small_write_and_heals_by_itself(database: Database) -> None:
    async with Influx(options(database, "known")) as influx:
        await integers(influx)
        counted = Counted(influx)
        now_s = 0.0
        writer = Writer(counted, State(), lambda: now_s)

        async def write(key: bytes, at: int) -> tuple[int, list[int]]:
            """Lines refused, and the sizes of the writes it took."""
            counted.writes.clear()
            lines = [b"climate,device=a z=%d %d" % (n, NOW + n) for n in range(100)]
            lines[50:50] = [b"climate,device=a %s=%d.0 %d" % (key, n, at + n) for n in range(3)]
            return len(await writer.write(b"\n".join(lines), len(lines))), sorted(counted.writes)

        assert await write(b"x", TIMES[0]) == (3, [3, 100, 103])
        assert await write(b"x", TIMES[0]) == (3, [3, 100])
        assert await write(b"x", TIMES[1]) == (0, [3, 100])
        assert await write(b"z", TOO_OLD) == (3, [3, 100, 103])
        assert await write(b"z", TOO_OLD - 10) == (3, [3, 100])
        assert await write(b"z", TIMES[0]) == (0, [103])
        now_s = 601.0
        assert await write(b"x", TIMES[0]) == (3, [3, 100, 103])


async def test_the_answer_counts_one_shard_only(database: Database) -> None:
    """Why an answer that seems to add up is not believed: two lines are refused, and one is counted."""
    async with Influx(options(database, "shards")) as influx:
        await integers(influx)
        lines = [b"meter,device=a x=1.0 %d" % at for at in TIMES]
        verdict = await influx.write(b"\n".join([*lines, b"power,device=a z=1.0 %d" % NOW]), 3)
    assert "dropped=1" in getattr(verdict, "detail", "")
