"""A simulated building as one page: its last day, week and year, with the energy by use, and faults marked.

The page needs nothing beside itself, follows the reader's light or dark setting, and fits a telephone.
"""

from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta
from html import escape
from importlib.resources import files
from typing import Final

import numpy as np

from devices.localdays import LONDON
from simulators.chart import Band, Layer, chart
from simulators.faults import KINDS
from simulators.moments import DAY_S
from simulators.noise import Floats, Ints
from simulators.portrait import HOURLY, Portrait
from simulators.truth import HALF_HOUR_S

_DAILY_ABOVE: Final = 31
"""days from which each point is a day's mean"""


def page(portrait: Portrait) -> str:
    """The page as HTML."""
    building, place = portrait.building, portrait.council.name
    first, last = (_local(second).strftime("%-d %B %Y") for second in (portrait.time[0], portrait.time[-1]))
    style = files("simulators").joinpath("page.css").read_text(encoding="utf-8")
    return "\n".join(
        [
            '<!doctype html>\n<html lang="en-GB"><head><meta charset="utf-8">',
            '<meta name="viewport" content="width=device-width, initial-scale=1">',
            f"<title>{escape(building.name)}, simulated</title><style>\n{style}</style></head><body><main>",
            f"<h1>{escape(building.name)}, {escape(place)}</h1>",
            f"<p>Simulated: {escape(building.use)}, {building.floor_area_m2:,.0f} m², {first} to {last}. "
            "What really happened, before any device measured it; times are local.</p>",
            *_faults(portrait),
            *_quantities(portrait),
            *_totals(portrait),
            "</main></body></html>\n",
        ]
    )


def _quantities(portrait: Portrait) -> Iterator[str]:
    for utility, names in portrait.bought():
        layers = [(name, name.replace("_", " "), portrait.used(name) * HOURLY) for name in names]
        yield from _section(portrait, f"{utility.value.capitalize()} by use, kW", layers, stacked=True)
    inside, outdoors = ("inside", "inside", portrait.inside_c), ("outdoor", "outdoors", portrait.outdoor_c)
    yield from _section(portrait, "Temperature, °C", [inside, outdoors])
    yield from _section(portrait, "People in the building", [("people", "people", portrait.people)])
    yield from _section(portrait, "Carbon dioxide in the fullest space, ppm", [("co2", "CO₂", portrait.co2_ppm)])
    yield from _section(portrait, "Water, m³ an hour", [("water", "water", portrait.water() * HOURLY)])


def _section(
    portrait: Portrait, title: str, layers: list[tuple[str, str, Floats]], *, stacked: bool = False
) -> Iterator[str]:
    yield f"<section><h2>{escape(title)}</h2>"
    if len(layers) > 1:
        yield _legend((colour, name) for colour, name, _ in layers)
    yield '<div class="row">'
    for name, days in _spans(portrait.days):
        count = min(len(portrait.time), days * DAY_S // HALF_HOUR_S)
        time = portrait.time[-count:]
        every = DAY_S // HALF_HOUR_S if days > _DAILY_ABOVE else 1
        drawn = [Layer(colour, *_means(time, values[-count:], every)) for colour, _, values in layers]
        label = f"{title}: {name}"
        caption = f"{name}, daily means" if every > 1 else name
        marks = [Band(fault.start, fault.end, fault.kind.replace("_", " ")) for fault in portrait.faults]
        yield f"<figure><figcaption>{escape(caption)}</figcaption>"
        yield chart(label, drawn, _ticks(time, days), marks, stacked=stacked) + "</figure>"
    yield "</div></section>"


def _spans(days: int) -> Iterator[tuple[str, int]]:
    for name, length in (("The last day", 1), ("The last week", 7)):
        if length < days:
            yield name, length
    yield f"{'The year' if days == 365 else f'{days} days' if days > 1 else 'The last day'}", days


def _means(time: Ints, values: Floats, every: int) -> tuple[Ints, Floats]:
    whole = len(time) // every * every
    return time[-whole::every], values[-whole:].reshape(-1, every).mean(axis=1)


def _legend(entries: Iterable[tuple[str, str]]) -> str:
    items = (f'<li><i style="background:var(--{colour})"></i>{escape(name)}</li>' for colour, name in entries)
    return f'<ul class="legend">{"".join(items)}</ul>'


def _ticks(time: Ints, days: int) -> list[tuple[float, str]]:
    """Every six hours, local midnights, or beginnings of months."""
    begins, ends = _local(time[0]), _local(time[-1])
    if days <= 1:
        day = begins.replace(hour=0, minute=0, second=0)
        moments = [day + timedelta(hours=6 * step) for step in range(9)]
        return [(at.timestamp(), at.strftime("%H:%M")) for at in moments if begins <= at <= ends]
    day = begins.replace(hour=0, minute=0, second=0) + timedelta(days=1)
    midnights = [day + timedelta(days=step) for step in range(days)]
    if days <= _DAILY_ABOVE:
        step = -(-days // 8)
        return [(at.timestamp(), at.strftime("%a" if days <= 8 else "%-d %b")) for at in midnights[::step]]
    firsts = [at for at in midnights if at.day == 1]
    step = -(-len(firsts) // 7)
    return [(at.timestamp(), at.strftime("%b")) for at in firsts[::step]]


def _faults(portrait: Portrait) -> Iterator[str]:
    if not portrait.faults:
        yield "<p>No faults.</p>"
        return
    yield f"<h2>Faults</h2>{_legend([('fault', 'marked like this')])}<ul>"
    for fault in portrait.faults:
        where = fault.space or fault.device or "all of the building"
        first, last = (_local(second).strftime("%-d %b %Y, %H:%M") for second in (fault.start, fault.end))
        name = escape(fault.kind.replace("_", " "))
        yield f"<li><b>{name}</b>, {escape(where)}, {first} to {last}: {escape(KINDS[fault.kind].about)}</li>"
    yield "</ul>"


def _totals(portrait: Portrait) -> Iterator[str]:
    area = portrait.building.floor_area_m2
    yield f'<section><h2>Energy of the {portrait.days} days</h2><div class="wide"><table><tr><th>use</th>'
    yield '<th class="n">kWh</th><th class="n">kWh/m²</th></tr>'
    for utility, names in portrait.bought():
        rows = [(name.replace("_", " "), float(portrait.used(name).sum())) for name in names]
        for name, kwh in (*rows, (f"all {utility.value}", sum(kwh for _, kwh in rows))):
            yield f'<tr><td>{escape(name)}</td><td class="n">{kwh:,.0f}</td><td class="n">{kwh / area:,.1f}</td></tr>'
    yield "</table></div></section>"


def _local(second: int | np.int64) -> datetime:
    return datetime.fromtimestamp(int(second), LONDON)
