"""One chart of a page, as SVG whose colours are the page's: stacked areas or lines over time, faults shaded."""

from collections.abc import Sequence
from html import escape
from math import ceil, floor, log10
from typing import Final, NamedTuple

import numpy as np

from simulators.noise import Floats, Ints

_WIDTH, _HEIGHT = 360, 190
_LEFT, _RIGHT, _TOP, _BOTTOM = 40, 8, 8, 20
_STRIP = 4
_ACROSS: Final = _WIDTH - _LEFT - _RIGHT
_UP: Final = _HEIGHT - _TOP - _BOTTOM
_STEPS: Final = 4
"""of the vertical axis, about"""


class Layer(NamedTuple):
    """Values over time; `colour` names a custom property of the page's style."""

    colour: str
    time: Ints
    values: Floats


class Band(NamedTuple):
    """A time to shade, seconds since 1970."""

    start: int
    end: int
    name: str


def chart(
    label: str, layers: Sequence[Layer], ticks: Sequence[tuple[float, str]], bands: Sequence[Band], *, stacked: bool
) -> str:
    """The chart as an `<svg>` element; with `stacked` the layers are areas on top of each other."""
    time = layers[0].time
    edges = (
        np.cumsum([layer.values for layer in layers], axis=0) if stacked else np.array([one.values for one in layers])
    )
    low, high, step = scale(0.0 if stacked else float(edges.min()), float(edges.max()))
    x0, x1 = float(time[0]), float(time[-1])

    def x(at: float) -> float:
        return _LEFT + _ACROSS * (at - x0) / ((x1 - x0) or 1.0)

    def y(value: float) -> float:
        return _TOP + _UP * (high - value) / (high - low)

    def points(values: Floats) -> list[str]:
        return [f"{x(at):.1f},{y(value):.1f}" for at, value in zip(time.tolist(), values.tolist(), strict=True)]

    parts = [f'<svg viewBox="0 0 {_WIDTH} {_HEIGHT}" role="img" aria-label="{escape(label)}">']
    for number in range(round((high - low) / step) + 1):
        value = low + number * step
        parts.append(f'<path class="grid" d="M{_LEFT} {y(value):.1f}H{_WIDTH - _RIGHT}"/>')
        parts.append(f'<text x="{_LEFT - 4}" y="{y(value) + 4:.1f}" text-anchor="end">{value:g}</text>')
    parts += [
        f'<text x="{x(at):.1f}" y="{_HEIGHT - 5}" text-anchor="middle">{escape(text)}</text>' for at, text in ticks
    ]
    for band in bands:
        start, end = max(x0, band.start), min(x1, band.end)
        if start < end:
            left, width = x(start), max(2.0, x(end) - x(start))
            parts.append(f'<g class="fault"><title>{escape(band.name)}</title>')
            parts += [
                f'<rect x="{left:.1f}" y="{_TOP}" width="{width:.1f}" height="{height}"{style}/>'
                for height, style in ((_UP, ' opacity="0.2"'), (_STRIP, ""))
            ]
            parts.append("</g>")
    below = np.zeros(len(time))
    for layer, edge in zip(layers, edges, strict=True):
        if stacked:
            outline = " ".join([*points(edge), *reversed(points(below))])
            parts.append(f'<polygon style="fill:var(--{layer.colour})" points="{outline}"/>')
            below = edge
        else:
            parts.append(f'<polyline style="stroke:var(--{layer.colour})" points="{" ".join(points(edge))}"/>')
    return "".join(parts) + "</svg>"


def scale(low: float, high: float) -> tuple[float, float, float]:
    """Round bounds and a round step that hold all values."""
    reach = max(high - low, abs(high) * 1e-3, 1e-6)
    power = 10.0 ** floor(log10(reach / _STEPS))
    step = next(power * factor for factor in (1, 2, 2.5, 5, 10, 20) if reach / (power * factor) <= _STEPS)
    bottom = floor(low / step) * step
    return bottom, max(ceil(high / step) * step, bottom + step), step
