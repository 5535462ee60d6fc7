"""Home Assistant's MQTT discovery: which topic says what, in which unit. Descriptions only, no values.

Learned from Home Assistant's documentation of MQTT discovery and its list of abbreviations.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Final

from devices import meaning
from devices.formats import templates
from devices.formats.templates import PLAIN, Template
from devices.gather import measures
from devices.message import Reason, Reject
from devices.payload import member, read_object
from devices.schema import BY_NAME
from devices.text import printable

MAX_TOPIC: Final = 512
MAX_COMPONENTS: Final = 256
NOT_READ: Final = "the template does more than name a path and is not run: publish the value under a key of its own"
_ABBREVIATIONS: Final = {
    "act_t": "action_topic",
    "act_tpl": "action_template",
    "avty": "availability",
    "avty_mode": "availability_mode",
    "avty_t": "availability_topic",
    "avty_tpl": "availability_template",
    "bri_scl": "brightness_scale",
    "bri_stat_t": "brightness_state_topic",
    "bri_val_tpl": "brightness_value_template",
    "cmps": "components",
    "cns": "connections",
    "curr_hum_t": "current_humidity_topic",
    "curr_hum_tpl": "current_humidity_template",
    "curr_temp_t": "current_temperature_topic",
    "curr_temp_tpl": "current_temperature_template",
    "dev": "device",
    "dev_cla": "device_class",
    "ent_cat": "entity_category",
    "ids": "identifiers",
    "obj_id": "object_id",
    "p": "platform",
    "pl_avail": "payload_available",
    "pl_not_avail": "payload_not_available",
    "pl_off": "payload_off",
    "pl_on": "payload_on",
    "stat_cla": "state_class",
    "stat_off": "state_off",
    "stat_on": "state_on",
    "stat_t": "state_topic",
    "stat_val_tpl": "state_value_template",
    "t": "topic",
    "temp_stat_t": "temperature_state_topic",
    "temp_stat_tpl": "temperature_state_template",
    "temp_unit": "temperature_unit",
    "uniq_id": "unique_id",
    "unit_of_meas": "unit_of_measurement",
    "val_tpl": "value_template",
}
_SHARED: Final = frozenset(_ABBREVIATIONS.values()) - {"components", "device", "unique_id", "object_id"} | {"schema"}
"""What the parts of a device may have from the whole"""
_SENSORS: Final = {
    "humidity": "humidity",
    "battery": "battery",
    "carbon_dioxide": "co2",
    "illuminance": "illuminance",
    "power": "power",
    "apparent_power": "apparent_power",
    "reactive_power": "reactive_power",
    "power_factor": "power_factor",
    "current": "current",
    "frequency": "frequency",
    "atmospheric_pressure": "pressure",
    "pressure": "pressure",
    "pm1": "pm1",
    "pm25": "pm2_5",
    "pm4": "pm4",
    "pm10": "pm10",
    "volatile_organic_compounds": "tvoc_mass",
    "volatile_organic_compounds_parts": "tvoc",
    "signal_strength": "rssi",
    "sound_pressure": "sound_level",
    "volume_flow_rate": "flow",
    "distance": "distance",
}
_BY_NAME: Final = frozenset({"energy", "gas", "temperature", "voltage", "water"})
"""Classes of which the words of the name say what is measured"""
_BINARY: Final = {
    "battery": "battery_low",
    "door": "open",
    "garage_door": "open",
    "moisture": "leak",
    "motion": "motion",
    "occupancy": "occupied",
    "opening": "open",
    "presence": "occupied",
    "smoke": "smoke",
    "tamper": "tamper",
    "window": "open",
}
_UNITLESS: Final = frozenset({"power_factor"})
"""Classes that Home Assistant lets go without a unit"""
_REGISTERS: Final = ("total", "total_increasing")
HEATING: Final = {
    "heating": 1.0,
    "preheating": 1.0,
    "idle": 0.0,
    "off": 0.0,
    "cooling": 0.0,
    "drying": 0.0,
    "fan": 0.0,
}


@dataclass(frozen=True, slots=True)
class Entity:
    """One value that comes on one topic."""

    address: str
    name: str
    """names it among the values of its device"""
    field: str
    """empty where it is described, but nothing that is stored"""
    unit: str = ""
    template: Template | None = PLAIN
    """None where it is not understood"""
    words: tuple[tuple[str, float], ...] = ()
    """what the device says for on and off"""
    scale: float = 0.0
    """what stands for 100 %, where the value is counted so"""


@dataclass(frozen=True, slots=True)
class Availability:
    """How a topic says whether a device is there."""

    address: str
    online: str = "online"
    offline: str = "offline"
    template: Template | None = PLAIN


@dataclass(slots=True)
class Description:
    """What one discovery message describes: values and availability by topic, and what was not understood."""

    entities: list[tuple[str, Entity]]
    availability: list[tuple[str, Availability]]
    rejects: list[Reject]


def read(component: str, object_id: str, payload: bytes) -> Description | Reject:
    """Read the message on `<prefix>/<component>/[<node>/]<object_id>/config`."""
    body = read_object(payload)
    if isinstance(body, Reject):
        return body
    config = _full(body)
    found = Description([], [], [])
    address = _address(config, object_id)
    if component != "device":
        _component(component, object_id, config, address, found)
    else:
        shared = {key: value for key, value in config.items() if key in _SHARED}
        for key, part in list(member(config, "components").items())[:MAX_COMPONENTS]:
            if isinstance(part, dict):
                own = shared | _full({"~": config.get("~"), **part})
                platform = own.get("platform")
                _component(platform if isinstance(platform, str) else "", key, own, address, found)
    found.availability += _availabilities(config, address, found)
    return found


def _full(body: Mapping[str, object]) -> dict[str, object]:
    """The same with long keys, and with `~` replaced in topics."""
    long = {_ABBREVIATIONS.get(key, key): value for key, value in body.items()}
    base = long.get("~")
    if isinstance(base, str):
        for key, value in long.items():
            if key.endswith("topic") and isinstance(value, str):
                long[key] = _expand(value, base)
        entries = long.get("availability")
        if isinstance(entries, list):
            long["availability"] = [_full({"~": base, **entry}) for entry in entries if isinstance(entry, dict)]
    return long


def _expand(topic: str, base: str) -> str:
    if topic.startswith("~"):
        topic = base + topic[1:]
    return topic[:-1] + base if topic.endswith("~") else topic


def _address(config: Mapping[str, object], object_id: str) -> str:
    device = _full(member(config, "device"))
    identifiers = device.get("identifiers")
    first = identifiers[0] if isinstance(identifiers, list) and identifiers else identifiers
    for found in (first, config.get("unique_id")):
        if isinstance(found, str) and found:
            return found[:128]
    return object_id


def _component(kind: str, key: str, config: Mapping[str, object], address: str, found: Description) -> None:
    name = config.get("object_id")
    entity = Entity(address, name if isinstance(name, str) and name else key, "")
    named = config.get("name")
    words = meaning.words(key, entity.name, named if isinstance(named, str) else "")
    builder = {
        "sensor": _sensor,
        "binary_sensor": _binary,
        "switch": _switch,
        "light": _light,
        "climate": _climate,
    }.get(kind)
    if builder is None:
        return
    for topic_key, template_key, built in builder(entity, words, config):
        topic = config.get(topic_key)
        if topic is None:
            continue
        if not _is_topic(topic):
            found.rejects.append(Reject(Reason.MALFORMED, f"{topic_key} of {printable(key, 60)} is no topic"))
            continue
        template = _template(config, template_key)
        if template is None and built.field:
            found.rejects.append(Reject(Reason.MALFORMED, f"{template_key} of {printable(key, 60)}: {NOT_READ}"))
        found.entities.append((str(topic), replace(built, template=template)))


_Built = Iterator[tuple[str, str, Entity]]


def _sensor(entity: Entity, words: frozenset[str], config: Mapping[str, object]) -> _Built:
    unit = config.get("unit_of_measurement")
    unit = unit if isinstance(unit, str) else ""
    kind = config.get("device_class")
    field = _sensor_field(kind if isinstance(kind, str) else "", unit, words)
    register = field and BY_NAME[field].kind.value == "register"
    if register and config.get("state_class", "total") not in _REGISTERS:
        field = ""
    yield "state_topic", "value_template", replace(entity, field=field, unit=unit)


def _sensor_field(kind: str, unit: str, words: frozenset[str]) -> str:
    if kind in _SENSORS:
        field = _SENSORS[kind] if meaning.is_now(words) else ""
    elif kind in _BY_NAME:
        field = meaning.number_field(words | {kind}, unit)
    else:
        field = "" if kind else meaning.number_field(words, unit or "1")
    if not unit:
        return field if kind in _UNITLESS or not kind else ""
    return field if field and measures(unit, BY_NAME[field]) else ""


def _on_off(config: Mapping[str, object], *keys: str) -> tuple[tuple[str, float], ...]:
    """The first of `keys` that is there, for on and for off."""
    found = []
    for end, value in (("on", 1.0), ("off", 0.0)):
        stated = next((config[key + end] for key in keys if key + end in config), end)
        found.append((spell(stated), value))
    return tuple(found)


def spell(value: object) -> str:
    """A JSON value as a template prints it, in lower case."""
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    return str(value).strip().lower()[:64]


def _binary(entity: Entity, words: frozenset[str], config: Mapping[str, object]) -> _Built:
    kind = config.get("device_class")
    field = _BINARY.get(kind, "") if isinstance(kind, str) else meaning.state_field(words)
    yield "state_topic", "value_template", replace(entity, field=field, words=_on_off(config, "payload_"))


def _switch(entity: Entity, words: frozenset[str], config: Mapping[str, object]) -> _Built:
    field = "" if config.get("entity_category") else "switched"
    words_of = _on_off(config, "state_", "payload_")
    yield "state_topic", "value_template", replace(entity, field=field, words=words_of)


def _light(entity: Entity, words: frozenset[str], config: Mapping[str, object]) -> _Built:
    scale = config.get("brightness_scale", 255)
    full = float(scale) if isinstance(scale, int | float) and scale > 0 else 255.0
    on = replace(entity, field="on", words=_on_off(config, "payload_"))
    brightness = replace(entity, field="brightness", unit="%", scale=full)
    if config.get("schema") != "json":
        yield "state_topic", "state_value_template", on
        yield "brightness_state_topic", "brightness_value_template", brightness
        return
    yield "state_topic", "{{ value_json.state }}", on
    yield "state_topic", "{{ value_json.brightness }}", brightness
    kelvin = "K" if config.get("color_temp_kelvin") is True else "mired"
    warmth = replace(entity, field="color_temperature", unit=kelvin)
    yield "state_topic", "{{ value_json.color_temp }}", warmth


def _climate(entity: Entity, words: frozenset[str], config: Mapping[str, object]) -> _Built:
    unit = config.get("temperature_unit", "C")
    unit = unit if isinstance(unit, str) else "?"
    measured = replace(entity, field="temperature", unit=unit)
    yield "current_temperature_topic", "current_temperature_template", measured
    wanted = replace(entity, field="heating_setpoint", unit=unit)
    yield "temperature_state_topic", "temperature_state_template", wanted
    humidity = replace(entity, field="humidity", unit="%")
    yield "current_humidity_topic", "current_humidity_template", humidity
    heating = replace(entity, field="heating", words=tuple(HEATING.items()))
    yield "action_topic", "action_template", heating


def _template(config: Mapping[str, object], key: str) -> Template | None:
    text = key if key.startswith("{{") else config.get(key, "")
    if not isinstance(text, str):
        return None
    return templates.parse(text) if text.strip() else PLAIN


def _is_topic(topic: object) -> bool:
    if not isinstance(topic, str) or not 0 < len(topic) <= MAX_TOPIC or topic.startswith("$"):
        return False
    return not any(c in "+#" or not c.isprintable() for c in topic)


def _availabilities(
    config: Mapping[str, object], address: str, found: Description
) -> Iterator[tuple[str, Availability]]:
    entries = config.get("availability")
    entries = entries if isinstance(entries, list) else [config]
    for entry in entries[:8]:
        own = _full(entry) if isinstance(entry, dict) else {}
        topic = own.get("topic", own.get("availability_topic"))
        if topic is None or not _is_topic(topic):
            continue
        key = "availability_template" if entry is config else "value_template"
        online = spell(own.get("payload_available", "online"))
        offline = spell(own.get("payload_not_available", "offline"))
        yield str(topic), Availability(address, online, offline, _template(own, key))
