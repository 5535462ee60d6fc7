"""Readings → InfluxDB line protocol, and nothing else: pure.

Rules of 1.6 to 3 together (they differ in what a backslash does): a tag value has no control character and no
backslash, comma, space and equals sign are escaped, an empty tag is absent, tags are sorted by key.
"""

from collections.abc import Iterable, Mapping
from functools import lru_cache
from typing import Final

from devices.decode import Placed
from devices.message import Reading
from devices.model import Assignment, Device, Estate, Meter
from devices.schema import OCCUPANCY
from ingest.veil import Veil

MAX_TAG: Final = 256
_ESCAPES: Final = str.maketrans({",": r"\,", " ": r"\ ", "=": r"\=", "\\": "/"})


Written = tuple[str, str, tuple[str, str] | None]
"""Tags before and after `channel`, each with its leading comma; and those of occupancy that is stored with other small
spaces'."""


def escape_tag(value: str) -> str:
    """A tag value that no generation misreads; empty where nothing printable is left."""
    return "".join(c for c in value if c.isprintable()).strip()[:MAX_TAG].translate(_ESCAPES)


@lru_cache(maxsize=4_096)
def _escaped_channel(channel: str) -> str:
    """Few channels come again and again; those of a flood cost no memory."""
    return escape_tag(channel)


class Tags:
    """The tags of each device at each of its assignments, made once.

    Args:
        key: hides small spaces (`ingest.veil`), where a council wants that.
    """

    def __init__(self, estate: Estate, key: bytes = b"") -> None:
        self._veil = Veil(estate, key)
        self._meters: dict[tuple[str, str, str], Meter] = {
            (council.id, building.id, meter.id): meter
            for council in estate.councils.values()
            for building in council.buildings.values()
            for meter in building.meters.values()
        }
        self._known: dict[tuple[str, str, int], Written] = {}

    def of(self, device: Device, assignment: Assignment) -> Written:
        """The tags of a device at one of its assignments."""
        key = (device.council, device.id, assignment.start)
        tags = self._known.get(key)
        if tags is None:
            tags = self._known[key] = (*self._make(device, assignment), self._hidden(device, assignment))
        return tags

    def _hidden(self, device: Device, assignment: Assignment) -> tuple[str, str] | None:
        group = self._veil.group(device, assignment)
        if group is None:
            return None
        tags = self._veil.tags(device, assignment, group)
        return _join({"building": tags.pop("building")}), _join(tags)

    def moved(self, device: Device, time: int) -> int:
        """The time of occupancy that is stored with other small spaces'."""
        return self._veil.moved(device, time)

    def _make(self, device: Device, assignment: Assignment) -> tuple[str, str]:
        meter = self._meters.get((device.council, assignment.building, assignment.meter))
        after = {
            "council": device.council,
            "device": device.id,
            "level": assignment.level,
            "meter": assignment.meter,
            "model": device.model,
            "role": ("sub" if meter.parent else "main") if meter else "",
            "space": assignment.space,
            "use": meter.use if meter else "",
        }
        return _join({"building": assignment.building}), _join(after)


def _join(tags: Mapping[str, str]) -> str:
    escaped = ((key, escape_tag(value)) for key, value in tags.items())
    return "".join(f",{key}={value}" for key, value in escaped if value)


def lines(placed: Iterable[Placed], tags: Tags) -> list[str]:
    """The lines of all samples, see `lines_of`."""
    return [line for sample in placed for line in lines_of(sample, tags)]


def lines_of(sample: Placed, tags: Tags) -> list[str]:
    """One line for each measurement and channel of a sample, without line ends."""
    before, after, hidden = tags.of(sample.device, sample.assignment)
    readings, result = sample.readings, []
    if hidden and (people := [one for one in readings if one.field.measurement == OCCUPANCY]):
        readings = [one for one in readings if one.field.measurement != OCCUPANCY]
        result = _with_channels(people, *hidden, tags.moved(sample.device, sample.time))
    fields: dict[str, str] = {}
    for field, value, channel in readings:
        if channel:
            return result + _with_channels(readings, before, after, sample.time)
        measurement = field.measurement
        if measurement in fields:
            fields[measurement] += f",{field.key}={value!r}"
        else:
            fields[measurement] = f"{field.key}={value!r}"
    for measurement, text in fields.items():
        result.append(f"{measurement}{before}{after} {text} {sample.time}")
    return result


def _with_channels(readings: Iterable[Reading], before: str, after: str, time: int) -> list[str]:
    fields: dict[tuple[str, str], str] = {}
    for field, value, channel in readings:
        key = (field.measurement, _escaped_channel(channel))
        text = f"{field.key}={value!r}"
        fields[key] = f"{fields[key]},{text}" if key in fields else text
    return [
        f"{measurement}{before}{f',channel={channel}' if channel else ''}{after} {text} {time}"
        for (measurement, channel), text in fields.items()
    ]
