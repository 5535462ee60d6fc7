"""The roll-ups: consumption worked out from registers, for each half-hour, local day and local month.

They are in a database beside the readings, whose name ends in `_rollup`. A point stands at the start of its period.
Days and months are those of Europe/London, so a day has 46, 48 or 50 half-hours. The field of a register's consumption
has the register's key; what of it is estimated stands beside it under `estimated`. All are recomputed when late
readings come, so they are the same whatever the order of arrival.
"""

from typing import Final

from devices.schema import FIELDS, METER, Field, Kind

SUFFIX: Final = "_rollup"
"""What the name of the database of roll-ups ends in."""
HALF_HOUR, DAY, MONTH = "half_hour", "day", "month"
"""The measurements."""
ZONE: Final = "Europe/London"
"""Whose days and months they are."""
TAGS: Final = ("building", "channel", "council", "device", "meter", "role", "use")
"""What a register is known by, and the tags of its roll-ups: it may change its space and its model, and goes on."""
ROLLED: Final[tuple[Field, ...]] = tuple(
    field for field in FIELDS if field.measurement == METER and field.kind is Kind.REGISTER and field.unit != "1"
)
"""The registers that are rolled up: those whose unit is known."""


def database_of(readings: str) -> str:
    """The database of the roll-ups of this database of readings."""
    return readings + SUFFIX


def estimated(field: Field) -> str:
    """The key of what of a consumption is estimated: a part of it, in its unit."""
    name, unit = field.key.rsplit("_", 1)
    return f"{name}_estimated_{unit}"
