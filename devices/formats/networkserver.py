"""The head that the formats of LoRaWAN network servers share: topics, what came before, and gateways' times."""

import re
from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping
from typing import Any, Final

from devices.lorawan import Seen, network_time
from devices.message import Decoded, Message, Reason, Reject
from devices.text import printable
from devices.topics import ByTopic

DEV_EUI: Final = re.compile(r"[0-9a-f]{16}")


class NetworkServer(ABC):
    """A source whose topics are a base, and below it what `levels` matches: a `device` and a `kind` of message."""

    __slots__ = ("_by_topic", "_levels", "_prefix", "filters", "models", "seen")

    def __init__(self, base: str, levels: re.Pattern[str], filters: tuple[str, ...], models: Mapping[str, str]) -> None:
        self.filters = filters
        self.models = models
        self.seen = Seen()
        self._prefix = f"{base}/"
        self._levels = levels
        self._by_topic = ByTopic(self._find)

    def claims(self, topic: str) -> bool:
        """Whether `topic` is of the server's shape."""
        return topic.startswith(self._prefix) and self._levels.fullmatch(topic, len(self._prefix)) is not None

    def describes(self, topic: str) -> bool:
        """None of its messages describes a device."""
        del topic
        return False

    def decode(self, message: Message) -> Decoded:
        """Read one message; see `devices.model.Source`."""
        known = self._by_topic[message.topic]
        if known is None:
            return Decoded(rejects=[Reject(Reason.BAD_TOPIC, printable(message.topic))])
        return self.read(*known, message)

    @abstractmethod
    def read(self, device: str, kind: str, message: Message) -> Decoded:
        """Read a message of this kind about the device that the topic names."""

    def _find(self, topic: str) -> tuple[str, str] | None:
        found = self._levels.fullmatch(topic.removeprefix(self._prefix))
        return None if found is None else (found["device"], found["kind"])

    def state(self) -> dict[str, bytes]:
        """Nothing must survive a restart."""
        return {}

    def restore(self, state: Mapping[str, bytes]) -> None:
        """Nothing was kept."""
        del state


def earliest(heard: Iterable[Mapping[str, Any]], *keys: str) -> int | None:
    """The earliest time, ns, that a gateway writes under the first of `keys` that it has; None where none does."""
    found: int | None = None
    for gateway in heard:
        for key in keys:
            if stamp := gateway.get(key):
                time = network_time(stamp)
                if time is not None and (found is None or time < found):
                    found = time
                break
    return found
