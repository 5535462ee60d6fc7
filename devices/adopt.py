"""Adopts an unknown device: its row in the registry, and its source where the council lists none yet."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from pydantic_core import PydanticCustomError

from devices.estate import places, write
from devices.estate.change import ChangeError, apply, read
from devices.estate.draft import CouncilDraft
from devices.estate.shapes import NATIVE, DeviceRow, keys, required
from devices.estate.values import instant
from devices.formats import OWN_CONNECTION
from devices.model import DeviceKind, Estate
from devices.registry import load
from devices.strangers import Stranger
from devices.timestamps import SECOND

_COLUMNS: Final = frozenset([*required(DeviceRow), "source", "address", "space", "to"])


@dataclass(frozen=True, slots=True)
class Wish:
    """What a person says of the device; what is empty is taken from its traffic."""

    building: str
    """`building`, or `council/building` where councils share the name"""
    space: str = ""
    id: str = ""
    kind: str = ""
    model: str = ""
    interval: str = ""
    meter: str = ""
    opening_register: str = ""
    start: str = ""
    """a date or an RFC 3339 time"""


@dataclass(frozen=True, slots=True)
class Adopted:
    """What was written."""

    council: str
    device: str
    source: str
    new_source: bool
    connects_itself: bool
    """whether a broker that asks for credentials wants an account for it, rather than for its gateway"""
    row: Mapping[str, str]
    files: tuple[Path, ...]


def adopt(folder: Path, stranger: Stranger, wish: Wish) -> Adopted:
    """Write the device into the estate in `folder`.

    Raises:
        RegistryError: the estate has mistakes, or would have; nothing was written.
        ChangeError: something is missing or ambiguous; the text says what to give.
    """
    before = load(folder)
    draft, building = _place(folder, wish.building)
    source, listed = _source(draft, stranger)
    row = _row(before, places.ident(draft), stranger, replace(wish, building=building), source)
    path = places.device_list(draft)
    texts: dict[Path, str] = {}
    if not listed:
        council = Path(draft.folder) / "council.yaml"
        texts[council] = write.append_item(read(council), "sources", _source_item(source, stranger))
    texts[path] = _with_device(path, row)
    apply(folder, texts, lambda after: _only_added(before, after, places.ident(draft), row["id"], stranger.address))
    own = stranger.format in OWN_CONNECTION
    return Adopted(places.ident(draft), row["id"], source, not listed, own, row, tuple(texts))


def _place(folder: Path, building: str) -> tuple[CouncilDraft, str]:
    councils = places.councils(folder)
    found = councils.of_building(building)
    if len(found) == 1:
        return found[0]
    if found:
        names = ", ".join(f"{places.ident(draft)}/{name}" for draft, name in found)
        raise ChangeError(f"more than one council has a building {building!r}: name one of {names}")
    known = sorted(name for draft in councils.drafts for name in draft.buildings)
    raise ChangeError(f"no council has a building {building!r}: name one of {', '.join(known[:20])}")


def _source(draft: CouncilDraft, stranger: Stranger) -> tuple[str, bool]:
    """Id of the device's source in this council, and whether it is listed already."""
    council = places.ident(draft)
    if stranger.source:
        owner, _, source = stranger.source.partition("/")
        if owner != council:
            raise ChangeError(f"the device speaks through {stranger.source}, which is not a source of {council}")
        return source, True
    if not stranger.format or stranger.format == NATIVE:
        what = f"nothing tells how {stranger.topic} is read"
        if stranger.format == NATIVE:
            what = f"{stranger.topic} names a council that the registry does not list"
        raise ChangeError(f"{what}: propose a model with `tolbooth devices infer`, or publish as the README says")
    taken = {entry.id for entry in draft.sources} | {NATIVE}
    return _free(stranger.format, taken), False


def _source_item(source: str, stranger: Stranger) -> dict[str, object]:
    return {"id": source, "format": stranger.format, "topic": stranger.base, "options": dict(stranger.options)}


def _row(before: Estate, council: str, stranger: Stranger, wish: Wish, source: str) -> dict[str, str]:
    kind = wish.kind or stranger.kind.value
    if kind not in set(DeviceKind):
        raise ChangeError(f"unknown kind {kind!r}: known are {', '.join(DeviceKind)}")
    model = wish.model or stranger.model
    if not model:
        raise ChangeError(f"nothing that {stranger.address} sent names its model: give it with --model")
    interval = wish.interval or (f"{stranger.interval}" if stranger.interval else "")
    if not interval:
        heard = f"{stranger.messages} messages of {stranger.address} are too few to measure an interval"
        raise ChangeError(f"{heard}: give it with --interval, such as 60s or 15m")
    start = wish.start or _moment(stranger.since)
    try:
        instant(start)
    except PydanticCustomError as error:
        context = error.context or {}
        raise ChangeError(f"--from: {context.get('what')}: {context.get('mend')}") from None
    return {
        "id": wish.id or _free(_slug(stranger.address), set(before.councils[council].devices)),
        "kind": kind,
        "model": model,
        "source": "" if source == NATIVE else source,
        "address": stranger.address,
        "interval": interval,
        "building": wish.building,
        "space": wish.space,
        "meter": wish.meter,
        "opening_register": wish.opening_register,
        "from": start,
        "to": "",
    }


def _moment(ns: int) -> str:
    """The second in which `ns` lies, RFC 3339."""
    return datetime.fromtimestamp(ns // SECOND, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _slug(address: str) -> str:
    return re.sub(r"[^a-z0-9]+", "-", address.lower()).strip("-")[:56] or "device"


def _free(name: str, taken: set[str]) -> str:
    number = 2
    candidate = name
    while candidate in taken:
        candidate, number = f"{name}-{number}", number + 1
    return candidate


def _with_device(path: Path, row: Mapping[str, str]) -> str:
    if path.name == places.YAML:
        return write.append_item(read(path), "devices", yaml_item(row))
    if path.is_file():
        return write.insert_row(read(path), row)
    columns = [column for column in keys(DeviceRow) if column in _COLUMNS or row.get(column)]
    return write.insert_row(",".join(columns) + "\n", row)


def yaml_item(row: Mapping[str, str]) -> dict[str, object]:
    """A row of `devices.csv` as an item of `devices.yaml`."""
    head = ("id", "kind", "model", "source", "address", "interval")
    place = {key: _typed(key, value) for key, value in row.items() if key not in head and value}
    return {**{key: _typed(key, row[key]) for key in head if row.get(key)}, "assignments": [place]}


def _typed(key: str, value: str) -> object:
    """A number as one, where the file wants one; what is none is left for the check to name."""
    if key not in {"interval", "opening_register"}:
        return value
    try:
        number = float(value)
    except ValueError:
        return value
    return int(value) if value.isdigit() else number


def _only_added(before: Estate, after: Estate, council: str, device: str, address: str) -> bool:
    """Whether `after` is `before` with this device, and nothing else changed."""
    devices = dict(after.councils[council].devices)
    added = devices.pop(device, None)
    rest = replace(after.councils[council], devices=devices, sources=before.councils[council].sources)
    unchanged = {**after.councils, council: rest} == dict(before.councils)
    return added is not None and added.address == address and unchanged
