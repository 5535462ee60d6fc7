"""Occupancy: people and occupied share by space and hour of the week, and what happens in spaces with nobody there."""

from typing import Final

from dashboards import queries, utilisation
from dashboards.board import Board, Row
from dashboards.panels import (
    COUNT,
    HOURS,
    SHARE,
    Column,
    Json,
    Target,
    Text,
    at_least,
    few_hidden,
    lines,
    matrix,
    rolled_up,
    stat,
    table,
)
from dashboards.queries import BUILDING, COUNCIL, HALF_HOUR, LEVEL, SPACE, alias
from dashboards.thresholds import CO2, TEMPERATURE, Steps
from dashboards.transformations import (
    DAY_COLUMN,
    HOUR_COLUMN,
    arrange,
    grid,
    group,
    hour_of_day,
    hour_of_week,
    merge,
    only_numbers,
)
from devices.schema import BY_NAME, Field

OCCUPIED, PEOPLE = BY_NAME["occupied"], BY_NAME["people"]
CARBON_DIOXIDE, LIT = BY_NAME["co2"], BY_NAME["on"]
TEMPERATURE_OF, VALVE = BY_NAME["temperature"], BY_NAME["valve_position"]

FIFTEEN_MINUTES: Final = "15m"

NO_SENSOR = "No occupancy sensor of the chosen spaces reported in this time range."
NO_COUNTER = "No people counter of the chosen spaces reported in this time range."
DELETED = "Or it ended so long ago that its readings are deleted: the other panels keep their half-hours."
OBSERVED = "Only spaces with a sensor are counted; a space with none is not here, which does not mean that it is empty."
EACH_ALIKE = "Every space weighs the same, whatever its size."
HALF_HOURS = (
    "From half-hours, which stay when their readings are deleted: what a sensor said holds until its next reading, for "
    "two hours at most where somebody is there."
)

PEOPLE_NOW = Text(
    "People now, by building",
    f"People in the chosen spaces: the last count of each in the time range, added up. {OBSERVED}",
    f"{NO_COUNTER} {DELETED}",
)
IN_USE_NOW = Text(
    "Share of spaces in use now",
    f"Share of the observed spaces with somebody in them, last value of the time range. {OBSERVED} {EACH_ALIKE}",
    f"{NO_SENSOR} {DELETED}",
)
CO2_NOW = Text(
    "Highest CO₂ now",
    f"The highest carbon dioxide of the chosen spaces, by building, last value of the time range. {CO2.source}",
    "No CO₂ sensor of the chosen spaces reported in this time range.",
)
PEOPLE_OVER_TIME = Text(
    "People by building",
    f"Mean number of people in the chosen spaces, added up by building. {HALF_HOURS} {OBSERVED}",
    NO_COUNTER,
)
USE_AND_LIGHT = Text(
    "Spaces in use, and spaces lit",
    "Share of spaces with somebody in them, beside the share of lamps that are on. Light well above use is light that "
    "serves nobody. Every space and every lamp weighs the same. Lamps report when they change and at least every five "
    f"minutes. {HALF_HOURS}",
    "Neither occupancy sensors nor lamps of the chosen spaces reported in this time range.",
)
SHARE_BY_HOUR = Text(
    "Occupied share by hour of the week",
    "Share of time in which the chosen spaces were occupied, for each hour of the week on the local clock, averaged "
    f"over the weeks of the time range; a range of whole weeks is fairest. {EACH_ALIKE} {HALF_HOURS}",
    NO_SENSOR,
)
PEOPLE_BY_HOUR = Text(
    "People by hour of the week",
    "Mean number of people in the chosen spaces together, for each hour of the week on the local clock, averaged over "
    f"the weeks of the time range. {HALF_HOURS}",
    NO_COUNTER,
)
BY_SPACE = Text(
    "Use of each space",
    "Share of the whole time range, nights and weekends included, in which the space was occupied; people on average "
    f"and at most. {HALF_HOURS}",
    NO_SENSOR,
)
NEVER_USED = Text(
    "Spaces never used",
    "Spaces whose sensors saw nobody in the whole time range, with the number of readings that say so: few readings "
    f"prove little. {HALF_HOURS} {OBSERVED}",
    "Every observed space was used at least once in this time range, or no occupancy sensor reported.",
)
SPACE_BY_HOUR = Text(
    "Occupied share by space and hour of the day",
    "Share of time in which each space was occupied, for each hour of the day on the local clock, over all days of the "
    "time range. Spaces of the same name in several buildings are averaged: choose one building to tell them apart, "
    f"and one space to see its week in the panel by hour of the week. {HALF_HOURS}",
    NO_SENSOR,
)
CO2_IN_USE = Text(
    "CO₂ while occupied",
    "Mean and highest half-hourly carbon dioxide of each space, over the half-hours in which somebody was there. "
    f"Colours: {CO2.source}",
    "No space with both a CO₂ sensor and an occupancy sensor was occupied in this time range.",
)
WARMTH_IN_USE = Text(
    "Temperature while occupied, the coldest first",
    "Mean and lowest half-hourly temperature of each space, over the half-hours in which somebody was there. "
    f"Colours: {TEMPERATURE.source}",
    "No space with both a temperature sensor and an occupancy sensor was occupied in this time range.",
)
HEATED_EMPTY = Text(
    "Heating while empty",
    "Hours of full heating in a space while nobody was there: the opening of its radiator valves, added up over "
    "half-hours without any occupancy, so that two hours half open are one. Warming up before people come is in it; "
    "much more than that is heat for nobody. The list of spaces never used says which could be set lower altogether.",
    "No valve was open in an empty space, or no space has both a radiator thermostat and an occupancy sensor.",
)
LIT_EMPTY = Text(
    "Light while empty",
    "Hours in which light burned in a space while nobody was there: the share of its lamps that were on, added up over "
    "half-hours without any occupancy. Lamps report when they change and at least every five minutes, so the share of "
    "a half-hour is near, not exact.",
    "No light burned in an empty space, or no space has both lamps and an occupancy sensor that reported.",
)


def _now(*, few: bool) -> tuple[tuple[int, Json], ...]:
    people = Target(_latest("sum", PEOPLE, few=few), alias(BUILDING))
    in_use = Target(_latest("mean", OCCUPIED, few=few), alias(BUILDING))
    carbon = Target(queries.latest("max", CARBON_DIOXIDE, BUILDING), alias(BUILDING))
    return (
        (8, _counts(stat(PEOPLE_NOW, COUNT, [people], decimals=0), few=few)),
        (8, stat(IN_USE_NOW, SHARE, [in_use])),
        (8, stat(CO2_NOW, CARBON_DIOXIDE.display, [carbon], CO2)),
    )


def _latest(function: str, field: Field, *, few: bool) -> str:
    """Now; where small numbers are hidden, nothing is finer than a quarter of an hour."""
    if few:
        return queries.latest_mean(function, field, FIFTEEN_MINUTES, BUILDING)
    return queries.latest(function, field, BUILDING)


def _counts(panel: Json, *, few: bool) -> Json:
    return few_hidden(panel) if few else panel


def _over_time(*, few: bool) -> tuple[tuple[int, Json], ...]:
    people = rolled_up(utilisation.sum_of_spaces(PEOPLE, queries.EVERY, BUILDING), alias(BUILDING))
    in_use = rolled_up(utilisation.share(OCCUPIED, COUNCIL), "spaces in use")
    lit = Target(queries.mean(LIT, COUNCIL), "lamps on")
    return (
        (12, _counts(at_least(lines(PEOPLE_OVER_TIME, COUNT, [people]), HALF_HOUR), few=few)),
        (12, at_least(lines(USE_AND_LIGHT, SHARE, [in_use, lit]), HALF_HOUR)),
    )


def _week(text: Text, unit: str, query: str, name: str, highest: float | None) -> Json:
    average = f"{name} (mean)"
    steps = [
        *hour_of_week(),
        group([DAY_COLUMN, HOUR_COLUMN], {name: ["mean"]}),
        *grid(DAY_COLUMN, HOUR_COLUMN, average),
    ]
    return matrix(text, unit, [rolled_up(query)], steps, DAY_COLUMN.capitalize(), highest)


def _people_by_hour(*, few: bool) -> Json:
    panel = _week(PEOPLE_BY_HOUR, COUNT, utilisation.hourly_sum(PEOPLE, "people"), "people", None)
    return _counts(panel, few=few)


def _spaces(*, few: bool) -> tuple[tuple[int, Json], ...]:
    share, usual, peak = "share", "usual", "peak"
    query = utilisation.use_of_spaces(OCCUPIED, PEOPLE, (share, usual, peak))
    headings = {BUILDING: "Building", LEVEL: "Level", SPACE: "Space"}
    headings |= {share: "Occupied", usual: "People, mean", peak: "People, most"}
    shown = (Column("Occupied", SHARE, gauge=True),)
    use = table(BY_SPACE, COUNT, [rolled_up(query)], [arrange(headings)], shown, ("Occupied", True))
    if few:
        use = few_hidden(use, headings[usual], headings[peak])
    silent = {BUILDING: "Building", LEVEL: "Level", SPACE: "Space", "readings": "Readings"}
    never = rolled_up(utilisation.never(OCCUPIED, "readings"))
    return (
        (14, use),
        (10, table(NEVER_USED, COUNT, [never], [arrange(silent)], (), ("Building", False))),
    )


def _day_of_spaces() -> Json:
    name = "share"
    steps = [
        *hour_of_day(),
        group([SPACE, HOUR_COLUMN], {name: ["mean"]}),
        *grid(SPACE, HOUR_COLUMN, f"{name} (mean)"),
    ]
    query = utilisation.hourly_share(OCCUPIED, name, BUILDING, SPACE)
    return matrix(SPACE_BY_HOUR, SHARE, [rolled_up(query)], steps, SPACE.capitalize(), 1)


def _in_use() -> tuple[tuple[int, Json], ...]:
    return (
        (12, _while_occupied(WARMTH_IN_USE, TEMPERATURE_OF, "min", TEMPERATURE)),
        (12, _while_occupied(CO2_IN_USE, CARBON_DIOXIDE, "max", CO2)),
    )


def _while_occupied(text: Text, field: Field, worst: str, steps: Steps) -> Json:
    """Table of spaces: a gauge over the half-hours with somebody there, the worst first."""
    held = "occupied"
    targets = [Target(queries.half_hours(field, field.name)), rolled_up(utilisation.half_hours_held(OCCUPIED, held))]
    changes = [merge(), only_numbers(field.name, held), group([BUILDING, SPACE], {field.name: ["mean", worst]})]
    extreme = {"min": "Lowest", "max": "Highest"}[worst]
    headings = {BUILDING: "Building", SPACE: "Space"}
    headings |= {f"{field.name} (mean)": "Mean", f"{field.name} ({worst})": extreme}
    shown = tuple(Column(name, field.display, steps=steps) for name in ("Mean", extreme))
    return table(text, field.display, targets, [*changes, arrange(headings)], shown, ("Mean", worst == "max"))


def _for_nobody() -> tuple[tuple[int, Json], ...]:
    return ((12, _while_empty(LIT_EMPTY, LIT, 1.0)), (12, _while_empty(HEATED_EMPTY, VALVE, 100.0)))


def _while_empty(text: Text, field: Field, full: float) -> Json:
    """Table of spaces: hours of a state, or of a gauge at `full`, over the half-hours with nobody there."""
    hours, empty = "hours", "empty"
    targets = [Target(queries.hours_held(field, hours, full)), rolled_up(utilisation.half_hours_never(OCCUPIED, empty))]
    both = [merge(), only_numbers(hours, empty), group([BUILDING, SPACE], {hours: ["sum"]})]
    names = {BUILDING: "Building", SPACE: "Space", f"{hours} (sum)": "Hours"}
    return table(text, COUNT, targets, [*both, arrange(names)], (Column("Hours", HOURS),), ("Hours", True))


def board(*, few: bool) -> Board:
    """The board; with `few`, counts of 1 to 4 are "< 5", and nothing is finer than a quarter of an hour."""
    return Board(
        uid="tolbooth-occupancy",
        title="Occupancy",
        description="Who is in the buildings and when, which spaces stand empty, and air, warmth and light beside it.",
        buildings=rolled_up(utilisation.buildings()),
        spaces=rolled_up(utilisation.spaces()),
        since="now-7d/d",
        rows=(
            Row(7, _now(few=few)),
            Row(9, _over_time(few=few)),
            Row(9, ((24, _week(SHARE_BY_HOUR, SHARE, utilisation.hourly_share(OCCUPIED, "share"), "share", 1)),)),
            Row(9, ((24, _people_by_hour(few=few)),)),
            Row(10, _spaces(few=few)),
            Row(11, ((24, _day_of_spaces()),)),
            Row(10, _in_use()),
            Row(10, _for_nobody()),
        ),
    )


BOARD: Final = board(few=False)
WITHOUT_SMALL_NUMBERS: Final = board(few=True)
