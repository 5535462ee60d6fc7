"""Figures, bars and tables as HTML; every text from the database is escaped."""

from collections.abc import Mapping, Sequence
from html import escape
from typing import Any, Final

from dashboards.preview.colours import PALETTE, Theme, by_threshold, shade
from dashboards.preview.display import config_of, mapped
from dashboards.preview.frames import Column, Frame, Value
from dashboards.preview.units import number

Panel = Mapping[str, Any]

MOST_ROWS: Final = 500
"""Rows of a table that the page draws; the rest is counted below it."""


def message(text: str, kind: str = "empty") -> str:
    """A sentence in place of a figure."""
    return f'<p class="tb-message tb-{kind}">{escape(text)}</p>'


def stat(panel: Panel, frames: Sequence[Frame], theme: Theme) -> str:
    """One tile for each series: its last value."""
    tiles = []
    for frame in frames:
        values = _numbers(frame.columns[1].values)
        if not values:
            continue
        config = config_of(panel, frame.columns[1].name, frame.ref)
        colour = by_threshold(values[-1], config["thresholds"]["steps"], theme)
        figure = _figure(values[-1], config)
        name = escape(frame.columns[1].name)
        tiles.append(
            f'<div class="tb-tile"><span class="tb-name" title="{name}">{name}</span>'
            f'<span class="tb-figure" style="color:{colour}">{figure}</span></div>'
        )
    return f'<div class="tb-tiles">{"".join(tiles)}</div>' if tiles else ""


def bar_gauge(panel: Panel, frames: Sequence[Frame], theme: Theme) -> str:
    """One horizontal bar for each series, the longest first."""
    last = [(frame, values[-1]) for frame in frames if (values := _numbers(frame.columns[1].values))]
    last.sort(key=lambda one: one[1], reverse=True)
    longest = max((value for _, value in last), default=0.0) or 1.0
    rows = []
    for frame, value in last:
        config = config_of(panel, frame.columns[1].name, frame.ref)
        colour = by_threshold(value, config["thresholds"]["steps"], theme)
        width = max(0.0, min(value / longest, 1.0)) * 100
        name = escape(frame.columns[1].name)
        rows.append(
            f'<div class="tb-bar"><span class="tb-name" title="{name}">{name}</span><span class="tb-track">'
            f'<span style="width:{width:.1f}%;background:{colour}"></span></span>'
            f'<span class="tb-value">{_figure(value, config)}</span></div>'
        )
    return f'<div class="tb-bars">{"".join(rows)}</div>' if rows else ""


def table(panel: Panel, frames: Sequence[Frame], theme: Theme) -> str:
    """The first frame as a table, sorted as the panel says."""
    if not frames or not frames[0].length:
        return ""
    frame = frames[0]
    order = _order(panel, frame)
    configs = [config_of(panel, column.name, frame.ref) for column in frame.columns]
    most = _largest(frame, configs)
    grid = any(_cell(config) == "color-background" for config in configs)
    texts = [_is_text(column) for column in frame.columns]
    head = "".join(
        f'<th class="{"tb-text" if text else "tb-number"}" scope="col">{escape(column.name)}</th>'
        for column, text in zip(frame.columns, texts, strict=True)
    )
    body = []
    for row in order[:MOST_ROWS]:
        cells = [
            _draw(column.values[row], config, most, text, theme)
            for column, config, text in zip(frame.columns, configs, texts, strict=True)
        ]
        body.append(f"<tr>{''.join(cells)}</tr>")
    rest = len(order) - MOST_ROWS
    more = f'<p class="tb-more">{rest} more rows: narrow the choice above.</p>' if rest > 0 else ""
    kind = "tb-table tb-grid" if grid else "tb-table"
    return (
        f'<div class="tb-scroll" tabindex="0"><table class="{kind}"><thead><tr>{head}</tr></thead>'
        f"<tbody>{''.join(body)}</tbody></table>{more}</div>"
    )


def _draw(value: Value, config: Mapping[str, Any], most: float, text: bool, theme: Theme) -> str:
    cell = _cell(config)
    if not isinstance(value, int | float):
        words = mapped(config, value) or ("" if value is None else str(value)) or config.get("noValue", "")
        return f'<td class="{"tb-text" if text else "tb-number"}">{escape(words)}</td>'
    figure = _figure(value, config)
    if cell == "color-background":
        shown = 0.0 if mapped(config, value) else value
        background, ink = shade(shown / (config.get("max") or most or 1), theme)
        return f'<td class="tb-cell" style="background:{background};color:{ink}">{figure}</td>'
    if cell == "gauge":
        width = max(0.0, min(value / (config.get("max") or 1), 1.0)) * 100
        bar = f'<span class="tb-track"><span style="width:{width:.1f}%;background:{PALETTE[0]}"></span></span>'
        return f'<td class="tb-number"><span class="tb-gauge">{bar}<span>{figure}</span></span></td>'
    if cell == "color-text":
        colour = by_threshold(value, config["thresholds"]["steps"], theme)
        return f'<td class="tb-number"><span class="tb-dot" style="background:{colour}"></span>{figure}</td>'
    return f'<td class="tb-number">{figure}</td>'


def _order(panel: Panel, frame: Frame) -> list[int]:
    rows = list(range(frame.length))
    for sort in panel["options"].get("sortBy", []):
        column = frame.column(sort["displayName"])
        if column:
            empty = [row for row in rows if column.values[row] is None]
            filled = [row for row in rows if column.values[row] is not None]
            filled.sort(key=lambda row: _comparable(column.values[row]), reverse=sort["desc"])
            rows = filled + empty
    return rows


def _comparable(value: Value) -> tuple[float, str]:
    return (float(value), "") if isinstance(value, int | float) else (0.0, str(value))


def _largest(frame: Frame, configs: Sequence[Mapping[str, Any]]) -> float:
    coloured = [
        column for column, config in zip(frame.columns, configs, strict=True) if _cell(config) == "color-background"
    ]
    return max((value for column in coloured for value in _numbers(column.values)), default=0.0)


def _cell(config: Mapping[str, Any]) -> str:
    return str(config["custom"].get("cellOptions", {}).get("type", "auto"))


def _is_text(column: Column) -> bool:
    return not any(isinstance(value, int | float) for value in column.values)


def _figure(value: float, config: Mapping[str, Any]) -> str:
    words = mapped(config, value)
    if words:
        return escape(words)
    shown, suffix = number(value, config["unit"], config.get("decimals"))
    unit = f'<span class="tb-unit">{escape(suffix)}</span>' if suffix else ""
    return f"{shown}{unit}"


def _numbers(values: Sequence[Value]) -> list[float]:
    return [float(value) for value in values if isinstance(value, int | float)]
