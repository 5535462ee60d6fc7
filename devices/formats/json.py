"""JSON, or single values, of the sender's own making: hand-made gateways, PLCs, building management systems.

A source of the estate says how: its topic with placeholders, each a whole level, and what the keys mean, in the words
of a model file (`devices/modelfile.py`).

    topic: site/plant/{device}            {"temp": 21.3, "hum": 40}
    topic: site/{any}/{device}/{key}      21.3, or {"value": 21.3}
    time: {key: ts, unit: ms}
    fields: {temp: temperature, supply.flow: {field: water_temperature, unit: °F}}
    ignore: [seq]

`{device}` is the device's address; of several the levels are joined by slashes. `{any}` is a level that does not
matter. `{key}` is the key of the topic's one value; at the end it takes all levels that are left, joined by points. A
device whose model has a file is read by that file instead. A number in quotes is a number.
"""

import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Final, NamedTuple

import orjson

from devices.clock import spelled, told, wanted
from devices.devicemodel import Model, find, merge_alone
from devices.gather import refused
from devices.lorawan import encode_object
from devices.message import Decoded, Message, Reason, Reject, Sample, Source, SourceConfig, TimeSource
from devices.modelfile import Clock, ModelFile
from devices.normalise import MAX_DEPTH, capped, normalise
from devices.payload import number, read_text
from devices.text import json_fault, printable, show
from devices.topics import ByTopic

DEFAULT_TOPIC: Final = "site/{device}"
DEVICE, KEY, ANY = "{device}", "{key}", "{any}"
MAX_ELEMENTS: Final = 10_000
"""objects of one message"""
MAX_TEXT: Final = 256
"""bytes of a value that is no JSON"""
_PLACEHOLDERS: Final = (DEVICE, KEY, ANY)


class Fault(NamedTuple):
    """What is wrong with a topic, and its mend."""

    what: str
    mend: str


def fault(topic: str) -> Fault | None:
    """What is wrong with `topic` as a source of this format writes it; None where nothing is."""
    levels = topic.split("/")
    for level in levels:
        if ("{" in level or "}" in level) and level not in _PLACEHOLDERS:
            what = f"the level {level!r} of the topic is no placeholder"
            return Fault(what, f"write {', '.join(_PLACEHOLDERS)} as whole levels, or leave out the braces")
    if DEVICE not in levels:
        what = f"the topic {topic!r} does not say which level names the device" if topic else "'topic' is missing"
        return Fault(what, f"write {DEVICE} for the level that names the device, such as {topic or 'site'}/{DEVICE}")
    if levels.count(KEY) > 1:
        return Fault(f"the topic {topic!r} has {KEY} more than once", "keep one; at the end it takes all levels left")
    if levels[0] in _PLACEHOLDERS:
        what = f"the topic {topic!r} begins with {levels[0]}, and so would take every device's messages"
        return Fault(what, "begin with a level that is fixed, such as site")
    return None


class _Reader(NamedTuple):
    """How one device's objects are read."""

    model: Model
    clock: Clock | None


class _Json:
    __slots__ = ("_by_topic", "_known", "_own", "_pattern", "filters")

    def __init__(self, config: SourceConfig) -> None:
        wrong = fault(config.topic)
        if wrong is not None:
            raise ValueError(f"{wrong.what}: {wrong.mend}")
        levels = config.topic.split("/")
        open_end = levels[-1] == KEY
        self.filters: tuple[str, ...] = ("/".join(_filter_level(level) for level in levels[:-1]) + "/#",)
        if not open_end:
            self.filters = ("/".join(_filter_level(level) for level in levels),)
        self._pattern = _pattern(levels)
        self._own = _reader(_model(config))
        self._known = {
            address: _reader(model)
            for address, name in config.models.items()
            if (model := find(name)) is not None and model.described
        }
        self._by_topic = ByTopic(self._find)

    def claims(self, topic: str) -> bool:
        return self._pattern.fullmatch(topic) is not None

    def describes(self, topic: str) -> bool:
        del topic
        return False

    def decode(self, message: Message) -> Decoded:
        levels = self._by_topic[message.topic]
        if levels is None:
            return Decoded(rejects=[Reject(Reason.BAD_TOPIC, printable(message.topic))])
        address, key = levels
        if not message.payload:
            return refused(address, Reason.EMPTY_PAYLOAD, "no payload")
        try:
            body = orjson.loads(message.payload)
        except orjson.JSONDecodeError as error:
            text = read_text(message.payload, MAX_TEXT) if key else Reject(Reason.MALFORMED, json_fault(error))
            if isinstance(text, Reject):
                return Decoded(address, rejects=[text])
            body = text
        reader = self._known.get(address, self._own)
        decoded = Decoded(address)
        if key or type(body) is dict:
            _read(reader, body, key, message, decoded, "")
        else:
            _read_list(reader, body, message, decoded)
        decoded.rejects = capped(decoded.rejects)
        if not decoded.samples and not decoded.rejects:
            decoded.rejects.append(Reject(Reason.NO_VALUE, "holds no value that is stored"))
        return decoded

    def _find(self, topic: str) -> tuple[str, str] | None:
        found = self._pattern.fullmatch(topic)
        if found is None:
            return None
        named = found.groupdict(default="")
        address = "/".join(level for name, level in named.items() if name != "key")
        return address, named.get("key", "").replace("/", ".")

    def state(self) -> dict[str, bytes]:
        return {}

    def restore(self, state: Mapping[str, bytes]) -> None:
        del state


def source(config: SourceConfig) -> Source:
    """The decoding side.

    Raises:
        ValueError: the topic has no `{device}`, or what the source says of its keys is wrong.
    """
    return _Json(config)


def _filter_level(level: str) -> str:
    return "+" if level in _PLACEHOLDERS else level


def _pattern(levels: list[str]) -> re.Pattern[str]:
    parts = []
    for place, level in enumerate(levels):
        if level == DEVICE:
            parts.append(f"(?P<device{place}>[^/]+)")
        elif level == KEY:
            parts.append("(?P<key>[^/]+)" if place < len(levels) - 1 else "(?P<key>.+)")
        else:
            parts.append("[^/]+" if level == ANY else re.escape(level))
    return re.compile("/".join(parts), re.DOTALL)


def _model(config: SourceConfig) -> Model:
    """What the source itself says of its keys."""
    return merge_alone(ModelFile.model_validate({"maker": "", "model": f"source {config.id}", **config.reads}))


def _reader(model: Model) -> _Reader:
    clock = model.time
    if clock is None:
        return _Reader(model, None)
    return _Reader(replace(model, time=None, ignore=model.ignore | {clock.key}, keys={}), clock)


def _read_list(reader: _Reader, body: object, message: Message, decoded: Decoded) -> None:
    if not isinstance(body, list):
        detail = f"expected a JSON object, found {show(body)}; of single values the source's topic names the {KEY}"
        decoded.rejects.append(Reject(Reason.MALFORMED, detail))
        return
    if len(body) > MAX_ELEMENTS:
        decoded.rejects.append(Reject(Reason.TOO_LARGE, f"{len(body)} objects; at most {MAX_ELEMENTS} in one message"))
        return
    for place, element in enumerate(body):
        if type(element) is dict:
            _read(reader, element, "", message, decoded, f"element {place}: ")
        else:
            detail = f"element {place}: expected an object, found {show(element)}"
            decoded.rejects.append(Reject(Reason.MALFORMED, detail))


def _read(reader: _Reader, body: Any, key: str, message: Message, decoded: Decoded, where: str) -> None:
    """One object, or the one value of a topic."""
    time, told_by = None, TimeSource.ARRIVAL
    if reader.clock is not None and type(body) is dict:
        stamp = _at(body, reader.clock.key)
        if stamp is not None:
            try:
                time, told_by = told(stamp, reader.clock.unit, message.received), TimeSource.DEVICE
            except ValueError:
                detail = f"{where}{reader.clock.key} is {show(stamp)}, expected {wanted(reader.clock.unit)}"
                decoded.rejects.append(Reject(Reason.BAD_TIME, printable(detail)))
                return
            if key:
                body = {name: value for name, value in body.items() if name != reader.clock.key}
    samples, rejects = normalise(reader.model, {key: _unquoted(body)} if key else _unquoted(body), None)
    decoded.rejects += rejects
    for sample in samples:
        if sample.time is None:
            sample.time, sample.time_source = time, told_by
        if sample.time is not None or not message.retained:
            decoded.samples.append(sample)
        else:
            decoded.rejects.append(Reject(Reason.RETAINED, f"{where}retained and without a time: its age is unknown"))


def _at(body: Mapping[str, Any], path: str) -> object:
    """What stands at a path of keys, where the whole path may be one key with points."""
    if path in body:
        return body[path]
    first, point, rest = path.partition(".")
    inner = body.get(first)
    return _at(inner, rest) if point and isinstance(inner, dict) else None


def _unquoted(value: Any, depth: int = 0) -> Any:
    """The value, or the object as deep as it is read, with numbers in quotes as numbers; lists stay as they are."""
    if type(value) is dict and depth <= MAX_DEPTH:
        return {
            key: _unquoted(inner, depth + 1) if type(inner) is str or type(inner) is dict else inner
            for key, inner in value.items()
        }
    found = number(value) if type(value) is str else None
    return value if found is None else found


def encode(config: SourceConfig, sample: Sample) -> list[Message]:
    """The messages in which the sender writes these readings, not retained; `sample.address` is the device.

    Raises:
        LookupError: the source does not name one of them.
    """
    model = _model(config)
    words = encode_object(model, sample.readings)
    stamp = {} if model.time is None or sample.time is None else {model.time.key: spelled(sample.time, model.time.unit)}
    if KEY in config.topic.split("/"):
        return [_message(config, sample, key, orjson.dumps({"value": value} | stamp)) for key, value in words.items()]
    return [_message(config, sample, "", orjson.dumps(_nested(words) | stamp))]


def _message(config: SourceConfig, sample: Sample, key: str, payload: bytes) -> Message:
    levels = iter(sample.address.split("/"))
    named = {KEY: key.replace(".", "/"), ANY: "any"}
    topic = "/".join(next(levels) if level == DEVICE else named.get(level, level) for level in config.topic.split("/"))
    return Message(topic, payload, sample.time or 0)


def _nested(words: Mapping[str, float | str]) -> dict[str, Any]:
    body: dict[str, Any] = {}
    for path, value in words.items():
        *above, last = path.split(".")
        node = body
        for level in above:
            node = node.setdefault(level, {})
        node[last] = value
    return body
