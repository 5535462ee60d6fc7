"""Reads a folder into drafts: every file and item that can be read, with the place where it stands.

A draft keeps what is wrong too, so that one mistake does not make others out of thin air: an item that does not fit
its shape has no `value` but is still known by its id, and a file that cannot be read leaves its council or building
`opaque`, and then nothing is said about references into it.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, Generic, TypeVar

from devices.estate import shapes
from devices.estate.explain import shaped
from devices.estate.problem import Problem, nearest, shown, suggest
from devices.estate.text import Place, plain, read_csv, read_yaml
from devices.estate.values import ID

T_co = TypeVar("T_co", covariant=True)
S = TypeVar("S", bound=shapes.Shape)

_FILES: Final = ("council.yaml", "devices.yaml", "devices.csv", "spaces.csv")
_LISTS: Final = {"hours": shapes.HoursItem, "spaces": shapes.SpaceItem, "meters": shapes.MeterItem}


@dataclass(frozen=True, slots=True)
class Entry(Generic[T_co]):
    """An item of a list: where it stands, what stood there, and what it means (None where it does not fit)."""

    place: Place
    raw: Mapping[str, Any]
    value: T_co | None

    @property
    def id(self) -> str:
        return plain(self.raw, "id")


@dataclass(slots=True)
class BuildingDraft:
    id: str
    place: Place
    head: shapes.BuildingFile | None = None
    """without its lists"""
    raw: Mapping[str, Any] = field(default_factory=dict)
    opaque: bool = False
    hours: list[Entry[shapes.HoursItem]] = field(default_factory=list)
    spaces: list[Entry[shapes.SpaceItem]] = field(default_factory=list)
    meters: list[Entry[shapes.MeterItem]] = field(default_factory=list)

    @property
    def levels(self) -> Mapping[str, str]:
        levels = self.raw.get("levels")
        return levels if isinstance(levels, dict) else {}

    def meter(self, name: str) -> Entry[shapes.MeterItem] | None:
        return next((entry for entry in self.meters if entry.id == name), None)


@dataclass(slots=True)
class DeviceDraft:
    """A device with all its assignments; `heads` are its rows in CSV, or its one item in YAML."""

    heads: list[Entry[shapes.DeviceHead]]
    assignments: list[Entry[shapes.AssignmentItem]]


@dataclass(slots=True)
class CouncilDraft:
    folder: str
    place: Place
    head: shapes.CouncilFile | None = None
    """without its calendar and sources"""
    raw: Mapping[str, Any] = field(default_factory=dict)
    opaque: bool = False
    """council.yaml cannot be read"""
    calendar: shapes.CalendarItem | None = None
    """without its school years"""
    school_years: list[Entry[shapes.SchoolYearItem]] = field(default_factory=list)
    sources: list[Entry[shapes.SourceItem]] = field(default_factory=list)
    buildings: dict[str, BuildingDraft] = field(default_factory=dict)
    strays: list[Entry[shapes.SpaceRow]] = field(default_factory=list)
    """rows of spaces.csv whose building is not known"""
    spaces_opaque: bool = False
    """spaces.csv cannot be read"""
    devices: dict[str, DeviceDraft] = field(default_factory=dict)
    devices_opaque: bool = False
    """a list of devices cannot be read"""


def read_estate(folder: Path, problems: list[Problem]) -> list[CouncilDraft]:
    """The councils of a folder: the folder itself where it holds council.yaml, or else each folder in it."""
    if not folder.is_dir():
        problems.append(Problem(str(folder), 1, "there is no such folder", "name the folder that holds the estate"))
        return []
    if (folder / "council.yaml").is_file():
        return [_council(folder, problems)]
    inside = sorted(each for each in folder.iterdir() if each.is_dir() and each.name[0] not in "._")
    if not inside:
        what = "the folder holds no council"
        problems.append(Problem(str(folder), 1, what, "make a folder for each council, with its council.yaml"))
    return [_council(each, problems) for each in inside]


def _council(folder: Path, problems: list[Problem]) -> CouncilDraft:
    name = str(folder / "council.yaml")
    draft = CouncilDraft(str(folder), Place(name, 1))
    if (folder / "council.yaml").is_file():
        read = read_yaml(folder / "council.yaml", name, problems)
    else:
        read = None
        problems.append(Problem(name, 1, "the file is missing", "add it with the council's id and name"))
    if read is None:
        draft.opaque = True
    else:
        draft.place, draft.raw = read
        raw = _without(draft.raw, "sources")
        if isinstance(raw.get("calendar"), dict):
            _calendar(raw.pop("calendar"), draft, problems)
        draft.head = shaped(shapes.CouncilFile, raw, draft.place, problems)
        draft.sources = list(_items(shapes.SourceItem, draft.raw, "sources", draft.place, problems))
    _unexpected_files(folder, problems)
    for path in sorted((folder / "buildings").glob("*.yaml")):
        draft.buildings[path.stem] = _building(path, problems)
    _space_rows(folder / "spaces.csv", draft, problems)
    _device_rows(folder / "devices.csv", draft, problems)
    _device_items(folder / "devices.yaml", draft, problems)
    return draft


def _calendar(raw: Mapping[str, Any], draft: CouncilDraft, problems: list[Problem]) -> None:
    place = draft.place.at("calendar")
    draft.calendar = shaped(shapes.CalendarItem, _without(raw, "school_years"), place, problems)
    draft.school_years = list(_items(shapes.SchoolYearItem, raw, "school_years", place, problems))


def _unexpected_files(folder: Path, problems: list[Problem]) -> None:
    for path in sorted(folder.iterdir()):
        if path.suffix in {".yaml", ".yml", ".csv"} and path.name not in _FILES:
            mend = suggest(path.name, _FILES, f"the files of a council are {', '.join(_FILES)} and buildings/<id>.yaml")
            problems.append(Problem(str(path), 1, "the file would not be read", mend))
        elif path.is_dir() and path.name != "buildings" and nearest(path.name, ["buildings"]):
            problems.append(Problem(str(path), 1, "the folder would not be read", "did you mean 'buildings'?"))
    problems.extend(
        Problem(str(path), 1, "the file would not be read", "name it <id>.yaml, or move it")
        for path in sorted((folder / "buildings").glob("*"))
        if path.suffix != ".yaml" and not path.name.startswith(".")
    )


def _building(path: Path, problems: list[Problem]) -> BuildingDraft:
    name = str(path)
    draft = BuildingDraft(path.stem, Place(name, 1))
    _check_file_id(draft, problems)
    read = read_yaml(path, name, problems)
    if read is None:
        draft.opaque = True
        return draft
    draft.place, draft.raw = read
    draft.head = shaped(shapes.BuildingFile, _without(draft.raw, *_LISTS), draft.place, problems)
    draft.hours = list(_items(shapes.HoursItem, draft.raw, "hours", draft.place, problems))
    draft.spaces = list(_items(shapes.SpaceItem, draft.raw, "spaces", draft.place, problems))
    draft.meters = list(_items(shapes.MeterItem, draft.raw, "meters", draft.place, problems))
    return draft


def _check_file_id(draft: BuildingDraft, problems: list[Problem]) -> None:
    if not re.fullmatch(ID[1:-1], draft.id):
        what = f"the file's name {shown(draft.id)} is no id"
        problems.append(draft.place.problem(what, "name the file with 1 to 64 of a-z, 0-9 and -"))


def _without(raw: Mapping[str, Any], *names: str) -> dict[str, Any]:
    """`raw` without the lists that are validated item by item; what should be a list and is none stays in."""
    return {key: value for key, value in raw.items() if key not in names or not isinstance(value, list)}


def _items(
    shape: type[S], raw: Mapping[str, Any], key: str, place: Place, problems: list[Problem]
) -> Iterator[Entry[S]]:
    items = raw.get(key)
    for number, item in enumerate(items if isinstance(items, list) else []):
        here = place.at(key, number)
        value = shaped(shape, item, here, problems)
        yield Entry(here, item if isinstance(item, dict) else {}, value)


def _space_rows(path: Path, draft: CouncilDraft, problems: list[Problem]) -> None:
    if not path.is_file():
        return
    shape = shapes.SpaceRow
    rows = read_csv(path, str(path), shapes.keys(shape), shapes.required(shape), problems)
    draft.spaces_opaque = rows is None
    for place, raw in rows or ():
        entry = Entry(place, raw, shaped(shape, raw, place, problems, strict=False) if raw else None)
        home = draft.buildings.get(plain(raw, "building"))
        if home is not None:
            home.spaces.append(entry)
        elif raw:
            draft.strays.append(entry)


def _device_rows(path: Path, draft: CouncilDraft, problems: list[Problem]) -> None:
    if not path.is_file():
        return
    shape = shapes.DeviceRow
    rows = read_csv(path, str(path), shapes.keys(shape), shapes.required(shape), problems)
    draft.devices_opaque |= rows is None
    for place, raw in rows or ():
        entry = Entry(place, raw, shaped(shape, raw, place, problems, strict=False) if raw else None)
        device = draft.devices.setdefault(entry.id or f"{path}:{place.line}", DeviceDraft([], []))
        device.heads.append(entry)
        device.assignments.append(entry)


def _device_items(path: Path, draft: CouncilDraft, problems: list[Problem]) -> None:
    if not path.is_file():
        return
    read = read_yaml(path, str(path), problems)
    draft.devices_opaque |= read is None
    if read is None:
        return
    place, raw = read
    shaped(shapes.DevicesFile, {**raw, "devices": []} if isinstance(raw.get("devices"), list) else raw, place, problems)
    for number, item in enumerate(raw["devices"] if isinstance(raw.get("devices"), list) else []):
        here = place.at("devices", number)
        device = _device_item(item, here, problems)
        known = draft.devices.setdefault(device.heads[0].id or f"{path}:{here.line}", device)
        if known is not device:
            first = known.heads[0].place
            what = f"the device {device.heads[0].id!r} stands twice, first in {first.file}:{first.line}"
            problems.append(here.problem(what, "keep one, with all its assignments"))


def _device_item(item: object, place: Place, problems: list[Problem]) -> DeviceDraft:
    raw = item if isinstance(item, dict) else {}
    assignments = raw.get("assignments")
    if isinstance(assignments, list) and assignments:
        head = shaped(shapes.DeviceHead, {k: v for k, v in raw.items() if k != "assignments"}, place, problems)
        entries = list(_items(shapes.AssignmentItem, raw, "assignments", place, problems))
    else:
        head, entries = shaped(shapes.DeviceItem, item, place, problems), []
    return DeviceDraft([Entry(place, raw, head)], entries)
