"""The schema as one page for analysts, docs/schema.md: `python -m devices.schemapage` writes it."""

from collections.abc import Iterable, Iterator
from itertools import groupby
from pathlib import Path
from typing import Final

from devices.localdays import ZONE
from devices.rollups import (
    DAY,
    HALF_HOUR,
    MONTH,
    OCCUPANCY,
    ROLLED,
    SPACE_TAGS,
    SUFFIX,
    Over,
    database_of,
    estimated,
    key_over,
)
from devices.rollups import TAGS as TAGS_ROLLED
from devices.schema import BY_NAME, FIELDS, TAGS, WRITTEN_BY_INGEST, Field, Kind

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
_OVER: Final = {Over.MEAN: "mean over time of", Over.MOST: "maximum of", Over.READINGS: "how many readings tell"}


def _named(tags: Iterable[str]) -> str:
    return ", ".join(f"`{tag}`" for tag in tags)


_HEAD: Final = f"""# The schema

<!-- generated from devices/schema.py and devices/rollups.py by python -m devices.schemapage -->

Readings are in the database `telemetry`. Every field is a float, and its unit is part of its key. A state is 0 or 1,
so that its mean is a share of time. A register only grows: its difference is consumption. Times are the device's own
where it tells them (`own_time` of the device says so), in UTC; ask with `tz('{ZONE}')` for local days.

Tags, all from the registry but `channel`: {_named(TAGS)}. Lines of meters carry `meter` (the
metering point, which outlives the device), `role` (`main` or `sub`) and `use`; `channel` tells apart what one device
measures more than once. A tag that has no value is absent.

Consumption and the history of occupancy are in a database of their own: [the roll-ups](#the-roll-ups).

In a native payload a field has its short name. Values outside the plausible range are quarantined, not stored.
"""


_ROLLUPS: Final = """
## The roll-ups

Ingest works out consumption and occupancy from the readings, and writes them to the database `{database}` (that of the
readings, and `{suffix}`). A point stands at the start of its period. Days and months are those of {zone}, so a day
has 48 half-hours, or 46 and 50 when the clocks change. Late readings, in whatever order, lead to the same figures: what
they touch is worked out again within a minute. `tolbooth rollup` does that for any span of days.

| measurement | a point for each | tags |
|---|---|---|
| `{half_hour}` | half-hour of a register | {consumption} |
| `{half_hour}` | half-hour of a space with readings of occupancy | {spaces} |
| `{day}` | local day of a register | {consumption} |
| `{month}` | local month of a register | {consumption} |

What a register took between two readings is shared evenly over the time between. The estimated part is a part of the
consumption beside it, in the same unit: what lies between readings more than two hours apart, or after a register that
began again. Of a register whose unit is not known (`pulses`) there is no roll-up.

What a sensor of occupancy said holds until its next reading, so one that speaks only of changes counts as one that
repeats itself; somebody who is not confirmed is believed for two hours, and a sensor that is silent for more than 26
hours says nothing of that time. A space is occupied while any of its sensors says so.

```influxql
SELECT sum({key}), sum({estimated}) FROM {half_hour}
WHERE time > now() - 7d AND role = 'main' GROUP BY time(1d), building tz('{zone}')
```

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
    return "".join([*parts, *_rollups()])


def _rollups() -> Iterator[str]:
    example = BY_NAME["electricity_import"]
    yield _ROLLUPS.format(
        database=database_of("telemetry"), suffix=SUFFIX, zone=ZONE, half_hour=HALF_HOUR, day=DAY, month=MONTH,
        consumption=_named(TAGS_ROLLED), spaces=_named(SPACE_TAGS), key=example.key, estimated=estimated(example),
    )  # fmt: skip
    yield "| consumption | its estimated part | unit | of the |\n|---|---|---|---|\n"
    for field in ROLLED:
        yield f"| `{field.key}` | `{estimated(field)}` | {_unit(field)} | {field.meaning} |\n"
    yield "\n| occupancy | of the half-hour |\n|---|---|\n"
    for field, over in OCCUPANCY:
        share = over is Over.MEAN and field.kind is Kind.STATE
        yield f"| `{key_over(field, over)}` | {'share of time with' if share else _OVER[over]} `{field.key}` |\n"


def _unit(field: Field) -> str:
    return _UNITS.get(field.unit, field.unit)


def _row(field: Field) -> str:
    name = "" if field.name in WRITTEN_BY_INGEST else f"`{field.name}`"
    plausible = f"{field.low:,g} to {field.high:,g}"
    return (
        f"| `{field.key}` | {_unit(field)} | {field.kind} | {plausible} | {name} | {field.meaning} | {field.brick} |\n"
    )


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
