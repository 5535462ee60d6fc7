"""Messages as no device should send them, made from recorded ones: bytes, JSON, topics and flags gone wrong."""

from random import Random
from typing import Any, Final

import orjson

from devices.model import SECOND, Message
from tests.devices.recorded import Recorded

_MARK: Final = "\u00a7here\u00a7"
HOSTILE: Final = (
    *(b"null", b"true", b"false", b'""', b"[]", b"{}", b"0", b"-1", b"1", b"-0.0", b"255", b"65535", b"1e308", b"-1e308"),
    *(b"1e999", b"NaN", b"-Infinity", b'"NaN"', b'"inf"', b'"1e999"', b'"unknown"', b"9" * 25, b"9" * 400, b"-" + b"9" * 25),
    *(b"[" * 300 + b"]" * 300, b'{"a":' * 200 + b"1" + b"}" * 200, b'"' + b"x" * 5_000 + b'"', b'"\\u0000\\n\\u001b[2J"'),
    *(b'"a,b=c d\\\\"', b'"\\ud800"', b'"\xff\xfe"', b"1795507200000", b'"2026-11-24T08:00:00Z"', b'"0000-00-00T99:99:99"'),
    *(b'{"value":1,"unit":"furlong"}', b'[{"value":1},{"value":2}]', b'[1,"a",null]', b'"20,5"', b"1795507200", b"1e18"),
)  # fmt: skip


class Mutator:
    """Makes messages out of `messages`; the same seed makes the same ones."""

    def __init__(self, messages: list[Recorded], seed: int) -> None:
        self._random = Random(seed)
        self._messages = messages
        self._payloads = [one.at(0, 1).payload for one in messages]
        plain = [one.topic for one in messages if not one.describes and "$" not in one.topic]
        self._starts = sorted({topic.rpartition("/")[0] for topic in plain})
        self._levels = sorted({level for topic in plain for level in topic.split("/")}) + [
            "",
            "+",
            "#",
            "é",
            "a b",
            "x" * 70,
        ]

    def message(self, now: int) -> Message:
        """The next message, which arrives around `now`."""
        random = self._random
        index = int(random.random() * len(self._messages))
        one, payload = self._messages[index], self._payloads[index]
        kind = random.random()
        if kind < 0.25:
            payload = self._flipped(payload)
        elif kind < 0.4:
            payload = payload[: int(random.random() * (len(payload) + 1))]
        elif kind < 0.55:
            payload = self._spliced(payload)
        elif kind < 0.9 and not isinstance(one.body, bytes):
            payload = self._restructured(one.body)
        elif kind < 0.92:
            payload = random.choice(HOSTILE)
        topic = self._topic() if not one.describes and random.random() < 0.1 else one.topic
        arrival = now + int((random.random() - 0.5) * SECOND)
        return Message(topic, payload, arrival, random.random() < 0.1)

    def _topic(self) -> str:
        """Levels of several formats in a row; none that describes, since nothing would take that back."""
        random = self._random
        levels = [random.choice(self._starts)] if random.random() < 0.7 else []
        levels += [random.choice(self._levels) for _ in range(int(random.random() * 4) + 1)]
        topic = "/".join(levels)
        return f"{topic}/x" if topic.endswith("config") else topic

    def _flipped(self, payload: bytes) -> bytes:
        if not payload:
            return b"\x00"
        random, changed = self._random, bytearray(payload)
        for _ in range(int(random.random() * 4) + 1):
            changed[int(random.random() * len(changed))] = int(random.random() * 256)
        return bytes(changed)

    def _spliced(self, payload: bytes) -> bytes:
        other = self._random.choice(self._payloads)
        return payload[: int(self._random.random() * len(payload))] + other[int(self._random.random() * len(other)) :]

    def _restructured(self, body: Any) -> bytes:
        put = self._random.choice(HOSTILE)
        return orjson.dumps(self._marked(body)).replace(orjson.dumps(_MARK), put, 1)

    def _marked(self, body: Any) -> Any:
        """`body` with the mark in the place of one value, at any depth."""
        if not body or not isinstance(body, dict | list) or self._random.random() < 0.1:
            return _MARK
        if isinstance(body, dict):
            key = self._random.choice(list(body))
            return body | {key: self._marked(body[key])}
        at = int(self._random.random() * len(body))
        return [*body[:at], self._marked(body[at]), *body[at + 1 :]]
