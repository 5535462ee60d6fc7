"""The text of every InfluxQL query of the roll-ups of occupancy: who was where, by half-hour.

They go to the database of the roll-ups (`devices/rollups.py`), which keeps half-hours when the readings have ended, and
follow the rules of `dashboards/queries.py`. Every half-hour of a space weighs the same, however often its sensor spoke.
What happens now is asked of the readings.
"""

from dashboards.queries import BUILDING, COUNCIL, EVERY, HOUR, PART, SPACE, buckets, place, quoted, readings, tag_values
from devices import rollups
from devices.rollups import Over, key_over
from devices.schema import Field


def buildings() -> str:
    """The query of a board variable: the buildings whose spaces have half-hours of occupancy."""
    return f"{tag_values(BUILDING, rollups.HALF_HOUR, COUNCIL)} AND {quoted(SPACE)} =~ /.+/"


def spaces() -> str:
    """The query of a board variable: the spaces of the chosen buildings that have half-hours of occupancy."""
    return tag_values(SPACE, rollups.HALF_HOUR, COUNCIL, BUILDING)


def share(state: Field, by: str) -> str:
    """Share of the chosen spaces and of time in which a state held, one series for each value of tag `by`."""
    return f"SELECT mean({_mean(state)}) {readings(rollups.HALF_HOUR)} {buckets(EVERY, by)}"


def sum_of_spaces(gauge: Field, every: str, by: str) -> str:
    """Sum over spaces of their mean in buckets of `every`, one series for each value of tag `by`."""
    return f"SELECT sum({quoted('each')}) FROM ({_each_space(gauge, every)}) WHERE $timeFilter {buckets(every, by)}"


def hourly_share(state: Field, name: str, *by: str) -> str:
    """Table of hours: the share of spaces and time in which a state held, as column `name`, and the tags `by`."""
    return f"SELECT mean({_mean(state)}) AS {quoted(name)} {readings(rollups.HALF_HOUR)} {buckets(HOUR, *by)}"


def hourly_sum(gauge: Field, name: str) -> str:
    """Table of hours: the sum over spaces of their mean, as column `name`."""
    shown = f"sum({quoted('each')}) AS {quoted(name)}"
    return f"SELECT {shown} FROM ({_each_space(gauge, HOUR)}) WHERE $timeFilter {buckets(HOUR)}"


def use_of_spaces(occupied: Field, people: Field, names: tuple[str, str, str]) -> str:
    """Table of spaces: share of time occupied, mean and highest number of people, as columns `names`."""
    share, usual, peak = names
    return (
        f"SELECT mean({_mean(occupied)}) AS {quoted(share)}, mean({_mean(people)}) AS {quoted(usual)}, "
        f"max({quoted(key_over(people, Over.MOST))}) AS {quoted(peak)} {readings(rollups.HALF_HOUR)} GROUP BY {place()}"
    )


def never(state: Field, name: str) -> str:
    """Table of spaces in which a state never held in the range; column `name` is how many readings say so."""
    shown = (
        f"max({_mean(state)}) AS {quoted('highest')}, sum({quoted(key_over(state, Over.READINGS))}) AS {quoted(name)}"
    )
    inner = f"SELECT {shown} {readings(rollups.HALF_HOUR)} GROUP BY {place()}"
    return f"SELECT {quoted(name)} FROM ({inner}) WHERE {quoted('highest')} = 0 GROUP BY {place()}"


def half_hours_held(state: Field, name: str) -> str:
    """Table of half-hours and spaces in which a state held at least once: its share of the half-hour as `name`."""
    return _half_hours_where(state, name, "> 0")


def half_hours_never(state: Field, name: str) -> str:
    """Table of half-hours and spaces in which a state did not hold at all: 0 as column `name`."""
    return _half_hours_where(state, name, "= 0")


def _half_hours_where(state: Field, name: str, test: str) -> str:
    where = f"{readings(rollups.HALF_HOUR)} AND {_mean(state)} {test}"
    return f"SELECT {_mean(state)} AS {quoted(name)} {where} GROUP BY {quoted(BUILDING, SPACE)}"


def _each_space(field: Field, every: str) -> str:
    group = buckets(every, BUILDING, SPACE, PART)
    return f"SELECT mean({_mean(field)}) AS {quoted('each')} {readings(rollups.HALF_HOUR)} {group}"


def _mean(field: Field) -> str:
    return quoted(key_over(field, Over.MEAN))
