"""The text of every InfluxQL query of the readings; `consumption.py` and `utilisation.py` have those of the
roll-ups.

The text runs unchanged on InfluxDB 1.x, 2.x and 3.x, in Grafana and in the preview:

- tags are chosen with `=~ /^$variable$/`, which fits one value, several, and all;
- what is summed over devices is first reduced for each device;
- subqueries fill nothing, and the outer query groups by tags that the inner one kept;
- buckets follow the clock of Europe/London, so a day has 23, 24 or 25 hours.
"""

from typing import Final

from devices.localdays import ZONE
from devices.schema import DEVICE as DEVICE_MEASUREMENT
from devices.schema import TAGS, Field

BUILDING, CHANNEL, COUNCIL, DEVICE, LEVEL, METER, MODEL, PART, ROLE, SPACE, USE = TAGS
MAIN: Final = "main"
SUB: Final = "sub"
TIME: Final = "Time"
"""What Grafana calls the time column of an InfluxQL result."""

EVERY: Final = "$__interval"
"""Bucket that Grafana derives from the range and the width of the panel."""
HALF_HOUR: Final = "30m"
HOUR: Final = "1h"
DAY: Final = "1d"


def quoted(*names: str) -> str:
    """Names as InfluxQL identifiers, comma-separated."""
    return ", ".join(f'"{name}"' for name in names)


def alias(*tags: str) -> str:
    """Grafana's alias that names a series by its tags."""
    return " · ".join(f"$tag_{tag}" for tag in tags)


def tag_values(tag: str, measurement: str, *parents: str) -> str:
    """The query of a board variable: the values of `tag`, narrowed by the variables named in `parents`."""
    where = f" WHERE {chosen(parents)}" if parents else ""
    return f'SHOW TAG VALUES FROM "{measurement}" WITH KEY = "{tag}"{where}'


def councils() -> str:
    """Every council that has a registered device."""
    return tag_values(COUNCIL, DEVICE_MEASUREMENT)


def total(field: Field, by: str, role: str) -> str:
    """Sum over the meters of `role` of their mean of a gauge in each bucket, one series for each value of tag `by`."""
    each = f"SELECT mean({quoted(field.key)}) AS {quoted('each')} {meters(field.measurement, role)}"
    inner = f"{each} {buckets(EVERY, BUILDING, METER, ROLE, USE, DEVICE, CHANNEL)}"
    outer = f"SELECT sum({quoted('each')}) FROM ({inner}) WHERE $timeFilter"
    return f"{outer} {buckets(EVERY, by)}"


def held_devices(state: Field, shown: Field, name: str) -> str:
    """Table of the devices of which `state` held last: the last value of `shown`, as column `name`."""
    tags = quoted(BUILDING, SPACE, DEVICE)
    inner = (
        f"SELECT last({quoted(state.key)}) AS {quoted('held')}, last({quoted(shown.key)}) AS {quoted(name)} "
        f"{readings(state.measurement, (COUNCIL, BUILDING))} GROUP BY {tags}"
    )
    return f"SELECT {quoted(name)} FROM ({inner}) WHERE {quoted('held')} = 1 GROUP BY {tags}"


def mean(field: Field, by: str) -> str:
    """Mean of a gauge or state of the chosen spaces in each bucket, one series for each value of tag `by`."""
    return _mean(field, by, readings(field.measurement))


def mean_of_council(field: Field) -> str:
    """Mean of a gauge in each bucket over the council: a weather station serves all buildings, wherever it stands."""
    return _mean(field, COUNCIL, readings(field.measurement, (COUNCIL,)))


def _mean(field: Field, by: str, where: str) -> str:
    return f"SELECT mean({quoted(field.key)}) {where} {buckets(EVERY, by)}"


def latest_total(field: Field, by: str, role: str) -> str:
    """Sum over the meters of `role` of the last value of each in the range, for each value of tag `by`.

    A meter that was swapped counts once: the metering point keeps its name.
    """
    inner = (
        f"SELECT last({quoted(field.key)}) AS {quoted('each')} {meters(field.measurement, role)} "
        f"GROUP BY {quoted(BUILDING, METER, ROLE, USE)}"
    )
    return f"SELECT sum({quoted('each')}) FROM ({inner}) GROUP BY {quoted(by)}"


def latest(function: str, field: Field, by: str) -> str:
    """`function` (mean, sum or max) over spaces of the last value of each in the range, for each value of tag `by`."""
    inner = (
        f"SELECT last({quoted(field.key)}) AS {quoted('each')} {readings(field.measurement)} "
        f"GROUP BY {quoted(BUILDING, SPACE, PART)}"
    )
    return f"SELECT {function}({quoted('each')}) FROM ({inner}) GROUP BY {quoted(by)}"


def latest_mean(function: str, field: Field, every: str, by: str) -> str:
    """As `latest`, of the means over buckets of `every` in place of single values."""
    part = quoted(BUILDING, SPACE, PART)
    each = (
        f"SELECT mean({quoted(field.key)}) AS {quoted('each')} {readings(field.measurement)} "
        f"GROUP BY time({every}), {part} fill(none)"
    )
    inner = f"SELECT last({quoted('each')}) AS {quoted('last')} FROM ({each}) WHERE $timeFilter GROUP BY {part}"
    return f"SELECT {function}({quoted('last')}) FROM ({inner}) GROUP BY {quoted(by)}"


def latest_of_spaces(field: Field, name: str) -> str:
    """Table of spaces: the last value of the range, as column `name`, averaged over the devices of a space."""
    inner = (
        f"SELECT last({quoted(field.key)}) AS {quoted('each')} {readings(field.measurement)} GROUP BY {place(DEVICE)}"
    )
    return f"SELECT mean({quoted('each')}) AS {quoted(name)} FROM ({inner}) GROUP BY {place()}"


def half_hours(field: Field, name: str) -> str:
    """Table of half-hours and spaces: the mean of a gauge, as column `name`."""
    source = readings(field.measurement)
    return f"SELECT mean({quoted(field.key)}) AS {quoted(name)} {source} {buckets(HALF_HOUR, BUILDING, SPACE)}"


def hours_held(field: Field, name: str, full: float = 1.0) -> str:
    """Table of half-hours and spaces in which a state held at least once: its hours (0 to 0.5) as column `name`.

    A gauge counts as hours at its value `full`: half an hour at half of it is a quarter of an hour.
    """
    inner = (
        f"SELECT mean({quoted(field.key)}) * {0.5 / full!r} AS {quoted(name)} {readings(field.measurement)} "
        f"GROUP BY time({HALF_HOUR}), {quoted(BUILDING, SPACE)} fill(none)"
    )
    return (
        f"SELECT {quoted(name)} FROM ({inner}) WHERE {quoted(name)} > 0 AND $timeFilter "
        f"GROUP BY {quoted(BUILDING, SPACE)} {in_london()}"
    )


def meters(measurement: str, role: str) -> str:
    """What the meters of one role said; what has no channel is the meter's total over its phases."""
    conditions = f"{chosen((COUNCIL, BUILDING))} AND {quoted(ROLE)} = '{role}' AND {quoted(CHANNEL)} = ''"
    return f"FROM {quoted(measurement)} WHERE {conditions} AND $timeFilter"


def readings(measurement: str, tags: tuple[str, ...] = (COUNCIL, BUILDING, SPACE)) -> str:
    """What stands in a measurement for what is chosen of `tags`."""
    return f"FROM {quoted(measurement)} WHERE {chosen(tags)} AND $timeFilter"


def chosen(tags: tuple[str, ...]) -> str:
    """The condition that each of these tags has a value that is chosen on the board."""
    return " AND ".join(f"{quoted(tag)} =~ /^${tag}$/" for tag in tags)


def place(*more: str) -> str:
    """The tags that name a space, and `more`."""
    return quoted(BUILDING, LEVEL, SPACE, *more)


def buckets(every: str, *by: str) -> str:
    """The clause that groups by buckets of `every` on the clock of Europe/London, and by the tags `by`."""
    return f"GROUP BY {', '.join((f'time({every})', *map(quoted, by)))} fill(none) {in_london()}"


def in_london() -> str:
    """The clause by which buckets follow the clock of Europe/London."""
    return f"tz('{ZONE}')"
