"""Who is talking that the registry does not know: messages in, one `Stranger` for each unknown device out. Pure.

A message is read by the format of the source that claims it, or of a source that its topic tells of (`guess`), so
that a person sees what a device would store before adopting it.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import chain, pairwise
from statistics import median
from typing import Final

from devices.decode import configs
from devices.estate.change import ChangeError
from devices.estate.problem import nearest
from devices.formats import make_source
from devices.guess import Guess, by_payload, certain, likely
from devices.message import REFUSED, Decoded, Message, Source, SourceConfig
from devices.model import DeviceKind, Estate
from devices.recognise import models
from devices.text import printable
from devices.timestamps import SECOND

TOGETHER: Final = 2 * SECOND
"""messages of one device this close belong to one report"""
USUAL: Final = (10, 15, 20, 30, 60, 120, 300, 600, 900, 1_200, 1_800, 3_600, 7_200, 10_800, 21_600, 43_200, 86_400)
"""intervals that devices are set to, s; a measured one this near (a twentieth) is taken for it"""
_HEARTBEAT: Final = "heartbeat_s"
"""an option of guessed sources only, so that values which a bridge repeats are read again"""
MAX_SOURCES: Final = 1_000
MAX_STRANGERS: Final = 5_000
PAST: Final = 30 * 86_400 * SECOND
"""how long before its arrival a reading may claim to be measured"""


@dataclass(frozen=True, slots=True)
class Stranger:
    """One device that the registry does not know; `format` is empty where nothing tells how its messages are read."""

    format: str
    source: str
    """`council/source`, empty where the registry lists no source of it"""
    base: str
    """base topic of the source that would have to be listed"""
    options: Mapping[str, str]
    """options that such a source would need"""
    address: str
    model: str
    kind: DeviceKind
    messages: int
    first: int
    """arrival of the first message, ns"""
    last: int
    since: int
    """the earliest time that a reading claims, or the first arrival, ns"""
    interval: int | None
    """seconds between its messages; None after fewer than three"""
    fields: tuple[str, ...]
    """names of the schema that it would store"""
    faults: tuple[str, ...]
    """why the rest of it would not be stored"""
    topic: str
    payload: str
    """of the last message, safe to print"""


@dataclass(slots=True)
class _Heard:
    guess: Guess
    source: str
    address: str
    arrivals: list[int] = field(default_factory=list)
    fields: set[str] = field(default_factory=set)
    faults: dict[str, None] = field(default_factory=dict)
    since: int = 2**63 - 1
    last: Message | None = None


@dataclass(slots=True)
class _Route:
    """A source of the registry, or one that messages tell of; `name` is empty then."""

    guess: Guess
    source: Source
    known: frozenset[str] = frozenset()
    name: str = ""


_NOBODY: Final = Guess("", "")


def find(estate: Estate, messages: Iterable[Message], states: Iterable[tuple[str, str, bytes]] = ()) -> list[Stranger]:
    """The unknown devices among `messages`, those that would store most first.

    Args:
        states: what the sources of a running ingest remember: (`council/source`, key, value).
    """
    listed = list(_registered(estate, states))
    told: dict[Guess, _Route] = {}
    heard: dict[tuple[str, str, str, str], _Heard] = {}
    named: dict[tuple[str, str, str], str] = {}
    for message in sorted(messages, key=lambda message: (not message.retained, message.received)):
        route = next((each for each in listed if each.source.claims(message.topic)), None) or _guessed(message, told)
        if route is None:
            _note(heard, _Heard(_NOBODY, "", message.topic), message, Decoded())
            continue
        for address, model in models(route.guess.format, route.guess.base, message):
            named[route.guess.format, route.guess.base, address] = model
        decoded = route.source.decode(message)
        for address in dict.fromkeys([decoded.address, *(sample.address for sample in decoded.samples)]):
            if address and address not in route.known:
                _note(heard, _Heard(route.guess, route.name, address), message, decoded)
    found = [_stranger(one, named.get((*one.guess[:2], one.address), "")) for one in heard.values()]
    return sorted(found, key=lambda each: (not each.format, not each.fields, -each.messages, each.address))


def choose(strangers: Iterable[Stranger], address: str, source: str = "") -> Stranger:
    """The one that `pick` finds.

    Args:
        source: id of a source, or name of a format, where one address is heard in several.

    Raises:
        ChangeError: there is none, or more than one; the text says which there are.
    """
    everybody = list(strangers)
    found = [one for one in pick(everybody, address) if not source or source in (_ident(one), one.source, one.format)]
    if len(found) == 1:
        return found[0]
    if found:
        names = ", ".join(f"{one.address} ({_ident(one) or one.format})" for one in found)
        raise ChangeError(f"{address!r} may be {names}: write the whole address, or add --source")
    near = nearest(address, [one.address for one in everybody])
    raise ChangeError(
        f"nobody unknown was heard as {address!r}"
        + (f": did you mean {near!r}?" if near else ": `tolbooth devices unknown` lists who was")
    )


def _ident(one: Stranger) -> str:
    return one.source.rpartition("/")[2]


def pick(strangers: Iterable[Stranger], address: str) -> list[Stranger]:
    """Those whose address is `address`, in any case; else those whose address ends in it."""
    wanted, everybody = address.lower(), list(strangers)
    exact = [each for each in everybody if each.address.lower() == wanted]
    return exact or [each for each in everybody if each.address.lower().endswith(wanted)]


def _registered(estate: Estate, states: Iterable[tuple[str, str, bytes]]) -> Iterator[_Route]:
    remembered: dict[str, dict[str, bytes]] = {}
    for owner, key, value in states:
        if not key.startswith("written/"):  # which values are not new: every value is wanted here
            remembered.setdefault(owner, {})[key] = value
    for name, config in configs(estate):
        source = make_source(config)
        source.restore(remembered.get(name, {}))
        council, _, ident = name.partition("/")
        known = {d.address for d in estate.councils[council].devices.values() if d.source == ident}
        yield _Route(Guess(config.format, config.topic), source, frozenset(known), name)


def _guessed(message: Message, told: dict[Guess, _Route]) -> _Route | None:
    """The source that the message tells of; what only one format writes goes before what was told already."""
    sure = _made(certain(message.topic), message, told)
    if sure is not None:
        return sure
    known = (each for each in told.values() if each.guess.base or each.guess.format == "homeassistant")
    claiming = next((each for each in known if each.source.claims(message.topic)), None)
    return claiming or _made(chain(likely(message.topic), _by_payload(message)), message, told)


def _by_payload(message: Message) -> Iterator[Guess]:
    """SenML prescribes no topic: what such a source would have to claim is the level above."""
    above = message.topic.rpartition("/")[0]
    for guess in by_payload(message.topic, message.payload):
        yield guess._replace(base=above) if guess.format == "senml" and above else guess


def _made(guesses: Iterator[Guess], message: Message, told: dict[Guess, _Route]) -> _Route | None:
    for guess in guesses:
        if guess not in told:
            if len(told) >= MAX_SOURCES:
                return None
            source = make_source(SourceConfig("", guess.council, guess.format, guess.base, "", dict(guess.options)))
            if not source.claims(message.topic):
                continue
            told[guess] = _Route(guess, source)
        if told[guess].source.claims(message.topic):
            return told[guess]
    return None


def _note(heard: dict[tuple[str, str, str, str], _Heard], new: _Heard, message: Message, decoded: Decoded) -> None:
    key = (*new.guess[:2], new.source, new.address)
    one = heard.get(key)
    if one is None:
        if len(heard) >= MAX_STRANGERS:
            return
        one = heard[key] = new
    one.arrivals.append(message.received)
    one.last = message
    one.since = min(one.since, message.received)
    for sample in decoded.samples:
        if (sample.address or decoded.address) == one.address:
            one.fields.update(reading.field.name for reading in sample.readings)
            if sample.time is not None and message.received - PAST <= sample.time:
                one.since = min(one.since, sample.time)
    if len(one.faults) < 5:
        faults = (reject for reject in decoded.rejects if reject.reason not in REFUSED)
        one.faults.update((f"{fault.reason}: {fault.detail}", None) for fault in faults)


def _stranger(one: _Heard, model: str) -> Stranger:
    last = one.last
    fields = tuple(sorted(one.fields))
    return Stranger(
        format=one.guess.format,
        source=one.source,
        base=one.guess.base,
        options={key: value for key, value in one.guess.options if key != _HEARTBEAT},
        address=printable(one.address),
        model=model,
        kind=kind_of(frozenset(fields)),
        messages=len(one.arrivals),
        first=min(one.arrivals),
        last=max(one.arrivals),
        since=one.since,
        interval=interval(one.arrivals),
        fields=fields,
        faults=tuple(one.faults)[:5],
        topic=printable(last.topic) if last else "",
        payload=printable(last.payload[:400].decode(errors="replace"), 160) if last else "",
    )


def interval(arrivals: Iterable[int]) -> int | None:
    """Seconds between reports that arrived at these times (ns): the median gap; None for fewer than three reports."""
    times = sorted(arrivals)
    reports = times[:1] + [later for earlier, later in pairwise(times) if later - earlier > TOGETHER]
    gaps = [(later - earlier) / SECOND for earlier, later in pairwise(reports)]
    if len(gaps) < 2:
        return None
    measured = median(gaps)
    near = min(USUAL, key=lambda usual: abs(usual - measured))
    return near if abs(near - measured) <= near / 20 else max(1, round(measured))


_KINDS: Final[Mapping[DeviceKind, frozenset[str]]] = {
    DeviceKind.RADIATOR_THERMOSTAT: frozenset({"heating_setpoint", "valve_position"}),
    DeviceKind.BULB: frozenset({"on", "brightness"}),
    DeviceKind.PEOPLE_COUNTER: frozenset({"people", "people_in"}),
    DeviceKind.DOOR_CONTACT: frozenset({"open"}),
    DeviceKind.SMART_PLUG: frozenset({"switched"}),
    DeviceKind.GAS_METER: frozenset({"gas", "gas_energy"}),
    DeviceKind.HEAT_METER: frozenset({"heat"}),
    DeviceKind.WATER_METER: frozenset({"water"}),
    DeviceKind.ELECTRICITY_METER: frozenset({"electricity_import"}),
    DeviceKind.WEATHER_STATION: frozenset({"outdoor_temperature"}),
    DeviceKind.WATER_SENSOR: frozenset({"leak", "water_temperature"}),
    DeviceKind.ROOM_SENSOR: frozenset({"temperature", "humidity", "co2", "occupied", "motion", "illuminance"}),
}


def kind_of(fields: frozenset[str]) -> DeviceKind:
    """What a device that sends these fields is for, most likely."""
    return next((kind for kind, signs in _KINDS.items() if fields & signs), DeviceKind.OTHER)
