"""One line chart as an SVG file with its colours in it, for the documents."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from html import escape
from typing import Final

from simulators.chart import scale

_WIDTH, _HEIGHT = 560, 170
_LEFT, _RIGHT, _TOP, _BOTTOM = 46, 8, 20, 18
_ACROSS, _UP = _WIDTH - _LEFT - _RIGHT, _HEIGHT - _TOP - _BOTTOM
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
    gap: float


def picture(title: str, lines: Sequence[Line], ticks: Sequence[tuple[float, str]], shaded: tuple[float, float]) -> str:
    """The text of an SVG file whose lines share both axes; `ticks` stand along the horizontal one."""
    points = [point for line in lines for point in line.points]
    x0, x1 = min(x for x, _ in points), max(x for x, _ in points)
    low, high, step = scale(min(y for _, y in points), max(y for _, y in points))

    def place(x: float, y: float) -> tuple[float, float]:
        return _LEFT + _ACROSS * (x - x0) / ((x1 - x0) or 1), _TOP + _UP * (high - y) / (high - low)

    begins, ends = (place(x, low)[0] for x in shaded)
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {_HEIGHT}" '
        f'width="{_WIDTH}" height="{_HEIGHT}"><style>{_STYLE}</style>',
        '<rect width="100%" height="100%" fill="#fff"/>',
        f'<text class="t" x="{_LEFT}" y="13">{escape(title)}</text>',
        f'<rect x="{begins:.0f}" y="{_TOP}" width="{ends - begins:.0f}" height="{_UP}" fill="#fff3d6"/>',
    ]
    for number in range(round((high - low) / step) + 1):
        value = low + number * step
        y = place(x0, value)[1]
        parts.append(f'<path class="g" d="M{_LEFT} {y:.0f}H{_WIDTH - _RIGHT}"/>')
        parts.append(f'<text x="{_LEFT - 4}" y="{y + 3:.0f}" text-anchor="end">{value:g}</text>')
    parts += [
        f'<text x="{place(x, low)[0]:.0f}" y="{_HEIGHT - 5}" text-anchor="middle">{escape(text)}</text>'
        for x, text in ticks
        if x0 <= x <= x1
    ]
    for number, line in enumerate(lines):
        parts += [_polyline(part, line.colour, place) for part in _parts(line)]
        parts.append(
            f'<text x="{_WIDTH - _RIGHT}" y="{13 + 11 * number}" text-anchor="end" style="fill:{line.colour}">'
            f"{escape(line.name)}</text>"
        )
    return "".join(parts) + "</svg>\n"


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
