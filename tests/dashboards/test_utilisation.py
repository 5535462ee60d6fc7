"""Use of spaces on the board is what the readings said, by the roll-ups that ingest works out in the real InfluxDB."""

from collections import defaultdict
from collections.abc import Iterator
from datetime import datetime, timedelta
from itertools import chain
from statistics import fmean

import pytest

from dashboards import queries, utilisation
from dashboards.boards import occupancy
from dashboards.build import committed
from dashboards.preview import run
from dashboards.preview.frames import Frame
from dashboards.preview.influx import Connection, Influx
from dashboards.preview.macros import Choice
from dashboards.sources import Source
from devices.schema import BY_NAME
from devices.timestamps import SECOND
from ingest.influx import Influx as Writer
from ingest.retention import forget, kept_since, oldest
from ingest.settings import Influx as Options
from tests.dashboards.database import ALL, fill, rows, span
from tests.dashboards.readings import LONDON, lines

OCCUPIED, PEOPLE = BY_NAME["occupied"], BY_NAME["people"]
START, END = datetime(2026, 10, 22, tzinfo=LONDON), datetime(2026, 10, 27, tzinfo=LONDON)
"""Over the Sunday of 25 hours."""
PANELS = committed()[1]["panels"]
OF_NOW = {occupancy.PEOPLE_NOW.title, occupancy.IN_USE_NOW.title}
"""What reads the readings of people themselves."""

Said = dict[tuple[str, str], list[tuple[int, float, float]]]
"""(building, space) → time in seconds, occupied, people"""


def said(source: Iterator[str]) -> Said:
    """The readings of occupancy in lines."""
    found: Said = defaultdict(list)
    for line in source:
        tags, fields, time = line.split()
        measurement, *pairs = tags.split(",")
        if measurement == OCCUPIED.measurement:
            place, values = (dict(pair.split("=") for pair in part) for part in (pairs, fields.split(",")))
            reading = (int(time), float(values[OCCUPIED.key]), float(values[PEOPLE.key]))
            found[place["building"], place["space"]].append(reading)
    return found


def local(time: object) -> datetime:
    """A time of an answer on the clock of the buildings."""
    return datetime.fromtimestamp(float(str(time)) / 1_000, LONDON)


async def test_use_of_each_space_is_what_its_readings_say(days: Connection) -> None:
    last = END - timedelta(minutes=5)
    await fill(days, lines(START, last))
    expected = said(lines(START, last))
    text = utilisation.use_of_spaces(OCCUPIED, PEOPLE, ("share", "usual", "peak"))
    shown = await rows(days, text, START, last, Source.ROLLUPS)
    assert len(shown) == len(expected) == 18
    for row in shown:
        readings = expected[str(row["building"]), str(row["space"])]
        assert row["share"] == pytest.approx(fmean(occupied for _, occupied, _ in readings))
        assert row["usual"] == pytest.approx(fmean(people for _, _, people in readings))
        assert row["peak"] == max(people for _, _, people in readings)

    silent = {place: len(readings) for place, readings in expected.items() if not any(one[1] for one in readings)}
    never = await rows(days, utilisation.never(OCCUPIED, "readings"), START, last, Source.ROLLUPS)
    assert {(row["building"], row["space"]): row["readings"] for row in never} == silent
    assert len(silent) == 3


async def test_hours_are_those_of_the_local_clock(days: Connection) -> None:
    """Also in the hour that comes twice, and for people, who are added up over spaces."""
    last = END - timedelta(minutes=5)
    await fill(days, lines(START, last))
    shares: dict[tuple[int, str, str], list[float]] = defaultdict(list)
    counts: dict[tuple[int, str, str], list[float]] = defaultdict(list)
    for place, told in said(lines(START, last)).items():
        for time, occupied, people in told:
            shares[time // 3_600, *place].append(occupied)
            counts[time // 3_600, *place].append(people)
    text = utilisation.hourly_share(OCCUPIED, "share", queries.BUILDING, queries.SPACE)
    shown = await rows(days, text, START, last, Source.ROLLUPS)
    assert len(shown) == len(shares) == (5 * 24 + 1) * 18
    for row in shown:
        key = int(local(row["Time"]).timestamp()) // 3_600, str(row["building"]), str(row["space"])
        assert row["share"] == pytest.approx(fmean(shares[key]))
    summed: dict[int, float] = defaultdict(float)
    for (hour, _, _), readings in counts.items():
        summed[hour] += fmean(readings)
    hourly = await rows(days, utilisation.hourly_sum(PEOPLE, "people"), START, last, Source.ROLLUPS)
    assert {int(local(row["Time"]).timestamp()) // 3_600: row["people"] for row in hourly} == pytest.approx(summed)


async def test_a_bucket_of_days_begins_at_the_local_midnight(days: Connection) -> None:
    """In summer as well, when that is an hour before midnight in UTC."""
    start, end = datetime(2026, 6, 1, tzinfo=LONDON), datetime(2026, 6, 4, tzinfo=LONDON) - timedelta(minutes=5)
    place = "occupancy,council=strathmore,building=b"
    moments = [start + timedelta(minutes=30 * step) for step in range(3 * 48)]
    await fill(
        days,
        (
            f"{place},space={space} people={people * at.day} {int(at.timestamp())}"
            for at in moments
            for space, people in (("s", 1), ("t", 3))
        ),
    )
    shown = await rows(days, utilisation.sum_of_spaces(PEOPLE, "1d", queries.BUILDING), start, end, Source.ROLLUPS)
    assert [(local(row["Time"]).hour, row["sum"]) for row in shown] == [(0, 4), (0, 8), (0, 12)]


async def test_each_half_hour_weighs_the_same(days: Connection) -> None:
    """A sensor that speaks when it sees somebody says so often, and seldom that nobody is there."""
    start = datetime(2026, 2, 10, 9, tzinfo=LONDON)
    second = int(start.timestamp())
    busy = [f"occupied=1 {second + 60 * minute}" for minute in range(30)]
    empty = [f"occupied=0 {second + 1_800 * half_hour}" for half_hour in (1, 2, 3, 4)]
    await fill(days, (f"occupancy,council=strathmore,building=b,space=s {one}" for one in busy + empty))
    text = utilisation.use_of_spaces(OCCUPIED, PEOPLE, ("share", "usual", "peak"))
    (row,) = await rows(days, text, start, start + timedelta(hours=2), Source.ROLLUPS)
    assert row["share"] == 0.25
    held = await rows(
        days, utilisation.half_hours_held(OCCUPIED, "share"), start, start + timedelta(hours=2), Source.ROLLUPS
    )
    never = await rows(
        days, utilisation.half_hours_never(OCCUPIED, "empty"), start, start + timedelta(hours=2), Source.ROLLUPS
    )
    assert [local(row["Time"]) for row in held] == [start]
    assert [local(row["Time"]) for row in never] == [start + timedelta(minutes=30 * step) for step in (1, 2, 3)]


async def test_small_spaces_are_added_up_and_never_told_apart(days: Connection) -> None:
    start = datetime(2026, 2, 10, 9, tzinfo=LONDON)
    second = int(start.timestamp())
    group = r"occupancy,council=strathmore,building=b,level=l,space=small\ spaces,part="
    await fill(days, (f"{group}{part} people={people},occupied=1 {second}" for part, people in (("0a", 2), ("0b", 3))))
    end = start + timedelta(minutes=30)
    (summed,) = await rows(days, utilisation.sum_of_spaces(PEOPLE, "30m", queries.BUILDING), start, end, Source.ROLLUPS)
    assert summed["sum"] == 5
    text = utilisation.use_of_spaces(OCCUPIED, PEOPLE, ("share", "usual", "peak"))
    (row,) = await rows(days, text, start, end, Source.ROLLUPS)
    assert (row["space"], row["usual"], row["peak"]) == ("small spaces", 2.5, 3)


async def test_the_past_stays_on_the_board_when_its_readings_have_ended(days: Connection) -> None:
    now = datetime.now(LONDON).replace(minute=0, second=0, microsecond=0)
    first = now - timedelta(days=60)
    await fill(days, chain(lines(first, first + timedelta(days=3)), lines(now - timedelta(days=1), now)))
    past = span(first, first + timedelta(days=3))
    before = kept_since(int(now.timestamp()) * SECOND, 30)

    async def drawn() -> dict[str, list[Frame]]:
        async with Influx(days) as reader:
            return {panel["title"]: await run.frames(reader, panel, ALL, past) for panel in PANELS}

    shown = await drawn()
    async with Writer(Options(url=days.url, database=days.database)) as influx:
        assert await oldest(influx, before) is not None
        await forget(influx, before)
        assert await oldest(influx, before) is None
    for title, frames in (await drawn()).items():
        assert any(frame.length for frame in shown[title]), f"{title} was empty before"
        assert frames == ([] if title in OF_NOW else shown[title]), title


async def test_a_space_whose_readings_have_ended_can_be_chosen(days: Connection) -> None:
    now = datetime.now(LONDON).replace(minute=0, second=0, microsecond=0)
    old = int((now - timedelta(days=60)).timestamp())
    closed = [f"occupancy,building=closed,council=strathmore,space=attic occupied=1 {old + at}" for at in (0, 60)]
    await fill(days, [*closed, *lines(now, now)])
    async with Writer(Options(url=days.url, database=days.database)) as influx:
        await forget(influx, int(now.timestamp()) * SECOND)
    _, building, space = committed()[1]["templating"]["list"]
    council = {"council": Choice(("strathmore",))}
    async with Influx(days) as reader:
        assert "closed" in await run.options(reader, building, council)
        assert await run.options(reader, space, council | {"building": Choice(("closed",))}) == ["attic"]
