"""What a Zigbee2MQTT device says about its properties (`exposes`), turned into rules for reading them.

A rule is found by the name of an expose, and its unit by the unit that the device declares: `voltage` is V on half of
all devices and mV on the other half. Settings (calibrations, limits, comfort temperatures …) have other names and find
no rule. Where two properties mean the same thing, the one that stands first in the tables below wins.

Source: the definitions of zigbee-herdsman-converters 26.112 and https://www.zigbee2mqtt.io/guide/usage/exposes.html.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final, NamedTuple

from devices.formats.z2m_rule import Json, Rule
from devices.schema import BY_NAME

PUBLISHED: Final = 1
"""bit of `access`: the property is found in the published state"""
MAX_EXPOSES: Final = 1_000
"""properties read of one device"""


@dataclass(slots=True)
class Plan:
    """The rules of one device by property, and the properties whose unit no rule knows, with that unit."""

    rules: dict[str, Rule] = field(default_factory=dict)
    wrong_units: dict[str, str] = field(default_factory=dict)


class _Expose(NamedTuple):
    """One property, whatever it is nested in."""

    property: str
    name: str
    parent: str
    endpoint: str
    body: Mapping[str, Json]


_NUMBERS: Final[tuple[tuple[str, tuple[str, ...]], ...]] = (
    ("temperature", ("temperature",)),
    ("local_temperature", ("temperature",)),
    ("outdoor_temperature", ("outdoor_temperature",)),
    ("cable_sensor_temperature", ("probe_temperature",)),
    ("probe_temperature", ("probe_temperature",)),
    ("water_temperature", ("water_temperature",)),
    ("device_temperature", ("device_temperature",)),
    ("humidity", ("humidity",)),
    ("current_heating_setpoint", ("heating_setpoint",)),
    ("occupied_heating_setpoint", ("heating_setpoint",)),
    ("pi_heating_demand", ("valve_position",)),
    ("valve_position", ("valve_position",)),
    ("position", ("valve_position",)),
    ("co2", ("co2",)),
    ("eco2", ("eco2",)),
    ("pm1", ("pm1",)),
    ("pm25", ("pm2_5",)),
    ("pm4", ("pm4",)),
    ("pm10", ("pm10",)),
    ("voc", ("tvoc", "tvoc_mass")),
    ("voc_index", ("voc_index",)),
    ("hcho", ("formaldehyde",)),
    ("formaldehyd", ("formaldehyde",)),
    ("formaldehyde", ("formaldehyde",)),
    ("pressure", ("pressure",)),
    ("noise", ("sound_level",)),
    ("illuminance_lux", ("illuminance",)),
    ("illuminance", ("illuminance",)),
    ("brightness", ("brightness",)),
    ("color_temp", ("color_temperature",)),
    ("total_power", ("power",)),
    ("power", ("power",)),
    ("total_power_apparent", ("apparent_power",)),
    ("power_apparent", ("apparent_power",)),
    ("total_power_reactive", ("reactive_power",)),
    ("power_reactive", ("reactive_power",)),
    ("voltage", ("voltage",)),
    ("current", ("current",)),
    ("power_factor", ("power_factor",)),
    ("ac_frequency", ("frequency",)),
    ("energy", ("electricity_import",)),
    ("produced_energy", ("electricity_export",)),
    ("energy_produced", ("electricity_export",)),
    ("water_consumed", ("water",)),
    ("distance", ("distance",)),
    ("target_distance", ("distance",)),
    ("battery", ("battery",)),
    ("linkquality", ("link_quality",)),
)

_STATES: Final[tuple[tuple[str, str], ...]] = (
    ("presence", "occupied"),
    ("occupancy", "occupied"),
    ("motion", "motion"),
    ("contact", "open"),
    ("tamper", "tamper"),
    ("water_leak", "leak"),
    ("smoke", "smoke"),
    ("battery_low", "battery_low"),
)

_RUNNING: Final = Rule(BY_NAME["heating"], on="heat", off="idle", others=("cool", "fan_only"))
_BATTERY_VOLTAGE: Final = BY_NAME["battery_voltage"]
_MIRED: Final = 1_000_000.0

_UNITS: Final[Mapping[str, Mapping[str, float]]] = {
    "Cel": {"°C": 1, "": 1},
    "%RH": {"%": 1, "": 1},
    "%EL": {"%": 1, "": 1},
    "%": {"%": 1, "": 1},
    "ppm": {"ppm": 1, "": 1},
    "ppb": {"ppb": 1, "ppm": 1_000},
    "ug/m3": {"µg/m³": 1, "ug/m³": 1, "mg/m³": 1_000},
    "mg/m3": {"mg/m³": 1, "µg/m³": 0.001, "ug/m³": 0.001},
    "hPa": {"hPa": 1, "mbar": 1, "kPa": 10, "Pa": 0.01},
    "dB": {"dB": 1, "dBA": 1, "dB(A)": 1},
    "lx": {"lx": 1, "lux": 1},
    "W": {"W": 1, "kW": 1_000, "": 1},
    "VA": {"VA": 1, "kVA": 1_000},
    "var": {"VAR": 1, "VAr": 1, "var": 1, "kVAR": 1_000},
    "V": {"V": 1, "mV": 0.001},
    "A": {"A": 1, "mA": 0.001, "": 1},
    "/": {"": 1, "%": 0.01},
    "Hz": {"Hz": 1, "": 1},
    "kWh": {"kWh": 1, "Wh": 0.001, "": 1},
    "m3": {"m³": 1, "L": 0.001, "l": 0.001},
    "mm": {"m": 1_000, "cm": 10, "mm": 1},
    "1": {"": 1, "lqi": 1, "VOC Index points": 1},
}
"""Schema unit → unit on the wire → factor. "" stands for none declared, where the name alone leaves no doubt."""

_NUMBER_NAMES: Final = {name: (rank, fields) for rank, (name, fields) in enumerate(_NUMBERS)}
_STATE_NAMES: Final = {name: (len(_NUMBERS) + rank, field_) for rank, (name, field_) in enumerate(_STATES)}
_SPECIFIC: Final = frozenset({"light", "switch", "fan", "cover", "lock", "climate"})
_LIGHT_ONLY: Final = frozenset({"brightness", "color_temp"})
_VALVES: Final = frozenset({"pi_heating_demand", "valve_position", "position"})
_TOTAL: Final = "total_"
_SUFFIX: Final = re.compile(
    r"(?P<name>[a-z0-9_]+?)_(?:phase_)?(?P<channel>ab|[a-c]|l?[0-9]{1,2}|left|right|center|top|bottom)"
)
_NO_CHANNEL: Final = re.compile(r"[^a-z0-9_-]")


def plan_of(definition: Mapping[str, Json], power_source: str) -> Plan:
    """The rules for a device, from the `definition` and `power_source` that `bridge/devices` has for it.

    Three meanings depend on what else the device has: `position` is a valve's only where something heats, `power`
    beside `total_power` is the first phase's, and the temperature of a relay that measures its current is its own.
    """
    exposes = list(_flat(definition.get("exposes")))[:MAX_EXPOSES]
    names = {expose.name for expose in exposes}
    heats = not names.isdisjoint({"local_temperature", "pi_heating_demand"})
    battery = "battery" in power_source.lower() or ("battery" in names and names.isdisjoint({"power", "current"}))
    own_heat = "state" in names and "current" in names and names.isdisjoint({"humidity", "local_temperature"})
    plan = Plan()
    found: dict[str, tuple[int, Rule]] = {"linkquality": (0, Rule(BY_NAME["link_quality"]))}
    for expose in exposes:
        name, channel = _name_and_channel(expose)
        if name in _VALVES and not heats:
            continue
        if not channel and _TOTAL + name in names:
            channel = "a"
        if name == "temperature" and own_heat:
            name = "device_temperature"
        rank, rule = _rule(expose, name, channel, on_battery=battery)
        if rule:
            found[expose.property] = rank, rule
        elif rank >= 0:
            plan.wrong_units[expose.property] = str(expose.body.get("unit", "none"))
    plan.rules = _one_each(found)
    return plan


def _flat(exposes: Json, parent: str = "", endpoint: str = "") -> Iterator[_Expose]:
    """Every published property that is no setting; specific types (light, climate …) are opened, others are not."""
    for body in exposes if isinstance(exposes, list) else ():
        if not isinstance(body, dict):
            continue
        where = str(body.get("endpoint") or endpoint)
        if str(body.get("type")) in _SPECIFIC and not parent:
            yield from _flat(body.get("features"), str(body["type"]), where)
        elif isinstance(name := body.get("property"), str) and body.get("category") != "config":
            access = body.get("access")
            if isinstance(access, int) and access & PUBLISHED:
                yield _Expose(name, str(body.get("name") or name), parent, where, body)


def _name_and_channel(expose: _Expose) -> tuple[str, str]:
    """The name without its phase or endpoint, and that as channel."""
    if expose.endpoint:
        return expose.name, _NO_CHANNEL.sub("-", expose.endpoint.lower())[:16]
    return split_suffix(expose.name)


def split_suffix(name: str) -> tuple[str, str]:
    """`power_phase_b` → `power`, `b`, where `power` has a rule and the whole name has none."""
    match = None if _has_rule(name) else _SUFFIX.fullmatch(name)
    if match and _has_rule(match["name"]):
        return match["name"], match["channel"]
    return name, ""


def _has_rule(name: str) -> bool:
    return name in _NUMBER_NAMES or name in _STATE_NAMES or name in {"state", "running_state"}


def _rule(expose: _Expose, name: str, channel: str, *, on_battery: bool) -> tuple[int, Rule | None]:
    """Rank and rule; no rule with a rank means a unit that is not known, with -1 that this is no reading."""
    kind, body = expose.body.get("type"), expose.body
    if name == "running_state":
        return 0, _RUNNING._replace(channel=channel)
    if kind == "binary":
        if name == "state" and expose.parent in {"light", "switch"} and expose.property.startswith("state"):
            target = "on" if expose.parent == "light" else "switched"
            return 0, _state(target, channel, body)
        if name in _STATE_NAMES:
            rank, target = _STATE_NAMES[name]
            return rank, _state(target, channel, body)
    if kind == "numeric" and name in _NUMBER_NAMES and (name not in _LIGHT_ONLY or expose.parent == "light"):
        rank, _ = _NUMBER_NAMES[name]
        if name == "voltage" and (on_battery or "battery" in str(body.get("description")).lower()):
            factor = _UNITS[_BATTERY_VOLTAGE.unit].get(_unit(body))
            return rank, Rule(_BATTERY_VOLTAGE, channel, factor) if factor else None
        return rank, _number(name, channel, _unit(body), body.get("value_max"))
    return -1, None


def _state(target: str, channel: str, body: Mapping[str, Json]) -> Rule:
    return Rule(BY_NAME[target], channel, on=_said(body, "value_on", True), off=_said(body, "value_off", False))


def _said(body: Mapping[str, Json], key: str, default: bool) -> Json:
    """A word, number or truth value; what is nested says nothing, and might be too deep to be remembered."""
    value = body.get(key, default)
    return default if isinstance(value, dict | list) else value


def _unit(body: Mapping[str, Json]) -> str:
    return str(body.get("unit") or "").replace("μ", "µ")


def _number(name: str, channel: str, unit: str, high: Json) -> Rule | None:
    if name == "color_temp":
        return Rule(BY_NAME["color_temperature"], channel, _MIRED, reciprocal=True) if unit in {"mired", ""} else None
    if name == "brightness":
        top = high if isinstance(high, int | float) and high >= 1 else 254
        return Rule(BY_NAME["brightness"], channel, 100 / top)
    for target in _NUMBER_NAMES[name][1]:
        factor = _UNITS[BY_NAME[target].unit].get(unit)
        if factor is not None:
            return Rule(BY_NAME[target], channel, float(factor))
    return None


def _one_each(found: Mapping[str, tuple[int, Rule]]) -> dict[str, Rule]:
    """Of several properties for one field and channel, the first by rank."""
    best: dict[tuple[str, str], tuple[int, str]] = {}
    for key, (rank, rule) in found.items():
        place = rule.field.name, rule.channel
        if place not in best or rank < best[place][0]:
            best[place] = rank, key
    chosen = {key for _, key in best.values()}
    return {key: rule for key, (_, rule) in found.items() if key in chosen}


_CERTAIN: Final[Mapping[str, str]] = {
    "illuminance": "lx", "illuminance_lux": "lx", "pm1": "µg/m³", "pm25": "µg/m³", "pm4": "µg/m³", "pm10": "µg/m³",
    "power_apparent": "VA", "power_reactive": "VAR",
}  # fmt: skip
"""Units that no definition departs from, for names that do not imply theirs."""

_LIGHT_KEYS: Final = frozenset({"brightness", "color_temp", "color_mode", "color"})
_PLUG_KEYS: Final = frozenset({"power", "current", "energy"})


def plan_without_description(keys: Mapping[str, Json]) -> tuple[Plan, list[str]]:
    """Rules for a state of a device that nobody has described, and the properties that cannot be read without.

    Only what has one meaning in every definition, or shows it by its size (a pressure of 101 is in kPa) or by its
    neighbours (a voltage beside a power is the mains').
    """
    found: dict[str, tuple[int, Rule]] = {}
    unclear: list[str] = []
    bases = {split_suffix(key)[0] for key in keys}
    for key, value in list(keys.items())[:MAX_EXPOSES]:
        name, channel = split_suffix(key)
        if value is None or not _known(name):
            continue
        rule = _guess(name, channel, value, bases)
        if rule:
            rank = _NUMBER_NAMES[name][0] if name in _NUMBER_NAMES else _STATE_NAMES.get(name, (0,))[0]
            found[key] = rank, rule
        else:
            unclear.append(key)
    return Plan(_one_each(found)), unclear


def _known(name: str) -> bool:
    return _has_rule(name) or name == "flow"


def _guess(name: str, channel: str, value: Json, bases: Iterable[str]) -> Rule | None:
    others = frozenset(bases)
    if name == "running_state":
        return _RUNNING._replace(channel=channel)
    if name == "state":
        target = "on" if others & _LIGHT_KEYS else "switched" if others & _PLUG_KEYS else ""
        return Rule(BY_NAME[target], channel, on="ON", off="OFF") if target else None
    if name in _STATE_NAMES:
        closed = name == "contact"
        return Rule(BY_NAME[_STATE_NAMES[name][1]], channel, on=not closed, off=closed)
    size = value if isinstance(value, int | float) else 0.0
    if name == "voltage":
        if others & _PLUG_KEYS:
            return Rule(BY_NAME[name], channel)
        return Rule(_BATTERY_VOLTAGE, channel, 0.001) if 1_000 < size < 5_000 else None
    if name == "pressure":
        unit = "kPa" if 50 < size < 110 else "hPa" if 500 < size < 1_100 else "unknown"
        return _number(name, channel, unit, None)
    if name in _VALVES and others.isdisjoint({"local_temperature", "pi_heating_demand"}):
        return None
    return _number(name, channel, _CERTAIN.get(name, ""), None) if name in _NUMBER_NAMES else None


def dump(plan: Plan) -> Json:
    """A plan as JSON, for `load`."""
    rules = {key: [rule.field.name, *rule[1:]] for key, rule in plan.rules.items()}
    return {"rules": rules, "wrong_units": plan.wrong_units}


def load(saved: Json) -> Plan:
    """What `dump` wrote; a rule whose field the schema no longer has is left out."""
    rules = {
        key: Rule._make([BY_NAME[name], *rest[:-1], tuple(rest[-1])])
        for key, (name, *rest) in saved["rules"].items()
        if name in BY_NAME
    }
    return Plan(rules, saved["wrong_units"])
