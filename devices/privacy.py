"""What of an occupancy reading a council lets be stored. Pure.

A space that is meant for fewer people than `smallest_space` is stored as one of the small spaces of its level, or of
its building where those of the level that have a sensor are meant for too few together. Where those of the building are
too few as well, nothing of its occupancy is stored. Sensors at a desk are stored only where the council allows them.
"""

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from devices.message import Reading, Reason, Reject
from devices.model import Assignment, Council, Device, DeviceKind, Estate
from devices.schema import BY_NAME, OCCUPANCY, Kind

DESKS: Final = BY_NAME["desks_in_use"]
_WATCHING: Final = (DeviceKind.ROOM_SENSOR, DeviceKind.PEOPLE_COUNTER, DeviceKind.DESK_SENSOR, DeviceKind.OTHER)
"""Kinds that may tell of people; a space without any does not hide another one."""


@dataclass(frozen=True, slots=True)
class Group:
    """The small spaces that one of them is stored with."""

    building: str
    level: str
    """empty for those of the whole building"""


Veils = Mapping[tuple[str, str], Group | None]
"""(building, space) of every small space → its group, None where nothing may be stored"""


def veils(council: Council) -> Veils:
    """The small spaces of a council."""
    least = council.privacy.smallest_space
    found: dict[tuple[str, str], Group | None] = {}
    watched = {
        (place.building, place.space)
        for device in council.devices.values()
        if device.kind in _WATCHING
        for place in device.assignments
    }
    for building in council.buildings.values():
        small = [space for space in building.spaces.values() if 0 < space.capacity < least]
        by_level: defaultdict[str, int] = defaultdict(int)
        for space in small:
            by_level[space.level] += space.capacity if (building.id, space.id) in watched else 0
        left = sum(size for size in by_level.values() if size < least)
        for space in small:
            if by_level[space.level] >= least:
                found[building.id, space.id] = Group(building.id, space.level)
            else:
                found[building.id, space.id] = Group(building.id, "") if left >= least else None
    return found


class Gate:
    """Lets pass what may be stored of occupancy."""

    def __init__(self, estate: Estate) -> None:
        self._desks = {council.id for council in estate.councils.values() if council.privacy.desk_sensors}
        self._veils = {council.id: veils(council) for council in estate.councils.values()}

    def sift(
        self, readings: list[Reading], device: Device, assignment: Assignment, rejects: list[Reject]
    ) -> list[Reading]:
        """The readings that may be stored; the others become rejects, which hold no value."""
        for reading in readings:
            if reading.field.measurement == OCCUPANCY:
                return [one for one in readings if self._passes(one, device, assignment, rejects)]
        return readings

    def _passes(self, reading: Reading, device: Device, assignment: Assignment, rejects: list[Reject]) -> bool:
        field = reading.field
        if field.measurement != OCCUPANCY:
            return True
        at_desk = field is DESKS or device.kind is DeviceKind.DESK_SENSOR
        if at_desk and device.council not in self._desks:
            said = f"{field.name} is of a desk: allow it in council.yaml with privacy: {{desk_sensors: true}}"
            rejects.append(Reject(Reason.PRIVATE, said))
            return False
        place = (assignment.building, assignment.space)
        known = self._veils[device.council]
        if place not in known:
            return True
        if known[place] is None:
            said = f"{field.name} is of a small space, with too few others near it to be stored with"
        elif field.kind is Kind.REGISTER:
            said = f"{field.name} is a register of a small space, which tells who came when"
        else:
            return True
        rejects.append(Reject(Reason.PRIVATE, said))
        return False
