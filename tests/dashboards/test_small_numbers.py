"""Counts of 1 to 4 people do not show on boards that are built without small numbers."""

import json
import re
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from dashboards.boards import occupancy
from dashboards.build import build, committed
from dashboards.preview import charts, markup, run
from dashboards.preview.colours import LIGHT
from dashboards.preview.frames import Frame
from dashboards.preview.influx import Connection, Influx
from dashboards.preview.timerange import Range
from devices.errors import ConfigurationError
from ingest.servers import Database
from tests.dashboards.database import ALL, fill
from tests.dashboards.readings import LONDON, lines

START = datetime(2026, 10, 20, tzinfo=LONDON)
NOON = START + timedelta(days=2, hours=8, minutes=25)
"""Just after opening, when few are there."""
COUNTS = (occupancy.PEOPLE_NOW, occupancy.PEOPLE_OVER_TIME, occupancy.PEOPLE_BY_HOUR, occupancy.BY_SPACE)
SINGLE = re.compile(r"last\(.(people|occupied).\)")
SMALL = re.compile(r">[1-4](\.\d+)?<")


def panels(boards: list[dict[str, Any]]) -> list[dict[str, Any]]:
    wanted = {text.title for text in COUNTS}
    found = [panel for board in boards for panel in board["panels"] if panel["title"] in wanted]
    assert len(found) == len(COUNTS)
    return found


def drawn(panel: dict[str, Any], frames: list[Frame], span: Range) -> str:
    if panel["type"] == "timeseries":
        option = charts.time_series(panel, frames, span, 900_000, LIGHT)
        points = [value for series in option["series"] for _, value in series["data"] if value]
        return "".join(f">{value}<" for value in points)
    draw = markup.stat if panel["type"] == "stat" else markup.table
    return draw(panel, frames, LIGHT)


@pytest.mark.parametrize("hidden", [True, False])
async def test_small_counts_are_hidden_where_that_is_wanted(database: Database, tmp_path: Path, hidden: bool) -> None:
    build(tmp_path, small_numbers=hidden)
    connection = Connection(database.url, f"boards_small_{hidden}".lower())
    await fill(connection, lines(START, NOON))
    span = Range(round(START.timestamp() * 1_000), round(NOON.timestamp() * 1_000))
    async with Influx(connection) as influx:
        for panel in panels(committed(tmp_path)):
            frames = await run.frames(influx, panel, ALL, span)
            assert any(frame.length for frame in frames), panel["title"]
            text = drawn(panel, frames, span)
            assert bool(SMALL.search(text)) is not hidden, panel["title"]
            if panel["type"] != "timeseries":
                assert ("&lt; 5" in text) is hidden, panel["title"]


def test_nothing_of_people_is_finer_than_a_quarter_of_an_hour(tmp_path: Path) -> None:
    build(tmp_path, small_numbers=True)
    for panel in committed(tmp_path)[1]["panels"]:
        for target in panel["targets"]:
            query = target["query"]
            assert not SINGLE.search(query), f"{panel['title']} shows a single reading"
            if "$__interval" in query:
                assert panel["interval"] == "30m", panel["title"]


def test_boards_with_small_numbers_do_show_single_readings(tmp_path: Path) -> None:
    """So that what the test above looks for is what such a query looks like."""
    build(tmp_path, small_numbers=False)
    queries = [target["query"] for panel in committed(tmp_path)[1]["panels"] for target in panel["targets"]]
    assert sum(SINGLE.search(query) is not None for query in queries) == 2


def test_a_value_of_a_mapped_range_is_drawn_as_grafana_draws_it(tmp_path: Path) -> None:
    """The mapping as Grafana 13 writes it: a range with both ends, and a result."""
    build(tmp_path, small_numbers=True)
    text = (tmp_path / "tolbooth-occupancy.json").read_text(encoding="utf-8")
    mapping = next(
        one
        for panel in json.loads(text)["panels"]
        for one in panel["fieldConfig"]["defaults"]["mappings"]
        if one["type"] == "range"
    )
    assert set(mapping["options"]) == {"from", "to", "result"}
    assert mapping["options"]["from"] > 0, "nobody is nobody"
    assert 4 < mapping["options"]["to"] < 5
    assert mapping["options"]["result"]["text"] == "< 5"


def test_boards_that_were_not_built_are_told_of(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="tolbooth dashboards build --folder"):
        committed(tmp_path)
