"""Pictures of a simulated building: its last day, its last week and all the time before, from the truth."""

from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import numpy as np

from devices.model import Estate
from simulators.meters import ELECTRICITY, GAS, HEAT
from simulators.noise import Floats, Ints
from simulators.page import page
from simulators.portrait import DAY_S, HOURLY, PlotError, Portrait, sit
from simulators.scenario import Scenario
from simulators.svg import Chart, Line, picture
from simulators.truth import HALF_HOUR_S

_WIDTH, _HEIGHT = 460, 170
_BLUE, _RED, _GREEN, _GREY, _ORANGE = "#1f5fa8", "#b3261e", "#2e7d32", "#777", "#c77700"
_MOST_POINTS: Final = 400


def draw_building(
    path: Path, estate: Estate, scenario: Scenario, *, seed: int, building: str | None, days: int, end: int
) -> None:
    """Draw a building of the estate for its last day, its last week and all `days`: as a page or as one picture.

    Args:
        path: .html or .svg
        end: of the time that is drawn, seconds since 1970.

    Raises:
        PlotError: the file is neither, or there is no such building.
    """
    draw = {".html": page, ".svg": _svg}.get(path.suffix)
    if draw is None:
        raise PlotError(f"{path}: it is drawn as a page or as SVG: name it {path.stem}.html or {path.stem}.svg")
    portrait = sit(estate, scenario, seed=seed, building=building, days=days, end=end)
    path.write_text(draw(portrait), encoding="utf-8")


def _svg(portrait: Portrait) -> str:
    def power(names: tuple[str, ...]) -> Floats:
        return portrait.total(names) * HOURLY

    quantities: list[tuple[str, list[tuple[str, str, Floats]]]] = [
        ("power, kW", [("electricity", _BLUE, power(ELECTRICITY)), ("gas", _RED, power(GAS)),
                       ("heat", _ORANGE, power(HEAT))]),
        ("temperature, °C", [("inside", _RED, portrait.inside_c), ("outdoors", _BLUE, portrait.outdoor_c)]),
        ("people", [("", _GREEN, portrait.people)]),
        ("CO₂ in the fullest space, ppm", [("", _GREY, portrait.co2_ppm)]),
        ("water, m³/h", [("", _BLUE, portrait.water() * HOURLY)]),
    ]  # fmt: skip
    charts = [
        _chart(f"{title}: {name}", lines, portrait.time, length)
        for title, lines in quantities
        for name, length in (("a day", 1), ("a week", 7), (f"{portrait.days} days", portrait.days))
    ]
    return picture(charts, width=_WIDTH, height=_HEIGHT, columns=3)


def _chart(title: str, lines: list[tuple[str, str, Floats]], time: Ints, days: int) -> Chart:
    count = min(len(time), days * DAY_S // HALF_HOUR_S)
    drawn = [
        Line(name, colour, _thinned(time[-count:], values[-count:])) for name, colour, values in lines if values.any()
    ] or [Line("", _GREY, _thinned(time[-count:], np.zeros(count)))]
    return Chart(title, drawn, _ticks(time[-count:]))


def _thinned(time: Ints, values: Floats) -> Sequence[tuple[float, float]]:
    """No more points than a picture shows: means of neighbours."""
    together = -(-len(time) // _MOST_POINTS)
    whole = len(time) // together * together
    means = values[:whole].reshape(-1, together).mean(axis=1)
    return list(zip(time[:whole:together].astype(np.float64).tolist(), means.tolist(), strict=True))


def _ticks(time: Ints) -> list[tuple[float, str]]:
    days = (time[-1] - time[0]) / DAY_S
    form = "%H:%M" if days < 2 else "%a %-d" if days < 15 else "%-d %b"
    return [
        (float(second), datetime.fromtimestamp(float(second), UTC).strftime(form))
        for second in np.linspace(time[0], time[-1], 6)[1:-1]
    ]
