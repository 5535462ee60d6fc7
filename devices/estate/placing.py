"""What must agree between the devices of a council and the places, sources and meters that they name. All pure."""

import re
from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise
from typing import Final

from devices.estate.draft import BuildingDraft, CouncilDraft, DeviceDraft, Entry
from devices.estate.problem import Problem, shown, suggest
from devices.estate.shapes import NATIVE, AssignmentItem, DeviceHead, SpaceItem
from devices.estate.text import plain
from devices.estate.values import ID
from devices.model import DeviceKind, Utility
from devices.timestamps import FOREVER

_METERS: Final = {
    DeviceKind.ELECTRICITY_METER: Utility.ELECTRICITY,
    DeviceKind.GAS_METER: Utility.GAS,
    DeviceKind.HEAT_METER: Utility.HEAT,
    DeviceKind.WATER_METER: Utility.WATER,
}
_HEAD: Final = ("kind", "model", "source", "address", "interval", "absent")


def disagreements(draft: CouncilDraft) -> Iterator[Problem]:
    """Mistakes of a council's devices."""
    sources = {NATIVE, *(entry.id for entry in draft.sources)}
    addresses: dict[tuple[str, str], Entry[DeviceHead]] = {}
    spaces = {each.id: {entry.id: entry for entry in each.spaces} for each in draft.buildings.values()}
    for device in draft.devices.values():
        yield from _heads(device, sources, draft, addresses)
        for first, second in _overlapping(device.assignments):
            yield _overlap(first, second, "the assignments of a device overlap")
        for entry in device.assignments:
            yield from _dates(entry)
            name = plain(entry.raw, "building")
            building = draft.buildings.get(name)
            if building is None and name:
                mend = suggest(name, draft.buildings, f"add buildings/{name}.yaml, or name one that is there")
                yield entry.place.at("building").problem(f"unknown building {shown(name)}", mend)
            elif building is not None and not building.opaque:
                yield from _level_in(building, spaces[building.id], entry)
                yield from _space_in(building, spaces[building.id], entry) if not draft.spaces_opaque else ()
                yield from _meter_in(building, device.heads[0].value, entry)
    yield from _metering(draft)


def _heads(
    device: DeviceDraft, sources: set[str], draft: CouncilDraft, addresses: dict[tuple[str, str], Entry[DeviceHead]]
) -> Iterator[Problem]:
    first = device.heads[0]
    for entry in device.heads[1:]:
        for key in _HEAD:
            if first.value and entry.value and getattr(entry.value, key) != getattr(first.value, key):
                what = f"the device {first.id!r} has another {key} in line {first.place.line}"
                yield entry.place.problem(what, "make its rows agree; another unit is another device")
    if first.value is None:
        return
    source, address = first.value.source, first.value.address or ""
    if source not in sources and not draft.opaque:
        mend = suggest(source, sources, "add it to council.yaml, or name one that is there")
        yield first.place.at("source").problem(f"unknown source {shown(source)}", mend)
    if source != NATIVE and not address:
        what = f"the device {first.id!r} has no address in the source {source!r}"
        yield first.place.problem(what, "add the address that the gateway gives it")
        return
    if source == NATIVE and not re.fullmatch(ID[1:-1], address or first.id):
        what = f"address: {shown(address)} is no level of a native topic"
        yield first.place.at("address").problem(what, "use 1 to 64 of a-z, 0-9 and -, or leave it out")
    other = addresses.setdefault((source, address or first.id), first)
    if other is not first:
        what = f"the address {shown(address or first.id)} of the source {source!r} is that of {other.id!r} too"
        yield first.place.at("address").problem(what, "give each device its own; a replacement gets a new one")


def _overlapping(
    entries: Sequence[Entry[AssignmentItem]],
) -> Iterator[tuple[Entry[AssignmentItem], Entry[AssignmentItem]]]:
    """Neighbours in time that overlap, in the order in which they stand in the file."""
    dated = [(entry.value.start, entry.value.end or FOREVER, entry) for entry in entries if entry.value]
    dated.sort(key=lambda each: each[:2])
    for (_, end, earlier), (start, _, later) in pairwise(dated):
        if start < end:
            first, second = sorted((earlier, later), key=lambda entry: entry.place.line)
            yield first, second


def _overlap(first: Entry[AssignmentItem], second: Entry[AssignmentItem], what: str) -> Problem:
    there = f"{first.place.file}:{first.place.line}"
    return second.place.problem(f"{what}, here and in {there}", "end one (to, exclusive) where the next begins")


def _dates(entry: Entry[AssignmentItem]) -> Iterator[Problem]:
    if entry.value is not None and entry.value.end is not None and entry.value.end <= entry.value.start:
        what = "the assignment is reversed, it ends before or when it begins"
        yield entry.place.at("to").problem(what, "let to, which is exclusive, be later than from")


def _level_in(
    building: BuildingDraft, spaces: Mapping[str, Entry[SpaceItem]], entry: Entry[AssignmentItem]
) -> Iterator[Problem]:
    level, space = plain(entry.raw, "level"), spaces.get(plain(entry.raw, "space"))
    if level and building.levels and level not in building.levels:
        mend = suggest(level, building.levels, f"the levels are {', '.join(map(str, building.levels))}")
        yield entry.place.at("level").problem(f"unknown level {shown(level)} in {building.id}", mend)
    elif level and space is not None and plain(space.raw, "level") != level:
        what = f"the space {space.id!r} is on the level {plain(space.raw, 'level')!r}, not on {level!r}"
        yield entry.place.at("level").problem(what, "leave the level out; it is the space's")


def _space_in(
    building: BuildingDraft, spaces: Mapping[str, Entry[SpaceItem]], entry: Entry[AssignmentItem]
) -> Iterator[Problem]:
    name = plain(entry.raw, "space")
    if name and name not in spaces:
        mend = suggest(name, spaces, "add it to the building or to spaces.csv")
        yield entry.place.at("space").problem(f"unknown space {shown(name)} in {building.id}", mend)


def _meter_in(building: BuildingDraft, head: DeviceHead | None, entry: Entry[AssignmentItem]) -> Iterator[Problem]:
    name = plain(entry.raw, "meter")
    needed = _METERS.get(head.kind) if head else None
    if not name:
        if "opening_register" in entry.raw:
            mend = "name the meter, or leave the register out"
            yield entry.place.at("opening_register").problem("an opening register without a meter", mend)
        if needed and entry.value:
            what = f"the device measures {needed} but has no meter"
            yield entry.place.problem(what, f"name a metering point of {building.id}")
        return
    meter = building.meter(name)
    if meter is None:
        mend = suggest(name, [each.id for each in building.meters], f"add it to the meters of {building.id}")
        yield entry.place.at("meter").problem(f"unknown meter {shown(name)} in {building.id}", mend)
    elif needed and meter.value and meter.value.utility != needed:
        what = f"the device measures {needed}, the meter {name!r} is one of {meter.value.utility}"
        yield entry.place.at("meter").problem(what, f"name a meter of {needed}")


def _metering(draft: CouncilDraft) -> Iterator[Problem]:
    """A meter has one device at a time, and has had one: a meter that nothing ever measured is a slip of the pen."""
    owner: dict[int, DeviceDraft] = {}
    measured: dict[tuple[str, str], list[Entry[AssignmentItem]]] = {}
    for device in draft.devices.values():
        for entry in device.assignments:
            owner[id(entry)] = device
            measured.setdefault((plain(entry.raw, "building"), plain(entry.raw, "meter")), []).append(entry)
    for building in draft.buildings.values():
        for meter in building.meters:
            if not meter.id:
                continue
            entries = measured.get((building.id, meter.id), [])
            for first, second in _overlapping(entries):
                if owner[id(first)] is not owner[id(second)]:
                    yield _overlap(first, second, f"two devices measure the meter {meter.id!r} at one time")
            if not entries and not draft.devices_opaque:
                what = f"no device measures the meter {meter.id!r}"
                yield meter.place.at("id").problem(what, "assign a device to it, or remove it")
