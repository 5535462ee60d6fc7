"""The roll-ups: consumption by half-hour, local day and local month, and occupancy by half-hour.

They are in a database beside the readings, whose name ends in `_rollup`. A point stands at the start of its period.
Days and months are those of Europe/London, so a day has 46, 48 or 50 half-hours. All are recomputed when late readings
come, so they are the same whatever the order of arrival.

Consumption is worked out from registers, for each of them. Its field has the register's key; what of it is estimated
stands beside it under `estimated`. Occupancy is of spaces, over all devices there; it outlives its readings, which may
have to end sooner.
"""

from enum import StrEnum
from typing import Final

from devices.schema import BY_NAME, FIELDS, METER, Field, Kind

SUFFIX: Final = "_rollup"
"""What the name of the database of roll-ups ends in."""


class Period(StrEnum):
    """Over what is rolled up: the name of the measurement."""

    HALF_HOUR = "half_hour"
    DAY = "day"
    MONTH = "month"


HALF_HOUR, DAY, MONTH = Period
TAGS: Final = ("building", "channel", "council", "device", "meter", "role", "use")
"""What a register is known by, and the tags of its roll-ups: it may change its space and its model, and goes on."""
ROLLED: Final[tuple[Field, ...]] = tuple(
    field for field in FIELDS if field.measurement == METER and field.kind is Kind.REGISTER and field.unit != "1"
)
"""The registers that are rolled up: those whose unit is known."""
SPACE_TAGS: Final = ("building", "council", "level", "part", "space")
"""The tags of occupancy's roll-ups."""


class Over(StrEnum):
    """What is kept of a half-hour."""

    MEAN = "mean"
    """over time; of a state the share of time in which any device says so"""
    MOST = "max"
    READINGS = "count"


OCCUPANCY: Final[tuple[tuple[Field, Over], ...]] = (
    (BY_NAME["occupied"], Over.MEAN),
    (BY_NAME["occupied"], Over.READINGS),
    (BY_NAME["motion"], Over.MEAN),
    (BY_NAME["people"], Over.MEAN),
    (BY_NAME["people"], Over.MOST),
    (BY_NAME["desks_in_use"], Over.MEAN),
    (BY_NAME["desks_in_use"], Over.MOST),
)
"""What is kept of occupancy, each under `key_over`."""


def key_over(field: Field, over: Over) -> str:
    """The key of a figure over the readings of a half-hour; a mean has that of its field."""
    return {Over.MEAN: field.key, Over.MOST: f"{field.key}_most", Over.READINGS: f"{field.key}_readings"}[over]


def database_of(readings: str) -> str:
    """The database of the roll-ups of this database of readings."""
    return readings + SUFFIX


def estimated(field: Field) -> str:
    """The key of what of a consumption is estimated: a part of it, in its unit."""
    name, unit = field.key.rsplit("_", 1)
    return f"{name}_estimated_{unit}"
