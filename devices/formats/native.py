"""Tolbooth's own format, for devices and gateways that can be told what to send.

    <root>/<council>/<building>/<device>/readings   one JSON object, or an array of them
    <root>/<council>/<building>/<device>/status     "online" or "offline"

    {"time": "2026-11-23T10:15:00Z", "temperature": 20.7, "power.l1": 315, "occupied": true}

`time` is RFC 3339 with a zone or epoch milliseconds. Every other key is a name of the schema, followed by a point and
a channel where one device measures a quantity more than once. A value is a number in the schema's unit, for a state
true or false (or 1 or 0), or null for "no value". The address is the device's level of the topic: where the device is,
the registry knows.

This module is the hot path: `decode` pays for what happens on every message and leaves the rest to the functions
below it. JSON numbers are finite here, because orjson refuses those that are not.
"""

import re
from collections.abc import Iterable, Mapping
from difflib import get_close_matches
from functools import lru_cache
from typing import Any, Final

import orjson

from devices.message import (
    NO_PAYLOAD,
    Decoded,
    Message,
    Reading,
    Reason,
    Reject,
    Sample,
    Source,
    SourceConfig,
    TimeSource,
    reading_of,
)
from devices.schema import BY_NAME, WRITTEN_BY_INGEST, Field, Kind
from devices.text import json_fault, printable, show
from devices.timestamps import from_epoch_ms, from_rfc3339, to_rfc3339

DEFAULT_TOPIC: Final = "tolbooth/v1"
MAX_ELEMENTS: Final = 10_000
MAX_REJECTS: Final = 100
"""for one message; what lies beyond is counted in one more"""

_READINGS, _STATUS = "/readings", "/status"
_LEVEL: Final = re.compile(r"[a-z0-9-]{1,64}")
_CHANNEL: Final = re.compile(r"[a-z0-9_-]{1,16}")
_TOPICS_CACHED: Final = 65_536
_TIME: Final = "time"
_SENT: Final = {name: field for name, field in BY_NAME.items() if name not in WRITTEN_BY_INGEST}
_NUMBERS: Final = {name: field for name, field in _SENT.items() if field.kind is not Kind.STATE}
_STATES: Final = {True: 1.0, False: 0.0}
_ONLINE: Final = {b"online": True, b"offline": False}
_ARRIVAL, _DEVICE = TimeSource.ARRIVAL, TimeSource.DEVICE
_loads = orjson.loads


def source(config: SourceConfig) -> Source:
    """The council's own topic tree; `config.topic` is the root."""
    return _Native(config.topic or DEFAULT_TOPIC, config.council)


def _topic(root: str, council: str, building: str, device: str, last: str) -> str:
    return f"{root}/{council}/{building}/{device}{last}"


class _Native:
    __slots__ = ("_addresses", "_prefix", "filters")

    def __init__(self, root: str, council: str) -> None:
        self.filters: tuple[str, ...] = (
            _topic(root, council, "+", "+", _READINGS),
            _topic(root, council, "+", "+", _STATUS),
        )
        self._prefix = f"{root}/{council}/"
        self._addresses: dict[str, str] = {}

    def claims(self, topic: str) -> bool:
        return topic.startswith(self._prefix) and topic.endswith((_READINGS, _STATUS))

    def describes(self, topic: str) -> bool:
        del topic
        return False

    def decode(self, message: Message) -> Decoded:
        address = self._addresses.get(message.topic)
        if address is None:
            return self._decode_new_topic(message)
        payload = message.payload
        try:
            body = _loads(payload)
        except orjson.JSONDecodeError as error:
            return _unreadable(address, payload, error)
        if type(body) is not dict:
            return _decode_array(address, body, message.retained)
        rejects: list[Reject] = []
        sample = _sample(body, message.retained, rejects, "")
        if rejects:
            _shorten(rejects)
        return Decoded(address, [sample] if sample else [], rejects, None)

    def _decode_new_topic(self, message: Message) -> Decoded:
        """A status, a topic seen for the first time, or one that is not ours."""
        levels = message.topic.removeprefix(self._prefix).split("/")
        bad = [level for level in levels if not _LEVEL.fullmatch(level)]
        if bad or len(levels) != 3 or not self.claims(message.topic):
            return Decoded(rejects=[Reject(Reason.BAD_TOPIC, printable(message.topic))])
        if message.topic.endswith(_STATUS):
            return _decode_status(levels[1], message.payload)
        if len(self._addresses) >= _TOPICS_CACHED:
            self._addresses.clear()
        self._addresses[message.topic] = levels[1]
        return self.decode(message)

    def state(self) -> dict[str, bytes]:
        return {}

    def restore(self, state: Mapping[str, bytes]) -> None:
        del state


def _sample(body: dict[str, Any], retained: bool, rejects: list[Reject], where: str) -> Sample | None:
    """One JSON object; what is wrong with it goes to `rejects`, led by `where`."""
    stamp = body.pop(_TIME, None)
    if stamp is None:
        if retained:
            rejects.append(Reject(Reason.RETAINED, f"{where}retained and without a time: its age is unknown"))
            return None
        time, time_source = None, _ARRIVAL
    else:
        time_source = _DEVICE
        try:
            time = from_rfc3339(stamp) if type(stamp) is str else _from_number(stamp)
        except ValueError as error:
            rejects.append(Reject(Reason.BAD_TIME, f"{where}{error}; found {show(stamp)}"))
            return None
    readings: list[Reading] = []
    before = len(rejects)
    new, numbers = reading_of, _NUMBERS
    for key, value in body.items():
        if key in numbers and ((kind := type(value)) is float or kind is int):
            readings.append(new((numbers[key], value + 0.0, "")))
        elif value is not None:
            found = _other(key, value)
            if isinstance(found, Reading):
                readings.append(found)
            else:
                rejects.append(Reject(found, where + _detail(key, value) if len(rejects) < MAX_REJECTS else ""))
    if readings:
        return Sample(readings, time, time_source)
    if len(rejects) == before:
        rejects.append(Reject(Reason.NO_VALUE, f"{where}no value in it"))
    return None


def _from_number(stamp: object) -> int:
    if isinstance(stamp, bool) or not isinstance(stamp, int | float):
        raise ValueError("time is neither a text nor a number")  # noqa: TRY004 (one error for one fault)
    return from_epoch_ms(stamp)


def _other(key: str, value: object) -> Reading | Reason:
    """A state or a key with a channel; or what is wrong with it."""
    name, point, channel = key.partition(".")
    field = _SENT.get(name)
    if field is None or (point and not _CHANNEL.fullmatch(channel)):
        return Reason.UNKNOWN_FIELD
    if field.kind is Kind.STATE:
        if isinstance(value, bool | int | float) and value in _STATES:
            return Reading(field, _STATES[value], channel)  # type: ignore[index]  # 1 and 1.0 equal True
    elif isinstance(value, int | float) and not isinstance(value, bool):
        return Reading(field, value + 0.0, channel)
    return Reason.WRONG_TYPE


def _detail(key: str, value: object) -> str:
    """What `_other` found wrong, in words."""
    name, _, channel = key.partition(".")
    field = _SENT.get(name)
    if field is None:
        return _unknown(name[:64])
    if key != name and not _CHANNEL.fullmatch(channel):
        return printable(f"{name}: {show(channel)} is no channel (a-z, 0-9, _ and -, 1 to 16)")
    wanted = "a state, true or false" if field.kind is Kind.STATE else f"a number in {field.unit}"
    return printable(f"{name} is {wanted}; found {show(value)}")


@lru_cache(maxsize=512)
def _unknown(name: str) -> str:
    near = get_close_matches(name, _SENT, n=1)
    return printable(f"{show(name)} is not a name of the schema" + (f": did you mean {near[0]}?" if near else ""))


def _decode_array(address: str, body: object, retained: bool) -> Decoded:
    if not isinstance(body, list):
        return Decoded(address, rejects=[Reject(Reason.WRONG_TYPE, f"not an object or an array of them: {show(body)}")])
    if len(body) > MAX_ELEMENTS:
        detail = f"{len(body)} elements; at most {MAX_ELEMENTS} in one message"
        return Decoded(address, rejects=[Reject(Reason.TOO_LARGE, detail)])
    samples: list[Sample] = []
    rejects: list[Reject] = []
    for index, element in enumerate(body):
        if type(element) is not dict:
            rejects.append(Reject(Reason.WRONG_TYPE, f"element {index}: not an object: {show(element)}"))
        elif sample := _sample(element, retained, rejects, f"element {index}: "):
            samples.append(sample)
    _shorten(rejects)
    if not body:
        rejects.append(Reject(Reason.NO_VALUE, "an empty array"))
    return Decoded(address, samples, rejects)


def _shorten(rejects: list[Reject]) -> None:
    """Keep the first rejects and count the rest, so that one message cannot fill the quarantine."""
    more = len(rejects) - MAX_REJECTS
    if more > 0:
        reason = rejects[MAX_REJECTS].reason
        rejects[MAX_REJECTS:] = [Reject(reason, f"{more} more values were rejected")]


def _unreadable(address: str, payload: bytes, error: orjson.JSONDecodeError) -> Decoded:
    if not payload:
        return Decoded(address, rejects=[NO_PAYLOAD])
    return Decoded(address, rejects=[Reject(Reason.MALFORMED, json_fault(error))])


def _decode_status(address: str, payload: bytes) -> Decoded:
    presence = _ONLINE.get(payload)
    if presence is not None:
        return Decoded(address, rejects=[Reject(Reason.PRESENCE, payload.decode())], presence=presence)
    if not payload:
        return Decoded(address, rejects=[NO_PAYLOAD])
    detail = f'status is online or offline; found "{payload[:60].decode(errors="replace")}"'
    return Decoded(address, rejects=[Reject(Reason.MALFORMED, printable(detail))])


def encode(
    root: str, council: str, building: str, device: str, readings: Iterable[Reading], time_ns: int | None
) -> tuple[str, bytes]:
    """Topic and payload of readings taken at one time; without `time_ns` the time of arrival will count.

    Time is written as RFC 3339 in UTC. A value that is not finite is written as null.
    """
    body = _body(readings, time_ns)
    return _topic(root, council, building, device, _READINGS), orjson.dumps(body)


def encode_batch(root: str, council: str, building: str, device: str, samples: Iterable[Sample]) -> tuple[str, bytes]:
    """Topic and payload of several samples of one device in one message; see `encode`."""
    body = [_body(sample.readings, sample.time) for sample in samples]
    return _topic(root, council, building, device, _READINGS), orjson.dumps(body)


def encode_status(root: str, council: str, building: str, device: str, *, online: bool) -> tuple[str, bytes]:
    """Topic and payload of a device's presence; to be retained, and the offline one to be the will."""
    return _topic(root, council, building, device, _STATUS), b"online" if online else b"offline"


def _body(readings: Iterable[Reading], time_ns: int | None) -> dict[str, object]:
    body: dict[str, object] = {} if time_ns is None else {_TIME: to_rfc3339(time_ns)}
    for field, value, channel in readings:
        body[_key(field, channel)] = bool(value) if field.kind is Kind.STATE else value
    return body


def _key(field: Field, channel: str) -> str:
    return f"{field.name}.{channel}" if channel else field.name
