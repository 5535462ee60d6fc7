"""The schema as one page for analysts, docs/schema.md: `python -m devices.schemapage` writes it."""

from itertools import groupby
from pathlib import Path
from typing import Final

from devices.schema import FIELDS, TAGS, WRITTEN_BY_INGEST, Field

PAGE: Final = Path(__file__).parents[1] / "docs" / "schema.md"

_UNITS: Final = {
    "1": "",
    "/": "ratio",
    "Cel": "°C",
    "%RH": "%",
    "%EL": "%",
    "ug/m3": "µg/m³",
    "mg/m3": "mg/m³",
    "m3": "m³",
}
_HEAD: Final = f"""# The schema

<!-- generated from devices/schema.py by python -m devices.schemapage -->

Readings are in the database `telemetry`. Every field is a float, and its unit is part of its key. A state is 0 or 1,
so that its mean is a share of time. A register only grows: its difference is consumption. Times are the device's own
where it tells them (`own_time` of the device says so), in UTC; ask with `tz('Europe/London')` for local days.

Tags, all from the registry but `channel`: {", ".join(f"`{tag}`" for tag in TAGS)}. Lines of meters carry `meter` (the
metering point, which outlives the device), `role` (`main` or `sub`) and `use`; `channel` tells apart what one device
measures more than once. A tag that has no value is absent.

In a native payload a field has its short name. Values outside the plausible range are quarantined, not stored.
"""


def page() -> str:
    """The text of the page."""
    parts = [_HEAD]
    for measurement, fields in groupby(FIELDS, key=lambda field: field.measurement):
        parts.append(
            f"\n## `{measurement}`\n\n| field | unit | kind | plausible | native name | meaning | Brick class |\n"
        )
        parts.append("|---|---|---|---|---|---|---|\n")
        parts += [_row(field) for field in fields]
    return "".join(parts)


def _row(field: Field) -> str:
    name = "" if field.name in WRITTEN_BY_INGEST else f"`{field.name}`"
    unit = _UNITS.get(field.unit, field.unit)
    plausible = f"{field.low:,g} to {field.high:,g}"
    return f"| `{field.key}` | {unit} | {field.kind} | {plausible} | {name} | {field.meaning} | {field.brick} |\n"


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
