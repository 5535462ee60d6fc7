"""Which format a topic is written in, told by the topic alone: for messages whose source no registry names.

The makers' own base topics come first, then what only one format writes at the end of a topic; both tell a base topic
that somebody chose. Shapes that several formats share come last.
"""

import re
from collections.abc import Iterator
from typing import Final, NamedTuple

import orjson

from devices.formats import (
    chirpstack,
    homeassistant,
    homie,
    native,
    senml,
    shelly1,
    sparkplug,
    tasmota,
    theengs,
    thethingsstack,
    zigbee2mqtt,
)


class Guess(NamedTuple):
    """A source that a topic may belong to."""

    format: str
    base: str
    council: str = ""
    """of the native format, whose topics name it"""
    options: tuple[tuple[str, str], ...] = ()
    """of its configuration"""


COMPONENTS: Final = (
    "alarm_control_panel|binary_sensor|button|climate|cover|device|device_automation|device_tracker|event|fan|"
    "humidifier|image|light|lock|number|scene|select|sensor|siren|switch|tag|text|update|vacuum|valve|water_heater"
)
_SENML_KEYS: Final = frozenset({"bn", "bver", "n", "v", "vb", "vs", "vd", "s"})
_LEVEL: Final = "[a-z0-9-]{1,64}"


def _below(base: str) -> str:
    return rf"(?P<base>(?:.+/)?{re.escape(base)})/.+"


_CERTAIN: Final = (
    ("native", rf"(?P<base>(?:.+/)?{re.escape(native.DEFAULT_TOPIC)})/(?P<council>[^/]+)/.+"),
    ("sparkplug", _below(sparkplug.DEFAULT_TOPIC)),
    ("thethingsstack", rf"(?P<base>(?:.+/)?{thethingsstack.DEFAULT_TOPIC})/[^/]+/devices/[^/]+/.+"),
    ("chirpstack", rf"(?P<base>(?:.+/)?{chirpstack.DEFAULT_TOPIC})/[^/]+/device/[^/]+/.+"),
    ("homeassistant", rf"(?P<base>{homeassistant.DEFAULT_TOPIC})/.+/config"),
    ("homeassistant", rf"(?P<base>[^/]+)/(?:{COMPONENTS})/(?:[^/]+/)?[^/]+/config"),
    ("tasmota", rf"(?P<base>){tasmota.DISCOVERY}/.+"),
    ("shelly1", rf"(?P<base>(?:.+/)?{shelly1.DEFAULT_TOPIC})/[^/]+/.+"),
    ("zigbee2mqtt", _below(zigbee2mqtt.DEFAULT_TOPIC)),
    ("homie", _below(homie.DEFAULT_TOPIC)),
    ("tasmota", r"(?:(?P<base>.+?)/)?(?:tele|stat|cmnd)/.+/[^/]+"),
    ("tasmota", r"(?P<base>).+/(?P<behind>tele|stat|cmnd)/[^/]+"),
    ("theengs", r"(?:(?P<base>.+)/)?[^/]+/[A-Za-z0-9_]+toMQTT(?:/.*)?"),
    ("theengs", rf"(?P<base>{theengs.DEFAULT_TOPIC})/[^/]+/LWT"),
    (
        "zigbee2mqtt",
        r"(?P<base>.+)/bridge/(?:state|devices|groups|info|definitions|converters|extensions|health|event|logging"
        r"|(?:request|response)/.+)",
    ),
    ("homie", r"(?P<base>.+)/5/[^/]+/\$(?:state|description|log|alert)"),
    ("homie", r"(?P<base>[^/]+)/[^/]+/\$[^/]+(?:/.+)?"),
    ("homie", r"(?P<base>[^/]+)/[^/]+/[^/]+/\$[^/]+"),
    ("homie", r"(?P<base>[^/]+)/[^/]+/[^/]+/[^/]+/\$[^/]+"),
)
_LIKELY: Final = (
    ("esphome", rf"(?P<base>).+/(?:{COMPONENTS})/[^/]+/(?:[^/]+/)?(?:state|command)"),
    ("shelly2", r"(?P<base>).+/(?:status/[^/]+|events/rpc|rpc|command(?:/[^/]+)?|online)"),
    ("native", rf"(?P<base>.+)/(?P<council>{_LEVEL})/{_LEVEL}/{_LEVEL}/readings"),
    ("shelly2", r"(?P<base>.+)/[^/]+/online"),
    ("esphome", r"(?P<base>)[^/]+/(?:status|debug)"),
    ("zigbee2mqtt", r"(?P<base>[^/]+)/.+/availability"),
    ("theengs", r"(?:(?P<base>.+)/)?[^/]+/LWT"),
    ("senml", rf"(?P<base>(?:.+/)?{senml.DEFAULT_TOPIC})(?:/.+)?"),
)
_OPTIONS: Final = {"zigbee2mqtt": (("heartbeat_s", "1e-9"),)}
"""Without a registry each message is judged for itself, so a value that a bridge repeats is shown again."""


def certain(topic: str) -> Iterator[Guess]:
    """What only one format writes so."""
    return _matching(_CERTAIN, topic)


def likely(topic: str) -> Iterator[Guess]:
    """Shapes that more than one format, or nobody's, may have."""
    return _matching(_LIKELY, topic)


def by_payload(topic: str, payload: bytes) -> Iterator[Guess]:
    """Where the topic says nothing: SenML's records, and the key that every Zigbee2MQTT device sends."""
    if payload.lstrip()[:1] not in (b"[", b"{"):
        return
    try:
        body = orjson.loads(payload)
    except orjson.JSONDecodeError:
        return
    if isinstance(body, list) and body and isinstance(body[0], dict) and body[0].keys() & _SENML_KEYS:
        yield Guess("senml", senml.DEFAULT_TOPIC)
    elif isinstance(body, dict) and "linkquality" in body:
        yield Guess("zigbee2mqtt", topic.rpartition("/")[0], options=_OPTIONS["zigbee2mqtt"])


def _matching(rules: tuple[tuple[str, str], ...], topic: str) -> Iterator[Guess]:
    for name, pattern in rules:
        found = re.fullmatch(pattern, topic)
        if found is None:
            continue
        named = found.groupdict(default="")
        options = _OPTIONS.get(name, ())
        if "behind" in named:
            options = (("full_topic", "%topic%/%prefix%"),)
        yield Guess(name, named["base"], named.get("council", ""), options)
