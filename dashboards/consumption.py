"""The text of every InfluxQL query of the roll-ups: consumption, what it is worth, what of it is estimated, baseload.

They go to the database of the roll-ups (`devices/rollups.py`), and follow the rules of `dashboards/queries.py`.
A half-hour stands at its start, so a time range holds the half-hours that start in it. All is added up from half-hours,
days too: the point of a day stands at its midnight, and would be missing from a range that begins at noon. It costs
little: a year of 300 meters by day and building takes InfluxDB 1.6 0.2 s from half-hours, and as long from days.

A subquery has its own `tz()`, since none inherits it, and groups by the buckets of the outer query: to sum raw points
there takes five times as long.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from dashboards.queries import HALF_HOUR, MAIN, buckets, meters, quoted
from devices import rollups
from devices.schema import Field

WATTS: Final = 2_000.0
"""Mean power of a kWh in half an hour."""
RIPE: Final = "time <= now() - 1h"
"""Half-hours that ended half an hour ago: in younger ones a reading may be missing yet."""


@dataclass(frozen=True, slots=True)
class Rate:
    """What a unit of a register's consumption is worth."""

    field: Field
    worth: float
    unless: Field | None = None
    """register of the same meter that counts in its place, in the half-hours that have both"""


def over_time(field: Field, every: str, by: str, role: str) -> str:
    """Consumption of the meters of `role` in buckets of `every`, one series for each value of tag `by`."""
    return f"SELECT sum({quoted(field.key)}) {meters(rollups.HALF_HOUR, role)} {buckets(every, by)}"


def of_range(field: Field, by: str, role: str) -> str:
    """Consumption of the meters of `role` over the whole time range, one value for each value of tag `by`."""
    return f"SELECT sum({quoted(field.key)}) {meters(rollups.HALF_HOUR, role)} GROUP BY {quoted(by)}"


def worth_over_time(rates: Iterable[Rate], every: str, by: str) -> str:
    """Consumption of several registers of main meters, each times its rate and all added up, in buckets of `every`."""
    group = buckets(every, by)
    return f"SELECT sum({quoted('worth')}) FROM {_worth(rates, group)} WHERE $timeFilter {group}"


def worth_of_range(rates: Iterable[Rate], name: str, by: str) -> str:
    """Table of the values of tag `by`: what `rates` are worth over the whole time range, as column `name`."""
    group = f"GROUP BY {quoted(by)}"
    shown = f"sum({quoted('worth')}) AS {quoted(name)}"
    return f"SELECT {shown} FROM {_worth(rates, group)} WHERE $timeFilter {group}"


def estimated_of_range(rates: Sequence[Rate], name: str, by: str) -> str:
    """Table of the values of tag `by`: the share of that which is estimated, as column `name`."""
    group = f"GROUP BY {quoted(by)}"
    shown = f"sum({quoted('estimated')}) / sum({quoted('worth')}) AS {quoted(name)}"
    return (
        f"SELECT {shown} FROM {_worth(rates, group)}, {_worth(rates, group, estimated=True)} WHERE $timeFilter {group}"
    )


def baseload(electricity: Field, names: tuple[str, str], a_year: float, by: str) -> str:
    """Table of the values of tag `by`: the power (W) of the main meters that is passed in 95 of 100 half-hours.

    Columns `names` are the power, and the power times `a_year`.
    """
    low, yearly = names
    total = f"SELECT sum({quoted(electricity.key)}) AS {quoted('total')} {meters(rollups.HALF_HOUR, MAIN)} AND {RIPE}"
    total += f" {buckets(HALF_HOUR, by)}"
    lowest = f"SELECT percentile({quoted('total')}, 5) AS {quoted('lowest')} FROM ({total}) WHERE $timeFilter"
    # The mean of this one value has the time of the range, as the other columns of the table have.
    power = f"mean({quoted('lowest')}) * {WATTS!r}"
    shown = f"{power} AS {quoted(low)}, {power} * {a_year!r} AS {quoted(yearly)}"
    return f"SELECT {shown} FROM ({lowest} GROUP BY {quoted(by)}) WHERE $timeFilter GROUP BY {quoted(by)}"


def _worth(rates: Iterable[Rate], group: str, *, estimated: bool = False) -> str:
    """Subqueries whose columns `worth` are to be added up; or columns `estimated`, what of it is so."""
    name = "estimated" if estimated else "worth"
    keys = ((rate, rollups.estimated(rate.field) if estimated else rate.field.key) for rate in rates)
    return ", ".join(part for rate, key in keys for part in _parts(rate, key, name, group))


def _parts(rate: Rate, key: str, name: str, group: str) -> Iterator[str]:
    """One column in each subquery: InfluxDB 1.x works out all of a subquery's columns for each that is asked of it."""
    yield f"(SELECT sum({quoted(key)}) * {rate.worth!r} AS {quoted(name)} {meters(rollups.HALF_HOUR, MAIN)} {group})"
    if rate.unless:
        # InfluxQL cannot ask what is absent: what has both registers is added, and taken away again.
        both = f"{meters(rollups.HALF_HOUR, MAIN)} AND {quoted(rate.unless.key)} >= 0"
        yield f"(SELECT sum({quoted(key)}) * {-rate.worth!r} AS {quoted(name)} {both} {group})"
