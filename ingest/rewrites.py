"""Values that take the place of another: same series, same time, same field, and the database keeps the last.

Redelivery is harmless because of that rule; two messages that a device sends within one of its time stamps are not,
and InfluxDB says nothing. So what came last from each device is remembered and compared.

Remembered are the readings of one time of each device, that of its last message: some 600 bytes for a device, and no
more for each message that tells another time. A value that replaces one of an earlier time is not seen, when other
times came in between; nor one from before a start or a change of the registry; nor what a replay of the quarantine or
another process writes. More times were tried: remembering 32,768 samples made a message cost 30 % more of ingest's
time, because what stays is what the processor's cache cannot hold.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Final

from devices.decode import Placed
from devices.model import SECOND, Device, Reading
from devices.schema import OCCUPANCY

MOST_READINGS: Final = 1_000
"""Of one device and time that are remembered."""


@dataclass(slots=True)
class Rewrites:
    """What passed lately. It belongs to one registry, whose devices are told apart by identity."""

    last: str = ""
    """the last rewrite in words, empty where there was none"""
    untold: int = 0
    """how many nobody was told of; whoever tells resets it"""
    _known: dict[int, tuple[int, list[Reading], Device]] = field(default_factory=dict)
    """identity of a device → its last time and all readings of it; the device, so that no other gets its identity"""

    def of(self, sample: Placed) -> int:
        """How many values of this sample take the place of another one; remembers the sample."""
        device, time, readings = sample.device, sample.time, sample.readings
        known = self._known.get(id(device))
        if known is None or known[0] != time:
            self._known[id(device)] = time, readings, device
            return 0
        found, merged = self._compare(sample, known[1])
        self._known[id(device)] = time, merged, device
        return found

    def _compare(self, sample: Placed, known: Iterable[Reading]) -> tuple[int, list[Reading]]:
        """How many values differ, and all that is known of the time now."""
        values = {(each.field.key, each.channel): each for each in known}
        found = 0
        for new in sample.readings:
            old = values.get((new.field.key, new.channel))
            if old is not None and old.value != new.value:
                found += 1
                self.last = _words(sample, old, new)
            if old is not None or len(values) < MOST_READINGS:
                values[new.field.key, new.channel] = new
        self.untold += found
        return found, list(values.values())


def _words(sample: Placed, old: Reading, new: Reading) -> str:
    device, time = sample.device, sample.time
    moment = datetime.fromtimestamp(time // SECOND, UTC).strftime("%Y-%m-%dT%H:%M:%S")
    stamp = f"{moment}.{time % SECOND // 1_000_000:03d}Z"
    channel = f" ({old.channel})" if old.channel else ""
    # a log is read by more people than a council lets see who was in a room
    became = "became another" if old.field.measurement == OCCUPANCY else f"was {old.value:g} and became {new.value:g}"
    return f"{device.council}/{device.id}: {old.field.name}{channel} of {stamp} {became}"
