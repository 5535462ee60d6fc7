"""The panels of who was where, by the roll-ups that ingest works out in the real InfluxDB."""

from collections.abc import Iterator
from datetime import datetime, timedelta

import pytest

from dashboards import utilisation
from dashboards.boards import occupancy
from dashboards.build import committed
from dashboards.preview import run
from dashboards.preview.frames import Frame
from dashboards.preview.influx import Connection, Influx
from dashboards.sources import Source
from devices.schema import OCCUPANCY
from ingest.servers import Database
from tests.dashboards.database import ALL, fill, rows, span
from tests.dashboards.readings import LONDON, lines

START = datetime(2026, 10, 20, tzinfo=LONDON)
NINE, TEN = START + timedelta(hours=9), START + timedelta(hours=10)
NOW = {text.title for text in (occupancy.PEOPLE_NOW, occupancy.IN_USE_NOW)}
"""What is asked of the readings."""


@pytest.fixture
def place(database: Database) -> Connection:
    return Connection(database.url, "boards_utilisation")


def told(space: str, moments: range, occupied: int, people: int) -> Iterator[str]:
    """Readings of a sensor in these minutes after nine."""
    for minute in moments:
        time = round((NINE + timedelta(minutes=minute)).timestamp())
        tags = f"council=strathmore,building=b,level=l,space={space},device={space}-1"
        yield f"{OCCUPANCY},{tags} occupied={occupied},people={people} {time}"


async def test_every_half_hour_weighs_the_same_however_often_its_sensor_spoke(place: Connection) -> None:
    await fill(place, [*told("hall", range(30), 1, 8), *told("hall", range(30, 60, 15), 0, 0)])
    share = utilisation.hourly_share(occupancy.OCCUPIED, "share")
    people = utilisation.hourly_sum(occupancy.PEOPLE, "people")
    use = utilisation.use_of_spaces(occupancy.OCCUPIED, occupancy.PEOPLE, ("share", "usual", "peak"))
    shown = [(await rows(place, query, NINE, TEN, Source.ROLLUPS))[0] for query in (share, people, use)]
    assert (shown[0]["share"], shown[1]["people"]) == (0.5, 4)
    assert (shown[2]["share"], shown[2]["usual"], shown[2]["peak"]) == (0.5, 4, 8)


async def test_spaces_never_used_say_how_many_readings_say_so(place: Connection) -> None:
    await fill(place, [*told("hall", range(0, 60, 59), 1, 8), *told("store", range(0, 60, 5), 0, 0)])
    never = await rows(place, utilisation.never(occupancy.OCCUPIED, "readings"), NINE, TEN, Source.ROLLUPS)
    assert [(row["space"], row["readings"]) for row in never] == [("store", 12)]
    held = await rows(place, utilisation.half_hours_held(occupancy.OCCUPIED, "held"), NINE, TEN, Source.ROLLUPS)
    empty = await rows(place, utilisation.half_hours_never(occupancy.OCCUPIED, "empty"), NINE, TEN, Source.ROLLUPS)
    assert [row["space"] for row in held] == ["hall", "hall"]
    assert [row["space"] for row in empty] == ["store", "store"]


async def test_what_was_is_shown_when_its_readings_are_deleted(place: Connection) -> None:
    until = START + timedelta(days=2)
    await fill(place, lines(START, until))

    async def drawn() -> dict[str, list[Frame]]:
        panels = committed()[1]["panels"]
        return {one["title"]: await run.frames(influx, one, ALL, span(START, until)) for one in panels}

    async with Influx(place) as influx:
        before = await drawn()
        await influx.query(f'DROP MEASUREMENT "{OCCUPANCY}"')
        after = await drawn()
    assert {title for title in before if before[title] != after[title]} == NOW
