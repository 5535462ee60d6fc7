"""What discovery has described so far: values and availability by topic."""

from collections import Counter
from collections.abc import Mapping
from typing import Final

import orjson

from devices.formats import discovery, templates
from devices.formats.discovery import NOT_READ, Availability, Entity, spell
from devices.gather import Gathering
from devices.memory import Memory
from devices.message import Reason, Reject
from devices.payload import is_missing, number

MAX_ENTITIES: Final = 50_000


class Catalogue:
    """Descriptions by the topic that they speak of, taken in one discovery message after the other."""

    def __init__(self, prefix: str) -> None:
        self._prefix = f"{prefix}/"
        self._memory = Memory()
        self._by_message: dict[str, discovery.Description] = {}
        self._entities: dict[str, dict[str, list[Entity]]] = {}
        self._availability: dict[str, dict[str, list[Availability]]] = {}
        self._alike: Counter[tuple[str, str]] = Counter()
        self._size = 0
        self.filters = tuple(f"{self._prefix}{levels}/config" for levels in ("+/+", "+/+/+"))

    def describes(self, topic: str) -> bool:
        """Whether `topic` is a discovery topic."""
        return topic.startswith(self._prefix) and topic.endswith("/config")

    def learn(self, topic: str, payload: bytes) -> list[Reject]:
        """Take in a discovery message; an empty one forgets. Returns what was not understood."""
        self._forget(topic)
        if not self._memory.keep(topic, payload):
            return [Reject(Reason.TOO_LARGE, "no room to remember more descriptions")]
        return self._read(topic, payload)

    def changes(self) -> dict[str, bytes]:
        """Discovery messages that changed; see `devices.model.Source.state`."""
        return self._memory.changes()

    def restore(self, state: Mapping[str, bytes]) -> None:
        """Read discovery messages again."""
        for topic, payload in self._memory.recall(state):
            self._forget(topic)
            self._read(topic, payload)

    def topics(self, message: str) -> set[str]:
        """The topics on which something comes that the discovery message on the topic `message` describes."""
        found = self._by_message.get(message)
        if found is None:
            return set()
        return {topic for topic, entity in found.entities if entity.field} | {topic for topic, _ in found.availability}

    def knows(self, topic: str) -> bool:
        """Whether values or availability come on `topic`."""
        return topic in self._entities or topic in self._availability

    def entities(self, topic: str) -> list[Entity]:
        """The values that come on `topic`."""
        return [entity for group in self._entities.get(topic, {}).values() for entity in group]

    def availability(self, topic: str) -> list[Availability]:
        """The devices whose availability comes on `topic`."""
        return [one for group in self._availability.get(topic, {}).values() for one in group]

    def alone(self, entity: Entity) -> bool:
        """Whether its device has no other value of the same field that can be read."""
        return self._alike[entity.address, entity.field] < 2

    def _read(self, topic: str, payload: bytes) -> list[Reject]:
        if not payload:
            return []
        levels = topic.removeprefix(self._prefix).split("/")
        found = discovery.read(levels[0], levels[-2], payload)
        if isinstance(found, Reject):
            return [found]
        if self._size + len(found.entities) > MAX_ENTITIES:
            return [Reject(Reason.TOO_LARGE, f"more than {MAX_ENTITIES} values are described")]
        self._by_message[topic] = found
        self._size += len(found.entities)
        for about, entity in found.entities:
            self._entities.setdefault(about, {}).setdefault(topic, []).append(entity)
            self._alike[entity.address, entity.field] += entity.template is not None
        for about, availability in found.availability:
            self._availability.setdefault(about, {}).setdefault(topic, []).append(availability)
        return found.rejects

    def _forget(self, topic: str) -> None:
        found = self._by_message.pop(topic, None)
        if found is None:
            return
        self._size -= len(found.entities)
        for about, entity in found.entities:
            self._alike[entity.address, entity.field] -= entity.template is not None
            _drop(self._entities, about, topic)
        for about, _ in found.availability:
            _drop(self._availability, about, topic)


class Payload:
    """A message's payload, read as text or as JSON when a template wants it so."""

    def __init__(self, payload: bytes) -> None:
        self.text = payload.decode(errors="replace").strip()
        self._bytes = payload
        self._json: object = ...

    def value(self, template: templates.Template) -> object:
        """What `template` makes of the payload; None where there is no value, or no JSON."""
        if not template.json:
            return templates.evaluate(template, self.text)
        if self._json is ...:
            try:
                self._json = orjson.loads(self._bytes)
            except orjson.JSONDecodeError:
                self._json = None
        return templates.evaluate(template, self._json)


def gather(entity: Entity, payload: Payload, channel: str, into: Gathering) -> None:
    """Add the value of `entity` in `payload`."""
    if not entity.field:
        return
    if entity.template is None:
        into.reject(Reason.NO_DESCRIPTION, f"{entity.name}: {NOT_READ}")
        return
    value = payload.value(entity.template)
    if is_missing(value):
        into.reject(Reason.NO_VALUE, f"{entity.name} has no value")
    elif entity.words:
        words = dict(entity.words)
        found = words.get(spell(value))
        into.state(
            entity.field,
            spell(value) if found is None and not isinstance(value, dict | list) else found,
            entity.name,
            channel,
        )
    elif entity.scale:
        level = number(value)
        into.number(entity.field, value if level is None else level * 100 / entity.scale, entity.name, "%", channel)
    else:
        into.number(entity.field, value, entity.name, entity.unit, channel)


def _drop(
    index: dict[str, dict[str, list[Entity]]] | dict[str, dict[str, list[Availability]]], about: str, topic: str
) -> None:
    group = index.get(about)
    if group is not None:
        group.pop(topic, None)
        if not group:
            del index[about]
