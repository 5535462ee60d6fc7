"""The text of every InfluxQL query of the roll-ups of occupancy: use of spaces, by half-hour.

They go to the database of the roll-ups (`devices/rollups.py`), and follow the rules of `dashboards/queries.py`. So a
board shows ranges whose readings have been deleted. Means are over half-hours, each of which weighs the same, however
many readings it has. A half-hour stands at its start, so a time range holds the half-hours that start in it.
"""

from dashboards.queries import BUILDING, COUNCIL, EVERY, HOUR, LEVEL, PART, SPACE, chosen, in_london, quoted, tag_values
from devices import rollups
from devices.rollups import Over, key_over
from devices.schema import Field


def buildings() -> str:
    """The query of a board variable: the buildings whose spaces have roll-ups of occupancy."""
    return f"{tag_values(BUILDING, rollups.HALF_HOUR, COUNCIL)} AND {quoted(SPACE)} =~ /.+/"


def spaces() -> str:
    """The query of a board variable: the spaces of the chosen buildings that have roll-ups of occupancy."""
    return tag_values(SPACE, rollups.HALF_HOUR, COUNCIL, BUILDING)


def share(state: Field, by: str) -> str:
    """Share of the chosen spaces and of time in which a state held, one series for each value of tag `by`."""
    return f"SELECT mean({quoted(state.key)}) {_half_hours()} {_buckets(EVERY, by)}"


def sum_of_spaces(field: Field, every: str, by: str) -> str:
    """Sum over spaces of their mean in buckets of `every`, one series for each value of tag `by`."""
    return f"SELECT sum({quoted('each')}) FROM ({_each_space(field, every)}) WHERE $timeFilter {_buckets(every, by)}"


def hourly_share(state: Field, name: str, *by: str) -> str:
    """Table of hours: the share of spaces and time in which a state held, as column `name`, and the tags `by`."""
    return f"SELECT mean({quoted(state.key)}) AS {quoted(name)} {_half_hours()} {_buckets(HOUR, *by)}"


def hourly_sum(field: Field, name: str) -> str:
    """Table of hours: the sum over spaces of their mean, as column `name`."""
    summed = f"SELECT sum({quoted('each')}) AS {quoted(name)}"
    return f"{summed} FROM ({_each_space(field, HOUR)}) WHERE $timeFilter {_buckets(HOUR)}"


def use_of_spaces(occupied: Field, people: Field, names: tuple[str, str, str]) -> str:
    """Table of spaces: share of time occupied, mean and highest number of people, as columns `names`."""
    share, usual, peak = names
    most = key_over(people, Over.MOST)
    return (
        f"SELECT mean({quoted(occupied.key)}) AS {quoted(share)}, mean({quoted(people.key)}) AS {quoted(usual)}, "
        f"max({quoted(most)}) AS {quoted(peak)} {_half_hours()} GROUP BY {_place()}"
    )


def never(state: Field, name: str) -> str:
    """Table of spaces in which a state never held in the range; column `name` is how many readings say so."""
    readings = key_over(state, Over.READINGS)
    inner = (
        f"SELECT max({quoted(state.key)}) AS {quoted('highest')}, sum({quoted(readings)}) AS {quoted(name)} "
        f"{_half_hours()} GROUP BY {_place()}"
    )
    return f"SELECT {quoted(name)} FROM ({inner}) WHERE {quoted('highest')} = 0 GROUP BY {_place()}"


def half_hours_held(state: Field, name: str) -> str:
    """Table of half-hours and spaces in which a state held at least once: its share of the half-hour as `name`."""
    return _in_which(state, name, "> 0")


def half_hours_never(state: Field, name: str) -> str:
    """Table of half-hours and spaces in which a state did not hold at all: 0 as column `name`."""
    return _in_which(state, name, "= 0")


def _in_which(state: Field, name: str, test: str) -> str:
    wanted = f"{_half_hours()} AND {quoted(state.key)} {test}"
    return f"SELECT {quoted(state.key)} AS {quoted(name)} {wanted} GROUP BY {quoted(BUILDING, SPACE)}"


def _each_space(field: Field, every: str) -> str:
    return (
        f"SELECT mean({quoted(field.key)}) AS {quoted('each')} {_half_hours()} "
        f"GROUP BY time({every}), {quoted(BUILDING, SPACE, PART)} fill(none) {in_london()}"
    )


def _half_hours() -> str:
    return f"FROM {quoted(rollups.HALF_HOUR)} WHERE {chosen((COUNCIL, BUILDING, SPACE))} AND $timeFilter"


def _buckets(every: str, *by: str) -> str:
    tags = f", {quoted(*by)}" if by else ""
    return f"GROUP BY time({every}){tags} fill(none) {in_london()}"


def _place() -> str:
    return quoted(BUILDING, LEVEL, SPACE)
