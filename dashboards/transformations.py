"""Builders of the Grafana transformations that the boards use, for what InfluxQL cannot do.

InfluxQL joins no measurements and knows no hour of the week; Grafana's transformations do both, on the result.
"""

from collections.abc import Sequence

from dashboards.panels import Json
from dashboards.queries import TIME
from devices.localdays import ZONE

DAY_COLUMN, HOUR_COLUMN = "day", "hour"
HOURS_OF_DAY = tuple(f"{hour:02}" for hour in range(24))


def merge() -> Json:
    """One table of all targets: rows that agree in the columns they share become one row."""
    return {"id": "merge", "options": {}}


def only_numbers(*columns: str) -> Json:
    """Keep the rows in which every column of `columns` has a value."""
    filters = [{"fieldName": column, "config": {"id": "isNotNull", "options": {}}} for column in columns]
    return {"id": "filterByValue", "options": {"filters": filters, "match": "all", "type": "include"}}


def group(by: Sequence[str], aggregations: dict[str, Sequence[str]]) -> Json:
    """One row for each combination of `by`; a result is named like `co2 (mean)`."""
    fields: Json = {name: {"aggregations": [], "operation": "groupby"} for name in by}
    fields |= {
        name: {"aggregations": list(reducers), "operation": "aggregate"} for name, reducers in aggregations.items()
    }
    return {"id": "groupBy", "options": {"fields": fields}}


def hour_of_week() -> list[Json]:
    """Columns `day` (1 is Monday) and `hour` (00 to 23) of the local clock, out of the time column."""
    return _clock(f"[{DAY_COLUMN}]=E [{HOUR_COLUMN}]=HH")


def hour_of_day() -> list[Json]:
    """Column `hour` (00 to 23) of the local clock, out of the time column."""
    return _clock(f"[{HOUR_COLUMN}]=HH")


def grid(rows: str, columns: str, value: str) -> list[Json]:
    """A matrix of `value` with a row for each value of `rows` (sorted) and a column for each of `columns`."""
    corner = f"{rows}\\{columns}"
    options = {"columnField": columns, "rowField": rows, "valueField": value, "emptyValue": "null"}
    order = {name: place for place, name in enumerate((corner, *HOURS_OF_DAY))}
    return [
        {"id": "groupingToMatrix", "options": options},
        {"id": "sortBy", "options": {"fields": {}, "sort": [{"field": corner}]}},
        {
            "id": "organize",
            "options": {"excludeByName": {}, "indexByName": order, "renameByName": {corner: rows.capitalize()}},
        },
    ]


def arrange(names: dict[str, str]) -> Json:
    """Columns in the order of `names`, renamed by it; the time is left out."""
    order = {name: place for place, name in enumerate(names)}
    return {
        "id": "organize",
        "options": {"excludeByName": {TIME: True}, "indexByName": order, "renameByName": dict(names)},
    }


def _clock(output: str) -> list[Json]:
    return [
        {
            "id": "formatTime",
            "options": {"outputFormat": output, "timeField": TIME, "timezone": ZONE},
        },
        {"id": "extractFields", "options": {"format": "kvp", "replace": False, "source": TIME}},
    ]
