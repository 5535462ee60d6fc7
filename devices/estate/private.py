"""What a council's choice of privacy demands of its spaces and devices. All pure."""

from collections.abc import Iterator
from typing import Final

from devices.estate.draft import CouncilDraft
from devices.estate.problem import Problem
from devices.estate.shapes import PrivacyItem
from devices.estate.text import plain
from devices.model import DeviceKind

_DESK: Final = "desk"


def disagreements(draft: CouncilDraft) -> Iterator[Problem]:
    """Desk sensors that nobody has decided on, and spaces whose size decides but is not told."""
    privacy = draft.head.privacy if draft.head else None
    if privacy is None:
        return
    if not privacy.desk_sensors:
        yield from _desks(draft)
    yield from _sizes(draft, privacy)


def _desks(draft: CouncilDraft) -> Iterator[Problem]:
    """Sensors at desks, by their kind or by the use of their space."""
    mend = "assess it (docs/dpia-template.md), then allow it in council.yaml with privacy: {desk_sensors: true}"
    desks = {
        (building.id, space.id)
        for building in draft.buildings.values()
        for space in building.spaces
        if plain(space.raw, "use").lower() == _DESK
    }
    for device in draft.devices.values():
        first = device.heads[0]
        at_desk = any((plain(one.raw, "building"), plain(one.raw, "space")) in desks for one in device.assignments)
        if at_desk or (first.value is not None and first.value.kind is DeviceKind.DESK_SENSOR):
            yield first.place.problem(
                f"the device {first.id!r} watches a desk, which this council does not allow", mend
            )


def _sizes(draft: CouncilDraft, privacy: PrivacyItem) -> Iterator[Problem]:
    if not privacy.smallest_space:
        return
    for building in draft.buildings.values():
        for space in building.spaces:
            if not plain(space.raw, "capacity"):
                what = f"the space {space.id!r} has no capacity, so nobody knows whether it is a small one"
                yield space.place.problem(what, "add the capacity; 0 for a corridor or store in which nobody stays")
