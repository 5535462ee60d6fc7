"""T12: a month that comes late and shuffled ends in the same readings and the same roll-ups."""

import asyncio
import random
import re
import time
from collections import defaultdict
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from devices.rollups import DAY, HALF_HOUR, MONTH, database_of
from devices.schema import BY_NAME
from ingest.servers import Database
from tests.bench.pipe import fast_broker
from tests.conftest import StartBroker, StartDatabase
from tests.delivery.harness import DATABASE, Publication, assert_stored, ingest_for, native, publisher, query, running

LONDON = ZoneInfo("Europe/London")
COUNCIL, IN_ORDER, SHUFFLED = "sim-late", "in-order", "shuffled"
METERS = ("main", "annexe", "kitchen")
ELECTRICITY = BY_NAME["electricity_import"].key
STEP_S = 1_800
STEPS = 30 * 86_400 // STEP_S - 4
"""Thirty days less two hours: what ingest accepts by default, with room for a slow test."""
PARTS = 5
"""in which the shuffled month comes, each rolled up before the next"""
ANALYSTS = Path(__file__).parents[2] / "docs" / "queries.md"


@pytest.fixture
def estate(tmp_path: Path) -> Path:
    """Two buildings with the same three electricity meters."""
    folder = tmp_path / "estate"
    council = folder / COUNCIL
    (council / "buildings").mkdir(parents=True)
    (council / "council.yaml").write_text(
        f"id: {COUNCIL}\nname: Late\ninvented: true\nclimate_station: edinburgh_rbge\n"
    )
    rows = ["id,kind,model,interval,building,meter,opening_register,from"]
    for building in (IN_ORDER, SHUFFLED):
        meters = "".join(f"  - {{id: {meter}, utility: electricity}}\n" for meter in METERS)
        (council / "buildings" / f"{building}.yaml").write_text(
            "name: Hall\nuse: office\ntm46: 1\nfloor_area_m2: 1000\nhours: []\nlevels: {ground: Ground}\n"
            "spaces: [{id: room, name: Room, level: ground, use: office, area_m2: 900, capacity: 10}]\n"
            f"meters:\n{meters}"
        )
        rows += [
            f"{building}-{meter},electricity_meter,Tolbooth electricity-meter,{STEP_S},{building},{meter},0,2020-01-01"
            for meter in METERS
        ]
    (council / "devices.csv").write_text("\n".join(rows) + "\n")
    return folder


def history(first_s: int) -> Iterator[tuple[str, int, float]]:
    """(meter, epoch seconds, register in kWh) of every half-hour, in order; each meter takes its own, never nothing."""
    registers = {meter: 1_000.0 * n for n, meter in enumerate(METERS, 1)}
    chance = random.Random(12)
    for step in range(STEPS):
        for n, meter in enumerate(METERS):
            registers[meter] = round(registers[meter] + chance.uniform(0.1, 3.0 + n), 3)
            yield meter, first_s + step * STEP_S, registers[meter]


def expected(first_s: int) -> dict[date, float]:
    """kWh of each local day: the steps that end in it, midnight included."""
    days: dict[date, float] = defaultdict(float)
    last: dict[str, float] = {}
    for meter, at, value in history(first_s):
        if meter in last:
            day = (datetime.fromtimestamp(at, UTC) - timedelta(microseconds=1)).astimezone(LONDON).date()
            days[day] += value - last[meter]
        last[meter] = value
    return days


async def test_a_shuffled_month_ends_in_the_same_readings_and_the_same_roll_ups(
    tmp_path: Path, estate: Path, start_broker: StartBroker, start_database: StartDatabase
) -> None:
    """Roll-ups are worked out again and again while readings come in any order."""
    broker, database = await start_broker(config=fast_broker()), await start_database()
    first_s = int(time.time()) // STEP_S * STEP_S - STEPS * STEP_S
    ordered, shuffled = (list(messages(building, first_s)) for building in (IN_ORDER, SHUFFLED))
    random.Random(30).shuffle(shuffled)
    ingest = ingest_for(
        tmp_path / "ingest",
        estate,
        broker=broker.port,
        database=database.url,
        settings={"TOLBOOTH_ROLLUP__PERIOD": "0.2"},
    )
    async with running(ingest), publisher(broker) as client:
        await client.publish(ordered)
        for first in range(PARTS):
            await client.publish(shuffled[first::PARTS])
            await asyncio.sleep(1)
        said = await ingest.settled(len(ordered) + len(shuffled))
        assert said["fates"]["stored"] == len(ordered) + len(shuffled)
        await assert_stored(database, client.ledger)
        await ingest.until(lambda said: said["rollups"]["ok"] and not said["rollups"]["pending"])
        rolled = await roll_ups(database)
        by_day = await kwh_by_day(database)
    wanted = expected(first_s)
    assert rolled[IN_ORDER] == rolled[SHUFFLED]
    assert {measurement for measurement, *_ in rolled[IN_ORDER]} == {HALF_HOUR, DAY, MONTH}
    for measurement in (HALF_HOUR, DAY):
        assert rolled_kwh(rolled[IN_ORDER], measurement) == pytest.approx(wanted)
    months = rolled_kwh(rolled[IN_ORDER], MONTH)
    assert {(day.year, day.month): kwh for day, kwh in months.items()} == pytest.approx(by_month(wanted))
    assert by_day[IN_ORDER] == by_day[SHUFFLED] == pytest.approx(wanted)
    assert by_month(by_day[IN_ORDER]) == by_month(by_day[SHUFFLED]) == pytest.approx(by_month(wanted))


def messages(building: str, first_s: int) -> Iterator[Publication]:
    for meter, at, value in history(first_s):
        values = {"electricity_import": value, "power": value % 7}
        yield native(f"{building}-{meter}", values, at * 1_000, council=COUNCIL, building=building)


RollUps = dict[tuple[str, str, str, int], float]
"""(measurement, meter, key of the field, time in ns) → what is stored"""


async def roll_ups(database: Database) -> dict[str, RollUps]:
    """Building → all its roll-ups."""
    found: dict[str, RollUps] = defaultdict(dict)
    for measurement in (HALF_HOUR, DAY, MONTH):
        for series in await query(database, f'SELECT * FROM "{measurement}" GROUP BY *', database_of(DATABASE)):
            tags = series["tags"]
            for at, *values in series["values"]:
                for key, value in zip(series["columns"][1:], values, strict=True):
                    found[tags["building"]][measurement, tags["meter"], key, at] = value
    return dict(found)


def rolled_kwh(rolled: RollUps, measurement: str) -> dict[date, float]:
    """Local day, or the first of the local month → kWh of all meters."""
    days: dict[date, float] = defaultdict(float)
    for (name, _, key, at), kwh in rolled.items():
        if name == measurement and key == ELECTRICITY:
            days[datetime.fromtimestamp(at // 10**9, LONDON).date()] += kwh
    return dict(days)


async def kwh_by_day(database: Database) -> dict[str, dict[date, float]]:
    """Building → local day → kWh, by the analysts' second query over the whole month."""
    _, by_day, *_ = re.findall(r"```influxql\n(.*?)```", ANALYSTS.read_text(encoding="utf-8"), re.DOTALL)
    assert by_day.count("- 8d") == 1
    found = await query(database, " ".join(by_day.replace("- 8d", "- 32d").split()), database_of(DATABASE))
    return {
        series["tags"]["building"]: {
            datetime.fromtimestamp(at // 10**9, LONDON).date(): kwh for at, kwh, _ in series["values"]
        }
        for series in found
    }


def by_month(days: dict[date, float]) -> dict[tuple[int, int], float]:
    months: dict[tuple[int, int], float] = defaultdict(float)
    for day, kwh in sorted(days.items()):
        months[day.year, day.month] += kwh
    return dict(months)
