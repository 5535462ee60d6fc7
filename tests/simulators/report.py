"""The year of `year.py` as a table: each category, ours, what is published, and where."""

from collections.abc import Iterable, Iterator

from tests.simulators.bands import NIGHT, OUT_OF_HOURS, WEEKEND, Band
from tests.simulators.reference import CATEGORIES
from tests.simulators.year import Result

_HEAD = (
    "| TM46 | building | electricity, kWh/m² | TM46 | gas, kWh/m² | TM46 adjusted | R² weekly | weekend | published "
    "| night | published |\n|---|---|---|---|---|---|---|---|---|---|---|"
)


def table(results: Iterable[Result]) -> str:
    """Markdown, one row for each category, and a line on the hours of schools."""
    kept = list(results)
    rows = [_HEAD, *(_row(one) for one in kept)]
    school = next(one for one in kept if one.tm46 == 17)
    low, usual, high, of = OUT_OF_HOURS
    rows.append(
        f"\nThe school uses {school.out_of_hours:.0%} of its electricity outside 09:00 to 15:30 on school days; "
        f"{of}: {low:.0%} to {high:.0%}, benchmark {usual:.0%}."
    )
    return "\n".join(rows) + "\n"


def _row(one: Result) -> str:
    cells: Iterator[str] = iter(
        (
            f"{one.tm46}", CATEGORIES[one.tm46].use, f"{one.electricity:.0f}", f"{one.expected_electricity:.0f}",
            f"{one.gas:.0f}", f"{one.expected_gas:.0f}", f"{one.weekly_r2:.2f}", f"{one.weekend:.2f}",
            _band(WEEKEND.get(one.tm46)), f"{one.night:.2f}", _band(NIGHT.get(one.tm46)),
        )
    )  # fmt: skip
    return f"| {' | '.join(cells)} |"


def _band(band: Band | None) -> str:
    return f"{band.low:.2f} to {band.high:.2f}, median {band.usual:.2f} ({band.of})" if band else "none found"
