"""What a topic says, remembered: topics come again and again, and those of a flood must cost no memory."""

from collections.abc import Callable
from typing import Final, TypeVar

MAX_TOPICS: Final = 65_536
"""topics that are remembered; beyond that all are forgotten"""
LONGEST_TOPIC: Final = 512
"""characters of a topic that is remembered"""
T = TypeVar("T")


class ByTopic(dict[str, T | None]):
    """What `find` says of a topic, asked once for each.

    None is not remembered: a later description may make a source claim the topic.
    """

    __slots__ = ("_find",)

    def __init__(self, find: Callable[[str], T | None]) -> None:
        super().__init__()
        self._find = find

    def __missing__(self, topic: str) -> T | None:
        found = self._find(topic)
        if found is not None and len(topic) <= LONGEST_TOPIC:
            if len(self) >= MAX_TOPICS:
                self.clear()
            self[topic] = found
        return found
