"""SenML in JSON (RFC 8428), with the units of RFC 8798: an array of records whose values carry their unit.

SenML prescribes no topic: every topic below the base topic is read. A record's resolved name (base name and name)
identifies device and quantity. The address is the longest registered address that the name begins with; of a name that
nobody registered, `urn:dev:<type>:<id>`, else the base name, else what stands before the last slash. What follows
tells the quantity, together with the unit; see `devices.meaning`.

A pack is read as a whole or not at all: one record that breaks a rule of the RFC rejects it.
"""

import re
from collections.abc import Iterable, Mapping
from functools import lru_cache
from math import isfinite
from typing import Any, Final, NamedTuple

import orjson

from devices.meaning import meaning
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
)
from devices.normalise import capped
from devices.schema import Kind
from devices.text import json_fault, printable, show
from devices.timestamps import SECOND
from devices.units import convert

DEFAULT_TOPIC: Final = "senml"
KNOWN_VERSION: Final = 10
RELATIVE_BELOW: Final = 2**28
"""seconds: a smaller time is relative to now (RFC 8428, section 4.5.3)"""
MAX_RECORDS: Final = 10_000

_TYPES: Final[Mapping[str, type]] = {
    **dict.fromkeys(("bt", "bv", "bs", "bver", "t", "ut", "v", "s"), float),
    **dict.fromkeys(("bn", "bu", "n", "u", "vs", "vd"), str),
    "vb": bool,
}
_WANTED: Final[Mapping[type, str]] = {float: "a number", str: "a text", bool: "true or false"}
_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9:./_-]{0,255}")
_URN: Final = re.compile(r"urn:dev:[a-z0-9.-]+:[A-Za-z0-9.-]+")
_ENDS: Final = ":/._-"
_PLACES: Final = frozenset({"lon", "lat", "EL", "s", "min", "h"})
_ENERGY: Final = frozenset({"J", "kJ", "MJ", "GJ", "Wh", "kWh", "MWh"})


class _PackError(ValueError):
    """The pack breaks a rule of the RFC, and so none of it is read."""


class _Record(NamedTuple):
    """A resolved record; `value` is None for text and data, which are no readings."""

    name: str
    base: str
    unit: str
    value: float | bool | None
    integral: float | None
    time: float


def source(config: SourceConfig) -> Source:
    """Packs on every topic below the base topic."""
    return _SenML(config)


class _SenML:
    __slots__ = ("_addresses", "_prefix", "_split", "filters")

    def __init__(self, config: SourceConfig) -> None:
        base = config.topic or DEFAULT_TOPIC
        self.filters: tuple[str, ...] = (f"{base}/#",)
        self._prefix = f"{base}/"
        self._addresses = frozenset(config.models)
        self._split = lru_cache(maxsize=4096)(self._find_address)

    def claims(self, topic: str) -> bool:
        return topic.startswith(self._prefix)

    def describes(self, topic: str) -> bool:
        del topic
        return False

    def decode(self, message: Message) -> Decoded:
        if not message.payload:
            return Decoded(rejects=[NO_PAYLOAD])
        try:
            pack = orjson.loads(message.payload)
        except orjson.JSONDecodeError as error:
            return Decoded(rejects=[Reject(Reason.MALFORMED, json_fault(error))])
        try:
            records = _resolve(pack)
        except _PackError as fault:
            return Decoded(rejects=[Reject(Reason.MALFORMED, str(fault))])
        decoded = Decoded()
        samples: dict[tuple[str, float], Sample] = {}
        for record in records:
            self._read(record, message, samples, decoded.rejects)
        decoded.rejects = capped(decoded.rejects)
        decoded.samples = [sample for sample in samples.values() if sample.readings]
        if decoded.samples:
            decoded.address = decoded.samples[0].address
        elif not decoded.rejects:
            decoded.rejects.append(Reject(Reason.NO_VALUE, "a pack without readings"))
        return decoded

    def _read(
        self, record: _Record, message: Message, samples: dict[tuple[str, float], Sample], rejects: list[Reject]
    ) -> None:
        address, rest = self._split(record.name, record.base)
        relative = abs(record.time) < RELATIVE_BELOW or record.time < 0
        if relative and message.retained:
            rejects.append(Reject(Reason.RETAINED, f"{record.name}: retained and without a time: its age is unknown"))
            return
        readings = _readings(record, rest, rejects)
        if not readings:
            return
        sample = samples.get((address, record.time))
        if sample is None:
            time, time_source = _time(record.time, message.received, relative=relative)
            sample = samples[address, record.time] = Sample([], time, time_source, address)
        sample.readings.extend(readings)

    def _find_address(self, name: str, base: str) -> tuple[str, str]:
        """The device's address, and what the rest of the name says."""
        end = len(name)
        while end > 0:
            if name[:end] in self._addresses and (end == len(name) or not name[end].isalnum()):
                return name[:end], name[end:].lstrip(_ENDS)
            end -= 1
        urn = _URN.match(name)
        if urn:
            return urn[0], name[urn.end() :].lstrip(_ENDS)
        if base and base[-1] in _ENDS and base != name:
            return base[:-1], name[len(base) :]
        before, slash, after = name.rpartition("/")
        return (before, after) if slash else (name, "")

    def state(self) -> dict[str, bytes]:
        return {}

    def restore(self, state: Mapping[str, bytes]) -> None:
        del state


def _resolve(pack: object) -> list[_Record]:
    """Records with their base fields applied (RFC 8428, section 4.6)."""
    if not isinstance(pack, list):
        raise _PackError("a SenML pack is a JSON array of records")
    if len(pack) > MAX_RECORDS:
        raise _PackError(f"{len(pack)} records, at most {MAX_RECORDS} are read")
    base: dict[str, Any] = {"bn": "", "bt": 0, "bu": "", "bv": 0, "bs": 0, "bver": KNOWN_VERSION}
    resolved = []
    for place, record in enumerate(pack):
        if type(record) is not dict:
            raise _PackError(f"record {place} is no JSON object")
        own = False
        for key, value in record.items():
            if not _is_right(key, value):
                raise _PackError(f"record {place}: {_fault(key, value)}")
            if key in base:
                base[key] = value
            else:
                own = True
        if base["bver"] > KNOWN_VERSION:
            raise _PackError(
                f"record {place}: version {base['bver']} is newer than {KNOWN_VERSION}, the newest known here"
            )
        if own:
            resolved.append(_resolved(record, base, place))
    return resolved


def _is_right(key: str, value: object) -> bool:
    """Whether `value` is of the type that the RFC gives to `key`, or `key` need not be understood."""
    wanted = _TYPES.get(key)
    if wanted is None:
        return not key.endswith("_")
    if wanted is float and (type(value) is float or type(value) is int):
        return -1e300 < value < 1e300
    return type(value) is wanted


def _fault(key: str, value: object) -> str:
    if key not in _TYPES:
        return f"field {printable(key, 40)} must be understood, and is not known here"
    return f"{key} is {show(value)}, not {_WANTED[_TYPES[key]]}"


def _resolved(record: Mapping[str, Any], base: Mapping[str, Any], place: int) -> _Record:
    name = base["bn"] + record.get("n", "")
    if not _NAME.fullmatch(name):
        shown = repr(printable(name, 60))
        raise _PackError(f"record {place}: name {shown} is empty, too long, or has characters that names may not have")
    given = ("v" in record) + ("vs" in record) + ("vb" in record) + ("vd" in record)
    if given > 1 or not (given or "s" in record):
        raise _PackError(f"record {place}: a record has one value, a sum, or both")
    value: float | bool | None = None
    if "v" in record:
        value = float(record["v"]) + float(base["bv"])
    elif "vb" in record:
        value = record["vb"]
    integral = float(record["s"]) + float(base["bs"]) if "s" in record else None
    return _Record(
        name, base["bn"], record.get("u", base["bu"]), value, integral, float(base["bt"]) + float(record.get("t", 0))
    )


def _time(seconds: float, received: int, *, relative: bool) -> tuple[int | None, TimeSource]:
    if seconds == 0:
        return None, TimeSource.ARRIVAL
    nanoseconds = round(seconds * 1_000_000) * 1_000
    return (received + nanoseconds, TimeSource.ARRIVAL) if relative else (nanoseconds, TimeSource.DEVICE)


def _readings(record: _Record, rest: str, rejects: list[Reject]) -> list[Reading]:
    """The value, and the sum where it is an energy: W over time, or an energy that is sent as a sum alone."""
    readings: list[Reading] = []
    if record.value is not None:
        _reading(record, rest, record.unit, record.value, rejects, readings)
    if record.integral is not None:
        if record.unit == "W":
            _reading(record, rest, "J", record.integral, rejects, readings)
        elif record.unit in _ENERGY and record.value is None:
            _reading(record, rest, record.unit, record.integral, rejects, readings)
    if record.value is None and record.integral is None:
        rejects.append(Reject(Reason.NO_VALUE, f"{record.name}: text and data are no readings"))
    return readings


def _reading(
    record: _Record, rest: str, unit: str, value: float | bool, rejects: list[Reject], into: list[Reading]
) -> None:
    found = meaning(rest, unit, state=isinstance(value, bool))
    if found is None:
        reason = Reason.NO_VALUE if unit in _PLACES else Reason.UNKNOWN_FIELD
        rejects.append(
            Reject(reason, f"{printable(record.name)} in {printable(unit, 20)!r}: name and unit tell no field")
        )
    elif not isfinite(value):
        rejects.append(Reject(Reason.NOT_FINITE, record.name))
    elif isinstance(value, bool):
        into.append(Reading(found.field, float(value), found.channel))
    else:
        converted = convert(value, unit or found.field.unit, found.field.unit)
        into.append(Reading(found.field, converted, found.channel))


def encode(base: str, address: str, readings: Iterable[Reading], time_ns: int | None) -> tuple[str, bytes]:
    """Topic and payload of one pack; without `time_ns` the time of arrival will count.

    A percentage is written as a ratio, as SenML wants it; names are those of the schema.
    """
    pack: list[dict[str, object]] = []
    for field, value, channel in readings:
        safe = re.sub(r"[^A-Za-z0-9._-]", "_", channel)
        record: dict[str, object] = {"n": f"{safe}/{field.name}" if safe else field.name}
        if field.kind is Kind.STATE:
            record["vb"] = bool(value)
        elif field.unit == "%":
            record.update(u="/", v=convert(value, "%", "/"))
        else:
            record["v"] = value
            if field.unit != "1":
                record["u"] = field.unit
        pack.append(record)
    if pack:
        pack[0] = {"bn": f"{address}/", **({} if time_ns is None else {"bt": time_ns / SECOND}), **pack[0]}
    return f"{base}/{address}", orjson.dumps(pack)
