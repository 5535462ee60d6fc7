"""Recorded messages of every format in one estate, to be played again and again: for the fuzzer and the benchmark.

The messages are those of `corpus` and `cases`, and where a format has few of them what its own `encode` writes. Their
topics are put below a base where two formats would claim them, and each LoRaWAN row gets a DevEUI of its own.
"""

from base64 import b64decode
from collections.abc import Iterator
from copy import deepcopy
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

import orjson

from devices.decode import Decoder, Window, configs
from devices.formats import FORMATS, default_topic, make_source, senml, sparkplug
from devices.message import Message, Reading, SourceConfig
from devices.model import Assignment, Building, Council, Device, DeviceKind, Estate
from devices.schema import BY_NAME
from devices.timestamps import FOREVER, SECOND, to_rfc3339
from tests.devices.vocabulary import CORPUS, payload_bytes, sources

ARRIVAL: Final = 1_795_507_200 * SECOND
"""2026-11-24T08:00:00Z"""
HOUR: Final = 3_600 * SECOND
"""Between two plays: long enough that every format takes the same value again."""
COUNCIL, BUILDING = "sim-moor", "sim-hall"
CASES: Final = Path(__file__).parent / "cases"
ANY_TIME: Final = Window(past=2**62, future=2**62)
NATIVE_DEVICES: Final = 100
_TOPICS: Final = {"homeassistant": "ha", "shelly2": "gen2", "tasmota": "tas"}
"""Bases other than the makers' own, so that no two sources claim one topic."""
_FOLDERS: Final = {
    "chirpstack": ("corpus/chirpstack",),
    "thethingsstack": ("corpus/tts",),
    "zigbee2mqtt": ("corpus/zigbee2mqtt",),
    "shelly1": ("corpus/shelly/gen1*", "cases/shelly1"),
    "shelly2": ("corpus/shelly/gen2*", "cases/shelly2"),
    "json": ("corpus/json/plant*",),
    "native": (),
    "senml": (),
    "sparkplug": (),
}
_CLAIMED_FIRST: Final = (*(name for name in FORMATS if name != "esphome"), "esphome")
_FOUR: Final = {"temperature": 20.7, "humidity": 45.2, "co2": 812.0, "battery": 92.0}


@dataclass(frozen=True, slots=True)
class Recorded:
    """One message that can be played at any time."""

    format: str
    topic: str
    body: Any
    """bytes, or JSON in which `at` writes the time and the count"""
    describes: bool
    model: str = ""

    def at(self, now: int, count: int) -> Message:
        """As it arrives at `now` (ns); `count` tells one play from the others."""
        return Message(self.topic, _payload(self, now, count), now, retained=self.describes)


def recorded(name: str) -> list[Recorded]:
    """The messages of a format in the order in which they came, descriptions first."""
    if name == "native":
        return list(_native())
    if name == "senml":
        topic, body = senml.encode("senml", "urn:dev:mac:0024befffe804ff1", _readings(_FOUR), ARRIVAL)
        return [Recorded(name, topic, orjson.loads(body), describes=False)]
    if name == "sparkplug":
        return list(_sparkplug())
    found = [_recorded(name, number, row) for number, row in enumerate(_rows(name))]
    descriptions = [one for one in found if one.describes]
    if name == "zigbee2mqtt":
        whole = [device for one in descriptions for device in one.body]
        descriptions = [Recorded(name, descriptions[0].topic, whole, describes=True)]
    return descriptions + [one for one in found if not one.describes]


def estate(messages: list[Recorded]) -> Estate:
    """One council with a source of every format, and a device at every address of which the messages tell a value."""
    models = {name: {} for name in FORMATS}  # type: dict[str, dict[str, str]]
    for one in messages:
        if one.model:
            models[one.format][_dev_eui(one.body)] = one.model
    devices: dict[str, Device] = {}
    place = Assignment(0, FOREVER, BUILDING, "ground")
    for name in FORMATS:
        for address in _addresses(name, models[name], messages):
            key = f"sim-{len(devices):05d}"
            model = models[name].get(address, "")
            devices[key] = Device(key, COUNCIL, DeviceKind.OTHER, model, name, address, 60, (place,))
    building = Building(BUILDING, COUNCIL, "Hall", "office", 1, 900.0, "", (), {"ground": "Ground"}, {}, {})
    sources = {name: config(name) for name in _CLAIMED_FIRST}
    return Estate({COUNCIL: Council(COUNCIL, "Moor", "", "edinburgh_rbge", {BUILDING: building}, sources, devices)})


def config(name: str) -> SourceConfig:
    """The source of a format, below a topic that no other format claims."""
    if name == "json":
        return replace(sources(name)[0], id=name, council=COUNCIL)
    return SourceConfig(name, COUNCIL, name, _TOPICS.get(name, default_topic(name)))


def stored(decoder: Decoder, messages: list[Recorded]) -> list[Recorded]:
    """Those of which a value is stored when all of them are played a second time."""
    for one in messages:
        decoder.decode(one.at(ARRIVAL, 1))
    return [one for one in messages if not one.describes and decoder.decode(one.at(ARRIVAL + HOUR, 2)).placed]


def _addresses(name: str, models: dict[str, str], messages: list[Recorded]) -> Iterator[str]:
    source = make_source(replace(config(name), models=models))
    decoded = [source.decode(one.at(ARRIVAL + n, n)) for n in (1, 2) for one in messages if one.format == name]
    found = {sample.address or one.address for one in decoded for sample in one.samples}
    yield from sorted(found | {one.address for one in decoded if one.presence is not None and one.address})


def _rows(name: str) -> Iterator[dict[str, Any]]:
    for folder in _FOLDERS.get(name, (f"corpus/{name}", f"cases/{name}")):
        path = CORPUS.parent / folder
        paths = sorted(path.glob("*.jsonl")) if path.is_dir() else sorted(path.parent.glob(f"{path.name}.jsonl"))
        for one in paths:
            yield from map(orjson.loads, one.read_text(encoding="utf-8").splitlines())


def _recorded(name: str, number: int, row: dict[str, Any]) -> Recorded:
    topic, body, model = row["topic"].replace("<name>", f"n{number}"), row["payload"], ""
    if name == "homeassistant":
        topic = topic.replace("homeassistant/", "ha/", 1) if topic.startswith("homeassistant/") else topic
    elif name in _TOPICS and not topic.startswith("tasmota/discovery/"):
        topic = f"{_TOPICS[name]}/{topic}"
    elif name in ("chirpstack", "thethingsstack"):
        model = row["model"]
        body, topic = _with_own_address(body, topic, f"{number:016x}")
    described = make_source(config(name)).describes(topic)
    simple = body if isinstance(body, dict | list) else payload_bytes(row)
    return Recorded(name, topic, simple, described, model)


def _with_own_address(body: dict[str, Any], topic: str, address: str) -> tuple[dict[str, Any], str]:
    changed = deepcopy(body)
    if "end_device_ids" in changed:
        changed["end_device_ids"]["dev_eui"] = address.upper()
        return changed, topic
    told = (changed.get("deviceInfo") or {}).get("devEui") or b64decode(changed.get("devEUI", "")).hex()
    if "deviceInfo" in changed:
        changed["deviceInfo"]["devEui"] = address
    else:
        changed["devEUI"] = address
    return changed, topic.replace(told, address)


def _dev_eui(body: dict[str, Any]) -> str:
    told = body.get("end_device_ids", {}).get("dev_eui") or body.get("deviceInfo", body).get("devEui")
    return str(told or body["devEUI"]).lower()


def _payload(one: Recorded, now: int, count: int) -> bytes:
    body = one.body
    if isinstance(body, bytes):
        return body
    if one.format == "zigbee2mqtt" and isinstance(body, dict) and "last_seen" in body:
        body = body | {"last_seen": to_rfc3339(now)}
    elif one.format == "thethingsstack" and isinstance(body.get("uplink_message"), dict):
        body = body | {"uplink_message": body["uplink_message"] | {"f_cnt": count}}
    elif one.format == "chirpstack":
        body = body | {"fCnt": count}
    elif one.format == "json":
        body = _dated(body, now)
    elif one.format == "native":
        body = {"time": now // 1_000_000} | body
    return orjson.dumps(body)


def _dated(body: Any, now: int) -> Any:
    """With `ts` as it would be now, where there is one that is right."""
    if isinstance(body, list):
        return [_dated(one, now) for one in body]
    return body | {"ts": now // 1_000_000} if str(body.get("ts", "")).isdigit() else body


def _readings(values: dict[str, float]) -> list[Reading]:
    return [Reading(BY_NAME[name], value) for name, value in values.items()]


def _native() -> Iterator[Recorded]:
    for index in range(NATIVE_DEVICES):
        topic = f"tolbooth/v1/{COUNCIL}/{BUILDING}/room-{index:03d}/readings"
        yield Recorded("native", topic, {name: value + index / 100 for name, value in _FOUR.items()}, describes=False)


def _sparkplug() -> Iterator[Recorded]:
    """A session: the births of a node and of a device, and then data of the device."""
    for seq, kind in enumerate(("NBIRTH", "DBIRTH", *["DDATA"] * 8)):
        address = "hall/node" if kind == "NBIRTH" else "hall/node/room"
        readings = _readings({} if kind == "NBIRTH" else _FOUR)
        topic, payload = sparkplug.encode(kind, address, readings, ARRIVAL, seq, bd_seq=0 if seq == 0 else None)
        yield Recorded("sparkplug", topic, payload, describes=False)


def every() -> list[Recorded]:
    """The messages of all formats."""
    return [one for name in FORMATS for one in recorded(name)]


def claimed(messages: list[Recorded]) -> list[tuple[str, str]]:
    """Format and topic of messages that another source than their own would take."""
    whole = estate(messages)
    decoder = Decoder(whole, window=ANY_TIME)
    taken = [(one.format, one.topic, decoder.decode(one.at(ARRIVAL, 0)).source) for one in messages]
    assert dict(configs(whole)).keys() == decoder.sources.keys()
    return [(name, topic) for name, topic, source in taken if source != f"{COUNCIL}/{name}"]
