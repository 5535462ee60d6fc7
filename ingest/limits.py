"""What one device may cost the others: a limit on the messages of a topic, as a bucket of tokens. Pure.

It costs a message that is within the limit one count in C. A device that sends more is not refused: what is beyond
goes to quarantine, where it is kept, explained and replayable, and the devices beside it lose no time. After an
absence of ingest the broker hands over what came meanwhile, so an absence makes the bucket larger for as long as it
lasted.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

from devices.timestamps import SECOND

WINDOW: Final = SECOND
"""Time over which messages are counted before the bucket is filled up."""
MAX_TOPICS: Final = 65_536
"""Topics that are counted at once; beyond that all counts are forgotten, so that a flood of topics costs no memory."""


@dataclass(slots=True)
class Limit:
    """The buckets of all topics.

    Args:
        rate: messages a second that a topic may have in the long run; 0 is without limit.
        burst: messages that it may have beyond that.
        last: when messages were last taken by an earlier start, ns; 0 if never.
    """

    rate: float
    burst: int
    last: int = 0
    _counts: Counter[str] = field(default_factory=Counter)
    """topic → messages in this window, and what it owes of earlier ones"""
    _start: int = 0
    _total: int = 0
    _credit: float = 0.0
    """messages beyond `burst`, after an absence"""
    _credit_until: int = 0

    def left(self, topics: Sequence[str], now: int) -> dict[str, int]:
        """Take these messages, the last of which arrived at `now` (ns).

        Returns:
            for each topic that is over its limit, how many of its messages here are within.
        """
        if not self.rate:
            return {}
        if now - self._start > WINDOW:
            self._turn(now)
        counts = self._counts
        counts.update(topics)
        self._total += len(topics)
        room = int(self.burst + self._credit)
        if self._total <= room:
            return {}
        return self._over(topics, room)

    def _over(self, topics: Sequence[str], room: int) -> dict[str, int]:
        counts, left = self._counts, dict[str, int]()
        if len(counts) <= len(topics) and max(counts.values()) <= room:
            return {}
        over = [topic for topic in set(topics) if counts[topic] > room]
        if over:
            here = Counter(topics)
            for topic in over:
                left[topic] = max(0, room - (counts[topic] - here[topic]))
                counts[topic] = room
        if len(counts) > MAX_TOPICS:
            counts.clear()
            self._total = 0
        return left

    def _turn(self, now: int) -> None:
        """Begin a new window: a topic keeps what it had beyond the sustained rate."""
        elapsed = now - max(self._start, self.last) if self._start or self.last else 0
        filled = self.rate * elapsed / SECOND
        self._counts = Counter({topic: int(n - filled) for topic, n in self._counts.items() if n - filled >= 1})
        self._total = self._counts.total()
        self._start = now
        if filled > self._credit or now > self._credit_until:
            self._credit, self._credit_until = filled, now + elapsed
