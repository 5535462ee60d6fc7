"""Line charts as SVG, by hand: a picture needs no library and stays small."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from html import escape
from math import ceil, floor, log10
from typing import Final

_LEFT, _RIGHT, _TOP, _BOTTOM = 46, 8, 20, 18
_TICKS: Final = 4
_STYLE: Final = (
    "text{font:10px sans-serif;fill:#444}.t{font-weight:bold;fill:#111}.g{stroke:#ddd;stroke-width:1}"
    "polyline{fill:none;stroke-width:1.3}"
)


@dataclass(frozen=True, slots=True)
class Line:
    """One line of a chart; where two neighbours are further apart than `gap`, it breaks."""

    name: str
    colour: str
    points: Sequence[tuple[float, float]]
    gap: float = float("inf")


@dataclass(frozen=True, slots=True)
class Chart:
    """One chart: its lines share both axes."""

    title: str
    lines: Sequence[Line]
    ticks: Sequence[tuple[float, str]]
    """along the horizontal axis"""
    shaded: tuple[float, float] | None = None


def picture(charts: Sequence[Chart], *, width: int, height: int, columns: int = 1) -> str:
    """Charts of one size in rows, as the text of an SVG file."""
    rows = ceil(len(charts) / columns)
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width * columns} {height * rows}" '
        f'width="{width * columns}" height="{height * rows}"><style>{_STYLE}</style>'
        f'<rect width="100%" height="100%" fill="#fff"/>'
    ]
    for number, chart in enumerate(charts):
        x, y = number % columns * width, number // columns * height
        parts.append(f'<g transform="translate({x},{y})">{_chart(chart, width, height)}</g>')
    return "\n".join(parts) + "\n</svg>\n"


def _chart(chart: Chart, width: int, height: int) -> str:
    points = [point for line in chart.lines for point in line.points]
    x0, x1 = min(x for x, _ in points), max(x for x, _ in points)
    low, high, step = scale(min(y for _, y in points), max(y for _, y in points))
    across, up = width - _LEFT - _RIGHT, height - _TOP - _BOTTOM

    def place(x: float, y: float) -> tuple[float, float]:
        return _LEFT + across * (x - x0) / ((x1 - x0) or 1), _TOP + up * (high - y) / (high - low)

    parts = [f'<text class="t" x="{_LEFT}" y="13">{escape(chart.title)}</text>']
    if chart.shaded is not None:
        begins, ends = (place(x, low)[0] for x in chart.shaded)
        parts.append(f'<rect x="{begins:.0f}" y="{_TOP}" width="{ends - begins:.0f}" height="{up}" fill="#fff3d6"/>')
    for number in range(round((high - low) / step) + 1):
        value = low + number * step
        y = place(x0, value)[1]
        parts.append(f'<path class="g" d="M{_LEFT} {y:.0f}H{width - _RIGHT}"/>')
        parts.append(f'<text x="{_LEFT - 4}" y="{y + 3:.0f}" text-anchor="end">{value:g}</text>')
    for x, text in chart.ticks:
        if x0 <= x <= x1:
            parts.append(
                f'<text x="{place(x, low)[0]:.0f}" y="{height - 5}" text-anchor="middle">{escape(text)}</text>'
            )
    right = width - _RIGHT
    for number, line in enumerate(chart.lines):
        parts += [_polyline(part, line.colour, place) for part in _parts(line)]
        if line.name:
            y = 13 + 11 * number
            parts.append(
                f'<text x="{right}" y="{y}" text-anchor="end" style="fill:{line.colour}">{escape(line.name)}</text>'
            )
    return "".join(parts)


def _parts(line: Line) -> list[list[tuple[float, float]]]:
    parts: list[list[tuple[float, float]]] = []
    last = float("-inf")
    for point in line.points:
        if point[0] - last > line.gap or not parts:
            parts.append([])
        parts[-1].append(point)
        last = point[0]
    return parts


def _polyline(
    points: list[tuple[float, float]], colour: str, place: Callable[[float, float], tuple[float, float]]
) -> str:
    drawn = " ".join("{:.1f},{:.1f}".format(*place(*point)) for point in points)
    return f'<polyline stroke="{colour}" points="{drawn}"/>'


def scale(low: float, high: float) -> tuple[float, float, float]:
    """Round bounds and a round step that hold all values."""
    reach = max(high - low, abs(high) * 1e-3, 1e-6)
    power = 10.0 ** floor(log10(reach / _TICKS))
    step = next(power * factor for factor in (1, 2, 2.5, 5, 10, 20) if reach / (power * factor) <= _TICKS)
    bottom = floor(low / step) * step
    return bottom, max(ceil(high / step) * step, bottom + step), step
