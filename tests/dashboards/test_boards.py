"""The generated boards: fresh, of Grafana's model, and complete in what they tell the reader."""

import json
import re
from collections.abc import Iterator
from itertools import combinations
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft7Validator

from dashboards.board import Board, Row, to_json
from dashboards.boards import BOARDS
from dashboards.build import FOLDER, build, committed
from dashboards.panels import COUNT, Target, Text, stat
from dashboards.sources import MIXED, Source
from devices import rollups
from devices.schema import FIELDS, TAGS

SCHEMAS = Path(__file__).parent / "grafana-schema"
BOARDS_JSON = committed()
PANELS = [(board["uid"], panel) for board in BOARDS_JSON for panel in board["panels"]]


def schema(name: str) -> dict[str, Any]:
    loaded: dict[str, Any] = json.loads((SCHEMAS / f"{name}.jsonschema.json").read_text(encoding="utf-8"))
    return loaded


def faults(name: str, root: str, instance: object) -> list[str]:
    definitions = schema(name)["definitions"]
    # Looser than the model in two places, because its schemas say less than it: `any` is rendered as an object (a
    # matcher's options, an override's value), and a cell's kinds overlap, so that one cell fits several of them.
    for place, key in (("MatcherConfig", "options"), ("DynamicConfigValue", "value")):
        if place in definitions:
            definitions[place]["properties"][key] = {}
    if "TableCellOptions" in definitions:
        definitions["TableCellOptions"] = {"anyOf": definitions["TableCellOptions"]["oneOf"]}
    rules = {"definitions": definitions, "$ref": f"#/definitions/{root}"}
    return [
        f"{list(error.absolute_path)}: {error.message[:300]}" for error in Draft7Validator(rules).iter_errors(instance)
    ]


def texts(panel: dict[str, Any]) -> Iterator[str]:
    yield from (target["query"] for target in panel["targets"])


def test_committed_files_are_what_the_code_builds() -> None:
    assert build(FOLDER, check=True) == []


def test_check_names_stale_files_and_writes_nothing(tmp_path: Path) -> None:
    (tmp_path / "gone.json").write_text("{}", encoding="utf-8")
    named = {path.name for path in build(tmp_path, check=True)}
    assert named == {"tolbooth-energy.json", "tolbooth-occupancy.json", "gone.json"}
    assert [path.name for path in tmp_path.iterdir()] == ["gone.json"]
    build(tmp_path)
    assert build(tmp_path, check=True) == []
    assert not (tmp_path / "gone.json").exists()


@pytest.mark.parametrize("board", BOARDS_JSON, ids=lambda board: str(board["uid"]))
def test_a_board_is_of_grafanas_model(board: dict[str, Any]) -> None:
    assert faults("dashboard", "Dashboard", board) == []
    assert board["schemaVersion"] == 42


@pytest.mark.parametrize(("uid", "panel"), PANELS, ids=lambda one: one if isinstance(one, str) else one["title"])
def test_a_panel_is_of_its_types_model(uid: str, panel: dict[str, Any]) -> None:
    assert faults(panel["type"], "Options", panel["options"]) == []
    custom = panel["fieldConfig"]["defaults"].get("custom")
    if panel["type"] == "timeseries":
        assert faults("timeseries", "FieldConfig", custom) == []
    if panel["type"] == "table":
        assert faults("table", "TableFieldOptions", custom) == []


@pytest.mark.parametrize(("uid", "panel"), PANELS, ids=lambda one: one if isinstance(one, str) else one["title"])
def test_a_panel_says_what_it_shows(uid: str, panel: dict[str, Any]) -> None:
    defaults = panel["fieldConfig"]["defaults"]
    units = set(re.findall(r'"const": "([^"]+)"', json.dumps(schema("units"))))
    assert defaults["unit"] in units
    assert len(panel["description"]) > 60
    assert len(defaults["noValue"]) > 30
    assert panel["description"].endswith(".")


@pytest.mark.parametrize(("uid", "panel"), PANELS, ids=lambda one: one if isinstance(one, str) else one["title"])
def test_queries_avoid_the_known_traps(uid: str, panel: dict[str, Any]) -> None:
    refs = [target["refId"] for target in panel["targets"]]
    assert refs == list("ABCDEFGH"[: len(refs)])
    for target in panel["targets"]:
        query = target["query"]
        assert target["rawQuery"] is True
        rolled = f'FROM "{rollups.HALF_HOUR}"' in query
        assert panel["datasource"] in (target["datasource"], MIXED)
        assert target["datasource"]["uid"] == ("tolbooth-rollups" if rolled else "tolbooth-telemetry")
        assert target["resultFormat"] == "table" or target["alias"]
        assert ";" not in query, "Grafana reads the first statement only"
        assert not re.search(r"fill\((?!none)", query), "a filled subquery repeats windows for each series"
        assert not re.search(r"=\s*'\$", query), "a variable of several values is a regular expression"
        assert query.count("$timeFilter") >= query.count("GROUP BY time("), query
        assert "difference(" not in query, "what a register took is in the roll-ups"
        assert "tz('Europe/London')" in query or "GROUP BY time" not in query
        for rest in re.findall(r"GROUP BY time\((?:1d|\$__interval)\)([^)]*\([^)]*\)[^)]*)", query):
            assert "tz(" in rest, "no subquery inherits the zone, and a day of another zone is another day"
        if "$__interval" in query:
            assert "interval" in panel, "buckets shorter than the devices' interval are empty"


def test_queries_name_only_fields_and_tags_of_the_schema() -> None:
    known = {field.key for field in FIELDS} | {field.measurement for field in FIELDS} | set(TAGS)
    known |= {rollups.HALF_HOUR} | {rollups.estimated(field) for field in rollups.ROLLED}
    known |= {rollups.key_over(field, over) for field, over in rollups.OCCUPANCY}
    for _, panel in PANELS:
        for query in texts(panel):
            own = set(re.findall(r'AS "([^"]+)"', query))
            assert set(re.findall(r'"([^"]+)"', query)) - own <= known, query


def test_identifiers_are_fixed_and_unique() -> None:
    assert [board["uid"] for board in BOARDS_JSON] == ["tolbooth-energy", "tolbooth-occupancy"]
    assert len({board["title"] for board in BOARDS_JSON}) == len(BOARDS_JSON)
    for board in BOARDS_JSON:
        numbers = [panel["id"] for panel in board["panels"]]
        assert numbers == list(range(1, len(numbers) + 1))
        assert "id" not in board, "the numeric id belongs to one Grafana"


def test_panels_neither_overlap_nor_leave_the_grid() -> None:
    for board in BOARDS_JSON:
        places = [panel["gridPos"] for panel in board["panels"]]
        assert all(place["x"] + place["w"] <= 24 for place in places)
        for one, other in combinations(places, 2):
            apart = (
                one["x"] + one["w"] <= other["x"]
                or other["x"] + other["w"] <= one["x"]
                or one["y"] + one["h"] <= other["y"]
                or other["y"] + other["h"] <= one["y"]
            )
            assert apart, (one, other)


def test_a_row_wider_than_the_grid_is_refused() -> None:
    board = BOARDS[0]
    panel = board.rows[0].panels[0][1]
    wide = Board(
        board.uid, board.title, board.description, board.buildings, board.spaces, board.since,
        (Row(4, ((20, panel), (5, panel))),),
    )  # fmt: skip
    with pytest.raises(ValueError, match="25 columns wide"):
        to_json(wide)


def test_a_panel_that_asks_two_data_sources_says_so() -> None:
    targets = [Target("SELECT 1", source=source) for source in Source]
    for asked, uid in (
        (targets[:1], "tolbooth-telemetry"),
        (targets[1:], "tolbooth-rollups"),
        (targets, "-- Mixed --"),
    ):
        assert stat(Text("", "", ""), COUNT, asked)["datasource"]["uid"] == uid


def test_variables_chain_from_council_to_space() -> None:
    for board in BOARDS_JSON:
        council, building, space = board["templating"]["list"]
        assert (council["multi"], building["multi"], space["multi"]) == (False, True, True)
        assert "$council" in building["query"]
        assert "$building" in space["query"]
        assert building["allValue"] == ".*"
        assert space["allValue"] == ".+"
