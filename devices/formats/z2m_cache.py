"""Which of the values that Zigbee2MQTT repeats are new.

Zigbee2MQTT keeps the last value of every property and puts them all in each message, however old they are, and after
a restart it publishes every device once more. So a value is new when it differs from the one last written, or when
that one was written a heartbeat ago; in the first message of a topic after a restart only a different value is new.
"""

from collections.abc import Iterable, Mapping
from typing import Final

import orjson

from devices.message import Reading
from devices.timestamps import SECOND

REPLAY: Final = 60 * SECOND
"""how long after its start the bridge may still be repeating what it remembers"""
MAX_ADDRESSES: Final = 10_000
MAX_KEYS: Final = 1_000
"""of one address; what is older is forgotten, so that invented names cost no memory"""

Written = dict[str, tuple[float, int]]


class Cache:
    """What was last written for each property of each address, and when (ns)."""

    __slots__ = ("_changed", "_heartbeat", "_replay_end", "_replayed", "_written")

    def __init__(self, heartbeat: int) -> None:
        self._heartbeat = heartbeat
        self._written: dict[str, Written] = {}
        self._changed: set[str] = set()
        self._replay_end = -1
        self._replayed: set[str] = set()

    def start_replay(self, received: int) -> None:
        """The bridge has just started."""
        self._replay_end = received + REPLAY
        self._replayed.clear()

    def is_replay(self, topic: str, received: int) -> bool:
        """Whether a message is the first on its topic since the bridge started; asking counts as that message."""
        if received >= self._replay_end or topic in self._replayed or len(self._replayed) >= MAX_ADDRESSES:
            return False
        self._replayed.add(topic)
        return True

    def only_new(self, address: str, told: Iterable[tuple[str, Reading]], now: int, *, replay: bool) -> list[Reading]:
        """The readings, by key, that are to be written; they are remembered as written at `now`."""
        written = self._written.get(address)
        if written is None:
            self._make_room()
            written = self._written[address] = {}
        found: list[Reading] = []
        for key, reading in told:
            value = reading[1]
            last = written.get(key)
            if last is not None and last[0] == value and (replay or abs(now - last[1]) < self._heartbeat):
                continue
            if last is None and len(written) >= MAX_KEYS:
                written.clear()
            written[key] = value, now
            found.append(reading)
        if found:
            self._changed.add(address)
        return found

    def _make_room(self) -> None:
        if len(self._written) >= MAX_ADDRESSES:
            oldest = next(iter(self._written))
            del self._written[oldest]
            self._changed.add(oldest)

    def changes(self) -> dict[str, bytes]:
        """What was written since the last call, by address; empty for an address that is forgotten."""
        changed = {a: orjson.dumps(self._written[a]) if a in self._written else b"" for a in self._changed}
        self._changed.clear()
        return changed

    def restore(self, address: str, saved: bytes) -> None:
        """Take back what `changes` returned for an address."""
        pairs: Mapping[str, tuple[float, int]] = orjson.loads(saved)
        self._written[address] = {key: (value, at) for key, (value, at) in pairs.items()}
