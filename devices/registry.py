"""The registry: which councils, buildings, spaces, meters, sources and devices there are. docs/estate.md says how it
is written."""

from collections.abc import Mapping
from operator import attrgetter
from pathlib import Path
from typing import Final, TypeVar

from devices.calendar import SCOTLAND, Calendar, SchoolYear
from devices.errors import ConfigurationError
from devices.estate.draft import BuildingDraft, CouncilDraft, DeviceDraft, read_estate
from devices.estate.problem import Problem
from devices.estate.reference import calendar_rules, council_areas
from devices.estate.rules import disagreements
from devices.estate.shapes import NATIVE, AssignmentItem, CalendarItem, SourceItem
from devices.formats import default_topic
from devices.message import SourceConfig
from devices.model import Assignment, Building, Council, Device, Estate, Hours, Meter, Privacy, Space
from devices.timestamps import FOREVER

T = TypeVar("T")

NATIVE_TOPIC: Final = "tolbooth/v1"
"""Base topic of the source `native` where council.yaml does not name that source."""


class RegistryError(ConfigurationError):
    """The files of an estate hold mistakes; `problems` has them all, and the text has one a line."""

    def __init__(self, problems: list[Problem]) -> None:
        super().__init__("\n".join(str(problem) for problem in problems))
        self.problems = problems


def load(folder: Path) -> Estate:
    """The estate whose councils are the folders in `folder`, or the one council that `folder` itself is.

    Raises:
        RegistryError: the files hold mistakes.
    """
    problems: list[Problem] = []
    drafts = read_estate(folder, problems)
    problems.extend(disagreements(drafts))
    if problems:
        raise RegistryError(sorted(problems))
    return Estate({council.id: council for council in map(_council, drafts)})


def _council(draft: CouncilDraft) -> Council:
    head = _sound(draft.head)
    gss = head.gss or ""
    buildings = {each.id: _building(each, head.id) for each in draft.buildings.values()}
    sources = [source_config(_sound(entry.value), head.id) for entry in draft.sources]
    devices = [_device(each, head.id, buildings) for each in draft.devices.values()]
    return Council(
        id=head.id,
        name=head.name,
        gss=gss,
        climate_station=head.climate_station or council_areas()[gss].climate_station,
        buildings=buildings,
        sources={NATIVE: SourceConfig(NATIVE, head.id, NATIVE, NATIVE_TOPIC)} | {each.id: each for each in sources},
        devices={device.id: device for device in devices},
        privacy=Privacy(head.privacy.desk_sensors, head.privacy.smallest_space),
        calendar=_calendar(draft, gss),
    )


def _calendar(draft: CouncilDraft, gss: str) -> Calendar:
    item = draft.calendar or CalendarItem()
    like = item.like or gss
    return Calendar(
        calendar_rules()[like] if like else SCOTLAND.rules,
        frozenset(item.closed),
        frozenset(item.open),
        tuple(
            SchoolYear(year.first, year.last, tuple(year.breaks), frozenset(year.in_service))
            for year in (_sound(entry.value) for entry in draft.school_years)
        ),
    )


def source_config(item: SourceItem, council: str) -> SourceConfig:
    """A source as an estate's file has it, with what it leaves to its format."""
    topic = default_topic(item.format) if item.topic is None else item.topic
    return SourceConfig(item.id, council, item.format, topic, item.building or "", item.options, reads=item.reads())


def _building(draft: BuildingDraft, council: str) -> Building:
    head = _sound(draft.head)
    spaces = [_sound(entry.value) for entry in draft.spaces]
    meters = [_sound(entry.value) for entry in draft.meters]
    return Building(
        id=draft.id,
        council=council,
        name=head.name,
        use=head.use,
        tm46=head.tm46,
        floor_area_m2=head.floor_area_m2,
        uprn=head.uprn or "",
        hours=tuple(Hours(item.days, item.start, item.end) for item in (_sound(entry.value) for entry in draft.hours)),
        levels=head.levels,
        spaces={s.id: Space(s.id, s.name, s.level, s.use, s.area_m2, s.capacity) for s in spaces},
        meters={m.id: Meter(m.id, m.utility, m.parent or "", m.use or "") for m in meters},
    )


def _device(draft: DeviceDraft, council: str, buildings: Mapping[str, Building]) -> Device:
    head = _sound(draft.heads[0].value)
    assignments = [_assignment(_sound(entry.value), buildings) for entry in draft.assignments]
    return Device(
        id=head.id,
        council=council,
        kind=head.kind,
        model=head.model,
        source=head.source,
        address=head.address or head.id,
        interval=head.interval,
        assignments=tuple(sorted(assignments, key=attrgetter("start"))),
        absences=head.absent,
    )


def _assignment(item: AssignmentItem, buildings: Mapping[str, Building]) -> Assignment:
    return Assignment(
        start=item.start,
        end=FOREVER if item.end is None else item.end,
        building=item.building,
        level=item.level or (buildings[item.building].spaces[item.space].level if item.space else ""),
        space=item.space or "",
        meter=item.meter or "",
        opening_register=item.opening_register,
    )


def _sound(value: T | None) -> T:
    """What an entry means, in drafts that are known to have no problems."""
    if value is None:
        raise AssertionError("a mistake in the estate was not reported as a problem")
    return value
