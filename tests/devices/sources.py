"""A source of a format, and what it makes of a message, for tests."""

import json
from collections.abc import Mapping

from devices.formats import make_source
from devices.message import Decoded, Message, Reason, Source, SourceConfig

ARRIVAL = 1_795_507_200_000_000_000


def make(
    name: str, topic: str, options: Mapping[str, str] | None = None, models: Mapping[str, str] | None = None
) -> Source:
    return make_source(SourceConfig("s", "fife", name, topic, options=options or {}, models=models or {}))


def say(source: Source, topic: str, body: object, received: int = ARRIVAL, *, retained: bool = False) -> Decoded:
    payload = body.encode() if isinstance(body, str) else json.dumps(body).encode()
    return source.decode(Message(topic, payload, received, retained))


def values(decoded: Decoded) -> dict[str, float]:
    return {r.field.name: r.value for sample in decoded.samples for r in sample.readings}


def reasons(decoded: Decoded) -> set[Reason]:
    return {reject.reason for reject in decoded.rejects}
