"""The page: a board's variables, range and panels, drawn with NiceGUI and its bundled ECharts."""

import asyncio
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

from nicegui import background_tasks, ui

from dashboards.preview import markup, run
from dashboards.preview.address import RANGES, REFRESHES, SECONDS, Address
from dashboards.preview.charts import time_series
from dashboards.preview.colours import DARK, LIGHT, Theme
from dashboards.preview.frames import Frame, QueryError
from dashboards.preview.macros import Choice
from dashboards.preview.timerange import Range, instant

Json = Mapping[str, Any]

DRAWN_AS_HTML = {"stat": markup.stat, "bargauge": markup.bar_gauge, "table": markup.table}


class Page:
    """One open board of one visitor: what is chosen, and the elements that show it."""

    def __init__(self, database: run.Database, board: Json, boards: Mapping[str, str], address: Address) -> None:
        self._database = database
        self._board = board
        self._boards = boards
        self._address = address
        self._theme: Theme = DARK if address.theme == "dark" else LIGHT
        self._choices: dict[str, Choice] = {}
        self._selects: dict[str, ui.select] = {}
        self._bodies: dict[int, ui.element] = {}
        self._charts: dict[int, ui.echart] = {}
        self._busy = asyncio.Lock()

    def show(self) -> None:
        """Lay out the page, and begin to ask for its data while the visitor's browser loads the scripts."""
        ui.query("body").classes(f"tb tb-{self._theme.name}")
        self._header()
        with ui.element("main").classes("tb-board") as self._main:
            for panel in self._board["panels"]:
                self._frame(panel)
        self._timer = ui.timer(SECONDS.get(self._address.refresh, 60), self._draw, immediate=False)
        self._timer.active = self._address.refresh in SECONDS
        background_tasks.create(self._first(), name=f"draw {self._address.uid}")

    async def _first(self) -> None:
        with self._main:
            await self._offer()
            await self._draw()

    def _header(self) -> None:
        with ui.element("header").classes("tb-header"):
            with ui.element("div").classes("tb-brand"):
                ui.html("<strong>Tolbooth</strong>", sanitize=False)
                with ui.element("nav").classes("tb-boards"):
                    for uid, title in self._boards.items():
                        link = ui.link(title, replace(self._address, uid=uid).url())
                        link.classes("tb-here" if uid == self._address.uid else "")
                        if uid == self._address.uid:
                            link.props('aria-current="page"')
            with ui.element("div").classes("tb-choices"):
                for variable in self._board["templating"]["list"]:
                    self._select(variable)
                self._ranges()
                refresh = ui.select(dict(REFRESHES), label="Refresh", value=self._address.refresh)
                refresh.props("outlined dense options-dense").classes("tb-select tb-short")
                refresh.on_value_change(lambda event: self._set_refresh(event.value))
                other = "light" if self._theme is DARK else "dark"
                icon = "light_mode" if self._theme is DARK else "dark_mode"
                button = ui.button(icon=icon, on_click=lambda: ui.navigate.to(self._as(theme=other).url()))
                button.props(f'flat round dense aria-label="{other.capitalize()} theme"').classes("tb-theme")

    def _select(self, variable: Json) -> None:
        select = ui.select([], label=variable["label"], multiple=variable["multi"], value=None)
        select.props("outlined dense options-dense").classes("tb-select")
        if variable["includeAll"]:
            select.props("clearable")
        name = variable["name"]
        select.on_value_change(lambda event: self._choose(name, event.value))
        self._selects[name] = select

    def _ranges(self) -> None:
        here = (self._address.since, self._address.until)
        known = {f"{since}|{until}": label for (since, until), label in RANGES.items()}
        known.setdefault("|".join(here), spelled(here, ZoneInfo(self._board["timezone"])))
        select = ui.select(known, label="Time range", value="|".join(here))
        select.props("outlined dense options-dense").classes("tb-select")
        select.on_value_change(lambda event: self._set_range(event.value))

    def _frame(self, panel: Json) -> None:
        place = panel["gridPos"]
        style = f"--x:{place['x'] + 1};--w:{place['w']};--y:{place['y'] + 1};--h:{place['h']}"
        with ui.element("section").classes(f"tb-panel tb-is-{panel['type']}").style(style):
            with ui.element("div").classes("tb-title"):
                ui.html(panel["title"], tag="h2")
                about = ui.element("button").classes("tb-info")
                about.props(f'type="button" aria-label="What {panel["title"]} means"')
                with about:
                    ui.icon("info_outline")
                    with ui.menu().classes("tb-about"):
                        ui.label(panel["description"])
            self._bodies[panel["id"]] = ui.element("div").classes("tb-body")
            with self._bodies[panel["id"]]:
                ui.element("div").classes("tb-waiting")

    def _as(self, **changes: Any) -> Address:
        self._address = replace(self._address, **changes)
        return self._address

    async def _choose(self, name: str, value: Any) -> None:
        values = tuple(value) if isinstance(value, list) else (value,) if value else ()
        if values == _shown(self._choices.get(name)):
            return
        self._as(variables={**self._address.variables, name: values or (run.ALL,)})
        ui.navigate.history.replace(self._address.url())
        await self._offer()
        await self._draw()

    async def _set_range(self, value: str) -> None:
        since, _, until = value.partition("|")
        ui.navigate.history.replace(self._as(since=since, until=until).url())
        await self._draw()

    def _set_refresh(self, value: str) -> None:
        ui.navigate.history.replace(self._as(refresh=value).url())
        self._timer.active = value in SECONDS
        self._timer.interval = SECONDS.get(value, 60)

    async def _offer(self) -> None:
        """Ask for the values of each variable in turn, and keep of the choice what is still offered."""
        self._choices = {}
        for variable in self._board["templating"]["list"]:
            name = variable["name"]
            try:
                offered = await run.options(self._database, variable, self._choices)
            except QueryError as error:
                self._fail(str(error))
                offered = []
            choice = run.chosen(variable, self._address.variables.get(name, ()), offered)
            self._choices[name] = choice
            shown: Any = list(choice.values) if variable["multi"] else next(iter(choice.values), None)
            select = self._selects[name]
            select.set_options(offered, value=shown)
            if variable["includeAll"]:
                select.props('stack-label display-value="All"' if not choice.values else "stack-label")
                if choice.values:
                    select.props(remove="display-value")

    def _fail(self, text: str) -> None:
        ui.notify(text, type="negative", position="top", timeout=10_000)

    async def _draw(self) -> None:
        """Fill every panel; a second call waits for the first."""
        async with self._busy:
            try:
                span = self._span()
            except ValueError as error:
                self._fail(str(error))
                return
            await asyncio.gather(*(self._fill(panel, span) for panel in self._board["panels"]))

    def _span(self) -> Range:
        now, zone = datetime.now(UTC), ZoneInfo(self._board["timezone"])
        since = instant(self._address.since, now, zone)
        until = instant(self._address.until, now, zone, last=True)
        if since >= until:
            raise ValueError("the time range ends before it starts: choose another one")
        return Range(since, until)

    async def _fill(self, panel: Json, span: Range) -> None:
        try:
            frames = await run.frames(self._database, panel, self._choices, span)
        except (QueryError, ValueError) as error:
            self._put(panel, markup.message(str(error), "error"))
            return
        drawn = [frame for frame in frames if frame.length]
        if panel["type"] == "timeseries" and drawn:
            self._chart(panel, drawn, span)
            return
        html = DRAWN_AS_HTML[panel["type"]](panel, drawn, self._theme) if panel["type"] in DRAWN_AS_HTML else ""
        self._put(panel, html or markup.message(panel["fieldConfig"]["defaults"]["noValue"]))

    def _chart(self, panel: Json, frames: list[Frame], span: Range) -> None:
        option = time_series(panel, frames, span, run.interval(panel, span)[1], self._theme)
        chart = self._charts.get(panel["id"])
        if chart:
            chart.options.clear()
            chart.options.update(option)
            chart.update()
            return
        body = self._bodies[panel["id"]]
        body.clear()
        with body:
            self._charts[panel["id"]] = ui.echart(option).classes("tb-chart")

    def _put(self, panel: Json, html: str) -> None:
        self._charts.pop(panel["id"], None)
        body = self._bodies[panel["id"]]
        body.clear()
        with body:
            ui.html(html, sanitize=False)


def _shown(choice: Choice | None) -> tuple[str, ...]:
    return choice.values if choice else ()


def spelled(ends: tuple[str, str], zone: ZoneInfo) -> str:
    """A range that the list does not have, in words: its days on the clock of `zone`."""
    if not all(end.isdigit() for end in ends):
        return f"{ends[0]} to {ends[1]}"
    days = [datetime.fromtimestamp(int(end) / 1_000, zone).strftime("%d %b %Y") for end in ends]
    return " to ".join(days)
