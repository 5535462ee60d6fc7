"""The JSON Schemas for editors: fresh, valid, and of one mind with the registry."""

import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml

import simulators
from devices.estate.schema import FOLDER, json_schemas, rendered

ESTATE = Path(simulators.__file__).parent / "estate" / "sim-kirkbrae"
BROKEN = Path(__file__).parent / "broken-estates"


def test_the_committed_schemas_are_fresh() -> None:
    committed = {path.name: path.read_text(encoding="utf-8") for path in FOLDER.iterdir()}
    fresh = {f"{name}.json": rendered(schema) for name, schema in json_schemas().items()}
    assert committed == fresh, "run: python -m devices.estate.schema"


@pytest.mark.parametrize("name", json_schemas())
def test_they_are_schemas(name: str) -> None:
    jsonschema.Draft202012Validator.check_schema(json_schemas()[name])


def _errors(schema: str, path: Path) -> list[str]:
    document: Any = yaml.load(path.read_text(encoding="utf-8"), yaml.BaseLoader)
    document = json.loads(json.dumps(document), parse_float=float)
    validator = jsonschema.Draft202012Validator(json_schemas()[schema])
    return [error.message for error in validator.iter_errors(_typed(document))]


def _typed(value: Any) -> Any:
    """Text as the types of YAML 1.2, which the editors use."""
    if isinstance(value, dict):
        return {key: _typed(each) for key, each in value.items()}
    if isinstance(value, list):
        return [_typed(each) for each in value]
    try:
        return {"true": True, "false": False}[value] if value in {"true", "false"} else json.loads(value)
    except json.JSONDecodeError:
        return value


def test_the_demo_estate_satisfies_them() -> None:
    assert _errors("council", ESTATE / "council.yaml") == []
    for path in (ESTATE / "buildings").iterdir():
        assert _errors("building", path) == [], path


def test_they_find_what_an_editor_can_find() -> None:
    assert "'owner'" in " ".join(_errors("council", BROKEN / "unknown-keys" / "council.yaml"))
    assert "'flor_area_m2'" in " ".join(_errors("building", BROKEN / "unknown-keys" / "buildings" / "hall.yaml"))
    assert "'modell'" in " ".join(_errors("devices", BROKEN / "unknown-keys" / "devices.yaml"))
