"""The report of a proof: Markdown, and a picture over time as SVG. Pure."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from html import escape
from itertools import pairwise
from typing import Final

WIDTH, PANEL, GAP, LEFT = 960, 130, 46, 70
COLOURS: Final = {"ingest": "#c0392b", "database": "#8e44ad", "broker": "#2c3e50"}


@dataclass(frozen=True, slots=True)
class Sample:
    """One look each second; counts are since the beginning."""

    at_s: float
    stored: int
    """messages that the database confirmed"""
    journalled: int
    """messages in the journal"""
    residual: int
    oldest_s: float
    memory_mb: float
    """resident memory of ingest; 0 while it does not run"""


@dataclass(frozen=True, slots=True)
class Proof:
    """What one run has shown. `bars` are (what, figure, whether it holds)."""

    name: str
    what: str
    bars: Sequence[tuple[str, str, bool]]
    samples: Sequence[Sample] = ()
    kills: Sequence[tuple[float, str]] = ()
    """(seconds, what was killed)"""
    notes: Mapping[str, str] = field(default_factory=dict)

    @property
    def holds(self) -> bool:
        return all(good for _, _, good in self.bars)


def markdown(proof: Proof, picture: str = "") -> str:
    """The report; `picture` is the name of the SVG beside it."""
    verdict = "holds" if proof.holds else "**does not hold**"
    lines = [f"# {proof.name}: {verdict}", "", proof.what, "", "| promise | found | holds |", "|---|---|---|"]
    lines += [f"| {what} | {figure} | {'yes' if good else '**no**'} |" for what, figure, good in proof.bars]
    if proof.notes:
        lines += ["", *(f"* {name}: {value}" for name, value in proof.notes.items())]
    if picture:
        lines += ["", f"![Over time]({picture})"]
    return "\n".join(lines) + "\n"


def svg(proof: Proof) -> str:
    """Rates, journal and memory over time, with a tick for each kill."""
    samples = proof.samples
    every = -(-len(samples) // WIDTH)
    panels = [
        ("messages confirmed by the database, a second", _rates(samples[::every], lambda one: one.stored), "#27ae60"),
        ("messages in the journal", _highest(samples, every, lambda one: one.journalled), "#d35400"),
        ("memory of ingest, MB", _highest(samples, every, lambda one: one.memory_mb), "#7f8c8d"),
    ]
    height = 30 + len(panels) * (PANEL + GAP) + 20
    end = max(proof.samples[-1].at_s, 1.0)
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" '
        'font-family="sans-serif" font-size="12">',
        f'<rect width="{WIDTH}" height="{height}" fill="white"/>',
        *_legend(),
    ]
    for number, (title, values, colour) in enumerate(panels):
        points = [(sample.at_s, value) for sample, value in zip(samples[::every], values, strict=True)]
        parts += _panel(proof, title, points, 40 + number * (PANEL + GAP), end, colour)
    return "\n".join([*parts, "</svg>"]) + "\n"


def _legend() -> list[str]:
    parts, x = [f'<text x="{LEFT}" y="18">killed:</text>'], LEFT + 50
    for name, colour in COLOURS.items():
        parts.append(f'<rect x="{x}" y="9" width="10" height="10" fill="{colour}"/>')
        parts.append(f'<text x="{x + 14}" y="18">{name}</text>')
        x += 90
    return parts


def _rates(samples: Sequence[Sample], count: Callable[[Sample], int]) -> list[float]:
    """A second, between each sample and the one before."""
    pairs = pairwise(samples)
    return [0.0, *(max(0.0, (count(b) - count(a)) / max(b.at_s - a.at_s, 1e-3)) for a, b in pairs)]


def _highest(samples: Sequence[Sample], every: int, value: Callable[[Sample], float]) -> list[float]:
    """The highest of each `every` samples: a picture has no room for more points than pixels."""
    return [max(float(value(one)) for one in samples[at : at + every]) for at in range(0, len(samples), every)]


def _panel(
    proof: Proof, title: str, points: Sequence[tuple[float, float]], top: int, end: float, colour: str
) -> list[str]:
    high = max([*(value for _, value in points), 1.0])
    span = WIDTH - LEFT - 20

    def place(at: float, value: float) -> str:
        return f"{LEFT + span * at / end:.1f},{top + PANEL * (1 - value / high):.1f}"

    line = " ".join(place(*point) for point in points)
    ticks = [
        f'<path d="M{LEFT + span * at / end:.1f} {top + PANEL + 2}v8" stroke="{COLOURS[what]}" stroke-width="1.5"/>'
        for at, what in proof.kills
    ]
    return [
        f'<text x="{LEFT}" y="{top - 6}" font-weight="bold">{escape(title)}</text>',
        f'<rect x="{LEFT}" y="{top}" width="{span}" height="{PANEL}" fill="none" stroke="#ccc"/>',
        f'<text x="{LEFT - 6}" y="{top + 10}" text-anchor="end">{high:,.0f}</text>',
        f'<text x="{LEFT - 6}" y="{top + PANEL}" text-anchor="end">0</text>',
        f'<text x="{WIDTH - 20}" y="{top + PANEL + 24}" text-anchor="end">{end:,.0f} s</text>',
        f'<polyline points="{line}" fill="none" stroke="{colour}" stroke-width="1.3"/>',
        *ticks,
    ]
