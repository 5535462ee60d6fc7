"""Colours of the preview: Grafana's names, a palette for series, and a scale for shares."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

NAMED: Final[Mapping[str, str]] = {
    "blue": "#3f7fd9",
    "light-blue": "#67b3e6",
    "green": "#35a16b",
    "yellow": "#d9a520",
    "orange": "#e0762f",
    "red": "#d6455a",
}
"""Grafana's colour names, apart from `text`, which depends on the theme."""

PALETTE: Final = (
    "#3f7fd9",
    "#e0762f",
    "#35a16b",
    "#a668c9",
    "#d9a520",
    "#2fa9b8",
    "#d6455a",
    "#8a8f9c",
    "#6a5acd",
    "#94b447",
)
"""Colours of series in turn."""


@dataclass(frozen=True, slots=True)
class Theme:
    """What differs between light and dark in charts; the page's own colours are in style.css."""

    name: str
    text: str
    muted: str
    line: str
    panel: str
    low: tuple[int, int, int]
    """colour of the least share"""
    high: tuple[int, int, int]
    """colour of the greatest share"""


LIGHT: Final = Theme("light", "#1d2430", "#667085", "#e4e7ec", "#ffffff", (244, 247, 252), (28, 88, 175))
DARK: Final = Theme("dark", "#e6e9ef", "#98a2b3", "#2b3340", "#171c24", (29, 36, 47), (92, 158, 245))


def named(colour: str, theme: Theme) -> str:
    """A Grafana colour as CSS."""
    return theme.text if colour == "text" else NAMED.get(colour, colour)


def by_threshold(value: float, steps: Sequence[Mapping[str, Any]], theme: Theme) -> str:
    """The colour of the highest threshold that `value` reaches."""
    reached = [step for step in steps if step["value"] is None or value >= step["value"]]
    return named(reached[-1]["color"], theme) if reached else theme.text


def shade(share: float, theme: Theme) -> tuple[str, str]:
    """Background and text colour of a cell for a share from 0 to 1."""
    share = min(max(share, 0.0), 1.0)
    mixed = [round(low + (high - low) * share) for low, high in zip(theme.low, theme.high, strict=True)]
    luminance = (0.299 * mixed[0] + 0.587 * mixed[1] + 0.114 * mixed[2]) / 255
    return f"rgb({mixed[0]}, {mixed[1]}, {mixed[2]})", "#12161d" if luminance > 0.55 else "#ffffff"
