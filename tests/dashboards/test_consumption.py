"""Consumption on the boards is what the registers say, by the roll-ups that ingest works out in the real InfluxDB."""

from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from dashboards import consumption, queries
from dashboards.boards import energy
from dashboards.consumption import Rate
from dashboards.preview.influx import Connection
from dashboards.sources import Source
from devices import factors
from devices.schema import BY_NAME
from tests.dashboards.database import fill, rows
from tests.dashboards.readings import LONDON

ELECTRICITY, GAS = BY_NAME["electricity_import"], BY_NAME["gas"]
UTC = ZoneInfo("UTC")
STEP = timedelta(minutes=5)
START = datetime(2026, 2, 10, tzinfo=LONDON)
NOON, END = START + timedelta(hours=12), START + timedelta(days=1)
TAGS = "council=strathmore,building=town-house,device={device},meter={meter},role=main"

Reading = tuple[datetime, float]


def register(
    start: datetime, end: datetime, load: Iterable[float], begin: float = 1_000.0, step: timedelta = STEP
) -> list[Reading]:
    """Readings of one register every `step`, both ends inclusive; `load` is what it takes in a step, over and over."""
    pattern = list(load)
    at, value, readings = start.astimezone(UTC), begin, []
    while at <= end.astimezone(UTC):
        readings.append((at, value))
        value += pattern[(len(readings) - 1) % len(pattern)]
        at += step
    return readings


def lines(readings: Iterable[Reading], key: str = ELECTRICITY.key, device: str = "d1", more: str = "") -> Iterator[str]:
    tags = TAGS.format(device=device, meter="main" if key == ELECTRICITY.key else "gas") + more
    for at, value in readings:
        yield f"meter,{tags} {key}={value!r} {int(at.timestamp())}"


def at(readings: Sequence[Reading], moment: datetime) -> float:
    """The register at a moment: between two readings it rises evenly."""
    place = min(bisect_right([time for time, _ in readings], moment), len(readings) - 1)
    (before, low), (after, high) = readings[place - 1 : place + 1]
    return low + (high - low) * ((moment - before) / (after - before))


async def over_time(connection: Connection, every: str, start: datetime, end: datetime) -> dict[datetime, float]:
    """The panel's query, as start of bucket (UTC: local time repeats an hour in autumn) and consumption."""
    text = consumption.over_time(ELECTRICITY, every, queries.BUILDING, queries.MAIN)
    answer = await rows(connection, text, start, end, Source.ROLLUPS)
    return {datetime.fromtimestamp(int(str(row["Time"])) / 1_000, UTC): float(str(row["sum"])) for row in answer}


async def estimated(connection: Connection) -> object:
    text = consumption.estimated_of_range([Rate(ELECTRICITY, 1.0)], "share", queries.BUILDING)
    (row,) = await rows(connection, text, START, END, Source.ROLLUPS)
    return row["share"]


@pytest.mark.parametrize(
    ("day", "hours"),
    [
        (datetime(2026, 2, 11, tzinfo=LONDON), 24),
        (datetime(2026, 3, 29, tzinfo=LONDON), 23),
        (datetime(2026, 10, 25, tzinfo=LONDON), 25),
    ],
    ids=["a day", "clocks forward", "clocks back"],
)
@pytest.mark.parametrize("seconds", [0, 37], ids=["readings at midnight", "readings beside midnight"])
async def test_a_day_is_the_difference_of_its_register(
    days: Connection, day: datetime, hours: int, seconds: int
) -> None:
    """The difference is taken from the register itself, at each of the two midnights."""
    first, last = day - timedelta(days=2), day + timedelta(days=3)
    load = [0.1 + 0.9 * (number % 37 == 0) + number / 500 for number in range(271)]
    readings = register(first - timedelta(minutes=5, seconds=-seconds), last, load)
    await fill(days, lines(readings))

    midnight, tomorrow = day.astimezone(UTC), (day + timedelta(days=1)).astimezone(UTC)
    assert tomorrow - midnight == timedelta(hours=hours)
    expected = at(readings, tomorrow) - at(readings, midnight)
    by_day = await over_time(days, queries.DAY, first, last)
    assert by_day[midnight] == pytest.approx(expected, rel=1e-9)
    cost = consumption.worth_over_time([Rate(ELECTRICITY, 0.27)], queries.DAY, queries.BUILDING)
    costs = {row["Time"]: row["sum"] for row in await rows(days, cost, first, last, Source.ROLLUPS)}
    assert costs[midnight.timestamp() * 1_000] == pytest.approx(expected * 0.27, rel=1e-9)
    halves = await over_time(days, queries.HALF_HOUR, first, last)
    own = [value for start, value in halves.items() if midnight <= start < tomorrow]
    assert len(own) == hours * 2
    assert sum(own) == pytest.approx(expected, rel=1e-9)


async def test_nothing_is_lost_from_the_first_reading_to_the_last(days: Connection) -> None:
    """Also over uneven steps: 3 minutes and 17 seconds."""
    readings = register(START, END, [0.21, 0.4, 1.9], step=timedelta(minutes=3, seconds=17))
    await fill(days, lines(readings))
    halves = await over_time(days, queries.HALF_HOUR, START, END)
    assert sum(halves.values()) == pytest.approx(readings[-1][1] - readings[0][1], rel=1e-9)
    (whole,) = await rows(
        days, consumption.of_range(ELECTRICITY, queries.BUILDING, queries.MAIN), START, END, Source.ROLLUPS
    )
    assert whole["sum"] == pytest.approx(readings[-1][1] - readings[0][1], rel=1e-9)


async def test_a_range_from_noon_has_the_afternoon_of_its_first_day(days: Connection) -> None:
    readings = register(START, END + timedelta(days=1), [0.5])
    await fill(days, lines(readings))
    noon, until = NOON + timedelta(minutes=10), END + timedelta(hours=20)
    by_day = await over_time(days, queries.DAY, noon, until)
    assert by_day[START] == pytest.approx(23 * 3.0), "the half-hours that start after 12:10"
    cost = consumption.worth_over_time([Rate(ELECTRICITY, 0.27)], queries.DAY, queries.BUILDING)
    first, second = await rows(days, cost, noon, until, Source.ROLLUPS)
    assert first["sum"] == pytest.approx(23 * 3.0 * 0.27)
    assert second["sum"] == pytest.approx(41 * 3.0 * 0.27)


async def test_a_reset_counts_from_zero_and_makes_no_spike(days: Connection) -> None:
    """Before the reset 2,000 kWh stood on the register; each step takes 0.5 kWh."""
    old, new = register(START, NOON - STEP, [0.5], begin=2_000.0), register(NOON, END, [0.5], begin=0.2)
    await fill(days, lines([*old, *new]))
    halves = await over_time(days, queries.HALF_HOUR, START, END)
    assert max(halves.values()) == pytest.approx(3.0)
    # 288 steps end in the day; of the one in which the register began again, what it shows since then
    assert sum(halves.values()) == pytest.approx(287 * 0.5 + 0.2, rel=1e-9)
    assert await estimated(days) == pytest.approx(0.2 / (287 * 0.5 + 0.2))


async def test_a_register_that_comes_round_loses_nothing(days: Connection) -> None:
    readings = [(time, value % 10_000) for time, value in register(START, END, [0.5], begin=9_950.0)]
    await fill(days, lines(readings))
    assert await over_time(days, queries.DAY, START, END) == {START: pytest.approx(288 * 0.5, rel=1e-9)}
    assert await estimated(days) == 0


async def test_a_jump_that_no_meter_can_make_is_left_out(days: Connection) -> None:
    low, high = register(START, NOON, [0.5]), register(NOON + STEP, END, [0.5], begin=900_000.0)
    await fill(days, lines([*low, *high]))
    assert await over_time(days, queries.DAY, START, END) == {START: pytest.approx(287 * 0.5, rel=1e-9)}


async def test_a_new_meter_device_makes_no_spike(days: Connection) -> None:
    old, new = register(START, NOON, [0.5], begin=2_000.0), register(NOON + STEP, END, [0.5], begin=90_000.0)
    await fill(days, [*lines(old), *lines(new, device="d2")])
    assert await over_time(days, queries.DAY, START, END) == {START: pytest.approx(287 * 0.5, rel=1e-9)}


async def test_phases_are_not_added_to_the_meters_total(days: Connection) -> None:
    readings = register(START, END, [0.3])
    phases = [line for phase in ("l1", "l2", "l3") for line in lines(readings, more=f",channel={phase}")]
    await fill(days, [*lines(readings), *phases])
    assert await over_time(days, queries.DAY, START, END) == {START: pytest.approx(288 * 0.3, rel=1e-9)}


async def test_a_gap_is_shared_over_its_half_hours(days: Connection) -> None:
    """Three of the day's hours have no reading: each half-hour of them has what the register rose, evenly."""
    gap = (START + timedelta(hours=1), START + timedelta(hours=4))
    readings = [(time, value) for time, value in register(START, END, [0.4, 0.6]) if not gap[0] < time < gap[1]]
    await fill(days, lines(readings))
    halves = await over_time(days, queries.HALF_HOUR, START, END)
    assert len(halves) == 48
    assert list(halves.values()) == pytest.approx([3.0] * 48)
    assert await estimated(days) == pytest.approx(6 / 48)


@pytest.mark.parametrize(
    ("keys", "kilowatt_hours"),
    [
        ((GAS.key,), 28.8 * factors.GAS_KWH_M3),
        (("gas_kwh",), 28.8),
        ((GAS.key, "gas_kwh"), 28.8 * factors.GAS_KWH_M3),
    ],
    ids=["volume", "energy", "both count once"],
)
async def test_cost_carbon_and_energy_add_up_what_is_bought(
    days: Connection, keys: tuple[str, ...], kilowatt_hours: float
) -> None:
    """A day of 288 steps of 0.3 kWh of electricity and 0.1 of gas, as its meter has registers."""
    gas = [line for key in keys for line in lines(register(START, END, [0.1]), key, device="g1")]
    await fill(days, [*lines(register(START, END, [0.3])), *gas])
    account = energy.BOARD.rows[0].panels[0][1]
    shown: dict[str, object] = {}
    for target in account["targets"]:
        for row in await rows(days, target["query"], START, END, Source(target["datasource"]["uid"])):
            shown |= row
    assert shown["electricity"] == pytest.approx(86.4, rel=1e-9)
    assert shown["gas"] == pytest.approx(kilowatt_hours, rel=1e-9)
    assert shown["cost"] == pytest.approx(86.4 * 0.27 + kilowatt_hours * 0.07, rel=1e-9)
    assert shown["carbon"] == pytest.approx(86.4 * 0.13096 + kilowatt_hours * 0.18231, rel=1e-9)
    assert shown["estimated"] == 0
    rates = [Rate(ELECTRICITY, 0.27), *energy.gas(0.07)]
    (by_day,) = await rows(
        days, consumption.worth_over_time(rates, queries.DAY, queries.BUILDING), START, END, Source.ROLLUPS
    )
    assert by_day["sum"] == pytest.approx(shown["cost"], rel=1e-9)


async def test_the_baseload_is_what_runs_nearly_always(days: Connection) -> None:
    """Two meters without power: 2 kW all day, and 10 kW in one hour of it; 2 kW for a year is 17,520 kWh."""
    oven = [10 / 12 if 144 <= step < 156 else 0.0 for step in range(288)]
    always = lines(register(START, END, [2 / 12]))
    await fill(days, [*always, *lines(register(START, END, oven), device="d2")])
    query = consumption.baseload(ELECTRICITY, ("low", "yearly"), 8.76, queries.BUILDING)
    (row,) = await rows(days, query, START, END - timedelta(seconds=1), Source.ROLLUPS)
    assert row["low"] == pytest.approx(2_000)
    assert row["yearly"] == pytest.approx(17_520)


async def test_a_half_hour_that_is_not_over_is_no_baseload(days: Connection) -> None:
    """The morning of a board that shows today: the last reading came a minute ago."""
    now = datetime.now(UTC).replace(second=0, microsecond=0) - timedelta(minutes=1)
    start = (now - timedelta(hours=6)).replace(minute=0)
    await fill(days, lines(register(start, now, [2 / 60], step=timedelta(minutes=1))))
    query = consumption.baseload(ELECTRICITY, ("low", "yearly"), 8.76, queries.BUILDING)
    (row,) = await rows(days, query, start, datetime.now(UTC), Source.ROLLUPS)
    assert row["low"] == pytest.approx(2_000)
