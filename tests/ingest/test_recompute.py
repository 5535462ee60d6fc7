"""Roll-ups worked out from readings in the real InfluxDB: the same whatever came when, and right when clocks change."""

import random
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from devices.localdays import HALF_HOUR_NS as SPAN
from devices.rollups import DAY, HALF_HOUR, MONTH, SPACE_TAGS, TAGS, database_of
from devices.timestamps import SECOND
from ingest.influx import DatabaseError, Influx
from ingest.rollup.recompute import LOOK, extent, recompute
from ingest.servers import Database
from tests.ingest.databases import METER, Line, empty, write

LONDON = ZoneInfo("Europe/London")
START = int(datetime(2026, 10, 23, tzinfo=UTC).timestamp()) * SECOND
"""A Friday; on the Sunday the clocks go back."""
MINUTE = 60 * SECOND


async def rolled(influx: Influx, measurement: str, tags: Iterable[str] = TAGS) -> dict[tuple[Any, ...], Any]:
    """(tags …, time, field) → value, of all that is stored."""
    series = await influx.query(
        f'SELECT * FROM "{measurement}" GROUP BY {", ".join(tags)}', database=database_of(influx.database)
    )
    return {
        (*one["tags"].values(), row[0], column): value
        for one in series
        for row in one["values"]
        for column, value in zip(one["columns"][1:], row[1:], strict=True)
        if value is not None
    }


async def everything(influx: Influx) -> dict[tuple[Any, ...], Any]:
    tags = sorted({*TAGS, *SPACE_TAGS})
    return {
        (name, *key): value
        for name in (HALF_HOUR, DAY, MONTH)
        for key, value in (await rolled(influx, name, tags)).items()
    }


async def amounts(influx: Influx, measurement: str, key: str) -> dict[str, float]:
    """Local time → consumption, all registers together."""
    found: dict[str, float] = {}
    for (*_, time, column), value in (await rolled(influx, measurement)).items():
        if column == key:
            local = datetime.fromtimestamp(time // SECOND, LONDON).isoformat()
            found[local] = found.get(local, 0.0) + value
    return found


def meter(device: str, every_minutes: int, days: int, chance: random.Random) -> list[Line]:
    """Readings of one meter: with gaps, a reset, a roll-over, a jump and a drop-out among them."""
    lines, value, time = [], chance.uniform(0, 90_000), START + chance.randrange(3_600) * SECOND
    tags = METER.format(device=device)
    while time < START + days * 48 * SPAN:
        lines.append((f"{tags} electricity_import_kwh={round(value, 3)!r},heat_kwh={round(2 * value, 1)!r}", time))
        value += chance.uniform(0, every_minutes / 10)
        match chance.randrange(80):
            case 0:
                time += chance.randrange(40) * 3_600 * SECOND
            case 1:
                value = 0.0
            case 2:
                value += 50_000
            case 3 if value > 10_000:
                value = 99_999.5
            case _:
                value -= 100_000 if value >= 100_000 else 0
        time += every_minutes * MINUTE + chance.randrange(20) * SECOND
    return lines


def sensors(chance: random.Random) -> list[Line]:
    """Readings of rooms with one and two sensors, which speak of changes, or every quarter of an hour, or seldom."""
    lines = []
    for space, device, every in (("a", "1", 7), ("a", "2", 15), ("b", "3", 240), ("c", "4", 1_500)):
        tags, time = f"occupancy,building=b,council=c,device={device},level=0,model=x,space={space}", START
        while time < START + 5 * 48 * SPAN:
            people = chance.choice((0, 0, 1, 3))
            lines.append((f"{tags} occupied={min(people, 1)},people={people}", time))
            time += round(chance.expovariate(1 / every) * 60) * SECOND + SECOND
    return lines


@pytest.mark.parametrize("seed", range(3))
async def test_any_order_of_arrival_ends_in_the_same_rollups(database: Database, seed: int) -> None:
    """Batches in any order, each followed by a look at the half-hours that it touched, and again at some."""
    chance = random.Random(seed)
    lines = [
        line
        for device, every in (("quick", 2), ("usual", 15), ("slow", 70), ("daily", 1_440))
        for line in meter(device, every, 5, chance)
    ]
    lines += sensors(chance)
    async with empty(database.url, f"rollup_order_{seed}") as influx:
        await write(influx, lines)
        first, last = await extent(influx) or (0, 0)
        await recompute(influx, first // SPAN * SPAN, (last // SPAN + 1) * SPAN)
        expected = await everything(influx)
    async with empty(database.url, f"rollup_order_{seed}") as influx:
        chance.shuffle(lines)
        while lines:
            batch, lines = lines[: (size := chance.choice((1, 30, 400)))], lines[size:]
            await write(influx, batch)
            touched = sorted({time // SPAN for _, time in batch})
            while touched:  # in spans of a few half-hours
                part, touched = touched[: (length := chance.randrange(1, 60))], touched[length:]
                await recompute(influx, part[0] * SPAN, (part[-1] + 1) * SPAN)
        found = await everything(influx)
    assert found.keys() == expected.keys()
    assert all(found[key] == pytest.approx(expected[key], rel=1e-9, abs=2e-8) for key in expected)


async def test_days_and_months_are_local(database: Database) -> None:
    """One unit a half-hour: a day has 48, on the Sunday 50, and on the one in March 46."""
    march = int(datetime(2026, 3, 28, tzinfo=UTC).timestamp()) * SECOND
    tags = METER.format(device="d")
    async with empty(database.url, "rollup_days") as influx:
        for start in (START, march):
            await write(influx, [(f"{tags} gas_m3={n}", start + n * SPAN) for n in range(4 * 48 + 1)])
            await recompute(influx, start, start + 5 * 48 * SPAN)
        days = await amounts(influx, DAY, "gas_m3")
        months = await amounts(influx, MONTH, "gas_m3")
        half_hours = await amounts(influx, HALF_HOUR, "gas_m3")
    assert days["2026-10-25T00:00:00+01:00"] == 50
    assert days["2026-10-26T00:00:00+00:00"] == 48
    assert days["2026-03-29T00:00:00+00:00"] == 46
    assert days["2026-03-30T00:00:00+01:00"] == 48
    # the last hour of March in UTC is the first of April's
    assert months == {
        "2026-03-01T00:00:00+00:00": 190, "2026-04-01T00:00:00+01:00": 2, "2026-10-01T00:00:00+01:00": 192,
    }  # fmt: skip
    assert set(half_hours.values()) == {1}


async def test_a_register_goes_on_where_its_device_moves(database: Database) -> None:
    """Space, level and model are the device's; council, building and metering point are the register's."""
    here = METER.format(device="d")
    lines = [(f"{here} water_m3=1", START), (f"{here.replace('space=s', 'space=t')} water_m3=3", START + SPAN)]
    other = here.replace("meter=m", "meter=n")
    lines += [(f"{other} water_m3=90", START + 2 * SPAN), (f"{other} water_m3=91", START + 3 * SPAN)]
    async with empty(database.url, "rollup_moves") as influx:
        await write(influx, lines)
        await recompute(influx, START, START + 4 * SPAN)
        found = await rolled(influx, DAY)
    at_meter = TAGS.index("meter")
    assert {key[at_meter]: value for key, value in found.items() if key[-1] == "water_m3"} == {"m": 2, "n": 1}


async def test_occupancy_by_half_hour(database: Database) -> None:
    """Of all devices of a space together, over time; what is before `occupancy_since` stays."""
    place = "building=b,council=c,device={},level=1,model=x,space=s"
    motion, counter = f"occupancy,{place.format('pir')}", f"occupancy,{place.format('counter')}"
    said = [(motion, "occupied=0", 0), (motion, "occupied=1,motion=1", 12), (motion, "occupied=0", 18)]
    said += [(motion, "occupied=0", 60), (counter, "people=2", 0), (counter, "people=5", 20), (counter, "people=0", 30)]
    async with empty(database.url, "rollup_occupancy") as influx:
        await write(influx, [(f"{tags} {fields}", START + minute * MINUTE) for tags, fields, minute in said])
        await recompute(influx, START, START + 4 * SPAN)
        found = {(key[-2], key[-1]): value for key, value in (await rolled(influx, HALF_HOUR, SPACE_TAGS)).items()}
        late = [(f"{motion} occupied=1", START + minute * MINUTE) for minute in (1, 45)]
        await write(influx, late)
        await recompute(influx, START, START + 4 * SPAN, occupancy_since=START + SPAN)
        later = {(key[-2], key[-1]): value for key, value in (await rolled(influx, HALF_HOUR, SPACE_TAGS)).items()}
    assert found == {
        (START, "occupied"): 0.2, (START, "occupied_readings"): 3, (START, "people"): 3, (START, "people_most"): 5,
        (START + SPAN, "occupied"): 0, (START + SPAN, "occupied_readings"): 0,
    }  # fmt: skip
    assert later == found | {(START + SPAN, "occupied"): 0.5, (START + SPAN, "occupied_readings"): 1}


async def test_names_are_written_as_they_were(database: Database) -> None:
    tags = r"meter,building=Tòwn\ hall\,\ east,council=c,device=a/b.c+(d),meter=e\=f"
    async with empty(database.url, "rollup_names") as influx:
        await write(influx, [(f"{tags} heat_kwh=1", START), (f"{tags} heat_kwh=5", START + SPAN)])
        await recompute(influx, START, START + 2 * SPAN)
        ((key, value),) = ((key, value) for key, value in (await rolled(influx, DAY)).items() if key[-1] == "heat_kwh")
    assert value == 4
    assert dict(zip(TAGS, key, strict=False)) == {
        "building": "Tòwn hall, east", "channel": "", "council": "c", "device": "a/b.c+(d)", "meter": "e=f",
        "role": "", "use": "",
    }  # fmt: skip


async def test_a_silence_that_is_too_long_is_not_counted(database: Database) -> None:
    tags = METER.format(device="d")
    times = (START - LOOK - 2 * SPAN, START - LOOK - SPAN, START, START + SPAN)
    async with empty(database.url, "rollup_silence") as influx:
        await write(influx, [(f"{tags} heat_kwh={10 * n}", time) for n, time in enumerate(times)])
        for time in times:
            await recompute(influx, time // SPAN * SPAN, time // SPAN * SPAN + SPAN)
        found = await amounts(influx, MONTH, "heat_kwh")
    assert sum(found.values()) == 20


async def test_nothing_to_roll_up(database: Database) -> None:
    async with empty(database.url, "rollup_nothing") as influx:
        assert await extent(influx) is None
        assert await recompute(influx, START, START + SPAN) == 0


async def test_a_refusal_is_told(database: Database) -> None:
    tags = METER.format(device="d")
    async with empty(database.url, "rollup_refused") as influx:
        await write(influx, [(f"{tags} heat_kwh=1", START), (f"{tags} heat_kwh=5", START + SPAN)])
        await influx.query(f'DROP DATABASE "{database_of(influx.database)}"', post=True)
        with pytest.raises(DatabaseError, match="not written: 404"):
            await recompute(influx, START, START + 2 * SPAN)
