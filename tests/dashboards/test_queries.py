"""The queries of the boards against the real InfluxDB: they answer, for what is chosen."""

from datetime import datetime, timedelta

import pytest

from dashboards import queries
from dashboards.build import committed
from dashboards.preview import run
from dashboards.preview.frames import QueryError
from dashboards.preview.influx import Connection, Influx
from dashboards.preview.macros import Choice
from dashboards.sources import Source
from devices.schema import BY_NAME
from ingest.servers import Database
from tests.dashboards.database import ALL, fill, rows, span
from tests.dashboards.readings import LONDON, lines

# A week around the end of summer time, so that every board is drawn over a day of 25 hours.
START, END = datetime(2026, 10, 22, tzinfo=LONDON), datetime(2026, 10, 29, 12, tzinfo=LONDON)


@pytest.fixture(scope="session")
def week(database: Database) -> Connection:
    return Connection(database.url, "boards_week")


PANELS = [(board, panel) for board in committed() for panel in board["panels"]]


async def test_every_panel_has_data(week: Connection) -> None:
    await fill(week, lines(START, END))
    async with Influx(week) as influx:
        for board, panel in PANELS:
            frames = await run.frames(influx, panel, ALL, span(START, END))
            assert any(frame.length for frame in frames), f"{board['uid']}: {panel['title']} is empty"
            empty = [one.name for frame in frames for one in frame.columns if set(one.values) <= {None}]
            assert empty == [], panel["title"]
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
    text = queries.held_devices(BY_NAME["silent"], BY_NAME["age"], "age")
    silent = await rows(days, text, start, end, Source.READINGS)
    assert [(row["device"], row["age"]) for row in silent] == [("quiet", 61)]


async def test_a_database_that_ingest_has_not_made_yet_is_told_of(database: Database) -> None:
    async with Influx(Connection(database.url, "boards_nothing")) as influx:
        for source, name in ((Source.READINGS, "boards_nothing"), (Source.ROLLUPS, "boards_nothing_rollup")):
            with pytest.raises(QueryError, match=f"has no database {name}: start ingest"):
                await influx.query('SELECT max("x") FROM "y"', source)
