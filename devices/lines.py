"""Messages as JSON Lines: one object in, one object out.

    {"topic": …, "payload": …, "payload_encoding": "base64", "model": …, "retained": …, "received": …}

`payload` is a JSON value, or a string that is the body as text, or base64 where `payload_encoding` begins so.
`received` is RFC 3339, or a number of epoch milliseconds or nanoseconds.
"""

from base64 import b64decode
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, Final, NamedTuple

import orjson

from devices.bench import Bench, Verdict
from devices.message import MEND, Message, Reason, Reject, TimeSource
from devices.text import json_fault, printable, show
from devices.timestamps import from_epoch_ms, from_rfc3339, to_rfc3339

_NANOSECONDS_FROM: Final = 10**17
_NANOSECONDS_END: Final = 2**63
MAX_TOPIC: Final = 65_535
"""bytes, as in MQTT"""
_TEXT: Final = (None, "", "json", "text", "utf-8")


class LineError(ValueError):
    """A line is no message; the text says what is wrong with it, and is safe to print."""


class Line(NamedTuple):
    """One message, and what its line says beside it."""

    message: Message
    model: str
    dated: bool
    """the line says when the message arrived"""


def parse(line: bytes, now: int) -> Line:
    """Read one line; a message without `received` arrives `now` (ns).

    Raises:
        LineError: with what is wrong.
    """
    try:
        body = orjson.loads(line)
    except orjson.JSONDecodeError as error:
        raise LineError(json_fault(error) if line.strip() else "the line is empty") from None
    if not isinstance(body, dict):
        raise LineError(f"a message is an object with topic and payload; found {show(body)}")
    topic = body.get("topic")
    if not isinstance(topic, str) or not 0 < len(topic.encode()) <= MAX_TOPIC:
        raise LineError(f"topic is {show(topic)}; write the topic that the message came on")
    if "payload" not in body:
        raise LineError("payload is missing; write the body as JSON, as text, or as base64 with payload_encoding")
    model, retained, received = body.get("model"), body.get("retained"), body.get("received")
    arrived = now if received is None else _received(received)
    message = Message(topic, _payload(body), arrived, _flag(retained))
    return Line(message, model if isinstance(model, str) else "", received is not None)


def _flag(value: object) -> bool:
    if value is None or isinstance(value, bool):
        return bool(value)
    raise LineError(f"retained is {show(value)}; write true or false")


def _payload(body: Mapping[str, Any]) -> bytes:
    payload, encoding = body["payload"], body.get("payload_encoding")
    if isinstance(encoding, str) and encoding.startswith("base64"):
        try:
            return b64decode(payload, validate=True)
        except (ValueError, TypeError):
            raise LineError(f"payload {show(payload)} is not base64") from None
    if encoding not in _TEXT:
        raise LineError(f"payload_encoding is {show(encoding)}; known is base64")
    if isinstance(payload, str):
        return payload.encode()
    try:
        return orjson.dumps(payload)
    except orjson.JSONEncodeError:
        raise LineError("payload is nested too deeply; write it as text or base64") from None


def _received(value: object) -> int:
    try:
        if isinstance(value, str):
            return from_rfc3339(value)
        if isinstance(value, int | float) and not isinstance(value, bool):
            if _NANOSECONDS_FROM <= value < _NANOSECONDS_END:
                return int(value)
            return from_epoch_ms(value)
    except ValueError as error:
        raise LineError(f"received: {str(error).removeprefix('time ')}") from None
    raise LineError(f"received is {show(value)}; write RFC 3339, or epoch milliseconds or nanoseconds")


def answer(verdict: Verdict, *, dated: bool) -> dict[str, Any]:
    """The verdict as plain data. The time of a value that nobody dated is None.

    Readings beside the fate `ignored` are what the message says of now and nobody stores: see `Verdict.held`.
    """
    why = verdict.why
    return {
        "fate": verdict.fate,
        "reason": why.reason.value if why else None,
        "detail": why.detail if why else None,
        "mend": MEND.get(why.reason) if why else None,
        "source": verdict.source,
        "device": verdict.device,
        "online": verdict.presence,
        "readings": [
            {
                "device": value.device,
                "field": value.reading.field.name,
                "value": value.reading.value,
                "unit": value.reading.field.unit,
                "channel": value.reading.channel,
                "time": to_rfc3339(value.time) if dated or value.time_source is not TimeSource.ARRIVAL else None,
                "time_source": value.time_source.value,
            }
            for value in verdict.values or verdict.held
        ],
        "rejects": [
            {"reason": reject.reason.value, "detail": reject.detail, "mend": MEND.get(reject.reason)}
            for reject in verdict.rejects
        ],
    }


def decode(line: bytes, bench: Bench, now: int) -> dict[str, Any]:
    """The answer to one line.

    Raises:
        LineError: the line is no message.
    """
    parsed = parse(line, now)
    return answer(bench.read(parsed.message, model=parsed.model, dated=parsed.dated), dated=parsed.dated)


def answers(lines: Iterable[bytes], bench: Bench, clock: Callable[[], int]) -> Iterator[dict[str, Any]]:
    """One answer for each line, whatever is in it."""
    for number, line in enumerate(lines, 1):
        try:
            yield decode(line, bench, clock())
        except LineError as error:
            yield refusal(number, str(error))
        except Exception as error:  # a bug must not cost the answers to the lines behind it
            yield refusal(number, f"a bug of the decoder, please report it: {error!r}")


def refusal(number: int, detail: str) -> dict[str, Any]:
    """The answer to line `number` (from 1), which is no message."""
    fault = Reject(Reason.MALFORMED, printable(f"line {number}: {detail}"))
    return answer(Verdict("", "", [], [fault]), dated=False)
