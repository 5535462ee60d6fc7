"""From a panel of the JSON to its data: variables, queries and transformations, as Grafana runs them."""

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from dashboards.preview.frames import Frame, Series, as_table, as_time_series
from dashboards.preview.macros import Choice, with_time, with_variables
from dashboards.preview.timerange import Range, bucket
from dashboards.preview.transform import transformed
from dashboards.sources import Source

Json = Mapping[str, Any]

ALL = "$__all"
POINTS = 500
"""Points of a panel that does not say how many: its width on a desktop screen."""


class Database(Protocol):
    async def query(self, text: str, source: Source) -> list[Series]: ...


async def options(database: Database, variable: Json, choices: Mapping[str, Choice]) -> list[str]:
    """The values that a variable offers, given what is chosen of the variables before it."""
    answer = await database.query(with_variables(variable["query"], choices), _source(variable))
    return sorted({str(row[1]) for series in answer for row in series.rows}, key=str.casefold)


def chosen(variable: Json, wanted: Sequence[str], offered: Sequence[str]) -> Choice:
    """What is chosen of a variable: of `wanted` what is offered, else all of it, else the first value."""
    kept = tuple(value for value in wanted if value in offered)
    if variable["includeAll"] and (not kept or ALL in wanted):
        return Choice((), variable["allValue"])
    return Choice(kept if variable["multi"] else kept[:1]) if kept else Choice(tuple(offered[:1]))


def interval(panel: Json, span: Range) -> tuple[str, int]:
    """The panel's bucket in this range: text and milliseconds."""
    return bucket(span, panel.get("maxDataPoints", POINTS), panel.get("interval", ""))


async def frames(database: Database, panel: Json, choices: Mapping[str, Choice], span: Range) -> list[Frame]:
    """The data of a panel after its transformations.

    Raises:
        QueryError: the database refuses a query or is away.
        ValueError: the panel asks for what the preview does not know.
    """
    text, milliseconds = interval(panel, span)
    queries = [
        with_time(with_variables(target["query"], choices), span, text, milliseconds) for target in panel["targets"]
    ]
    sources = map(_source, panel["targets"])
    answers = await asyncio.gather(*map(database.query, queries, sources))
    found: list[Frame] = []
    for target, answer in zip(panel["targets"], answers, strict=True):
        if target["resultFormat"] == "table":
            found += as_table(target["refId"], answer)
        else:
            found += as_time_series(target["refId"], target["alias"], answer)
    return transformed(found, panel.get("transformations", []))


def _source(asking: Json) -> Source:
    """The data source of a target or variable; ValueError where it is none of ours."""
    return Source(asking["datasource"]["uid"])
