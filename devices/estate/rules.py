"""What must agree between the councils of an estate, and within a council and its buildings. All pure."""

from collections.abc import Iterator, Mapping, Sequence

from devices.calendar import school_year_of
from devices.estate import placing, private
from devices.estate.draft import BuildingDraft, CouncilDraft, Entry
from devices.estate.problem import Problem, shown, suggest
from devices.estate.reference import climate_stations, council_areas, superseded_codes
from devices.estate.shapes import NATIVE, MeterItem, SchoolYearItem, Shape, SourceItem
from devices.estate.text import Place, plain
from devices.estate.values import DAYS
from devices.formats import FORMATS, default_topic, json
from devices.model import Utility


def disagreements(councils: Sequence[CouncilDraft]) -> Iterator[Problem]:
    """Every mistake that shows only when the parts of an estate are seen together."""
    yield from _twice("council", [(draft.place.at("id"), plain(draft.raw, "id")) for draft in councils])
    uprns = [
        (building.place.at("uprn"), plain(building.raw, "uprn"))
        for draft in councils
        for building in draft.buildings.values()
    ]
    yield from _twice("UPRN", uprns)
    for draft in councils:
        yield from _council(draft)
        yield from _calendar(draft)
        yield from _sources(draft)
        for row in draft.strays:
            name = plain(row.raw, "building")
            yield row.place.problem(f"unknown building {shown(name)}", _building_mend(name, draft))
        for building in draft.buildings.values():
            yield from _spaces(building)
            yield from _hours(building)
            yield from _meters(building)
        yield from placing.disagreements(draft)
        yield from private.disagreements(draft)


def _twice(kind: str, named: Sequence[tuple[Place, str]]) -> Iterator[Problem]:
    first: dict[str, Place] = {}
    for place, name in named:
        if not name:
            continue
        if name in first:
            there = first[name]
            what = f"the {kind} {shown(name)} stands twice, first in {there.file}:{there.line}"
            yield place.problem(what, "rename one, or remove it")
        first.setdefault(name, place)


def _ids(entries: Sequence[Entry[Shape]]) -> list[tuple[Place, str]]:
    return [(entry.place.at("id"), entry.id) for entry in entries]


def _building_mend(name: str, draft: CouncilDraft) -> str:
    return suggest(name, draft.buildings, f"add buildings/{name}.yaml, or name one that is there")


def _council(draft: CouncilDraft) -> Iterator[Problem]:
    if draft.opaque:
        return
    yield from _invented(draft) if draft.raw.get("invented") is True else _real(draft)
    station = plain(draft.raw, "climate_station")
    if station and station not in climate_stations():
        mend = suggest(station, climate_stations(), f"known are {', '.join(climate_stations())}")
        yield draft.place.at("climate_station").problem(f"unknown climate station {shown(station)}", mend)


def _calendar(draft: CouncilDraft) -> Iterator[Problem]:
    place, item = draft.place.at("calendar"), draft.calendar
    if item is not None:
        if item.like is not None and item.like not in council_areas():
            mend = "name the GSS code of a council; devices/data/councils.csv lists the codes"
            yield place.at("like").problem(f"unknown GSS code {shown(item.like)}", mend)
        for day in sorted(set(item.closed) & set(item.open)):
            yield place.at("open").problem(f"{day} is both open and closed", "remove one of them")
    years: dict[int, Place] = {}
    for entry in draft.school_years:
        if entry.value is not None:
            yield from _school_year(entry.value, entry.place)
            begins = school_year_of(entry.value.first)
            if begins in years:
                what = f"the school year from August {begins} stands twice, first in line {years[begins].line}"
                yield entry.place.at("first").problem(what, "remove one")
            years.setdefault(begins, entry.place)


def _school_year(year: SchoolYearItem, place: Place) -> Iterator[Problem]:
    if year.last <= year.first or school_year_of(year.last) != school_year_of(year.first):
        what = f"the school year from {year.first} to {year.last} is none"
        yield place.at("last").problem(what, "a school year begins in August and ends in July of the next year")
        return
    for first, last in year.breaks:
        if first < year.first or last > year.last:
            mend = "give breaks between the pupils' first and last day"
            yield place.at("breaks").problem(f"the break from {first} to {last} is outside the school year", mend)
    for day in year.in_service:
        if school_year_of(day) != school_year_of(year.first):
            mend = "give days between one August and the next July"
            yield place.at("in_service").problem(f"{day} is outside the school year", mend)


def _invented(draft: CouncilDraft) -> Iterator[Problem]:
    if "gss" in draft.raw:
        what = "an invented council has a GSS code"
        yield draft.place.at("gss").problem(what, "remove the code, or invented: true")
    if "climate_station" not in draft.raw:
        mend = f"an invented council names one of {', '.join(climate_stations())}"
        yield draft.place.problem("'climate_station' is missing", mend)
    for building in draft.buildings.values():
        if "uprn" in building.raw:
            what = "a building of an invented council has a UPRN"
            yield building.place.at("uprn").problem(what, "remove it; UPRNs are for properties that exist")


def _real(draft: CouncilDraft) -> Iterator[Problem]:
    gss, place = plain(draft.raw, "gss"), draft.place.at("gss")
    if not gss and not isinstance(draft.raw.get("invented", False), bool):
        return
    if not gss:
        yield place.problem("'gss' is missing", "add the council's GSS code, or invented: true")
    elif gss in superseded_codes():
        area = superseded_codes()[gss]
        yield place.problem(f"the GSS code {gss} of {area.area} is superseded", f"use {area.gss}")
    elif gss not in council_areas():
        yield place.problem(f"unknown GSS code {shown(gss)}", _gss_mend(gss, plain(draft.raw, "name")))


def _gss_mend(gss: str, name: str) -> str:
    """By the council's name where that is known, since one digit more or less is any other council."""
    by_name = {each: area.gss for area in council_areas().values() for each in (area.area, area.name)}
    return f"use {by_name[name]}" if name in by_name else "devices/data/councils.csv lists the codes"


def _sources(draft: CouncilDraft) -> Iterator[Problem]:
    yield from _twice("source", _ids(draft.sources))
    yield from _twice("topic of a source", [(entry.place.at("topic"), _topic(entry)) for entry in draft.sources])
    for entry in draft.sources:
        if entry.value is None:
            continue
        at, source = entry.place.at, entry.value
        if source.format not in FORMATS:
            mend = suggest(source.format, FORMATS, f"known are {', '.join(FORMATS)}")
            yield at("format").problem(f"unknown format {shown(source.format)}", mend)
        if (source.id == NATIVE) != (source.format == NATIVE):
            what = f"the source {source.id!r} has format {source.format!r}"
            yield at("id").problem(what, f"the id {NATIVE!r} is for the source of format {NATIVE!r}, and for no other")
        yield from _own_json(entry, source)
        if source.building and source.building not in draft.buildings:
            what = f"unknown building {shown(source.building)}"
            yield at("building").problem(what, _building_mend(source.building, draft))


def _own_json(entry: Entry[SourceItem], source: SourceItem) -> Iterator[Problem]:
    """The format without keys of its own must be told which level names the device; the others have their keys."""
    at = entry.place.at
    if source.format == "json":
        wrong = json.fault(source.topic or "")
        if wrong is not None:
            yield at("topic").problem(wrong.what, wrong.mend)
        return
    for key in sorted(source.reads()):
        what = f"the format {source.format!r} has keys of its own, and reads no {key!r} of a source"
        yield at(key).problem(what, f"remove {key!r}, or write format: json")
    if source.topic and "{" in source.topic:
        what = f"the topic of format {source.format!r} has a placeholder"
        yield at("topic").problem(what, "write the base topic without placeholders, or format: json")


def _topic(entry: Entry[SourceItem]) -> str:
    """The base topic, by default the format's own; where that is empty, the format stands for it."""
    topic, name = plain(entry.raw, "topic"), plain(entry.raw, "format")
    return topic or (default_topic(name) or f"any of {name}" if name in FORMATS else "")


def _spaces(building: BuildingDraft) -> Iterator[Problem]:
    yield from _twice("space", _ids(building.spaces))
    for entry in building.spaces:
        level = plain(entry.raw, "level")
        if level and building.levels and level not in building.levels:
            mend = suggest(level, building.levels, f"the levels are {', '.join(map(str, building.levels))}")
            yield entry.place.at("level").problem(f"unknown level {shown(level)}", mend)
    total = sum(entry.value.area_m2 for entry in building.spaces if entry.value)
    if building.head and total > building.head.floor_area_m2:
        what = f"the spaces add up to {total:g} m², more than the floor area of {building.head.floor_area_m2:g} m²"
        yield building.place.at("floor_area_m2").problem(what, "correct the floor area, or the areas of the spaces")


def _hours(building: BuildingDraft) -> Iterator[Problem]:
    until: dict[int, list[tuple[int, int]]] = {}
    for entry in building.hours:
        if entry.value is None:
            continue
        start = entry.value.start.hour * 60 + entry.value.start.minute
        end = entry.value.end.hour * 60 + entry.value.end.minute or 24 * 60
        if start >= end:
            what = f"the hours are reversed, from {entry.value.start:%H:%M} to {entry.value.end:%H:%M}"
            yield entry.place.at("from").problem(
                what, "split hours past midnight into two; as an end, 00:00 is midnight"
            )
            continue
        clash = [day for day in sorted(entry.value.days) if any(start < e and s < end for s, e in until.get(day, []))]
        if clash:
            names = ", ".join(DAYS[day] for day in clash)
            yield entry.place.problem(f"the hours overlap others on {names}", "join them, or correct one")
        for day in entry.value.days:
            until.setdefault(day, []).append((start, end))


def _meters(building: BuildingDraft) -> Iterator[Problem]:
    yield from _twice("meter", _ids(building.meters))
    by_id = {entry.id: entry for entry in building.meters}
    parents = {entry.id: plain(entry.raw, "parent") for entry in building.meters}
    for entry in building.meters:
        parent = parents[entry.id]
        at = entry.place.at("parent")
        if not parent:
            continue
        if parent not in by_id:
            mend = suggest(parent, by_id, f"the meters are {', '.join(by_id)}")
            yield at.problem(f"unknown meter {shown(parent)}", mend)
        elif _is_own_ancestor(entry.id, parents):
            yield at.problem(
                f"the meter {entry.id!r} is a sub-meter of itself", "end the chain of parents at a main meter"
            )
        else:
            yield from _utilities_agree(entry, by_id[parent])


def _is_own_ancestor(meter: str, parents: Mapping[str, str]) -> bool:
    above, steps = parents[meter], 0
    while above != meter and above in parents and steps <= len(parents):
        above, steps = parents[above], steps + 1
    return above == meter


def _utilities_agree(entry: Entry[MeterItem], parent: Entry[MeterItem]) -> Iterator[Problem]:
    """A sub-meter measures a part of what its parent measures, or the heat that a boiler or heat pump makes of it: a
    heat meter below the gas or electricity meter is not counted a second time beside it."""
    if entry.value is None or parent.value is None:
        return
    utility, above = entry.value.utility, parent.value.utility
    if utility != above and not (utility == Utility.HEAT and above in {Utility.GAS, Utility.ELECTRICITY}):
        what = f"a {utility} meter is a sub-meter of the {above} meter {parent.id!r}"
        yield entry.place.at("parent").problem(what, "name a parent of the same utility, or none")
