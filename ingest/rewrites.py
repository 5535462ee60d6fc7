"""Values that take the place of another: same series, same time, same field, and the database keeps the last.

Redelivery is harmless because of that rule; two messages that a device sends within one of its time stamps are not,
and InfluxDB says nothing. So what came last from each device is remembered and compared.

Remembered are the lines of one time of each device, that of its last message: some 300 bytes for a device, and no more
for each message that tells another time. A value that replaces one of an earlier time is not seen, when other times
came in between; nor one from before a start or a change of the registry; nor what a replay of the quarantine or another
process writes. What is kept must stay small: more times, or the readings instead of their lines, made a message cost
15 to 30 % more of ingest's time, because what stays is what the processor's cache cannot hold.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Final

from devices.decode import Placed
from devices.model import Device
from devices.schema import FIELDS, OCCUPANCY
from devices.timestamps import to_rfc3339

MOST_READINGS: Final = 1_000
"""Of one device and time that are remembered."""
_NAMES: Final = {(each.measurement, each.key): each.name for each in FIELDS}
_CHANNEL: Final = re.compile(r",channel=((?:[^,\\]|\\.)*)")
_ESCAPED, _PLAIN = re.compile(r"\\(.)"), r"\1"

_Values = dict[tuple[str, str], str]
"""(measurement with tags, field key) → value as it is written"""


@dataclass(slots=True)
class _Last:
    """The last time of a device, and what was told of it."""

    time: int
    told: str | _Values
    """lines, or their values where several messages told them"""
    device: Device
    """so that no other gets its identity"""


@dataclass(slots=True)
class Rewrites:
    """What passed lately. It belongs to one registry, whose devices are told apart by identity."""

    last: str = ""
    """the last rewrite in words, empty where there was none"""
    untold: int = 0
    """how many nobody was told of; whoever tells resets it"""
    _known: dict[int, _Last] = field(default_factory=dict)
    """by identity of the device"""

    def of(self, sample: Placed, lines: Sequence[str]) -> int:
        """How many values of this sample take the place of another one; remembers the sample by its lines."""
        device, time = sample.device, sample.time
        known = self._known.get(id(device))
        if known is None:
            self._known[id(device)] = _Last(time, _together(lines), device)
        elif known.time != time:
            known.time, known.told = time, _together(lines)
        else:
            return self._compare(sample, known, lines)
        return 0

    def forget(self) -> None:
        """Forget what passed, but not what there is to tell of it."""
        self._known.clear()

    def _compare(self, sample: Placed, known: _Last, lines: Sequence[str]) -> int:
        told = known.told if isinstance(known.told, dict) else dict(_values(known.told.split("\n")))
        found = 0
        for key, new in _values(lines):
            old = told.get(key)
            if old is not None and old != new:
                found += 1
                self.last = _words(sample, key, old, new)
            if old is not None or len(told) < MOST_READINGS:
                told[key] = new
        known.told = told
        self.untold += found
        return found


def _together(lines: Sequence[str]) -> str:
    return lines[0] if len(lines) == 1 else "\n".join(lines)


def _values(lines: Iterable[str]) -> Iterator[tuple[tuple[str, str], str]]:
    for line in lines:
        series, fields, _ = line.rsplit(" ", 2)
        for each in fields.split(","):
            key, value = each.split("=")
            yield (series, key), value


def _words(sample: Placed, key: tuple[str, str], old: str, new: str) -> str:
    series, measurement = key[0], key[0].partition(",")[0]
    device, stamp = sample.device, to_rfc3339(sample.time)
    found = _CHANNEL.search(series)
    channel = f" ({_ESCAPED.sub(_PLAIN, found[1])})" if found else ""
    # a log is read by more people than a council lets see who was in a room
    became = "became another" if measurement == OCCUPANCY else f"was {float(old):g} and became {float(new):g}"
    return f"{device.council}/{device.id}: {_NAMES[measurement, key[1]]}{channel} of {stamp} {became}"
