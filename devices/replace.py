"""Replaces a device by another: one dated assignment ends, the next begins, with the meter's opening register.

History stays where it was: a reading belongs to the place and the meter, not to the box.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from pydantic_core import PydanticCustomError

from devices.adopt import yaml_item
from devices.estate import places, write
from devices.estate.change import ChangeError, apply, read
from devices.estate.draft import CouncilDraft, Entry
from devices.estate.shapes import NATIVE, AssignmentItem
from devices.estate.values import instant
from devices.model import Device, Estate
from devices.registry import load
from devices.timestamps import FOREVER


@dataclass(frozen=True, slots=True)
class Swap:
    """Which device takes the place of which; what is empty is as it was with the old one."""

    old: str
    """`device`, or `council/device` where councils share the name"""
    new: str
    at: str
    """a date or an RFC 3339 time: the first moment of the new device"""
    opening_register: str = ""
    model: str = ""
    address: str = ""
    source: str = ""
    interval: str = ""


@dataclass(frozen=True, slots=True)
class Replaced:
    """What was written."""

    council: str
    row: Mapping[str, str]
    """the new device's"""
    file: Path


def replace_device(folder: Path, swap: Swap) -> Replaced:
    """Change the file of the estate in `folder` in which the old device stands.

    Raises:
        RegistryError: the estate has mistakes, or would have; nothing was written.
        ChangeError: something is missing or ambiguous; the text says what to give.
    """
    before = load(folder)
    try:
        at = instant(swap.at)
    except PydanticCustomError as error:
        context = error.context or {}
        raise ChangeError(f"--at: {context.get('what')}: {context.get('mend')}") from None
    draft, name = _old(folder, swap.old)
    council = places.ident(draft)
    old = before.councils[council].devices[name]
    number, entry = _assignment(draft, name, at, swap.at)
    row = _row(old, entry, swap)
    path = Path(entry.place.file)
    if path.name == places.CSV:
        text = write.set_cell(read(path), entry.place.line, "to", swap.at)
        text = write.insert_row(text, row, after=entry.place.line)
    else:
        item = _item_number(draft, name)
        text = write.set_key(read(path), ["devices", item, "assignments", number], "to", swap.at)
        text = write.append_item(text, "devices", yaml_item(row), after=item)
    apply(folder, {path: text}, lambda after: _as_meant(before, after, council, name, swap.new, at))
    return Replaced(council, row, path)


def _old(folder: Path, name: str) -> tuple[CouncilDraft, str]:
    found = places.councils(folder).of_device(name)
    if len(found) == 1:
        draft, device = found[0]
        return draft, device.heads[0].id
    if found:
        names = ", ".join(f"{places.ident(draft)}/{device.heads[0].id}" for draft, device in found)
        raise ChangeError(f"more than one council has a device {name!r}: name one of {names}")
    raise ChangeError(f"no council has a device {name!r}: `tolbooth devices unknown` lists those that wait")


def _assignment(draft: CouncilDraft, name: str, at: int, text: str) -> tuple[int, Entry[AssignmentItem]]:
    for number, entry in enumerate(draft.devices[name].assignments):
        value = entry.value
        if value is not None and value.start < at < (value.end or FOREVER):
            return number, entry
    raise ChangeError(f"{name} has no assignment that {text} would end: its dates are in devices.csv or devices.yaml")


def _item_number(draft: CouncilDraft, name: str) -> int:
    in_yaml = [key for key, device in draft.devices.items() if Path(device.heads[0].place.file).name == places.YAML]
    return in_yaml.index(name)


def _row(old: Device, entry: Entry[AssignmentItem], swap: Swap) -> dict[str, str]:
    source = swap.source or old.source
    if source != NATIVE and not swap.address:
        what = f"the new device needs an address in {source}"
        raise ChangeError(f"{what}: give the one that its gateway gives it with --address")
    if swap.new == old.id:
        raise ChangeError("the new device has the old one's id: another unit is another device, give it its own id")
    raw = {key: str(value) for key, value in entry.raw.items() if value is not None}
    meter = raw.get("meter", "")
    if swap.opening_register and not meter:
        raise ChangeError(f"{old.id} measures no meter: leave --opening-register out")
    return {
        "id": swap.new,
        "kind": old.kind.value,
        "model": swap.model or old.model,
        "source": "" if source == NATIVE else source,
        "address": swap.address,
        "interval": swap.interval or str(old.interval),
        "building": raw["building"],
        "level": raw.get("level", ""),
        "space": raw.get("space", ""),
        "meter": meter,
        "opening_register": swap.opening_register,
        "from": swap.at,
        "to": raw.get("to", ""),
    }


def _as_meant(before: Estate, after: Estate, council: str, old: str, new: str, at: int) -> bool:
    """Whether `old` ends and `new` begins at `at`, and no other device changed."""
    was, now = before.councils[council].devices, after.councils[council].devices
    ended = any(one.end == at for one in now[old].assignments)
    begun = new in now and now[new].assignments[0].start == at
    others = {name: device for name, device in now.items() if name not in (old, new)}
    return ended and begun and new not in was and others == {k: v for k, v in was.items() if k != old}
