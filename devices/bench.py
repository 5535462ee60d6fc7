"""The bench: what is in a message, with a registry or without one.

With a registry a message is read as ingest reads it. Without one the source is guessed from the topic, and what is
decoded passes the same validation; only what nobody but a registry knows (places, models) is missing.
"""

from collections.abc import Iterator, Mapping
from copy import deepcopy
from dataclasses import dataclass, replace
from typing import Final, Protocol

from devices import guess
from devices.decode import Decoder, Outcome, Window, moment, plausible, too_large
from devices.formats import make_source
from devices.guess import Guess
from devices.message import REFUSED, Decoded, Message, Reading, Reason, Reject, Source, SourceConfig, TimeSource
from devices.schema import BY_NAME
from devices.timestamps import SECOND

MAX_PAYLOAD: Final = 262_144
MAX_SOURCES: Final = 1_000
ANY_AGE: Final = Window(past=200 * 365 * 86_400 * SECOND, future=200 * 365 * 86_400 * SECOND)
"""For a message of which nobody knows when it arrived: only a nonsensical time is refused."""


@dataclass(frozen=True, slots=True)
class Value:
    """One reading that would be stored."""

    device: str
    """its id in the registry, or without one its address"""
    reading: Reading
    time: int
    time_source: TimeSource


@dataclass(frozen=True, slots=True)
class Verdict:
    """What becomes of one message."""

    source: str
    """`council/source`, or without a registry the format; empty where none claims the topic"""
    device: str
    values: list[Value]
    rejects: list[Reject]
    presence: bool | None = None
    held: tuple[Value, ...] = ()
    """what the message says and nobody stores as a reading: a retained value of unknown age, a device's presence"""

    @property
    def fate(self) -> str:
        """`stored` where at least one value is, `ignored` where that is no fault, else `quarantined`."""
        if self.values:
            return "stored"
        return "ignored" if all(reject.reason in REFUSED for reject in self.rejects) else "quarantined"

    @property
    def why(self) -> Reject | None:
        """The first fault, or else what says why there is no reading; None where values are stored."""
        if self.values:
            return None
        faults = [reject for reject in self.rejects if reject.reason not in REFUSED]
        return (faults or self.rejects or [Reject(Reason.NO_VALUE, "no reading in it")])[0]


class Bench(Protocol):
    """Reads messages one after the other, remembering what they describe."""

    def read(self, message: Message, *, model: str = "", dated: bool = True) -> Verdict:
        """What becomes of `message`.

        Args:
            model: of the device, as the registry would name it; a registry's own word goes before.
            dated: `message.received` is when it arrived; otherwise its age is not judged without a registry.
        """


class RegistryBench:
    """Reads as ingest does with the same registry."""

    def __init__(self, decoder: Decoder) -> None:
        self._decoder = decoder

    def read(self, message: Message, *, model: str = "", dated: bool = True) -> Verdict:
        """See `Bench.read`."""
        del model, dated
        return verdict_of(self._decoder.decode(message))


def verdict_of(outcome: Outcome) -> Verdict:
    """What ingest makes of a message, as a verdict."""
    values = [
        Value(sample.device.id, reading, sample.time, sample.time_source)
        for sample in outcome.placed
        for reading in sample.readings
    ]
    device = outcome.device.id if outcome.device else outcome.address
    return Verdict(outcome.source, device, values, outcome.rejects, outcome.presence)


class OpenBench:
    """Reads without a registry."""

    def __init__(self) -> None:
        self._sources: dict[Guess, Source] = {}
        self._told: dict[Guess, dict[str, bytes]] = {}
        self._model = _Model()
        self._undated = 0

    def read(self, message: Message, *, model: str = "", dated: bool = True) -> Verdict:
        """See `Bench.read`."""
        self._model.name = model
        found = self.find(message)
        if found is None:
            return Verdict("", "", [], [Reject(Reason.UNKNOWN_TOPIC, "no format writes such a topic")])
        known, source = found
        name = known.format
        if len(message.payload) > MAX_PAYLOAD and not source.describes(message.topic):
            return Verdict(name, "", [], [too_large(message, MAX_PAYLOAD)])
        if not dated and name in _TOLD_TWICE:
            self._undated = self._undated or message.received
            message = message._replace(received=self._undated)
        window = Window() if dated else ANY_AGE
        live = deepcopy(source) if message.retained else None
        verdict = _validated(name, source.decode(message), message, window)
        self._remember(known, source, message)
        if live is not None and any(reject.reason is Reason.RETAINED for reject in verdict.rejects):
            again = message._replace(retained=False)
            verdict = replace(verdict, held=tuple(_validated(name, live.decode(again), again, window).values))
        elif verdict.presence is not None and _is_word(message.payload):
            online = Reading(BY_NAME["online"], float(verdict.presence))
            verdict = replace(verdict, held=(Value(verdict.device, online, message.received, TimeSource.ARRIVAL),))
        return verdict

    def find(self, message: Message) -> tuple[Guess, Source] | None:
        """The source of the message, and what is guessed of it."""
        for suggestion in self._suggestions(message):
            source = self._source(suggestion)
            if source is not None and (suggestion.format == "senml" or source.claims(message.topic)):
                return suggestion, source
        return None

    def _suggestions(self, message: Message) -> Iterator[Guess]:
        topic = message.topic
        yield from guess.certain(topic)
        for known, source in list(self._sources.items()):
            if known.format in _LEARNED and source.claims(topic):
                yield known
        yield from guess.likely(topic)
        yield from guess.by_payload(topic, message.payload)

    def _source(self, wanted: Guess) -> Source | None:
        source = self._sources.get(wanted)
        if source is None and len(self._sources) < MAX_SOURCES:
            config = SourceConfig(
                wanted.format,
                wanted.council or "bench",
                wanted.format,
                wanted.base,
                "",
                dict(wanted.options),
                self._model,
            )
            source = self._sources[wanted] = make_source(config)
            for other, told in self._told.items():
                if other.format == wanted.format and wanted.format in _SHARED:
                    source.restore(told)
        return source

    def _remember(self, known: Guess, source: Source, message: Message) -> None:
        """Keep what a description no longer lists: a recording need not hold a gateway's whole list in one message.

        Only an empty payload forgets. What describes devices of more than one source is told to all of them.
        """
        changed = source.state()
        told = self._told.setdefault(known, {})
        forgotten = [key for key, value in changed.items() if not value]
        describes = source.describes(message.topic)
        if message.payload and describes:
            source.restore({key: told[key] for key in forgotten if key in told})
        else:
            for key in forgotten:
                told.pop(key, None)
        told |= {key: value for key, value in changed.items() if value}
        if describes and known.format in _SHARED:
            for other, sibling in self._sources.items():
                if other.format == known.format and sibling is not source:
                    sibling.decode(message)


def _is_word(payload: bytes) -> bool:
    """Whether presence is all that the payload says; a Sparkplug birth or death says it by being one."""
    return payload.isascii() and payload.decode().isprintable()


_SHARED: Final = ("tasmota",)
"""Formats whose descriptions come on one topic, whatever layout the devices' own topics have."""
_TOLD_TWICE: Final = ("chirpstack", "thethingsstack")
"""Formats that drop an uplink which comes again at another time; undated ones all have the same, and are all read."""
_LEARNED: Final = ("zigbee2mqtt", "homie", "homeassistant")
"""Formats whose topics are recognised once a message has shown the base topic, or described them."""


@dataclass(slots=True)
class _Model(Mapping[str, str]):
    """The model that the current message's line names, for whichever device it speaks of."""

    name: str = ""

    def __getitem__(self, address: str) -> str:
        if not self.name:
            raise KeyError(address)
        return self.name

    def __iter__(self) -> Iterator[str]:
        return iter(())

    def __len__(self) -> int:
        return 0


def _validated(name: str, decoded: Decoded, message: Message, window: Window) -> Verdict:
    values: list[Value] = []
    rejects = decoded.rejects
    for sample in decoded.samples:
        told = moment(sample, message.received, window, rejects)
        if told is not None:
            device = sample.address or decoded.address
            values += [Value(device, reading, *told) for reading in plausible(sample.readings, rejects)]
    addresses = {value.device for value in values}
    device = decoded.address or (addresses.pop() if len(addresses) == 1 else "")
    return Verdict(name, device, values, rejects, decoded.presence)
