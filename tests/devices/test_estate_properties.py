"""What holds of any estate: CSV and YAML mean the same, and no file makes the check itself fail."""

import csv
import io
import json
from datetime import date
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from devices.check import check
from devices.model import DeviceKind
from devices.registry import load

HALL = {
    "name": "Hall",
    "use": "hall",
    "tm46": 16,
    "floor_area_m2": 1e9,
    "levels": {"ground": "Ground floor", "first": "First floor"},
}
COUNCIL = {
    "id": "sim-moor",
    "name": "Moor",
    "invented": True,
    "climate_station": "tiree",
    "sources": [{"id": "z2m", "format": "zigbee2mqtt", "topic": "zigbee2mqtt"}],
}

_YEAR_2000 = date(2000, 1, 1)

ids = st.text("abcdefghijklmnopqrstuvwxyz0123456789-", min_size=1, max_size=64)
words = st.text(st.characters(exclude_categories=("C", "Z")), min_size=1, max_size=20)
spaces: st.SearchStrategy[dict[str, Any]] = st.fixed_dictionaries(
    {
        "id": ids,
        "name": words,
        "level": st.sampled_from(["ground", "first"]),
        "use": words,
        "area_m2": st.floats(0.5, 900, allow_nan=False),
    },
    optional={"capacity": st.integers(0, 500)},
)
no_decision = (DeviceKind.DESK_SENSOR,)
"""kinds that a council must allow first"""
no_meters = [k.value for k in DeviceKind if not k.value.endswith("_meter") and k not in no_decision]
devices: st.SearchStrategy[dict[str, Any]] = st.fixed_dictionaries(
    {
        "id": ids,
        "kind": st.sampled_from(no_meters),
        "model": words,
        "interval": st.one_of(st.integers(1, 86_400), st.sampled_from(["60s", "15m", "1h", "1d"])),
    },
)


@st.composite
def estates(draw: st.DrawFn) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """Spaces, and devices with their assignments end to end in time."""
    rooms = draw(st.lists(spaces, unique_by=lambda each: each["id"], max_size=6))
    units = draw(st.lists(devices, unique_by=lambda each: each["id"], max_size=6))
    for unit in units:
        if draw(st.booleans()):
            unit.update(source="z2m", address=f"room/{unit['id']}")
        moments = sorted(draw(st.sets(st.dates(min_value=_YEAR_2000), min_size=1, max_size=4)))
        ends = [*[str(each) for each in moments[1:]], None]
        homes = st.sampled_from([{}, *({"space": room["id"]} for room in rooms)])
        unit["assignments"] = [
            {"building": "hall", "from": str(start)} | ({"to": end} if end else {}) | draw(homes)
            for start, end in zip(moments, ends, strict=True)
        ]
    return rooms, units


def _csv(rows: list[dict[str, Any]], columns: list[str]) -> str:
    text = io.StringIO()
    writer = csv.DictWriter(text, columns, lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue()


def _as_yaml(value: Any) -> str:
    """JSON is YAML, and quotes what YAML 1.2 would take for a number, which PyYAML's own writer does not."""
    return json.dumps(value, ensure_ascii=False)


def _base(folder: Path, hall: dict[str, Any]) -> Path:
    (folder / "buildings").mkdir(parents=True)
    (folder / "council.yaml").write_text(_as_yaml(COUNCIL), encoding="utf-8")
    (folder / "buildings" / "hall.yaml").write_text(_as_yaml(hall), encoding="utf-8")
    return folder


@given(estates())
@settings(max_examples=60)
def test_csv_and_yaml_mean_the_same(estate: tuple[list[dict[str, Any]], list[dict[str, Any]]]) -> None:
    rooms, units = estate
    with TemporaryDirectory() as temporary:
        in_yaml = _base(Path(temporary) / "yaml", HALL | {"spaces": rooms})
        (in_yaml / "devices.yaml").write_text(_as_yaml({"devices": units}), encoding="utf-8")
        in_csv = _base(Path(temporary) / "csv", HALL)
        columns = ["building", "id", "name", "level", "use", "area_m2", "capacity"]
        rows = [room | {"building": "hall"} for room in rooms]
        (in_csv / "spaces.csv").write_text(_csv(rows, columns), encoding="utf-8")
        columns = ["id", "kind", "model", "source", "address", "interval", "building", "space", "from", "to"]
        rows = [{**unit, **each} for unit in units for each in unit["assignments"]]
        rows = [{key: value for key, value in row.items() if key != "assignments"} for row in rows]
        (in_csv / "devices.csv").write_text(_csv(rows, columns), encoding="utf-8")
        assert load(in_yaml) == load(in_csv)


@given(st.sampled_from(["council.yaml", "buildings/hall.yaml", "devices.yaml", "devices.csv", "spaces.csv"]), st.data())
@settings(max_examples=150)
def test_whatever_a_file_holds_the_check_answers(name: str, data: st.DataObject) -> None:
    scalars = st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=8))
    keys = st.sampled_from(["id", "name", "sources", "levels", "spaces", "meters", "devices", "hours", "uprn", "gss"])
    tree = st.recursive(
        scalars, lambda below: st.lists(below, max_size=3) | st.dictionaries(keys, below, max_size=4), max_leaves=12
    )
    written = st.one_of(st.binary(max_size=60), tree.map(lambda each: yaml.safe_dump(each).encode()))
    with TemporaryDirectory() as temporary:
        folder = _base(Path(temporary) / "moor", HALL)
        (folder / name).write_bytes(data.draw(written))
        for problem in check(folder):
            assert problem.line >= 1
            assert problem.mend
            assert str(problem).isprintable()
