"""The text of every InfluxQL query of the boards.

The text runs unchanged on InfluxDB 1.x, 2.x and 3.x, in Grafana and in the preview:

- tags are chosen with `=~ /^$variable$/`, which fits one value, several, and all;
- what is summed over devices is first reduced for each device (differences of registers above all);
- subqueries fill nothing, and the outer query groups by tags that the inner one kept;
- buckets follow the clock of Europe/London, so a day has 23, 24 or 25 hours.

A register is read at instants, and the step between two readings belongs to the time before the second one. Buckets
of consumption therefore hold the steps whose second reading lies *after* their start and *up to* their end: they are
shifted by one nanosecond. The consumption of a day is then exactly the last reading up to midnight less the last
reading up to the midnight before, whether or not a reading falls on midnight.
"""

from collections.abc import Iterable
from typing import Final

from devices.schema import DEVICE as DEVICE_MEASUREMENT
from devices.schema import TAGS, Field

BUILDING, CHANNEL, COUNCIL, DEVICE, LEVEL, METER, MODEL, PART, ROLE, SPACE, USE = TAGS
MAIN: Final = "main"
SUB: Final = "sub"
ZONE: Final = "Europe/London"
TIME: Final = "Time"
"""What Grafana calls the time column of an InfluxQL result."""

EVERY: Final = "$__interval"
"""Bucket that Grafana derives from the range and the width of the panel."""
HALF_HOUR: Final = "30m"
HOUR: Final = "1h"
DAY: Final = "1d"

_METER_SERIES: Final = (BUILDING, METER, ROLE, USE, DEVICE, CHANNEL)


def quoted(*names: str) -> str:
    """Names as InfluxQL identifiers, comma-separated."""
    return ", ".join(f'"{name}"' for name in names)


def alias(*tags: str) -> str:
    """Grafana's alias that names a series by its tags."""
    return " · ".join(f"$tag_{tag}" for tag in tags)


def tag_values(tag: str, measurement: str, *parents: str) -> str:
    """The query of a board variable: the values of `tag`, narrowed by the variables named in `parents`."""
    where = f" WHERE {_chosen(parents)}" if parents else ""
    return f'SHOW TAG VALUES FROM "{measurement}" WITH KEY = "{tag}"{where}'


def councils() -> str:
    """Every council that has a registered device."""
    return tag_values(COUNCIL, DEVICE_MEASUREMENT)


def total(field: Field, by: str, role: str) -> str:
    """Sum over the meters of `role` of their mean of a gauge in each bucket, one series for each value of tag `by`."""
    each = f"SELECT mean({quoted(field.key)}) AS {quoted('each')} {_meters(field, role)}"
    inner = f"{each} GROUP BY time({EVERY}), {quoted(*_METER_SERIES)} fill(none)"
    return _sum("each", f"({inner})", f"time({EVERY}), {quoted(by)}")


def consumption(field: Field, every: str, by: str, role: str) -> str:
    """Consumption from a register in buckets of `every`, one series for each value of tag `by`; module docstring."""
    return _sum("step", f"({_steps(field, role)})", f"time({every}, 1ns), {quoted(by)}")


def consumption_of_range(field: Field, by: str, role: str) -> str:
    """Consumption from a register over the whole time range, one value for each value of tag `by`."""
    return f"SELECT sum({quoted('step')}) FROM ({_steps(field, role)}) WHERE $timeFilter GROUP BY {quoted(by)}"


def worth(rates: Iterable[tuple[Field, float]], every: str, by: str) -> str:
    """Consumption of several main registers, each times its rate and all added up, in buckets as `consumption`."""
    return _sum("step", _worth(rates), f"time({every}, 1ns), {quoted(by)}")


def worth_of_range(rates: Iterable[tuple[Field, float]], name: str, by: str) -> str:
    """Table of the values of tag `by`: `worth` of the whole time range, as column `name`."""
    summed = f"SELECT sum({quoted('step')}) AS {quoted(name)}"
    return f"{summed} FROM {_worth(rates)} WHERE $timeFilter GROUP BY {quoted(by)}"


def baseload(power: Field, names: tuple[str, str], a_year: float, by: str) -> str:
    """Table of the values of tag `by`: the power of the main meters that is passed in 95 of 100 half-hours.

    Columns `names` are the power, and the power times `a_year`.
    """
    low, yearly = names
    each = f"SELECT mean({quoted(power.key)}) AS {quoted('each')} {_meters(power, MAIN)}"
    each += f" GROUP BY time({HALF_HOUR}), {quoted(*_METER_SERIES)} fill(none)"
    total = f"SELECT sum({quoted('each')}) AS {quoted('total')} FROM ({each}) WHERE $timeFilter"
    total += f" GROUP BY time({HALF_HOUR}), {quoted(by)} fill(none)"
    lowest = f"SELECT percentile({quoted('total')}, 5) AS {quoted('lowest')} FROM ({total}) WHERE $timeFilter"
    # The mean of this one value has the time of the range, as the other columns of the table have.
    mean = f"mean({quoted('lowest')})"
    shown = f"{mean} AS {quoted(low)}, {mean} * {a_year!r} AS {quoted(yearly)}"
    return f"SELECT {shown} FROM ({lowest} GROUP BY {quoted(by)}) WHERE $timeFilter GROUP BY {quoted(by)} {_zone()}"


def held_devices(state: Field, shown: Field, name: str) -> str:
    """Table of the devices of which `state` held last: the last value of `shown`, as column `name`."""
    tags = quoted(BUILDING, SPACE, DEVICE)
    inner = (
        f"SELECT last({quoted(state.key)}) AS {quoted('held')}, last({quoted(shown.key)}) AS {quoted(name)} "
        f"{_readings(state, (COUNCIL, BUILDING))} GROUP BY {tags}"
    )
    return f"SELECT {quoted(name)} FROM ({inner}) WHERE {quoted('held')} = 1 GROUP BY {tags}"


def mean(field: Field, by: str) -> str:
    """Mean of a gauge or state of the chosen spaces in each bucket, one series for each value of tag `by`."""
    return _mean(field, by, _readings(field))


def mean_of_council(field: Field) -> str:
    """Mean of a gauge in each bucket over the council: a weather station serves all buildings, wherever it stands."""
    return _mean(field, COUNCIL, _readings(field, (COUNCIL,)))


def _mean(field: Field, by: str, where: str) -> str:
    return f"SELECT mean({quoted(field.key)}) {where} GROUP BY time({EVERY}), {quoted(by)} fill(none) {_zone()}"


def latest_total(field: Field, by: str, role: str) -> str:
    """Sum over the meters of `role` of the last value of each in the range, for each value of tag `by`.

    A meter that was swapped counts once: the metering point keeps its name.
    """
    inner = (
        f"SELECT last({quoted(field.key)}) AS {quoted('each')} {_meters(field, role)} "
        f"GROUP BY {quoted(BUILDING, METER, ROLE, USE)}"
    )
    return f"SELECT sum({quoted('each')}) FROM ({inner}) GROUP BY {quoted(by)}"


def latest(function: str, field: Field, by: str) -> str:
    """`function` (mean, sum or max) over spaces of the last value of each in the range, for each value of tag `by`."""
    inner = (
        f"SELECT last({quoted(field.key)}) AS {quoted('each')} {_readings(field)} "
        f"GROUP BY {quoted(BUILDING, SPACE, PART)}"
    )
    return f"SELECT {function}({quoted('each')}) FROM ({inner}) GROUP BY {quoted(by)}"


def latest_mean(function: str, field: Field, every: str, by: str) -> str:
    """As `latest`, of the means over buckets of `every` in place of single values."""
    place = quoted(BUILDING, SPACE, PART)
    inner = (
        f"SELECT last({quoted('each')}) AS {quoted('last')} FROM ({_each_space(field, every)}) "
        f"WHERE $timeFilter GROUP BY {place}"
    )
    return f"SELECT {function}({quoted('last')}) FROM ({inner}) GROUP BY {quoted(by)}"


def sum_of_spaces(field: Field, every: str, by: str) -> str:
    """Sum over spaces of their mean in buckets of `every`, one series for each value of tag `by`."""
    return _sum("each", f"({_each_space(field, every)})", f"time({every}), {quoted(by)}")


def hourly_share(field: Field, name: str, *by: str) -> str:
    """Table of hours: the share of spaces and time in which a state held, as column `name`, and the tags `by`."""
    return _hourly("mean", field, name, by)


def hourly_sum(field: Field, name: str, *by: str) -> str:
    """Table of hours: the sum over spaces of their mean, as column `name`, and the tags `by`."""
    return _hourly("sum", field, name, by)


def latest_of_spaces(field: Field, name: str) -> str:
    """Table of spaces: the last value of the range, as column `name`, averaged over the devices of a space."""
    inner = f"SELECT last({quoted(field.key)}) AS {quoted('each')} {_readings(field)} GROUP BY {_place(DEVICE)}"
    return f"SELECT mean({quoted('each')}) AS {quoted(name)} FROM ({inner}) GROUP BY {_place()}"


def use_of_spaces(occupied: Field, people: Field, names: tuple[str, str, str]) -> str:
    """Table of spaces: share of time occupied, mean and highest number of people, as columns `names`."""
    share, usual, peak = names
    return (
        f"SELECT mean({quoted(occupied.key)}) AS {quoted(share)}, mean({quoted(people.key)}) AS {quoted(usual)}, "
        f"max({quoted(people.key)}) AS {quoted(peak)} {_readings(occupied)} GROUP BY {_place()}"
    )


def never(field: Field, name: str) -> str:
    """Table of spaces in which a state never held in the range; column `name` is how many readings say so."""
    inner = (
        f"SELECT max({quoted(field.key)}) AS {quoted('highest')}, count({quoted(field.key)}) AS {quoted(name)} "
        f"{_readings(field)} GROUP BY {_place()}"
    )
    return f"SELECT {quoted(name)} FROM ({inner}) WHERE {quoted('highest')} = 0 GROUP BY {_place()}"


def half_hours(field: Field, name: str) -> str:
    """Table of half-hours and spaces: the mean of a gauge, as column `name`."""
    return (
        f"SELECT mean({quoted(field.key)}) AS {quoted(name)} {_readings(field)} "
        f"GROUP BY time({HALF_HOUR}), {quoted(BUILDING, SPACE)} fill(none) {_zone()}"
    )


def half_hours_held(field: Field, name: str) -> str:
    """Table of half-hours and spaces in which a state held at least once: its share of the half-hour as `name`."""
    return _half_hours(f"mean({quoted(field.key)})", field, name, "> 0")


def hours_held(field: Field, name: str, full: float = 1.0) -> str:
    """Table of half-hours and spaces in which a state held at least once: its hours (0 to 0.5) as `name`.

    A gauge counts as hours at its value `full`: half an hour at half of it is a quarter of an hour.
    """
    return _half_hours(f"mean({quoted(field.key)}) * {0.5 / full!r}", field, name, "> 0")


def half_hours_never(field: Field, name: str) -> str:
    """Table of half-hours and spaces in which a state did not hold at all: 0 as column `name`."""
    return _half_hours(f"max({quoted(field.key)})", field, name, "= 0")


def _half_hours(expression: str, field: Field, name: str, test: str) -> str:
    inner = (
        f"SELECT {expression} AS {quoted(name)} {_readings(field)} "
        f"GROUP BY time({HALF_HOUR}), {quoted(BUILDING, SPACE)} fill(none)"
    )
    return (
        f"SELECT {quoted(name)} FROM ({inner}) WHERE {quoted(name)} {test} AND $timeFilter "
        f"GROUP BY {quoted(BUILDING, SPACE)} {_zone()}"
    )


def _hourly(function: str, field: Field, name: str, by: tuple[str, ...]) -> str:
    group = f"time({HOUR}), {quoted(*by)}" if by else f"time({HOUR})"
    return (
        f"SELECT {function}({quoted('each')}) AS {quoted(name)} FROM ({_each_space(field, HOUR)}) WHERE $timeFilter "
        f"GROUP BY {group} fill(none) {_zone()}"
    )


def _each_space(field: Field, every: str) -> str:
    return (
        f"SELECT mean({quoted(field.key)}) AS {quoted('each')} {_readings(field)} "
        f"GROUP BY time({every}), {quoted(BUILDING, SPACE, PART)} fill(none)"
    )


def _worth(rates: Iterable[tuple[Field, float]]) -> str:
    return ", ".join(f"({_steps(field, MAIN, f' * {rate!r}')})" for field, rate in rates)


def _steps(field: Field, role: str, rate: str = "") -> str:
    """Differences of a register, for each device of each meter: a swap is no difference, a reset is left out."""
    step = f"SELECT non_negative_difference({quoted(field.key)}){rate} AS {quoted('step')}"
    return f"{step} {_meters(field, role)} GROUP BY {quoted(*_METER_SERIES)}"


def _sum(name: str, inner: str, group: str) -> str:
    """Sum of column `name` of the subqueries `inner`, each in brackets."""
    return f"SELECT sum({quoted(name)}) FROM {inner} WHERE $timeFilter GROUP BY {group} fill(none) {_zone()}"


def _meters(field: Field, role: str) -> str:
    """Readings of the meters of one role; a line without a channel is the meter's total over its phases."""
    conditions = f"{_chosen((COUNCIL, BUILDING))} AND {quoted(ROLE)} = '{role}' AND {quoted(CHANNEL)} = ''"
    return f"FROM {quoted(field.measurement)} WHERE {conditions} AND $timeFilter"


def _readings(field: Field, tags: tuple[str, ...] = (COUNCIL, BUILDING, SPACE)) -> str:
    return f"FROM {quoted(field.measurement)} WHERE {_chosen(tags)} AND $timeFilter"


def _chosen(tags: tuple[str, ...]) -> str:
    return " AND ".join(f"{quoted(tag)} =~ /^${tag}$/" for tag in tags)


def _place(*more: str) -> str:
    return quoted(BUILDING, LEVEL, SPACE, *more)


def _zone() -> str:
    return f"tz('{ZONE}')"
