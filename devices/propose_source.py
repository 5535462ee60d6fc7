"""From lines of topics and payloads whose words nobody knows to a source of format `json` that reads them. Pure."""

import re
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import orjson
import yaml
from pydantic import ValidationError

from devices.estate.change import ChangeError
from devices.estate.shapes import SourceItem
from devices.formats import json, make_source
from devices.formats.json import ANY, DEVICE, KEY
from devices.infer import Proposal, infer, is_clock
from devices.message import Message, SourceConfig
from devices.propose import MAX_BYTES, keys, rows, slug
from devices.registry import source_config
from devices.text import printable

_ABOUT_NOW: Final = 1_795_507_200_000_000_000
"""a time of arrival for reading the lines back, ns; nothing of it is kept"""
_NOT_A_DEVICE: Final = re.compile(
    r"(?i)state|status|data|telemetry|tele|json|readings?|values?|up|events?|sensors?|attributes|out|payload"
)
"""last levels that name a kind of message"""
Line = tuple[str, bytes]


@dataclass(frozen=True, slots=True)
class Listed:
    """Texts that a person may take as they are, or change."""

    source: str
    """item of `sources` in `council.yaml`"""
    rows: str
    """header and rows of `devices.csv`; what only a person knows is empty"""


def is_lines(text: bytes) -> bool:
    """Whether the text is lines of topic and payload, as `mosquitto_sub -v` prints them, and not JSON Lines."""
    return text.lstrip()[:1] not in (b"", b"{", b"[")


def read_lines(text: bytes) -> list[Line]:
    """Topic and payload of each line.

    Raises:
        ChangeError: a line is no such thing; the text names it.
    """
    if len(text) > MAX_BYTES:
        raise ChangeError(f"{len(text)} bytes are more than a few messages: some dozens are enough")
    lines: list[Line] = []
    for number, line in enumerate(text.splitlines(), 1):
        if not line.strip():
            continue
        topic, _, payload = line.strip().partition(b" ")
        try:
            lines.append((topic.decode(), payload.strip()))
        except UnicodeDecodeError:
            raise ChangeError(f"line {number} is not UTF-8: write a topic, a blank and a payload") from None
        if not payload.strip() or b"/" not in topic:
            raise ChangeError(f"line {number} is not a topic, a blank and a payload, as mosquitto_sub -v prints them")
    return lines


def propose(lines: Sequence[Line]) -> tuple[Proposal, Listed | None]:
    """What the values most likely mean, and the source that says so; None where none has a clear meaning.

    Raises:
        ChangeError: the topics are of no one shape, or the source would not read the lines so.
    """
    bodies = [(topic, _body(payload)) for topic, payload in lines]
    objects = [isinstance(body, dict) and "value" not in body for _, body in bodies]
    if any(objects) and not all(objects):
        raise ChangeError("some payloads are objects and some are single values: give the lines of one kind only")
    pattern = _pattern([topic for topic, _ in bodies], single=not objects[0])
    wrong = json.fault(pattern)
    if wrong is not None:
        raise ChangeError(f"the topics have the shape {pattern}: {wrong.mend}, or give lines of one sender only")
    place = make_source(SourceConfig("", "", "json", pattern))
    found = infer([body for _, body in bodies] if objects[0] else _together(bodies, pattern))
    if not found.fields:
        return found, None
    above = pattern.split(f"/{DEVICE}")[0].split("/")
    item: dict[str, Any] = {
        "id": slug(next(level for level in reversed(above) if level != ANY)),
        "format": "json",
        "topic": pattern,
        **keys(found),
    }
    addresses = dict.fromkeys(place.decode(Message(topic, b"{}", _ABOUT_NOW)).address for topic, _ in lines)
    _check(item, lines, found)
    return found, Listed(
        yaml.safe_dump([item], sort_keys=False, allow_unicode=True, width=1_000),
        rows(found, "not known", item["id"], list(addresses)),
    )


def _body(payload: bytes) -> Any:
    try:
        return orjson.loads(payload)
    except orjson.JSONDecodeError:
        return payload.decode(errors="replace")


def _pattern(topics: Sequence[str], *, single: bool) -> str:
    """The topics' shape: what stands still is fixed, and of what changes the level with most names is the device."""
    split = [topic.split("/") for topic in topics]
    depth = min(map(len, split))
    if not single and max(map(len, split)) != depth:
        raise ChangeError("the topics are of different length: give the lines of one kind of message only")
    above = depth - 1 if single else depth
    names = [dict.fromkeys(levels[at] for levels in split) for at in range(above)]
    changing = [at for at in range(above) if len(names[at]) > 1]
    if changing:
        device = max(changing, key=lambda at: (len(names[at]), at))
    else:
        device = above - 1
        if not single and device > 1 and _NOT_A_DEVICE.fullmatch(split[0][device]):
            device -= 1
    shape = [ANY if at in changing else split[0][at] for at in range(above)]
    if device < 0:
        raise ChangeError(f"the topic {topics[0]} has too few levels to name a device and a key")
    shape[device] = DEVICE
    return "/".join([*shape, KEY] if single else shape)


def _together(bodies: Sequence[tuple[str, Any]], pattern: str) -> list[Mapping[str, Any]]:
    """The single values of each device as objects; a key that comes again begins the next one."""
    levels = pattern.split("/")
    at, behind = levels.index(DEVICE), len(levels) - 1
    whole: list[dict[str, Any]] = []
    current: dict[str, dict[str, Any]] = {}
    for topic, body in bodies:
        split = topic.split("/")
        device, key = split[at], ".".join(split[behind:])
        if device not in current or key in current[device]:
            current[device] = {}
            whole.append(current[device])
        current[device][key] = body
        if isinstance(body, dict):
            current[device].update({name: stamp for name, stamp in body.items() if is_clock(name)})
    return list(whole)


def _check(item: Mapping[str, Any], lines: Sequence[Line], found: Proposal) -> None:
    """`council.yaml` must take the source, which must read what the proposal says; the order of lines tells nothing."""
    try:
        made = make_source(source_config(SourceItem.model_validate(item), ""))
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"]))
        raise ChangeError(
            f"{where!r} of the source would be refused: {printable(first['msg'])}: write the source by hand"
        ) from None
    read: defaultdict[str, list[float]] = defaultdict(list)
    for topic, payload in lines:
        for sample in made.decode(Message(topic, payload, _ABOUT_NOW)).samples:
            for reading in sample.readings:
                read[reading.field.name].append(reading.value)
    for each in found.fields:
        near = 1e-4 * max(1.0, abs(each.example))
        if not any(abs(value - each.example) <= near for value in read[each.field]):
            raise ChangeError(f"{each.key} would not be read as {each.example:g}: write the source by hand")
