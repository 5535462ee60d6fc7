"""Draws docs/faults.md: every kind of fault beside its healthy twin. `python -m tests.simulators.gallery`"""

from itertools import pairwise
from pathlib import Path

from devices.schema import BY_NAME, Kind
from simulators.faults import KINDS, Scope
from tests.simulators.svg import Line, picture
from tests.simulators.twins import BEGINS, CASES, DAYS, ENDS, Heard, hear

DOCS = Path(__file__).parents[2] / "docs"
_HEALTHY, _ILL = "#8aa4c8", "#b3261e"
_TITLES = {
    Scope.BUILDING: "Buildings", Scope.SPACE: "Buildings", Scope.DEVICE: "Devices", Scope.SOURCE: "Transport",
}  # fmt: skip
_INTRO = """# Kinds of fault

Every kind of fault that a scenario may hold (see [simulators.md](simulators.md)), as a device tells it: blue is the
healthy twin of the same seed, red the same days with the fault, which holds from the third day to the seventh
(shaded). Registers are shown as consumption; faults of transport as messages heard in six hours.
Drawn by `python -m tests.simulators.gallery`.
"""


def main() -> None:
    folder = DOCS / "faults"
    folder.mkdir(exist_ok=True)
    page, title = [_INTRO], ""
    for kind, about in KINDS.items():
        if _TITLES[about.scope] != title:
            title = _TITLES[about.scope]
            page.append(f"\n## {title}\n")
        (folder / f"{kind}.svg").write_text(draw(kind), encoding="utf-8")
        severity = f" Severity: {about.unit}, {about.severity:g} if left out." if about.unit != "-" else ""
        page.append(f"\n### {kind}\n\nStrikes a {about.scope.value}: {about.about}.{severity}\n\n")
        page.append(f"![{kind}](faults/{kind}.svg)\n")
    (DOCS / "faults.md").write_text("".join(page), encoding="utf-8")


def draw(kind: str) -> str:
    """The picture of one kind."""
    healthy, ill = hear(kind, ill=False), hear(kind, ill=True)
    field = BY_NAME[CASES[kind].field]
    if KINDS[kind].scope is Scope.SOURCE and kind != "reordering":
        title, lines = f"{CASES[kind].watch}: messages", (_counts(healthy), _counts(ill))
    elif kind == "reordering":
        title, lines = f"{CASES[kind].watch}: {field.unit}, in order of arrival", (_told(healthy), _told(ill))
    elif field.kind is Kind.REGISTER and not kind.startswith(("register", "swapped")):
        title, lines = f"{CASES[kind].watch}: {field.unit} an hour", (_hourly(healthy), _hourly(ill))
    else:
        title, lines = f"{CASES[kind].watch}: {field.name}, {field.unit}", (_told(healthy), _told(ill))
    return picture(
        title,
        [Line("healthy", _HEALTHY, lines[0], 0.3), Line("with the fault", _ILL, lines[1], 0.3)],
        [(day + 0.5, f"day {day}") for day in range(0, DAYS, 2)],
        (BEGINS, ENDS),
    )


def _told(heard: Heard) -> list[tuple[float, float]]:
    return heard.readings[::2]


def _hourly(heard: Heard) -> list[tuple[float, float]]:
    return [(at, now - before) for (_, before), (at, now) in pairwise(heard.readings[::2])]


def _counts(heard: Heard) -> list[tuple[float, float]]:
    return [
        (hour / 24, float(sum(heard.arrivals[one] for one in range(hour, hour + 6)))) for hour in range(0, DAYS * 24, 6)
    ]


if __name__ == "__main__":
    main()
