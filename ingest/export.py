"""Tables for analysts out of InfluxDB: consumption and utilisation from the roll-ups, or any measurement's readings."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from operator import itemgetter
from typing import Final

from devices.errors import ConfigurationError, MendableError
from devices.factors import CARBON, GAS_KWH_M3, PRICES, Rates
from devices.localdays import day_of, local, midnight
from devices.rollups import HALF_HOUR, OCCUPANCY, ROLLED, SPACE_TAGS, Period, database_of, estimated, key_over
from devices.rollups import TAGS as REGISTER_TAGS
from devices.schema import FIELDS, TAGS
from devices.tables import Column, Kind, Row, Write
from ingest.influx import Influx, identifiers

CONSUMPTION: Final = "consumption"
UTILISATION: Final = "utilisation"
READINGS: Final = tuple(dict.fromkeys(field.measurement for field in FIELDS))
"""The measurements of readings."""
WHATS: Final = (CONSUMPTION, UTILISATION, *READINGS)
"""What can be exported."""
_ELECTRICITY, _GAS, _GAS_ENERGY, _HEAT = "electricity_import_kwh", "gas_m3", "gas_kwh", "heat_kwh"


class ExportError(MendableError):
    """There is nothing to export; the text says where, and what to do."""


@dataclass(frozen=True, slots=True)
class Source:
    """What a table is made of."""

    measurement: str
    rolled: bool
    """whether it is of the roll-ups' database"""
    tags: tuple[str, ...]
    fields: tuple[Column, ...]
    days: int
    """for which one query asks"""
    valued: bool = False
    """whether cost and carbon stand beside"""

    @property
    def columns(self) -> tuple[Column, ...]:
        """Of the table: time in UTC, time on the local clock, tags, fields."""
        head = (Column("time", Kind.INSTANT), Column("local_time"), *(Column(tag) for tag in self.tags))
        worth = (_number("cost_gbp", "£"), _number("carbon_kgco2e", "kgCO2e")) if self.valued else ()
        return (*head, *self.fields, *worth)


def source(what: str, period: Period) -> Source:
    """What to ask for; `period` is of consumption.

    Raises:
        ConfigurationError: there is no such table.
    """
    if what == CONSUMPTION:
        days = 7 if period is Period.HALF_HOUR else 366
        keys = [(key, field.unit) for field in ROLLED for key in (field.key, estimated(field))]
        return Source(period, True, REGISTER_TAGS, tuple(_number(*key) for key in keys), days, valued=True)
    if what == UTILISATION:
        figures = tuple(_number(key_over(field, over), "") for field, over in OCCUPANCY)
        return Source(HALF_HOUR, True, SPACE_TAGS, figures, 7)
    if what not in READINGS:
        raise ConfigurationError(f"there is no table {what!r}: ask for one of {', '.join(WHATS)}")
    return Source(what, False, TAGS, tuple(_number(one.key, one.unit) for one in FIELDS if one.measurement == what), 1)


async def export(
    influx: Influx,
    wanted: Source,
    buildings: Sequence[str],
    since: date | None,
    until: date | None,
    write: Write,
    told: Callable[[float], None],
) -> int:
    """Write the rows of the local days from `since` to `until`, both included, in the order of time; how many.

    Args:
        buildings: whose; none are all.
        told: hears which share is done.

    Raises:
        ExportError: there are no such rows.
        DatabaseError: the database does not answer, or refuses.
    """
    database = database_of(influx.database) if wanted.rolled else influx.database
    where = " OR ".join(f""""building" = '{_quoted(name)}'""" for name in buildings)
    keys = [field.name for field in wanted.fields]
    found = [
        await influx.end(wanted.measurement, keys, last=last, where=where, database=database) for last in (False, True)
    ]
    if None in found:
        of = f" of building {', '.join(buildings)}" if buildings else ""
        raise ExportError(f"{database} has no {wanted.measurement}{of}: see `tolbooth status`, and docs/schema.md")
    first, last = (day_of(at or 0) for at in found)
    spans = list(_spans(max(first, since or first), min(last, until or last), wanted.days))
    if not spans:
        raise ExportError(f"no {wanted.measurement} is of these days: {database} has it from {first} to {last}")
    written = 0
    for done, (start, end) in enumerate(spans, 1):
        rows = await _rows(influx, wanted, database, where, start, end)
        write(rows)
        written += len(rows)
        told(done / len(spans))
    return written


async def _rows(influx: Influx, wanted: Source, database: str, where: str, start: int, end: int) -> list[Row]:
    keys = [field.name for field in wanted.fields]
    question = (
        f'SELECT {identifiers(keys)} FROM "{wanted.measurement}" WHERE time >= {start} AND time < {end}'  # noqa: S608 - quoted
        f"{f' AND ({where})' if where else ''} GROUP BY {identifiers(wanted.tags)}"
    )
    rows: list[Row] = []
    for series in await influx.query(question, database=database):
        tags = [series["tags"][tag] for tag in wanted.tags]
        for at, *values in series["values"]:
            worth = _worth(dict(zip(keys, values, strict=True))) if wanted.valued else ()
            rows.append((at, local(at).isoformat(), *tags, *values, *worth))
    rows.sort(key=itemgetter(0, *range(2, 2 + len(wanted.tags))))
    return rows


def _worth(amounts: Mapping[str, float | None]) -> tuple[float | None, float | None]:
    """Cost and carbon of what was taken; None where it is nothing that is bought by the kilowatt-hour."""
    volume = amounts[_GAS]
    gas = amounts[_GAS_ENERGY] if volume is None else volume * GAS_KWH_M3
    bought = (amounts[_ELECTRICITY], gas, amounts[_HEAT])
    if all(amount is None for amount in bought):
        return None, None
    return _sum(bought, PRICES), _sum(bought, CARBON)


def _sum(bought: Iterable[float | None], rates: Rates) -> float:
    each = zip(bought, (rates.electricity, rates.gas, rates.heat), strict=True)
    return round(sum((amount or 0.0) * rate for amount, rate in each), 6)


def _number(key: str, unit: str) -> Column:
    return Column(key, Kind.NUMBER, None, "" if unit == "1" else unit)


def _quoted(text: str) -> str:
    return text.replace("\\", r"\\").replace("'", r"\'")


def _spans(first: date, last: date, days: int) -> Iterator[tuple[int, int]]:
    """The local days from `first` to `last`, so many at a time: begin and end, ns."""
    while first <= last:
        after = min(first + timedelta(days=days), last + timedelta(days=1))
        yield midnight(first), midnight(after)
        first = after
