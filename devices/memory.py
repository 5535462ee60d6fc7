"""What a source remembers of descriptions, so that it knows them again after a restart."""

from collections.abc import Iterator, Mapping
from typing import Final

MAX_TOPICS: Final = 50_000
MAX_BYTES: Final = 32 * 2**20
MAX_PAYLOAD: Final = 2**18
"""bytes of one description; MQTT itself would allow 256 MiB"""


class Memory:
    """Payloads by topic, bounded, with a list of what changed. An empty payload forgets the topic."""

    def __init__(self) -> None:
        self._kept: dict[str, bytes] = {}
        self._changed: set[str] = set()
        self._size = 0

    def keep(self, topic: str, payload: bytes) -> bool:
        """Remember `payload`; False where there is no room for it."""
        if len(payload) > MAX_PAYLOAD:
            return False
        known = self._kept.get(topic)
        size = self._size + len(payload) - (len(known) if known is not None else 0)
        if size > MAX_BYTES or (known is None and len(self._kept) >= MAX_TOPICS):
            return False
        if payload == (known or b""):
            return True
        self._size = size
        if payload:
            self._kept[topic] = payload
        else:
            self._kept.pop(topic, None)
        self._changed.add(topic)
        return True

    def changes(self) -> dict[str, bytes]:
        """What changed since the last call; empty bytes mean forgotten."""
        changed = {topic: self._kept.get(topic, b"") for topic in self._changed}
        self._changed.clear()
        return changed

    def recall(self, state: Mapping[str, bytes]) -> Iterator[tuple[str, bytes]]:
        """Take back what `changes` returned, and yield what is to be read again."""
        for topic, payload in state.items():
            if payload and self.keep(topic, payload):
                yield topic, payload
        self._changed.clear()
