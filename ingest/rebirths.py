"""Asking Sparkplug edge nodes to be born again, where their data says what no birth explains.

A source wishes (`Decoded.requests`); this decides when a wish is granted. An edge node is asked at once, and while it
goes on needing it after one, two, four … minutes, at most once an hour: one that does not understand the command is
not hammered. The whole estate is asked at most `MOST_A_MINUTE` times a minute, so that a flood of invented names makes
no flood of commands. What is not granted is wished again by later data.

Pure: clock and chance are passed in.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Final

from devices.timestamps import SECOND

Request = tuple[str, bytes]
"""Topic and payload; the topic stands for the edge node."""

FIRST_WAIT, LAST_WAIT = 60 * SECOND, 3_600 * SECOND
"""ns between two requests to one edge node; doubled each time."""
MOST_A_MINUTE: Final = 600
MOST_NODES: Final = 10_000
"""Edge nodes whose last request is remembered; beyond that the one that was asked longest ago is forgotten."""


@dataclass(slots=True)
class Rebirths:
    """Who was asked when, since this start."""

    enabled: bool = True
    _wished: dict[str, bytes] = field(default_factory=dict)
    _asked: dict[str, tuple[int, int]] = field(default_factory=dict)
    """topic → when (ns), and how long to wait from then (ns), without jitter"""
    _minute: int = 0
    _in_minute: int = 0

    def wish(self, requests: Sequence[Request]) -> None:
        """Take note of what sources would like to be sent."""
        if self.enabled:
            self._wished.update(requests)

    def granted(self, now: int, chance: float) -> Iterator[Request]:
        """What to send now; the other wishes are dropped. `chance` (0 to 1) makes a wait up to a quarter longer."""
        for topic, payload in self._wished.items():
            asked, wait = self._asked.get(topic, (0, 0))
            if now - asked >= wait * (1 + chance / 4) and self._may(now):
                yield topic, payload
        self._wished.clear()

    def sent(self, topic: str, now: int) -> None:
        """A request went out; after two hours without one an edge node begins anew."""
        asked, wait = self._asked.pop(topic, (0, 0))
        rested = now - asked > 2 * LAST_WAIT
        self._asked[topic] = now, FIRST_WAIT if rested else min(2 * wait, LAST_WAIT)
        self._in_minute += 1
        if len(self._asked) > MOST_NODES:
            del self._asked[next(iter(self._asked))]

    def _may(self, now: int) -> bool:
        minute = now // (60 * SECOND)
        if minute != self._minute:
            self._minute, self._in_minute = minute, 0
        return self._in_minute < MOST_A_MINUTE
