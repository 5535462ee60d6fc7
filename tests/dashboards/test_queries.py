"""The queries of the boards against the real InfluxDB: they answer, and consumption is what the registers say."""

from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from dashboards import queries
from dashboards.build import committed
from dashboards.preview import run
from dashboards.preview.frames import Frame, as_table, as_time_series
from dashboards.preview.influx import Connection, Influx
from dashboards.preview.macros import Choice, with_time, with_variables
from dashboards.preview.timerange import Range
from devices.schema import BY_NAME
from ingest.servers import Database
from tests.dashboards.database import ALL, fill
from tests.dashboards.readings import LONDON, lines

ELECTRICITY = BY_NAME["electricity_import"]
UTC = ZoneInfo("UTC")

# A week around the end of summer time, so that every board is drawn over a day of 25 hours.
START, END = datetime(2026, 10, 22, tzinfo=LONDON), datetime(2026, 10, 29, 12, tzinfo=LONDON)


def span(start: datetime, end: datetime) -> Range:
    return Range(round(start.timestamp() * 1_000), round(end.timestamp() * 1_000))


@pytest.fixture(scope="session")
def week(database: Database) -> Connection:
    return Connection(database.url, "boards_week")


@pytest.fixture
def days(database: Database) -> Connection:
    return Connection(database.url, "boards_days")


PANELS = [(board, panel) for board in committed() for panel in board["panels"]]


async def test_every_panel_has_data(week: Connection) -> None:
    await fill(week, lines(START, END))
    async with Influx(week) as influx:
        for board, panel in PANELS:
            frames = await run.frames(influx, panel, ALL, span(START, END))
            rows = sum(frame.length for frame in frames)
            assert rows, f"{board['uid']}: {panel['title']} is empty"
            refs = {target["refId"] for target in panel["targets"]}
            if panel["type"] != "table":
                assert {frame.ref for frame in frames if frame.length} == refs, panel["title"]


async def test_every_panel_answers_for_one_building_and_several(week: Connection) -> None:
    await fill(week, lines(START, START + timedelta(days=2)))
    one = ALL | {"building": Choice(("town-house",)), "space": Choice(("office-1", "office-2"))}
    async with Influx(week) as influx:
        for _, panel in PANELS:
            for choices in (one, one | {"building": Choice(("town-house", "central-library"))}):
                frames = await run.frames(influx, panel, choices, span(START, START + timedelta(days=2)))
                names = {column.name for frame in frames for column in frame.columns}
                assert "swimming-pool" not in names


async def test_variables_offer_what_the_database_has(week: Connection) -> None:
    await fill(week, lines(START, START + timedelta(hours=2)))
    async with Influx(week) as influx:
        for board in committed():
            council, building, space = board["templating"]["list"]
            assert await run.options(influx, council, {}) == ["strathmore"]
            choices = {"council": Choice(("strathmore",))}
            buildings = ["central-library", "swimming-pool", "town-house"]
            assert await run.options(influx, building, choices) == buildings
            choices["building"] = Choice(("town-house",))
            assert "meeting-room" in await run.options(influx, space, choices)
            assert await run.options(influx, building, {"council": Choice(("elsewhere",))}) == []


def register(
    start: datetime, end: datetime, step: timedelta, load: Iterable[float], begin: float = 1_000.0, device: str = "d1"
) -> Iterator[tuple[datetime, float, str]]:
    """Readings of one register every `step`; `load` is what it takes in each step, over and over."""
    pattern = list(load)
    at, value, number = start.astimezone(UTC), begin, 0
    while at <= end.astimezone(UTC):
        tags = f"council=strathmore,building=town-house,device={device},meter=main,role=main"
        yield at, value, f"meter,{tags} electricity_import_kwh={value!r} {int(at.timestamp())}"
        value += pattern[number % len(pattern)]
        at += step
        number += 1


async def consumption(connection: Connection, every: str, start: datetime, end: datetime) -> dict[datetime, float]:
    """The panel's query, as start of bucket (UTC: local time repeats an hour in autumn) and consumption."""
    text = queries.consumption(ELECTRICITY, every, queries.BUILDING, queries.MAIN)
    query = with_time(with_variables(text, ALL), span(start, end), every, 0)
    async with Influx(connection) as influx:
        frames: list[Frame] = as_time_series("A", "x", await influx.query(query))
    assert len(frames) == 1
    times, values = frames[0].columns
    pairs = zip(times.values, values.values, strict=True)
    return {
        datetime.fromtimestamp(float(time) / 1_000, UTC): float(value)
        for time, value in pairs
        if time is not None and value is not None
    }


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
    """The difference is taken from the register itself: last reading up to each of the two midnights."""
    first, last = day - timedelta(days=2), day + timedelta(days=3)
    load = [0.1 + 0.9 * (number % 37 == 0) + number / 500 for number in range(271)]
    readings = list(register(first - timedelta(minutes=5, seconds=-seconds), last, timedelta(minutes=5), load))
    await fill(days, (line for _, _, line in readings))

    tomorrow = day + timedelta(days=1)
    assert (tomorrow.astimezone(UTC) - day.astimezone(UTC)) == timedelta(hours=hours)
    before, after = (max(value for at, value, _ in readings if at <= edge.astimezone(UTC)) for edge in (day, tomorrow))
    by_day = await consumption(days, queries.DAY, first, last)
    assert by_day[day.astimezone(UTC)] == pytest.approx(after - before, rel=1e-9)
    halves = await consumption(days, queries.HALF_HOUR, first, last)
    own = [value for at, value in halves.items() if day.astimezone(UTC) <= at < tomorrow.astimezone(UTC)]
    assert len(own) == hours * 2
    assert sum(own) == pytest.approx(after - before, rel=1e-9)


async def test_a_reset_makes_no_spike(days: Connection) -> None:
    """Before the reset 2,000 kWh stood on the register; each step takes 0.5 kWh."""
    start = datetime(2026, 2, 10, tzinfo=LONDON)
    noon, end = start + timedelta(hours=12), start + timedelta(hours=24)
    step = timedelta(minutes=5)
    old = register(start, noon - step, step, [0.5], begin=2_000.0)
    new = register(noon, end, step, [0.5], begin=0.2)
    await fill(days, (line for _, _, line in [*old, *new]))
    halves = await consumption(days, queries.HALF_HOUR, start, end)
    assert max(halves.values()) == pytest.approx(3.0)
    # 288 steps of 0.5 kWh end in the day; the one that the reset fell into is lost.
    assert sum(halves.values()) == pytest.approx(287 * 0.5)


async def test_a_new_meter_device_makes_no_spike(days: Connection) -> None:
    start = datetime(2026, 2, 10, tzinfo=LONDON)
    noon, end = start + timedelta(hours=12), start + timedelta(hours=24)
    step = timedelta(minutes=5)
    old = register(start, noon, step, [0.5], begin=2_000.0)
    new = register(noon + step, end, step, [0.5], begin=90_000.0, device="d2")
    await fill(days, (line for _, _, line in [*old, *new]))
    by_day = await consumption(days, queries.DAY, start, end)
    assert by_day == {start: pytest.approx(287 * 0.5)}


async def test_phases_are_not_added_to_the_meters_total(days: Connection) -> None:
    start, end = datetime(2026, 2, 10, tzinfo=LONDON), datetime(2026, 2, 11, tzinfo=LONDON)
    total = [line for _, _, line in register(start, end, timedelta(minutes=5), [0.3])]
    phases = [line.replace(",council", f",channel={phase},council") for line in total for phase in ("l1", "l2", "l3")]
    await fill(days, total + phases)
    assert await consumption(days, queries.DAY, start, end) == {start: pytest.approx(288 * 0.3)}


async def test_a_gap_appears_where_the_readings_resume(days: Connection) -> None:
    """What the panel's description says that raw registers cannot do: share a gap over its half-hours."""
    start, end = datetime(2026, 2, 10, tzinfo=LONDON), datetime(2026, 2, 10, 6, tzinfo=LONDON)
    readings = register(start, end, timedelta(minutes=5), [0.5])
    gap = (start + timedelta(hours=1), start + timedelta(hours=3))
    await fill(days, (line for at, _, line in readings if not gap[0] < at < gap[1]))
    halves = await consumption(days, queries.HALF_HOUR, start, end)
    assert halves[start + timedelta(hours=2, minutes=30)] == pytest.approx(24 * 0.5)
    assert sum(halves.values()) == pytest.approx(72 * 0.5)


async def test_cost_and_carbon_add_up_what_is_bought(days: Connection) -> None:
    """A day of 288 steps of 0.3 kWh and 0.1 m³: at £0.27 and, for gas, £0.07 a kWh of 11.22 kWh/m³."""
    start, end = datetime(2026, 2, 10, tzinfo=LONDON), datetime(2026, 2, 11, tzinfo=LONDON)
    electricity = [line for _, _, line in register(start, end, timedelta(minutes=5), [0.3])]
    gas = [
        line.replace("electricity_import_kwh", "gas_m3")
        .replace("device=d1", "device=g1")
        .replace("meter=", "meter=gas-")
        for _, _, line in register(start, end, timedelta(minutes=5), [0.1])
    ]
    await fill(days, electricity + gas)
    priced = [(ELECTRICITY, 0.27), (BY_NAME["gas"], 0.07 * 1.02264 * 39.5 / 3.6)]
    expected = 288 * 0.3 * 0.27 + 288 * 0.1 * 11.2206 * 0.07
    cost = await rows(days, queries.worth_of_range(priced, "cost", queries.BUILDING), start, end)
    assert [row["cost"] for row in cost] == [pytest.approx(expected, rel=1e-5)]
    by_day = await rows(days, queries.worth(priced, queries.DAY, queries.BUILDING), start, end)
    assert [row["sum"] for row in by_day] == [pytest.approx(expected, rel=1e-5)]


async def test_the_baseload_is_what_runs_nearly_always(days: Connection) -> None:
    """Two meters of a building: 2 kW all day, and 10 kW in one hour of the day; 2 kW for a year is 17,520 kWh."""
    start, end = datetime(2026, 2, 10, tzinfo=LONDON), datetime(2026, 2, 11, tzinfo=LONDON)
    moments = [round(start.timestamp()) + 300 * step for step in range(288)]
    tags = "power,council=strathmore,building=b,role=main"
    always = [f"{tags},meter=m1,device=d1 power_w=2000 {moment}" for moment in moments]
    oven = [f"{tags},meter=m2,device=d2 power_w={10_000 if 144 <= step < 156 else 0} {moment}"
            for step, moment in enumerate(moments)]  # fmt: skip
    await fill(days, always + oven)
    query = queries.baseload(BY_NAME["power"], ("low", "yearly"), 8.76, queries.BUILDING)
    (row,) = await rows(days, query, start, end)
    assert row["low"] == 2_000
    assert row["yearly"] == pytest.approx(17_520)


async def test_only_devices_that_are_silent_last_have_gone_quiet(days: Connection) -> None:
    start, end = datetime(2026, 2, 10, tzinfo=LONDON), datetime(2026, 2, 11, tzinfo=LONDON)
    minute = round(start.timestamp())
    tags = "device,council=strathmore,building=b"
    told = [("well", 0, 0), ("quiet", 0, 1), ("back", 1, 0)]
    await fill(
        days,
        (
            f"{tags},device={device} silent={value},age_s={60 + step} {minute + 60 * step}"
            for device, *values in told
            for step, value in enumerate(values)
        ),
    )
    silent = await rows(days, queries.held_devices(BY_NAME["silent"], BY_NAME["age"], "age"), start, end)
    assert [(row["device"], row["age"]) for row in silent] == [("quiet", 61)]


async def rows(connection: Connection, text: str, start: datetime, end: datetime) -> list[dict[str, object]]:
    """The answer to a query of a table, with its tags."""
    query = with_time(with_variables(text, ALL), span(start, end), "1d", 0)
    async with Influx(connection) as influx:
        frames = as_table("A", await influx.query(query))
    return [
        {column.name: column.values[row] for column in frame.columns} for frame in frames for row in range(frame.length)
    ]
