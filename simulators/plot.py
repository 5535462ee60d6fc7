"""Pictures of a simulated building: its last day, its last week and all the time before, from the truth."""

from pathlib import Path

from devices.model import Estate
from simulators.page import page
from simulators.portrait import PlotError, sit
from simulators.scenario import Scenario


def draw_building(
    path: Path, estate: Estate, scenario: Scenario, *, seed: int, building: str | None, days: int, end: int
) -> None:
    """Draw a building of the estate for its last day, its last week and all `days`, as a page.

    Args:
        path: .html
        end: of the time that is drawn, seconds since 1970.

    Raises:
        PlotError: the file is no page, or there is no such building.
    """
    if path.suffix != ".html":
        raise PlotError(f"{path}: it is drawn as a page: name it {path.stem}.html")
    portrait = sit(estate, scenario, seed=seed, building=building, days=days, end=end)
    path.write_text(page(portrait), encoding="utf-8")
