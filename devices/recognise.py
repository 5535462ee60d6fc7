"""What a message says of the make and model of a device, as the registry would write it. Pure."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final

import orjson

from devices.devicemodel import find
from devices.lorawan import child
from devices.message import Message
from devices.text import printable


def models(format_: str, base: str, message: Message) -> Iterator[tuple[str, str]]:
    """Address and model of each device of which a message of this format names the model."""
    namer = _NAMERS.get(format_)
    body = _json(message.payload) if namer else None
    for address, model in namer(body, message.topic, base) if namer and body is not None else ():
        if address and model.strip():
            yield address, printable(model.strip(), 100)


def _json(payload: bytes) -> Any:
    try:
        return orjson.loads(payload)
    except orjson.JSONDecodeError:
        return None


_Named = Iterator[tuple[str, str]]


def _text(*parts: object) -> str:
    return " ".join(part for part in parts if isinstance(part, str) and part)


def _zigbee2mqtt(body: object, topic: str, base: str) -> _Named:
    del base
    if not topic.endswith("/bridge/devices") or not isinstance(body, list):
        return
    for device in body:
        definition = child(device, "definition")
        if definition:
            yield _text(device.get("friendly_name")), _text(definition.get("vendor"), definition.get("model"))


def _tasmota(body: object, topic: str, base: str) -> _Named:
    del base
    if topic.startswith("tasmota/discovery/") and isinstance(body, dict):
        yield _text(body.get("t")), _text(body.get("md"))


def _shelly2(body: object, topic: str, base: str) -> _Named:
    """The id that a device tells as `src` begins with its model's name, as the maker writes it."""
    source = body.get("src") if isinstance(body, dict) else None
    if topic.endswith("/events/rpc") and isinstance(source, str):
        prefix = topic.removesuffix("/events/rpc")
        yield prefix.removeprefix(f"{base}/") if base else prefix, _of_id(source)


def _shelly1(body: object, topic: str, base: str) -> _Named:
    del body
    device = topic.removeprefix(f"{base or 'shellies'}/").split("/")[0]
    yield device, _of_id(device)


def _of_id(device: str) -> str:
    name, dash, _ = device.partition("-")
    return f"Shelly {name}" if dash and name.lower().startswith("shelly") else ""


def _thethingsstack(body: object, topic: str, base: str) -> _Named:
    del topic, base
    version = child(child(body, "uplink_message"), "version_ids")
    named = "/".join(part for key in ("brand_id", "model_id") if isinstance(part := version.get(key), str))
    yield _text(child(body, "end_device_ids").get("dev_eui")).lower(), _proper(named)


def _chirpstack(body: object, topic: str, base: str) -> _Named:
    del topic, base
    info = child(body, "deviceInfo")
    profile = _text(info.get("deviceProfileName"))
    yield _text(info.get("devEui")).lower(), _proper(profile)


def _proper(name: str) -> str:
    """The name that the model file gives, where there is one."""
    model = find(name) if name else None
    return model.name if model is not None and " " in model.name else name


def _theengs(body: object, topic: str, base: str) -> _Named:
    del base
    if "/BTtoMQTT/" in topic and isinstance(body, dict):
        yield _text(body.get("id")).replace(":", "").upper(), _text(body.get("brand"), body.get("model"))


def _homeassistant(body: object, topic: str, base: str) -> _Named:
    del topic, base
    device = child(body, "dev") or child(body, "device")
    maker = _text(device.get("mf") or device.get("manufacturer"))
    ids = device.get("ids") or device.get("identifiers")
    first = ids[0] if isinstance(ids, list) and ids else ids
    yield _text(first), _text(maker, device.get("mdl") or device.get("model"))


_NAMERS: Final[Mapping[str, Callable[[Any, str, str], _Named]]] = {
    "zigbee2mqtt": _zigbee2mqtt,
    "tasmota": _tasmota,
    "shelly1": _shelly1,
    "shelly2": _shelly2,
    "thethingsstack": _thethingsstack,
    "chirpstack": _chirpstack,
    "theengs": _theengs,
    "homeassistant": _homeassistant,
    "esphome": _homeassistant,
}
