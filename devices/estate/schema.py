"""JSON Schema of an estate's YAML files, for editors; `python -m devices.estate.schema` writes it anew."""

import json
from pathlib import Path
from typing import Any, Final

from devices.estate.shapes import BuildingFile, CouncilFile, DevicesFile, Shape

FOLDER: Final = Path(__file__).parents[1] / "estate-schema"
"""Where the committed schemas are."""
_FILES: Final[dict[str, type[Shape]]] = {"council": CouncilFile, "building": BuildingFile, "devices": DevicesFile}


def json_schemas() -> dict[str, dict[str, Any]]:
    """File name without suffix → its JSON Schema (draft 2020-12)."""
    return {
        name: {"$schema": "https://json-schema.org/draft/2020-12/schema", **shape.model_json_schema(by_alias=True)}
        for name, shape in _FILES.items()
    }


def rendered(schema: dict[str, Any]) -> str:
    """A schema as the text of its file."""
    return json.dumps(schema, indent=2, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    for name, schema in json_schemas().items():
        (FOLDER / f"{name}.json").write_text(rendered(schema), encoding="utf-8")
