"""Energy: consumption from the registers with its cost and carbon, power now, sub-meters, silence, and the heating."""

from itertools import chain
from typing import Final

from dashboards import consumption, queries
from dashboards.board import Board, Row
from dashboards.consumption import Rate
from dashboards.panels import (
    COUNT,
    KILOGRAMS,
    KILOGRAMS_CO2E,
    KILOWATT_HOURS,
    POUNDS,
    SHARE,
    WHOLE_POUNDS,
    Column,
    Json,
    Target,
    Text,
    as_line,
    at_least,
    bar_gauge,
    coloured,
    columns,
    lines,
    on_the_right,
    rolled_up,
    stat,
    table,
)
from dashboards.queries import (
    BUILDING,
    COUNCIL,
    DAY,
    DEVICE,
    HALF_HOUR,
    LEVEL,
    MAIN,
    SPACE,
    SUB,
    USE,
    alias,
    tag_values,
)
from dashboards.thresholds import TEMPERATURE
from dashboards.transformations import arrange, merge
from devices import factors
from devices.schema import BY_NAME, Field

POWER = BY_NAME["power"]
ELECTRICITY, HEAT = BY_NAME["electricity_import"], BY_NAME["heat"]
GAS, GAS_ENERGY = BY_NAME["gas"], BY_NAME["gas_energy"]
INDOORS, OUTDOORS = BY_NAME["temperature"], BY_NAME["outdoor_temperature"]
SETPOINT, VALVE = BY_NAME["heating_setpoint"], BY_NAME["valve_position"]
SILENT, AGE = BY_NAME["silent"], BY_NAME["age"]

HOURS_A_YEAR: Final = 8_760

FIVE_MINUTES: Final = "5m"
FIFTEEN_MINUTES: Final = "15m"

REGISTERS = (
    "From the meters' registers: what a register rose between two readings is shared evenly over the time between "
    "them, over a gap too. A roll-over is counted, a register that began again counts from 0, a new meter starts anew, "
    "and a jump that no meter can make is left out. At most about a minute and a half behind the readings."
)
MAIN_METERS = "Main meters only, so that nothing is counted twice."
NO_REGISTER = "No {what} register reported in this time range: take a longer one, or see if meters are silent."

GAS_AS_BILLED = (
    f"A cubic metre of gas counts as {factors.GAS_KWH_M3:.2f} kWh (1.02264 × 39.5 MJ/m³ ÷ 3.6; the bill has the "
    "calorific value). A gas meter that reports energy counts by it; one that reports both counts once, by its volume."
)
BOUGHT = f"Electricity, gas and heat of the main meters: what is bought. {GAS_AS_BILLED}"

ACCOUNT = Text(
    "What each building uses, costs and emits",
    f"The whole time range. {BOUGHT} {factors.PRICES.source} {factors.CARBON.source} Baseload: the electric power that "
    "is passed in 95 of 100 half-hours of the range, and what it costs if it stays so for a year. It is what runs when "
    "nobody is there: where it is a large part of the power by day, something is left on. Estimated: the share of the "
    "energy from readings over two hours apart, whose half-hours nobody knows, and from registers that began again, "
    "where some may be lost. It is in the figures; where it is large, they and the baseload are coarse.",
    "No main meter reported in this time range: take a longer one, or see if meters are silent.",
)
QUIET = Text(
    "Devices gone quiet",
    "Devices of the chosen buildings with an alarm for silence at the end of the time range, and how long each had not "
    "been heard: it, or its gateway, missed what the registry expects of it. Figures of its space or meter are old.",
    "No device was silent at the end of this time range, or ingest did not run in it.",
)
COST_BY_DAY = Text(
    "Cost by day",
    f"Cost of what was used on each day, midnight to midnight local time. {BOUGHT} {factors.PRICES.source}",
    NO_REGISTER.format(what="main"),
)
CARBON_BY_DAY = Text(
    "Carbon by day (CO₂e)",
    "Greenhouse gases of what was used on each day, in kilograms of CO₂ equivalent, midnight to midnight local time. "
    f"{BOUGHT} {factors.CARBON.source}",
    NO_REGISTER.format(what="main"),
)

POWER_NOW = Text(
    "Power now, by building",
    "Electric power that each building takes now: the last value of each of its main meters in the time range. "
    f"{MAIN_METERS} Negative means export.",
    "No main electricity meter reported power in this time range.",
)
POWER_BY_USE = Text(
    "Power now, by use",
    "Electric power now by what the sub-meters serve: the last value of each meter in the time range, over the "
    "chosen buildings.",
    "No sub-meter reported power in this time range: the buildings may have none.",
)
ELECTRICITY_TOTAL = Text(
    "Electricity in this time range",
    f"Electricity taken from the grid by each building. {MAIN_METERS} {REGISTERS}",
    NO_REGISTER.format(what="electricity"),
)
GAS_TOTAL = Text(
    "Gas in this time range",
    "Volume of gas as the meters count it, not corrected. A cubic metre holds about 11 kWh: volume × 1.02264 × "
    f"calorific value (38 to 41 MJ/m³, on the bill) ÷ 3.6. Meters that report only energy are in Gas by day. "
    f"{MAIN_METERS} {REGISTERS}",
    NO_REGISTER.format(what="gas"),
)
HEAT_TOTAL = Text(
    "Heat in this time range",
    f"Heat from heat meters: district heating, or behind a boiler or heat pump. {MAIN_METERS} {REGISTERS}",
    NO_REGISTER.format(what="heat"),
)
POWER_OVER_TIME = Text(
    "Power by building",
    f"Mean electric power of each building's main meters. {MAIN_METERS} What remains at night runs when nobody is "
    "there.",
    "No main electricity meter reported power in this time range.",
)
BY_HALF_HOUR = Text(
    "Electricity by half-hour",
    f"Electricity taken in each half-hour. {MAIN_METERS} {REGISTERS}",
    NO_REGISTER.format(what="electricity"),
)
BY_DAY = Text(
    "Electricity by day",
    "Electricity taken on each day, midnight to midnight local time (23 or 25 hours when the clock changes). "
    f"Today's and the first day's column grow with what is in the time range. {MAIN_METERS} {REGISTERS}",
    NO_REGISTER.format(what="electricity"),
)
SUB_METERS = Text(
    "Sub-meters against the main meter, by day",
    "Columns: electricity by what the sub-meters serve. Line: the main meters. The space between the columns and the "
    f"line is use that no sub-meter sees. {REGISTERS}",
    NO_REGISTER.format(what="electricity"),
)
GAS_BY_DAY = Text(
    "Gas by day",
    "Gas on each day, midnight to midnight local time. Volume in m³ as the meter counts it, not corrected; meters that "
    f"report energy are on the right axis in kWh. {MAIN_METERS} {REGISTERS}",
    NO_REGISTER.format(what="gas"),
)
HEAT_BY_DAY = Text(
    "Heat by day",
    f"Heat from heat meters on each day, midnight to midnight local time. {MAIN_METERS} {REGISTERS}",
    NO_REGISTER.format(what="heat"),
)
TEMPERATURES = Text(
    "Temperature indoors and outdoors",
    "Mean air temperature of the chosen spaces, by building, and the air outside (any weather "
    "station of the council). From room sensors, thermostats and "
    f"weather stations. Dashed lines: {TEMPERATURE.source}",
    "No sensor of the chosen spaces reported a temperature in this time range.",
)
VALVES = Text(
    "Heating valves",
    "Mean opening of the heating valves of the chosen spaces, by building: 100 % is all valves fully open. From "
    "radiator thermostats. Valves that stay open while it is warm outside point to a fault or a wrong set point.",
    "No radiator thermostat of the chosen spaces reported in this time range.",
)
SPACES = Text(
    "Spaces, the coldest first: temperature, set point and valve",
    "The last values in the time range for each space; several devices of a space are averaged. By night and on closed "
    "days spaces are cold on purpose: the board Occupancy has the temperature while somebody is there. Colours: "
    f"{TEMPERATURE.source}",
    "No sensor of the chosen spaces reported in this time range.",
)


def _rates(rates: factors.Rates) -> tuple[Rate, ...]:
    return (Rate(ELECTRICITY, rates.electricity), *gas(rates.gas), Rate(HEAT, rates.heat))


def gas(rate: float) -> tuple[Rate, Rate]:
    """The rates of gas, from that of a kilowatt-hour: volume counts where a meter has both registers."""
    return Rate(GAS, rate * factors.GAS_KWH_M3), Rate(GAS_ENERGY, rate, unless=GAS)


def _account() -> tuple[tuple[int, Json], ...]:
    baseload, yearly, estimated = "baseload", "yearly", "estimated"
    a_year = HOURS_A_YEAR / 1_000 * factors.PRICES.electricity
    energy = {"electricity": (Rate(ELECTRICITY, 1.0),), "gas": gas(1.0), "heat": (Rate(HEAT, 1.0),)}
    summed = energy | {"cost": _rates(factors.PRICES), "carbon": _rates(factors.CARBON)}
    targets = [rolled_up(consumption.worth_of_range(rates, name, BUILDING)) for name, rates in summed.items()]
    targets.append(rolled_up(consumption.estimated_of_range([*chain(*energy.values())], estimated, BUILDING)))
    targets.append(rolled_up(consumption.baseload(ELECTRICITY, (baseload, yearly), a_year, BUILDING)))
    named = {
        "cost": Column("Cost", WHOLE_POUNDS, decimals=0, width=85),
        "carbon": Column("Carbon", KILOGRAMS_CO2E, decimals=0, width=115),
        "electricity": Column("Electricity", KILOWATT_HOURS, width=95),
        "gas": Column("Gas", KILOWATT_HOURS, width=95),
        "heat": Column("Heat", KILOWATT_HOURS, width=95),
        baseload: Column("Baseload", POWER.display, width=90),
        yearly: Column("Baseload a year", WHOLE_POUNDS, decimals=0, width=120),
        estimated: Column("Estimated", SHARE, decimals=1, width=90),
    }
    headings = {BUILDING: "Building"} | {name: column.name for name, column in named.items()}
    steps = [merge(), arrange(headings)]
    account = table(ACCOUNT, COUNT, targets, steps, tuple(named.values()), ("Cost", True))
    quiet = Target(queries.held_devices(SILENT, AGE, AGE.name))
    places = {BUILDING: "Building", SPACE: "Space", DEVICE: "Device", AGE.name: "Silent for"}
    silent = (Column("Silent for", AGE.display),)
    return (
        (16, account),
        (8, table(QUIET, COUNT, [quiet], [arrange(places)], silent, ("Silent for", True))),
    )


def _worth() -> tuple[tuple[int, Json], ...]:
    cost = rolled_up(consumption.worth_over_time(_rates(factors.PRICES), DAY, BUILDING), alias(BUILDING))
    carbon = rolled_up(consumption.worth_over_time(_rates(factors.CARBON), DAY, BUILDING), alias(BUILDING))
    return (
        (12, at_least(columns(COST_BY_DAY, POUNDS, [cost]), DAY)),
        (12, at_least(columns(CARBON_BY_DAY, KILOGRAMS, [carbon]), DAY)),
    )


def _totals() -> tuple[tuple[int, Json], ...]:
    return (
        (8, _in_range(ELECTRICITY_TOTAL, ELECTRICITY)),
        (8, _in_range(GAS_TOTAL, GAS)),
        (8, _in_range(HEAT_TOTAL, HEAT)),
    )


def _in_range(text: Text, register: Field) -> Json:
    query = consumption.of_range(register, BUILDING, MAIN)
    return stat(text, register.display, [rolled_up(query, alias(BUILDING))])


def _now() -> tuple[tuple[int, Json], ...]:
    by_building = Target(queries.latest_total(POWER, BUILDING, MAIN), alias(BUILDING))
    by_use = Target(queries.latest_total(POWER, USE, SUB), alias(USE))
    return (
        (12, stat(POWER_NOW, POWER.display, [by_building])),
        (12, bar_gauge(POWER_BY_USE, POWER.display, [by_use])),
    )


def _electricity() -> tuple[tuple[int, Json], ...]:
    power = Target(queries.total(POWER, BUILDING, MAIN), alias(BUILDING))
    half_hours = rolled_up(consumption.over_time(ELECTRICITY, HALF_HOUR, BUILDING, MAIN), alias(BUILDING))
    return (
        (12, at_least(lines(POWER_OVER_TIME, POWER.display, [power]), FIVE_MINUTES)),
        (12, at_least(columns(BY_HALF_HOUR, KILOWATT_HOURS, [half_hours]), HALF_HOUR)),
    )


def _days() -> tuple[tuple[int, Json], ...]:
    days = rolled_up(consumption.over_time(ELECTRICITY, DAY, BUILDING, MAIN), alias(BUILDING))
    uses = rolled_up(consumption.over_time(ELECTRICITY, DAY, USE, SUB), alias(USE))
    main = rolled_up(consumption.over_time(ELECTRICITY, DAY, queries.ROLE, MAIN), f"{alias(queries.ROLE)} meters")
    return (
        (12, at_least(columns(BY_DAY, KILOWATT_HOURS, [days]), DAY)),
        (12, at_least(columns(SUB_METERS, KILOWATT_HOURS, [uses, main], [as_line("B", "text")]), DAY)),
    )


def _fuels() -> tuple[tuple[int, Json], ...]:
    volume = rolled_up(consumption.over_time(GAS, DAY, BUILDING, MAIN), alias(BUILDING))
    energy = rolled_up(consumption.over_time(GAS_ENERGY, DAY, BUILDING, MAIN), f"{alias(BUILDING)} (energy)")
    heat = rolled_up(consumption.over_time(HEAT, DAY, BUILDING, MAIN), alias(BUILDING))
    in_energy = on_the_right("B", KILOWATT_HOURS)
    return (
        (12, at_least(columns(GAS_BY_DAY, GAS.display, [volume, energy], [in_energy]), DAY)),
        (12, at_least(columns(HEAT_BY_DAY, KILOWATT_HOURS, [heat]), DAY)),
    )


def _heating() -> tuple[tuple[int, Json], ...]:
    indoors = Target(queries.mean(INDOORS, BUILDING), alias(BUILDING))
    outdoors = Target(queries.mean_of_council(OUTDOORS), "outdoors")
    valves = Target(queries.mean(VALVE, BUILDING), alias(BUILDING))
    outside = coloured("B", "light-blue")
    temperatures = lines(TEMPERATURES, INDOORS.display, [indoors, outdoors], TEMPERATURE, [outside])
    return (
        (12, at_least(temperatures, FIFTEEN_MINUTES)),
        (12, at_least(lines(VALVES, VALVE.display, [valves]), FIFTEEN_MINUTES)),
    )


def _spaces() -> tuple[tuple[int, Json], ...]:
    named = {
        INDOORS.name: Column("Temperature", INDOORS.display, steps=TEMPERATURE),
        SETPOINT.name: Column("Set point", SETPOINT.display),
        VALVE.name: Column("Valve", VALVE.display),
    }
    targets = [Target(queries.latest_of_spaces(BY_NAME[name], name)) for name in named]
    headings = {BUILDING: "Building", LEVEL: "Level", SPACE: "Space"}
    headings |= {name: column.name for name, column in named.items()}
    shown = tuple(named.values())
    return ((24, table(SPACES, COUNT, targets, [merge(), arrange(headings)], shown, ("Temperature", False))),)


BOARD: Final = Board(
    uid="tolbooth-energy",
    title="Energy",
    description="Electricity, gas and heat of the council's buildings, their cost and carbon, and the heating.",
    buildings=Target(tag_values(BUILDING, ELECTRICITY.measurement, COUNCIL)),
    spaces=Target(tag_values(SPACE, INDOORS.measurement, COUNCIL, BUILDING)),
    since="now-7d/d",
    rows=(
        Row(10, _account()),
        Row(7, _now()),
        Row(6, _totals()),
        Row(9, _electricity()),
        Row(9, _days()),
        Row(9, _worth()),
        Row(8, _fuels()),
        Row(9, _heating()),
        Row(10, _spaces()),
    ),
)
