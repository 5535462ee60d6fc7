"""Messages as no device should send them, made from recorded ones: bytes, JSON, topics and flags gone wrong."""

from base64 import b64decode, b64encode
from random import Random
from typing import Any, Final

import orjson

from devices.message import Message
from devices.timestamps import SECOND
from tests.devices.recorded import Recorded

_MARK: Final = "\u00a7here\u00a7"
ODD_LEVELS: Final = ("", "+", "#", "é", "a b", "x" * 70)
FRAMES: Final = ("frm_payload", "data")
"""where the servers write the device's bytes in base64"""
HOSTILE: Final = (
    *b'null true false "" [] {} 0 -1 1 -0.0 255 65535 1e308 -1e308 1e999 1e18 NaN -Infinity'.split(),
    *b'"NaN" "inf" "1e999" "unknown" "20,5" "\xff\xfe" "\\ud800" "a,b=c\\\\"'.split(),
    *b'1795507200 1795507200000 "2026-11-24T08:00:00Z" "0000-00-00T99:99:99" "9999-12-31T23:59:59Z"'.split(),
    *b'{"value":1,"unit":"furlong"} [{"value":1},{"value":2}] [1,"a",null]'.split(),
    *(b"9" * 25, b"9" * 400, b"-" + b"9" * 25, b'"a b"', b'"\\u0000\\n\\u001b[2J"', b'"' + b"x" * 5_000 + b'"'),
    *(b"[" * 300 + b"]" * 300, b'{"a":' * 200 + b"1" + b"}" * 200),
)


class Mutator:
    """Makes messages out of `messages`; the same seed makes the same ones."""

    def __init__(self, messages: list[Recorded], seed: int) -> None:
        self._random = Random(seed)
        self._messages = messages
        self._payloads = [one.at(0, 1).payload for one in messages]
        plain = [one.topic for one in messages if not one.describes and "$" not in one.topic]
        self._starts = sorted({topic.rpartition("/")[0] for topic in plain})
        self._levels = [*sorted({level for topic in plain for level in topic.split("/")}), *ODD_LEVELS]

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
        whole = body.get("uplink_message", body) if isinstance(body, dict) else {}
        if isinstance(whole, dict) and self._random.random() < 0.5:
            for key in FRAMES:
                if isinstance(frame := whole.get(key), str):
                    changed = whole | {key: b64encode(self._flipped(b64decode(frame + "=="))).decode()}
                    return orjson.dumps(changed if whole is body else body | {"uplink_message": changed})
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
