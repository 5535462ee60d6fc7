"""Values that take the place of another: same series, same time, same field, and the database keeps the last.

Redelivery is harmless because of that rule; two messages that a device sends within one of its time stamps are not,
and InfluxDB says nothing. So what passed lately is remembered and compared.

Remembered are the last 16,384 to 32,768 samples of all devices (some 20 MB at most), since this start: at 100 messages
a second the last three to five minutes. A value that replaces an older one is not seen, nor one that came before a
start or a change of the registry, nor what a replay of the quarantine or another process writes.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Final

from devices.decode import Placed
from devices.model import SECOND, Reading

HALF: Final = 16_384
"""Samples of the younger half of the memory; when it is full, the older half is forgotten."""
MOST_READINGS: Final = 1_000
"""Of one device and time that are remembered."""

_Key = tuple[str, str, int]
"""Council, device and time."""


@dataclass(slots=True)
class Rewrites:
    """What passed lately."""

    last: str = ""
    """the last rewrite in words, empty where there was none"""
    untold: int = 0
    """how many nobody was told of; whoever tells resets it"""
    _young: dict[_Key, list[Reading]] = field(default_factory=dict)
    _old: dict[_Key, list[Reading]] = field(default_factory=dict)

    def of(self, sample: Placed) -> int:
        """How many values of this sample take the place of another one; remembers the sample."""
        device, readings = sample.device, sample.readings
        key = (device.council, device.id, sample.time)
        known = self._young.setdefault(key, readings)
        if known is readings:
            earlier = self._old.get(key)
            if len(self._young) >= HALF:
                self._old, self._young = self._young, {}
            if earlier is None:
                return 0
            known = earlier
        return self._compare(key, known, readings)

    def _compare(self, key: _Key, known: Iterable[Reading], readings: Iterable[Reading]) -> int:
        values = {(each.field.key, each.channel): each for each in known}
        found = 0
        for new in readings:
            old = values.get((new.field.key, new.channel))
            if old is not None and old.value != new.value:
                found += 1
                self.last = _words(key, old, new)
            if old is not None or len(values) < MOST_READINGS:
                values[new.field.key, new.channel] = new
        self.untold += found
        self._young[key] = list(values.values())
        return found


def _words(key: _Key, old: Reading, new: Reading) -> str:
    council, device, time = key
    moment = datetime.fromtimestamp(time // SECOND, UTC).strftime("%Y-%m-%dT%H:%M:%S")
    stamp = f"{moment}.{time % SECOND // 1_000_000:03d}Z"
    channel = f" ({old.channel})" if old.channel else ""
    return f"{council}/{device}: {old.field.name}{channel} of {stamp} was {old.value:g} and became {new.value:g}"
