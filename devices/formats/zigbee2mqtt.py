"""Zigbee2MQTT: a bridge between Zigbee devices and MQTT.

    <base>/<friendly name>                 JSON object with all properties of the device
    <base>/<friendly name>/<property>      the same as plain text, with `output: attribute`
    <base>/<friendly name>/availability    {"state": "online"}, or the bare word; empty when the device is renamed
    <base>/bridge/devices, bridge/groups   descriptions;   <base>/bridge/state   presence of the bridge

A friendly name may contain `/`, so topics are read from their ends. MQTT cannot leave out `…/set` and `…/get` in the
middle of a tree of unknown depth: they arrive with `<base>/#` and are refused as commands.

Properties are read by what the bridge says about them (`z2m_exposes`); repeated values are dropped (`z2m_cache`).
The address is the friendly name. Time is `last_seen` where the bridge is told to send it (`advanced.last_seen`), and
names a zone. Source: Zigbee2MQTT 2.12, https://www.zigbee2mqtt.io/guide/usage/mqtt_topics_and_messages.html.
"""

from collections.abc import Iterable, Mapping
from typing import Final, NamedTuple

import orjson

from devices.formats.z2m_cache import Cache
from devices.formats.z2m_exposes import Plan, dump, load, plan_of, plan_without_description
from devices.formats.z2m_rule import Json, read, write
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
from devices.text import json_fault, printable, show
from devices.timestamps import FOREVER, SECOND, from_epoch_ms, from_rfc3339, to_rfc3339

DEFAULT_TOPIC: Final = "zigbee2mqtt"
HEARTBEAT_S: Final = "300"

_BRIDGE: Final = "bridge/"
_AVAILABILITY: Final = "/availability"
_COMMANDS: Final = frozenset({"set", "get"})
_LARGE: Final = ("devices", "groups", "info", "definitions", "converters", "extensions")
_LAST_SEEN: Final = "last_seen"
_PRESENCE: Final[Mapping[Json, bool]] = {"online": True, "offline": False}


def source(config: SourceConfig) -> Source:
    """One bridge; `config.topic` is its base topic, option `heartbeat_s` how often an unchanged value is written.

    Raises:
        ValueError: `heartbeat_s` is no positive number.
    """
    text = config.options.get("heartbeat_s", HEARTBEAT_S)
    try:
        heartbeat = round(float(text) * SECOND)
    except (ValueError, OverflowError):
        heartbeat = 0
    if heartbeat <= 0:
        raise ValueError(f"source {config.id}: heartbeat_s is {text!r}; write a number of seconds such as 300")
    return _Zigbee2Mqtt(config.topic or DEFAULT_TOPIC, heartbeat)


class _Zigbee2Mqtt:
    __slots__ = ("_bridge_online", "_cache", "_changed", "_groups", "_plans", "_prefix", "_warned", "filters")

    def __init__(self, base: str, heartbeat: int) -> None:
        self.filters: tuple[str, ...] = (f"{base}/#",)
        self._prefix = f"{base}/"
        self._plans: dict[str, Plan | None] = {}
        self._groups: frozenset[str] = frozenset()
        self._bridge_online: bool | None = None
        self._cache = Cache(heartbeat)
        self._changed: dict[str, bytes] = {}
        self._warned: set[tuple[str, str]] = set()

    def claims(self, topic: str) -> bool:
        return topic.startswith(self._prefix)

    def describes(self, topic: str) -> bool:
        return topic.removeprefix(self._prefix + _BRIDGE) in _LARGE

    def decode(self, message: Message) -> Decoded:
        rest = message.topic.removeprefix(self._prefix)
        if rest in self._plans:
            return self._decode_state(rest, message)
        if rest in self._groups:
            return _refused(Reason.OTHER_ROUTE, f"{rest} is a group: its members tell the same")
        if rest.startswith(_BRIDGE):
            return self._decode_bridge(rest.removeprefix(_BRIDGE), message)
        if rest.endswith(_AVAILABILITY):
            return _decode_availability(rest.removesuffix(_AVAILABILITY), message.payload)
        if _is_command(rest):
            return _refused(Reason.COMMAND, rest)
        name, slash, key = rest.rpartition("/")
        if name in self._plans or (slash and name and not message.payload.lstrip().startswith(b"{")):
            return self._decode_attribute(name, key, message)
        return self._decode_state(rest, message)

    def _decode_state(self, address: str, message: Message) -> Decoded:
        try:
            body = orjson.loads(message.payload)
        except orjson.JSONDecodeError as error:
            return _unreadable(address, message.payload, error)
        if not isinstance(body, dict):
            detail = f"the state of a device is an object; found {show(body)}"
            return Decoded(address, rejects=[Reject(Reason.WRONG_TYPE, detail)])
        return self._read(address, body, message)

    def _decode_attribute(self, address: str, key: str, message: Message) -> Decoded:
        """One property as text: a JSON number, true, false or null, or a word without quotes."""
        if not message.payload:
            return Decoded(address, rejects=[NO_PAYLOAD])
        try:
            value = orjson.loads(message.payload)
        except orjson.JSONDecodeError:
            value = message.payload.decode(errors="replace")
        return self._read(address, {key: value}, message)

    def _read(self, address: str, body: dict[str, Json], message: Message) -> Decoded:
        time = _last_seen(body.get(_LAST_SEEN))
        if message.retained and time is None:
            detail = "retained and without last_seen: its age is unknown"
            return Decoded(address, rejects=[Reject(Reason.RETAINED, detail)])
        decoded = Decoded(address)
        plan = self._plan(address, body, decoded.rejects)
        now = message.received if time is None else max(0, min(time, FOREVER))
        replay = self._cache.is_replay(message.topic, message.received)
        told: list[tuple[str, Reading]] = []
        for key, rule in plan.rules.items():
            value = body.get(key)
            found = None if value is None else read(rule, key, value)
            if isinstance(found, float):
                told.append((key, reading_of((rule.field, found, rule.channel))))
            elif found is not None:
                decoded.rejects.append(found)
        readings = self._cache.only_new(address, told, now, replay=replay) if told else []
        if readings:
            source = TimeSource.ARRIVAL if time is None else TimeSource.GATEWAY
            decoded.samples.append(Sample(readings, time, source))
        elif told:
            decoded.rejects.append(Reject(Reason.UNCHANGED, "repeats what is already written"))
        elif not decoded.rejects:
            decoded.rejects.append(Reject(Reason.NO_VALUE, "no reading in it"))
        return decoded

    def _plan(self, address: str, body: Mapping[str, Json], rejects: list[Reject]) -> Plan:
        """The rules of the device, or without a description those for what needs none."""
        plan = self._plans.get(address)
        if plan is None:
            plan, unclear = plan_without_description(body)
            if unclear:
                rejects.append(Reject(Reason.NO_DESCRIPTION, printable(f"{address}: {', '.join(unclear)}")))
        self._warn_of_units(address, plan, body, rejects)
        return plan

    def _warn_of_units(self, address: str, plan: Plan, body: Mapping[str, Json], rejects: list[Reject]) -> None:
        """Once for each property, since every message repeats it."""
        for key, unit in plan.wrong_units.items():
            if body.get(key) is not None and (address, key) not in self._warned:
                self._warned.add((address, key))
                rejects.append(Reject(Reason.WRONG_UNIT, printable(f"{address}: {key} is in {show(unit)}")))

    def _decode_bridge(self, what: str, message: Message) -> Decoded:
        if what == "state":
            return self._decode_bridge_state(message)
        if what.startswith("request/"):
            return _refused(Reason.COMMAND, _BRIDGE + what)
        if what not in {"devices", "groups"}:
            return _refused(Reason.DESCRIPTION, _BRIDGE + what)
        try:
            items = orjson.loads(message.payload)
        except orjson.JSONDecodeError as error:
            return _unreadable("", message.payload, error)
        if not isinstance(items, list):
            return _refused(Reason.WRONG_TYPE, f"{_BRIDGE}{what} is an array; found {show(items)}")
        named = {
            item["friendly_name"]: item
            for item in items
            if isinstance(item, dict) and isinstance(item.get("friendly_name"), str)
        }
        if what == "groups":
            self._groups = frozenset(named)
            self._changed["groups"] = orjson.dumps(sorted(named))
        else:
            self._describe(named)
        return _refused(Reason.DESCRIPTION, f"{len(named)} {what}")

    def _describe(self, devices: Mapping[str, Mapping[str, Json]]) -> None:
        for name in self._plans.keys() - devices.keys():
            self._changed[f"plan/{name}"] = b""
        plans: dict[str, Plan | None] = {}
        for name, device in devices.items():
            definition = device.get("definition")
            plan = plan_of(definition, str(device.get("power_source"))) if isinstance(definition, dict) else None
            plans[name] = plan
            if name not in self._plans or plan != self._plans[name]:
                self._changed[f"plan/{name}"] = orjson.dumps(dump(plan) if plan else None)
        self._plans = plans
        self._warned.clear()

    def _decode_bridge_state(self, message: Message) -> Decoded:
        online = _presence(message.payload)
        if online is None:
            return _no_presence("", message.payload)
        if online and (not message.retained or self._bridge_online is False):
            self._cache.start_replay(message.received)
        if online != self._bridge_online:
            self._bridge_online = online
            self._changed["online"] = orjson.dumps(online)
        return Decoded(rejects=[Reject(Reason.PRESENCE, "the bridge")], presence=online)

    def state(self) -> dict[str, bytes]:
        changed = self._changed | {f"written/{name}": value for name, value in self._cache.changes().items()}
        self._changed = {}
        return changed

    def restore(self, state: Mapping[str, bytes]) -> None:
        for key, value in state.items():
            what, _, name = key.partition("/")
            if not value:
                continue
            if what == "written":
                self._cache.restore(name, value)
            elif what == "plan":
                saved = orjson.loads(value)
                self._plans[name] = load(saved) if saved else None
            elif what == "groups":
                self._groups = frozenset(orjson.loads(value))
            else:
                self._bridge_online = orjson.loads(value)


def _is_command(rest: str) -> bool:
    """`<name>/set`, `<name>/get`, `<name>/<endpoint>/set`, `<name>/set/<property>`."""
    return not _COMMANDS.isdisjoint(rest.split("/")[1:][-2:])


def _last_seen(value: Json) -> int | None:
    """Nanoseconds; None where there is none or it names no zone, so that the time of arrival counts."""
    try:
        if isinstance(value, str):
            return from_rfc3339(value)
        if isinstance(value, int | float) and not isinstance(value, bool):
            return from_epoch_ms(value)
    except ValueError:
        return None
    return None


def _presence(payload: bytes) -> bool | None:
    """`{"state": "online"}`, or as Zigbee2MQTT 1 wrote it, the bare word."""
    try:
        body = orjson.loads(payload)
    except orjson.JSONDecodeError:
        body = payload.decode(errors="replace")
    word = body.get("state") if isinstance(body, dict) else body
    return _PRESENCE.get(word) if isinstance(word, str) else None


def _decode_availability(address: str, payload: bytes) -> Decoded:
    if not payload:
        return Decoded(address, rejects=[Reject(Reason.PRESENCE, "the device was removed or renamed")])
    online = _presence(payload)
    if online is None:
        return _no_presence(address, payload)
    return Decoded(address, rejects=[Reject(Reason.PRESENCE, "the device")], presence=online)


def _no_presence(address: str, payload: bytes) -> Decoded:
    if not payload:
        return Decoded(address, rejects=[NO_PAYLOAD])
    found = payload[:60].decode(errors="replace")
    return Decoded(address, rejects=[Reject(Reason.MALFORMED, printable(f"neither online nor offline: {found}"))])


def _unreadable(address: str, payload: bytes, error: orjson.JSONDecodeError) -> Decoded:
    if not payload:
        return Decoded(address, rejects=[NO_PAYLOAD])
    return Decoded(address, rejects=[Reject(Reason.MALFORMED, json_fault(error))])


def _refused(reason: Reason, detail: str) -> Decoded:
    return Decoded(rejects=[Reject(reason, printable(detail))])


class Described(NamedTuple):
    """A device as `bridge/devices` lists it."""

    ieee_address: str
    friendly_name: str
    power_source: str
    definition: Mapping[str, Json]

    def plan(self) -> Plan:
        """The rules for `encode`."""
        return plan_of(self.definition, self.power_source)


def encode(
    base: str,
    address: str,
    plan: Plan,
    readings: Iterable[Reading],
    last_seen_ns: int | None = None,
    cached: Mapping[str, Json] | None = None,
) -> tuple[str, bytes]:
    """Topic and payload of a device's state, in the units and words of its own description.

    `cached` are properties that the bridge repeats from earlier messages: the earlier payload, read as JSON.

    Raises:
        LookupError: the device describes no property for a reading.
    """
    keys = {(rule.field, rule.channel): key for key, rule in plan.rules.items()}
    body = dict(cached or {})
    for field, value, channel in readings:
        if (field, channel) not in keys:
            raise LookupError(f"{address} has no property for {field.name} {channel}".rstrip())
        key = keys[field, channel]
        body[key] = write(plan.rules[key], value)
    if last_seen_ns is not None:
        body[_LAST_SEEN] = to_rfc3339(last_seen_ns)
    return f"{base}/{address}", orjson.dumps(body)


def encode_devices(base: str, devices: Iterable[Described]) -> tuple[str, bytes]:
    """Topic and payload of the bridge's list of devices; to be retained."""
    items = [
        {"interview_state": "SUCCESSFUL", "supported": True, "disabled": False, **device._asdict()}
        for device in devices
    ]
    return f"{base}/{_BRIDGE}devices", orjson.dumps(items)


def encode_availability(base: str, address: str, *, online: bool) -> tuple[str, bytes]:
    """Topic and payload of a device's presence; to be retained."""
    return f"{base}/{address}{_AVAILABILITY}", _encode_presence(online=online)


def encode_bridge_state(base: str, *, online: bool) -> tuple[str, bytes]:
    """Topic and payload of the bridge's presence; to be retained, and the offline one to be the will."""
    return f"{base}/{_BRIDGE}state", _encode_presence(online=online)


def _encode_presence(*, online: bool) -> bytes:
    return orjson.dumps({"state": "online" if online else "offline"})
