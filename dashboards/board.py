"""From panels to a board: places, identifiers, variables and the frame of classic Grafana JSON (schemaVersion 42)."""

from dataclasses import dataclass
from typing import Final

from dashboards.panels import Json, Target
from dashboards.queries import BUILDING, COUNCIL, SPACE, councils
from dashboards.sources import reference
from devices.localdays import ZONE

SCHEMA_VERSION: Final = 42
WIDTH: Final = 24
"""Columns of Grafana's grid."""
TAG: Final = "tolbooth"
ALL: Final = "$__all"
ANY_SPACE: Final = ".+"
"""All spaces are those that have a name: what stands for a whole building is not a space."""


@dataclass(frozen=True, slots=True)
class Row:
    """Panels side by side, each with its width in columns of the grid, and their common height."""

    height: int
    panels: tuple[tuple[int, Json], ...]


@dataclass(frozen=True, slots=True)
class Board:
    """One board: its file, its fixed identifier, and what it shows."""

    uid: str
    title: str
    description: str
    buildings: Target
    """query of the buildings that the board offers"""
    spaces: Target
    since: str
    """start of the time range, as Grafana writes it"""
    rows: tuple[Row, ...]


def to_json(board: Board) -> Json:
    """The board as classic Grafana JSON.

    Raises:
        ValueError: panels of a row are wider than the grid.
    """
    return {
        "uid": board.uid,
        "title": board.title,
        "description": board.description,
        "tags": [TAG],
        "schemaVersion": SCHEMA_VERSION,
        "timezone": ZONE,
        "weekStart": "monday",
        "editable": False,
        "graphTooltip": 1,
        "refresh": "1m",
        "time": {"from": board.since, "to": "now"},
        "annotations": {"list": []},
        "links": [_links()],
        "templating": {"list": _variables(board)},
        "panels": _placed(board),
    }


def _placed(board: Board) -> list[Json]:
    panels: list[Json] = []
    top = 0
    for row in board.rows:
        left = 0
        for width, panel in row.panels:
            place = {"h": row.height, "w": width, "x": left, "y": top}
            panels.append({"id": len(panels) + 1, "gridPos": place, **panel})
            left += width
        if left > WIDTH:
            raise ValueError(f"{board.uid}: row at {top} is {left} columns wide, the grid has {WIDTH}")
        top += row.height
    return panels


def _variables(board: Board) -> list[Json]:
    return [
        _variable(COUNCIL, "Council", Target(councils())),
        _variable(BUILDING, "Building", board.buildings, every=".*"),
        _variable(SPACE, "Space", board.spaces, every=ANY_SPACE),
    ]


def _variable(name: str, label: str, values: Target, every: str = "") -> Json:
    """A variable whose values come from the database; with `every`, of many values, and all at first."""
    variable: Json = {
        "type": "query",
        "name": name,
        "label": label,
        "datasource": reference(values.source),
        "definition": values.query,
        "query": values.query,
        "refresh": 1,
        "sort": 1,
        "regex": "",
        "multi": bool(every),
        "includeAll": bool(every),
    }
    if every:
        variable |= {"allValue": every, "current": {"text": "All", "value": ALL}}
    return variable


def _links() -> Json:
    return {
        "type": "dashboards",
        "title": "Boards",
        "tags": [TAG],
        "icon": "external link",
        "tooltip": "The other boards, with the same choice",
        "asDropdown": False,
        "targetBlank": False,
        "includeVars": True,
        "keepTime": True,
    }
