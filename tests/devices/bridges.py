"""Zigbee2MQTT bridges for tests: what they describe, and what they send."""

import json
from typing import Any

from devices.formats.zigbee2mqtt import (
    Described,
    encode_devices,
    source,
)
from devices.message import Decoded, Message, Reason, Source, SourceConfig
from devices.timestamps import SECOND

BASE = "zigbee2mqtt"


T0 = 1_795_428_900 * SECOND


Json = Any


def numeric(name: str, unit: str | None = None, **more: Json) -> dict[str, Json]:
    return {"type": "numeric", "name": name, "property": name, "access": 1, **({"unit": unit} if unit else {}), **more}


def binary(name: str, on: Json, off: Json, **more: Json) -> dict[str, Json]:
    return {"type": "binary", "name": name, "property": name, "access": 1, "value_on": on, "value_off": off, **more}


def described(name: str, *exposes: dict[str, Json], power_source: str = "Mains (single phase)") -> Described:
    return Described("0x00158d0001020304", name, power_source, {"model": "M", "vendor": "V", "exposes": list(exposes)})


def bridge(*devices: Described, **options: str) -> Source:
    made = source(SourceConfig("z2m", "fife", "zigbee2mqtt", BASE, options=options))
    if devices:
        topic, payload = encode_devices(BASE, devices)
        made.decode(Message(topic, payload, T0, retained=True))
    return made


def send(made: Source, name: str, body: Json, at: float = 0, *, retained: bool = False) -> Decoded:
    payload = body.encode() if isinstance(body, str) else json.dumps(body).encode()
    return made.decode(Message(f"{BASE}/{name}", payload, T0 + round(at * SECOND), retained))


def values(decoded: Decoded) -> dict[str, float]:
    return {
        f"{reading.field.name} {reading.channel}".rstrip(): reading.value
        for sample in decoded.samples
        for reading in sample.readings
    }


def reasons(decoded: Decoded) -> list[Reason]:
    return [reject.reason for reject in decoded.rejects]


ROOM = described("room", numeric("temperature", "°C"), numeric("humidity", "%"), power_source="Battery")
