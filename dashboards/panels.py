"""Builders of panels: each returns one panel of classic Grafana JSON, without its id and place.

A panel states its unit, what its figure means and where it comes from, and why it is empty when it is.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from string import ascii_uppercase
from typing import Any, Final

from dashboards.sources import MIXED, Source, reference
from dashboards.thresholds import PLAIN, Steps

Json = dict[str, Any]

SHARE: Final = "percentunit"
"""Grafana's unit of a share from 0 to 1."""
KILOWATT_HOURS: Final = "kwatth"
HOURS: Final = "h"
POUNDS: Final = "currencyGBP"
"""Shortens thousands, for axes."""
WHOLE_POUNDS: Final = "prefix:£"
KILOGRAMS: Final = "masskg"
KILOGRAMS_CO2E: Final = "suffix:kgCO2e"
COUNT: Final = "none"
SMALL_NUMBER: Final = 5
"""Counts of people below it are not published where small numbers are hidden."""


@dataclass(frozen=True, slots=True)
class Text:
    """What a panel says in words."""

    title: str
    meaning: str
    """what the figure means and where it comes from"""
    empty: str
    """why there may be nothing to show"""


@dataclass(frozen=True, slots=True)
class Target:
    """One query of a panel. A table's columns are the query's; a series is named by `alias`."""

    query: str
    alias: str = ""
    source: Source = Source.READINGS


@dataclass(frozen=True, slots=True)
class Column:
    """How one column of a table is shown."""

    name: str
    unit: str = ""
    gauge: bool = False
    """a bar in the cell, for shares"""
    steps: Steps | None = None
    width: int = 0
    decimals: int | None = None


def rolled_up(query: str, alias: str = "") -> Target:
    """A target that asks the roll-ups."""
    return Target(query, alias, Source.ROLLUPS)


def stat(text: Text, unit: str, targets: Sequence[Target], steps: Steps = PLAIN, decimals: int | None = None) -> Json:
    """Big figures, one for each series: the last value of each."""
    options = {
        "colorMode": "value",
        "graphMode": "none",
        "justifyMode": "auto",
        "orientation": "auto",
        "percentChangeColorMode": "standard",
        "reduceOptions": _last(),
        "showPercentChange": False,
        "textMode": "value_and_name",
        "wideLayout": True,
    }
    defaults = _defaults(text, unit, steps)
    if decimals is not None:
        defaults["decimals"] = decimals
    return _panel("stat", text, targets, options, defaults)


def bar_gauge(text: Text, unit: str, targets: Sequence[Target], steps: Steps = PLAIN) -> Json:
    """Horizontal bars, one for each series: the last value of each."""
    options = {
        "displayMode": "basic",
        "legend": _legend(shown=False),
        "maxVizHeight": 40,
        "minVizHeight": 16,
        "minVizWidth": 8,
        "namePlacement": "left",
        "orientation": "horizontal",
        "reduceOptions": _last(),
        "showUnfilled": True,
        "sizing": "auto",
        "valueMode": "color",
    }
    return _panel("bargauge", text, targets, options, _defaults(text, unit, steps) | {"min": 0})


def lines(
    text: Text, unit: str, targets: Sequence[Target], steps: Steps = PLAIN, overrides: Iterable[Json] = ()
) -> Json:
    """Lines over time; limits are drawn as dashed lines where `steps` has any."""
    custom = _graph("line") | {
        "fillOpacity": 0,
        "lineWidth": 2,
        "thresholdsStyle": {"mode": "dashed" if steps.rest else "off"},
    }
    return _graph_panel(text, targets, _defaults(text, unit, steps, custom), overrides)


def columns(text: Text, unit: str, targets: Sequence[Target], overrides: Iterable[Json] = ()) -> Json:
    """Stacked columns over time."""
    custom = _graph("bars") | {
        "fillOpacity": 80,
        "lineWidth": 0,
        "stacking": {"group": "A", "mode": "normal"},
        "thresholdsStyle": {"mode": "off"},
    }
    return _graph_panel(text, targets, _defaults(text, unit, PLAIN, custom), overrides)


def table(
    text: Text,
    unit: str,
    targets: Sequence[Target],
    transformations: Sequence[Json],
    shown: Sequence[Column],
    sort: tuple[str, bool] | None = None,
) -> Json:
    """A table of what the transformations leave; `sort` is a column and whether it descends."""
    options: Json = {"cellHeight": "sm", "frameIndex": 0, "showHeader": True}
    if sort:
        options["sortBy"] = [{"desc": sort[1], "displayName": sort[0]}]
    defaults = _defaults(text, unit, PLAIN, {"align": "auto", "inspect": False})
    overrides = [_empty_cells(), *(_column(column) for column in shown)]
    panel = _panel("table", text, targets, options, defaults, overrides)
    return panel | {"transformations": list(transformations)}


def matrix(
    text: Text, unit: str, targets: Sequence[Target], transformations: Sequence[Json], rows: str, highest: float | None
) -> Json:
    """A table whose cells are coloured by their value; the first column, `rows`, names the row.

    `highest` is the value of the darkest colour; None takes the largest of the table.
    """
    custom = {"align": "center", "cellOptions": {"mode": "basic", "type": "color-background"}, "inspect": False}
    defaults = _defaults(text, unit, PLAIN, custom) | {
        "color": {"mode": "continuous-blues"},
        "decimals": 0,
        "min": 0,
    }
    if highest is not None:
        defaults["max"] = highest
    plain = {"id": "custom.cellOptions", "value": {"type": "auto"}}
    left = {"id": "custom.align", "value": "left"}
    wide = {"id": "custom.width", "value": 130}
    overrides = [_empty_cells(), _by_name(rows, plain, left, wide, {"id": "mappings", "value": [_weekdays()]})]
    options = {"cellHeight": "sm", "frameIndex": 0, "showHeader": True}
    panel = _panel("table", text, targets, options, defaults, overrides)
    return panel | {"transformations": list(transformations)}


def as_line(ref: str, colour: str) -> Json:
    """Override: the series of one target are lines in front of the columns, not stacked with them."""
    return _by_target(
        ref,
        {"id": "custom.drawStyle", "value": "line"},
        {"id": "custom.lineWidth", "value": 2},
        {"id": "custom.fillOpacity", "value": 0},
        {"id": "custom.stacking", "value": {"group": "A", "mode": "none"}},
        {"id": "color", "value": {"fixedColor": colour, "mode": "fixed"}},
    )


def on_the_right(ref: str, unit: str) -> Json:
    """Override: the series of one target have their own unit, on an axis at the right."""
    return _by_target(ref, {"id": "unit", "value": unit}, {"id": "custom.axisPlacement", "value": "right"})


def coloured(ref: str, colour: str) -> Json:
    """Override: the series of one target have one fixed colour."""
    return _by_target(ref, {"id": "color", "value": {"fixedColor": colour, "mode": "fixed"}})


def at_least(panel: Json, interval: str) -> Json:
    """The panel with a lower limit of its bucket.

    No bucket is shorter than what it is made of: the devices' interval, or the half-hour of roll-ups.
    """
    return panel | {"interval": interval}


def few_hidden(panel: Json, *names: str) -> Json:
    """The panel with counts of 1 to 4 as "< 5"; `names` are the columns of counts, where not all are."""
    mapping = {"id": "mappings", "value": [_few()]}
    config = panel["fieldConfig"]
    if names:
        overrides = [*config["overrides"], *(_by_name(name, mapping) for name in names)]
        return panel | {"fieldConfig": config | {"overrides": overrides}}
    # Neither the height of a line nor the shade of a cell tells what the text hides.
    defaults = config["defaults"] | {"mappings": [_few()], "min": SMALL_NUMBER}
    return panel | {"fieldConfig": config | {"defaults": defaults}}


def _few() -> Json:
    """What lies above 0 and below 5: means lie between whole numbers."""
    options = {"from": 1e-9, "to": SMALL_NUMBER - 1e-9, "result": {"index": 0, "text": f"< {SMALL_NUMBER}"}}
    return {"type": "range", "options": options}


def _panel(
    kind: str, text: Text, targets: Sequence[Target], options: Json, defaults: Json, overrides: Sequence[Json] = ()
) -> Json:
    return {
        "type": kind,
        "title": text.title,
        "description": text.meaning,
        "datasource": _source(targets),
        "targets": [_target(ref, target) for ref, target in zip(ascii_uppercase, targets, strict=False)],
        "options": options,
        "fieldConfig": {"defaults": defaults, "overrides": list(overrides)},
    }


def _source(targets: Sequence[Target]) -> Json:
    """The data source of a panel: that of its targets, or Grafana's own for panels that ask several."""
    first, *others = {target.source for target in targets}
    return MIXED if others else reference(first)


def _target(ref: str, target: Target) -> Json:
    shape = {"resultFormat": "time_series", "alias": target.alias} if target.alias else {"resultFormat": "table"}
    return {"refId": ref, "datasource": reference(target.source), "rawQuery": True, "query": target.query, **shape}


def _defaults(text: Text, unit: str, steps: Steps, custom: Json | None = None) -> Json:
    return {
        "unit": unit,
        "noValue": text.empty,
        "color": {"mode": "palette-classic" if custom else "thresholds"},
        "thresholds": _thresholds(steps),
        "mappings": [],
        **({"custom": custom} if custom else {}),
    }


def _thresholds(steps: Steps) -> Json:
    stops: list[Json] = [{"color": steps.first, "value": None}]
    stops += [{"color": colour, "value": value} for value, colour in steps.rest]
    return {"mode": "absolute", "steps": stops}


def _graph(style: str) -> Json:
    return {
        "axisBorderShow": False,
        "axisPlacement": "auto",
        "barAlignment": 1,
        "barWidthFactor": 0.8,
        "drawStyle": style,
        "gradientMode": "none",
        "lineInterpolation": "linear",
        "showPoints": "never",
        "spanNulls": False,
        "stacking": {"group": "A", "mode": "none"},
    }


def _graph_panel(text: Text, targets: Sequence[Target], defaults: Json, overrides: Iterable[Json]) -> Json:
    options = {"legend": _legend(shown=True), "tooltip": {"mode": "multi", "sort": "desc"}}
    return _panel("timeseries", text, targets, options, defaults, tuple(overrides))


def _legend(shown: bool) -> Json:
    return {"calcs": [], "displayMode": "list", "placement": "bottom", "showLegend": shown}


def _last() -> Json:
    return {"calcs": ["lastNotNull"], "fields": "", "values": False}


def _column(column: Column) -> Json:
    properties: list[Json] = []
    if column.unit:
        properties.append({"id": "unit", "value": column.unit})
    if column.decimals is not None:
        properties.append({"id": "decimals", "value": column.decimals})
    if column.gauge:
        cell = {"mode": "basic", "type": "gauge", "valueDisplayMode": "text"}
        properties += [
            {"id": "custom.cellOptions", "value": cell},
            {"id": "min", "value": 0},
            {"id": "max", "value": 1},
            {"id": "color", "value": {"mode": "continuous-blues"}},
            {"id": "decimals", "value": 0},
        ]
    if column.steps:
        properties += [
            {"id": "custom.cellOptions", "value": {"type": "color-text"}},
            {"id": "color", "value": {"mode": "thresholds"}},
            {"id": "thresholds", "value": _thresholds(column.steps)},
        ]
    if column.width:
        properties.append({"id": "custom.width", "value": column.width})
    return _by_name(column.name, *properties)


def _by_name(name: str, *properties: Json) -> Json:
    return {"matcher": {"id": "byName", "options": name}, "properties": list(properties)}


def _by_target(ref: str, *properties: Json) -> Json:
    return {"matcher": {"id": "byFrameRefID", "options": ref}, "properties": list(properties)}


def _empty_cells() -> Json:
    """Grafana would repeat the panel's text for empty tables in every empty cell."""
    return {"matcher": {"id": "byRegexp", "options": "/.*/"}, "properties": [{"id": "noValue", "value": "–"}]}


def _weekdays() -> Json:
    """Names for the numbers of ISO weekdays, as the time format `E` writes them."""
    names = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
    return {"type": "value", "options": {str(day): {"index": day, "text": name} for day, name in enumerate(names, 1)}}
