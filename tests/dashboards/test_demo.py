"""The demo council from its simulators through ingest into the real InfluxDB, and the boards drawn over it."""

import asyncio
import json
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from dashboards import consumption, queries
from dashboards.build import committed
from dashboards.preview import run
from dashboards.preview.frames import as_time_series
from dashboards.preview.influx import Connection, Influx
from dashboards.preview.macros import Choice, with_time, with_variables
from dashboards.sources import Source
from devices import registry
from devices.message import Message
from devices.model import Estate
from devices.schema import BY_NAME
from devices.timestamps import SECOND
from ingest.load import load, roll_up
from ingest.servers import Database
from ingest.settings import Influx as InfluxSettings
from ingest.settings import Settings
from simulators.backfill import messages
from tests.dashboards.database import span
from tests.dashboards.readings import LONDON

ESTATE = Path(registry.__file__).parents[1] / "simulators" / "estate"
ELECTRICITY = BY_NAME["electricity_import"]
START, END = datetime(2026, 10, 23, 12, tzinfo=LONDON), datetime(2026, 10, 27, 12, tzinfo=LONDON)
"""Over the Sunday of 25 hours."""
EVERYTHING = {"council": Choice(("sim-kirkbrae",)), "building": Choice((), ".*"), "space": Choice((), ".+")}
DAYS = [datetime(2026, 10, day, tzinfo=LONDON) for day in (24, 25, 26)]

Registers = dict[str, dict[int, float]]
"""device → time (ns) → register of electricity"""


def spied(source: Iterable[Message], registers: Registers, addresses: Mapping[str, str]) -> Iterator[Message]:
    """The messages, and beside them what the electricity meters said, native ones and those that speak SenML.

    Args:
        addresses: address → device.
    """
    for message in source:
        if b'"electricity_import"' in message.payload and message.topic.startswith("meters/"):
            pack = json.loads(message.payload)
            (said,) = (record["v"] for record in pack if record["n"] == ELECTRICITY.name)
            registers[addresses[pack[0]["bn"].rstrip("/")]][round(pack[0]["bt"] * SECOND)] = said
        if b'"electricity_import"' in message.payload and message.topic.endswith("/readings"):
            said = json.loads(message.payload)
            device = message.topic.split("/")[-2]
            registers[device][round(datetime.fromisoformat(said["time"]).timestamp() * SECOND)] = said[ELECTRICITY.name]
        yield message


def mains(estate: Estate, at: int) -> dict[str, str]:
    """Device of each building's main electricity meter → building."""
    (council,) = estate.councils.values()
    found = {}
    for device in council.devices.values():
        for place in device.assignments:
            meter = council.buildings[place.building].meters.get(place.meter)
            if meter and meter.utility == "electricity" and not meter.parent and place.start <= at < place.end:
                found[device.id] = place.building
    return found


def register_at(readings: dict[int, float], moment: datetime) -> float:
    """The register at a moment: between two readings it rises evenly."""
    wanted = round(moment.timestamp() * SECOND)
    before = max(time for time in readings if time <= wanted)
    after = min(time for time in readings if time > wanted)
    return readings[before] + (readings[after] - readings[before]) * (wanted - before) / (after - before)


@pytest.fixture(scope="module")
def demo(database: Database, tmp_path_factory: pytest.TempPathFactory) -> tuple[Connection, Registers]:
    registers: Registers = defaultdict(dict)
    settings = Settings(
        registry=ESTATE,
        data=tmp_path_factory.mktemp("demo"),
        influx=InfluxSettings(url=database.url, database="boards_demo"),
    )
    start, end = (round(moment.timestamp()) * SECOND for moment in (START, END))
    estate = registry.load(ESTATE)
    addresses = {d.address: d.id for council in estate.councils.values() for d in council.devices.values()}
    history = messages(estate, start_ns=start, end_ns=end, seed=1, every=1_800)

    async def fill() -> None:
        await load(spied(history, registers, addresses), settings, lambda count, received: None)
        await roll_up(settings, lambda share: None)

    asyncio.run(fill())
    return Connection(database.url, "boards_demo"), registers


LIVE_ONLY = {"Devices gone quiet"}
"""What only a running ingest tells: nobody watches for silence in a past."""


async def test_no_panel_of_the_demo_is_empty(demo: tuple[Connection, Registers]) -> None:
    async with Influx(demo[0]) as influx:
        for board in committed():
            for panel in board["panels"]:
                frames = await run.frames(influx, panel, EVERYTHING, span(START, END))
                rows = sum(frame.length for frame in frames)
                assert bool(rows) != (panel["title"] in LIVE_ONLY), f"{board['uid']}: {panel['title']} has {rows} rows"


async def test_a_day_on_the_board_is_what_the_simulated_registers_say(demo: tuple[Connection, Registers]) -> None:
    connection, registers = demo
    meters = mains(registry.load(ESTATE), round(START.timestamp()) * SECOND)
    text = consumption.over_time(ELECTRICITY, queries.DAY, queries.BUILDING, queries.MAIN)
    query = with_time(with_variables(text, EVERYTHING), span(START, END), "1d", 0)
    async with Influx(connection) as influx:
        frames = as_time_series("A", "$tag_building", await influx.query(query, Source.ROLLUPS))
    shown = {
        (frame.columns[1].name, datetime.fromtimestamp(float(time) / 1_000, LONDON).date()): value
        for frame in frames
        for time, value in zip(frame.columns[0].values, frame.columns[1].values, strict=True)
        if time is not None
    }
    assert len(meters) == len({building for building, _ in shown})
    for device, building in meters.items():
        for day in DAYS:
            expected = register_at(registers[device], day + timedelta(days=1)) - register_at(registers[device], day)
            assert expected > 0
            assert shown[building, day.date()] == pytest.approx(expected, rel=1e-9), f"{building} on {day.date()}"
