"""The reference tables in `devices/data`: councils, benchmark categories, climate stations."""

import csv
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any, Final

import yaml

from devices.calendar import Rules, unreadable

DATA: Final = files("devices") / "data"


@dataclass(frozen=True, slots=True)
class CouncilArea:
    """A council of Scotland as the Office for National Statistics lists it."""

    gss: str
    area: str
    name: str
    superseded: tuple[str, ...]
    """codes that `gss` replaced"""
    climate_station: str


@dataclass(frozen=True, slots=True)
class Benchmark:
    """A category of CIBSE TM46; the figures are a year's, at 2,021 heating degree days."""

    category: int
    name: str
    electricity_kwh_m2: float
    fossil_thermal_kwh_m2: float


def _rows(name: str) -> list[dict[str, str]]:
    return list(csv.DictReader((DATA / name).read_text(encoding="utf-8").splitlines()))


@cache
def council_areas() -> Mapping[str, CouncilArea]:
    """GSS code → council, for the 32 codes in force."""
    return {
        row["gss_code"]: CouncilArea(
            row["gss_code"],
            row["area_name"],
            row["council_name"],
            tuple(row["superseded_codes"].split()),
            row["default_climate_station"],
        )
        for row in _rows("councils.csv")
    }


@cache
def superseded_codes() -> Mapping[str, CouncilArea]:
    """Superseded GSS code → the council as it is coded now."""
    return {old: area for area in council_areas().values() for old in area.superseded}


@cache
def calendar_rules() -> Mapping[str, Rules]:
    """GSS code → the rules of the council's holidays and school terms.

    Raises:
        ValueError: the table holds a rule that is none.
    """
    table = yaml.load((DATA / "calendars.yaml").read_text(encoding="utf-8"), yaml.BaseLoader)  # noqa: S506 (text only)
    return {gss: _rules(table["patterns"][one["like"]] | one) for gss, one in table["councils"].items()}


def _rules(row: Mapping[str, Any]) -> Rules:
    rules = Rules(tuple(row["closed"]), row["first"], row["last"], tuple(row["breaks"]), tuple(row["in_service"]))
    wrong = list(unreadable((*rules.closed, rules.first, rules.last, *rules.breaks, *rules.in_service)))
    if wrong:
        raise ValueError(f"{', '.join(wrong)} in {DATA / 'calendars.yaml'} name no day: see devices/calendar.py")
    return rules


@cache
def benchmarks() -> Mapping[int, Benchmark]:
    """TM46 category → its benchmark."""
    return {
        int(row["category"]): Benchmark(
            int(row["category"]),
            row["name"],
            float(row["electricity_kwh_m2"]),
            float(row["fossil_thermal_kwh_m2"]),
        )
        for row in _rows("tm46.csv")
    }


@cache
def climate_stations() -> Mapping[str, str]:
    """Climate station id → name."""
    return {row["station"]: row["name"] for row in _rows("climate_stations.csv")}
