"""Pictures of a simulated building: its last day, its last week and all the time before, from the truth."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import numpy as np

from devices.errors import ConfigurationError
from devices.model import Council, Estate
from simulators.meters import ELECTRICITY, GAS, HEAT, LOADS, WATER
from simulators.noise import Floats, Ints
from simulators.scenario import Scenario
from simulators.stock import make_stock
from simulators.svg import Chart, Line, picture
from simulators.truth import HALF_HOUR_S, truth

_DAY_S: Final = 86_400
_WIDTH, _HEIGHT = 460, 170
_BLUE, _RED, _GREEN, _GREY, _ORANGE = "#1f5fa8", "#b3261e", "#2e7d32", "#777", "#c77700"
_MOST_POINTS: Final = 400


class PlotError(ConfigurationError):
    """The picture cannot be drawn; the text says what to do."""


def draw_building(
    path: Path, estate: Estate, scenario: Scenario, *, seed: int, building: str | None, days: int, end: int
) -> None:
    """Draw a building of the estate into an SVG file: columns for its last day, its last week and all `days`.

    Args:
        end: of the time that is drawn, seconds since 1970.

    Raises:
        PlotError: the file is no .svg, or there is no such building.
    """
    if path.suffix != ".svg":
        raise PlotError(f"{path}: pictures are SVG: name it {path.stem}.svg")
    known = {name: council.id for council in estate.councils.values() for name in council.buildings}
    if building not in known:
        raise PlotError(f"no building {building!r}: name one with --building; there are {', '.join(known)}")
    council = estate.councils[known[building]]
    only = Estate({council.id: _alone(council, building)})
    start = end - days * _DAY_S
    stock, faults = make_stock(only, seed), scenario.faults(start)
    mine = [fault for fault in faults if (fault.council, fault.building) == (council.id, building)]
    parts = list(truth(stock, seed=seed, start=start, end=end, scenario=scenario, faults=mine))
    time = np.concatenate([part.start for part in parts])
    weights = stock.spaces.area_m2 / stock.spaces.area_m2.sum()
    loads = np.concatenate([part.loads[:, 0] for part in parts]) * (3_600 / HALF_HOUR_S)
    quantities: list[tuple[str, list[tuple[str, str, Floats]]]] = [
        ("power, kW", [("electricity", _BLUE, _sum(loads, ELECTRICITY)), ("gas", _RED, _sum(loads, GAS)),
                       ("heat", _ORANGE, _sum(loads, HEAT))]),
        ("temperature, °C", [("inside", _RED, _joined([part.temperature_c @ weights for part in parts])),
                             ("outdoors", _BLUE, _joined([part.outdoor_c[:, 0] for part in parts]))]),
        ("people", [("", _GREEN, _joined([part.people.sum(axis=1) for part in parts]))]),
        ("CO₂ in the fullest space, ppm", [("", _GREY, _joined([part.co2_ppm.max(axis=1) for part in parts]))]),
        ("water, m³/h", [("", _BLUE, _sum(loads, WATER))]),
    ]  # fmt: skip
    charts = [
        _chart(f"{title}: {name}", lines, time, length)
        for title, lines in quantities
        for name, length in (("a day", 1), ("a week", 7), (f"{days} days", days))
    ]
    path.write_text(picture(charts, width=_WIDTH, height=_HEIGHT, columns=3), encoding="utf-8")


def _alone(council: Council, building: str) -> Council:
    return replace(council, buildings={building: council.buildings[building]}, devices={})


def _joined(parts: Sequence[Floats]) -> Floats:
    return np.concatenate(parts)


def _sum(loads: Floats, names: tuple[str, ...]) -> Floats:
    answer: Floats = loads[:, [LOADS.index(name) for name in names]].sum(axis=1)
    return answer


def _chart(title: str, lines: list[tuple[str, str, Floats]], time: Ints, days: int) -> Chart:
    count = min(len(time), days * _DAY_S // HALF_HOUR_S)
    drawn = [
        Line(name, colour, _thinned(time[-count:], values[-count:])) for name, colour, values in lines if values.any()
    ] or [Line("", _GREY, _thinned(time[-count:], np.zeros(count)))]
    return Chart(title, drawn, _ticks(time[-count:]))


def _thinned(time: Ints, values: Floats) -> list[tuple[float, float]]:
    """No more points than a picture shows: means of neighbours."""
    together = -(-len(time) // _MOST_POINTS)
    whole = len(time) // together * together
    means = values[:whole].reshape(-1, together).mean(axis=1)
    return list(zip(time[:whole:together].astype(np.float64).tolist(), means.tolist(), strict=True))


def _ticks(time: Ints) -> list[tuple[float, str]]:
    days = (time[-1] - time[0]) / _DAY_S
    form = "%H:%M" if days < 2 else "%a %-d" if days < 15 else "%-d %b"
    return [
        (float(second), datetime.fromtimestamp(float(second), UTC).strftime(form))
        for second in np.linspace(time[0], time[-1], 6)[1:-1]
    ]
