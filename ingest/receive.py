"""The first loop: message → device → decode → validate → line protocol → journal → PUBACK."""

import asyncio
import logging
import random
import time
from binascii import crc32
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Final

import orjson

from devices.decode import Decoder, Outcome
from devices.message import REFUSED, Fate, Message, Reason, Reject, TimeSource
from devices.model import Device
from devices.text import printable
from ingest import lineprotocol, quarantine
from ingest.canary import Canary
from ingest.counts import RECEIVED, REJECTED, REWRITTEN, VALUES
from ingest.fleet import Fleet
from ingest.journal import Entry, Journal
from ingest.journalfile import FullError
from ingest.limits import Limit
from ingest.lineprotocol import Tags
from ingest.quarantine import Kept
from ingest.rebirths import Rebirths
from ingest.rewrites import Rewrites
from ingest.session import Delivery, Session
from ingest.silence import Watch

log = logging.getLogger(__name__)

BATCH: Final = 2_000
"""Messages in one commit, at most: some 20 ms of work, and a large write for the disk."""
FULL_WAIT: Final = 1.0
"""Seconds between attempts while the journal is full."""
SAY_REWRITES: Final = 60.0
"""Seconds between two lines of the log about values that replaced another."""
LAST_COMMIT: Final = 2.0
"""Seconds that a stop waits for a commit under way."""
FILTERS: Final = ("session", "filters")
"""Under which (source, key) the journal remembers the topic filters of the session."""
_DUPLICATE, _RECEIVED = (Fate.DUPLICATE.value, ""), (RECEIVED, "")
_OVER: Final = Outcome(None, [], [Reject(Reason.RATE_LIMITED, "more messages on this topic than one device may send")])

Noted = Callable[[Device, int, bool, bool | None], None]
"""Called with device, when it was heard (ns; see `Fleet.note`), whether the message told its own time, and what it said
of its presence. A retained message is no sign of life: it was heard when it says, or at a time that nobody knows."""

Strays = Callable[[Message, Outcome | None], str | None]
"""Called with each message that is of no device (without outcome: a redelivered one); a text says that it is our own
canary and no message of the estate, and is its line, or empty."""


def _no_stray(_message: Message, _outcome: Outcome | None) -> None:
    return None


Wishes = Callable[[Sequence[tuple[str, bytes]]], None]
"""Called with what sources would like to be sent, by topic and payload."""


def _no_wishes(_requests: Sequence[tuple[str, bytes]]) -> None:
    return None


def digest(
    deliveries: Sequence[Delivery],
    decoder: Decoder,
    tags: Tags,
    packets: dict[int, int],
    note: Noted,
    *,
    stray: Strays = _no_stray,
    left: dict[str, int] | None = None,
    rewrites: Rewrites | None = None,
    wish: Wishes = _no_wishes,
) -> Entry:
    """What to commit for these deliveries. Pure but for what `decoder` and `rewrites` remember and `note`, `stray` and
    `wish` are told.

    Args:
        packets: packet identifier → CRC-32 of what is committed under it; a redelivery found there is a duplicate.
        left: topic → how many more messages of it are within its limit; topics that are not there have no limit.
    """
    entry = Entry(received=deliveries[0].message.received)
    values = rejected = rewritten = own = 0
    lines, sizes, tally = entry.lines, entry.sizes, entry.tally
    canaries: list[str] = []
    decode, lines_of = decoder.decode, lineprotocol.lines_of
    rewrites_of = (rewrites or Rewrites()).of
    for message, packet_id, duplicate in deliveries:
        if packet_id:
            crc = crc32(message.payload, crc32(message.topic.encode()))
            if duplicate and packets.get(packet_id) == crc:
                own += _redelivered(message, stray, tally)
                continue
            entry.packets.append(packet_id << 32 | crc)
        if left and _is_over(message.topic, left):
            rejected += _reject(entry, message, _OVER)
            continue
        outcome = decode(message)
        placed = outcome.placed
        if outcome.requests:
            wish(outcome.requests)
        if placed:
            before = len(lines)
            for sample in placed:
                new = lines_of(sample, tags)
                lines += new
                values += len(sample.readings)
                rewritten += rewrites_of(sample, new)
                heard = sample.time if message.retained else message.received
                note(sample.device, heard, sample.time_source is not TimeSource.ARRIVAL, outcome.presence)
            sizes.append(len(lines) - before)
        elif _is_own(message, outcome, note, stray, canaries):
            own += 1
            continue
        if outcome.rejects or not placed:
            rejected += _reject(entry, message, outcome)
    lines += canaries  # behind the lines that `sizes` counts
    tally[_RECEIVED] = len(deliveries) - own
    tally[VALUES, ""] = values
    tally[REJECTED, ""] = rejected
    tally[REWRITTEN, ""] = rewritten
    entry.states = decoder.states()
    return entry


def _redelivered(message: Message, stray: Strays, tally: Counter[tuple[str, str]]) -> int:
    """Count a message that came again; 1 if it is our own, which is not counted."""
    if stray(message, None) is not None:
        return 1
    tally[_DUPLICATE] += 1
    return 0


def _is_over(topic: str, left: dict[str, int]) -> bool:
    if topic not in left:
        return False
    left[topic] -= 1
    return left[topic] < 0


def _is_own(message: Message, outcome: Outcome, note: Noted, stray: Strays, canaries: list[str]) -> bool:
    """Take note of a message of which nothing is stored; whether it is our own."""
    if outcome.device is not None:
        if message.payload or outcome.presence is not None:
            note(outcome.device, 0 if message.retained else message.received, False, outcome.presence)
        return False
    line = stray(message, outcome)
    if line:
        canaries.append(line)
    return line is not None


def _reject(entry: Entry, message: Message, outcome: Outcome) -> int:
    """Count and keep what was not stored; the number of values rejected."""
    faults = [reject for reject in outcome.rejects if reject.reason not in REFUSED]
    whole = not outcome.placed
    if whole:
        reasons = faults or outcome.rejects
        reason = reasons[0].reason if reasons else Reason.NO_VALUE
        entry.tally[(Fate.QUARANTINED if faults else Fate.REFUSED).value, reason.value] += 1
    if faults:
        detail = "; ".join(fault.detail for fault in faults)[: quarantine.MAX_DETAIL]
        entry.kept.append(
            Kept(
                message.received,
                message.topic,
                message.payload,
                message.retained,
                faults[0].reason.value,
                detail,
                outcome.source,
                outcome.address,
                whole,
            )
        )
    return len(faults)


@dataclass(slots=True)
class Kit:
    """What turns messages into journal entries. Decoder, tags and fleet follow the registry: swap them under `lock`."""

    decoder: Decoder
    tags: Tags
    fleet: Fleet
    journal: Journal
    canary: Canary = field(default_factory=lambda: Canary("", "", 0))
    watch: Watch = field(default_factory=Watch)
    limit: Limit = field(default_factory=lambda: Limit(0, 1))
    rewrites: Rewrites = field(default_factory=Rewrites)
    rebirths: Rebirths = field(default_factory=Rebirths)
    mistakes: str = ""
    """of the registry's files, for which they are not taken up, a line each; empty while there are none"""
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)

    @property
    def filters(self) -> tuple[str, ...]:
        """Every topic filter to subscribe to."""
        own = (self.canary.topic,) if self.canary.topic else ()
        return (*own, *self.decoder.filters)

    def digest(self, deliveries: Sequence[Delivery]) -> Entry:
        """See `digest`; messages of a backfill have no limit."""
        return digest(
            deliveries, self.decoder, self.tags, self.journal.packets, self.fleet.note, rewrites=self.rewrites
        )

    def digest_live(self, deliveries: Sequence[Delivery]) -> Entry:
        """See `digest`."""
        left = self.limit.left([delivery.message.topic for delivery in deliveries], deliveries[-1].message.received)
        return digest(
            deliveries,
            self.decoder,
            self.tags,
            self.journal.packets,
            self.fleet.note,
            stray=self._stray,
            left=left,
            rewrites=self.rewrites,
            wish=self.rebirths.wish,
        )

    def _stray(self, message: Message, outcome: Outcome | None) -> str | None:
        if outcome is not None and outcome.presence is not None and not outcome.address:
            self.fleet.note_source(outcome.source, message.received, outcome.presence)
        return self.canary.line(message)


async def receive(session: Session, kit: Kit) -> None:
    """Run the loop until cancelled; a batch that was taken is committed and acknowledged before it ends."""
    silent_until = 0.0
    while True:
        batch = await session.take(BATCH)
        async with kit.lock:
            committing = asyncio.ensure_future(commit(kit.journal, kit.digest_live(batch.deliveries)))
            try:
                await asyncio.shield(committing)
            except asyncio.CancelledError:
                await asyncio.wait([committing], timeout=LAST_COMMIT)
                committing.cancel()
                raise
            finally:
                if committing.done() and not committing.cancelled() and committing.exception() is None:
                    session.acknowledge(batch)
            if kit.decoder.described:
                kit.decoder.described = False
                await subscribe(session, kit)
        ask(session, kit.rebirths)
        if kit.rewrites.untold and time.monotonic() >= silent_until:
            silent_until = time.monotonic() + SAY_REWRITES
            log.warning("values that replaced another of the same time: %d; %s", kit.rewrites.untold, kit.rewrites.last)
            kit.rewrites.untold = 0


def ask(session: Session, rebirths: Rebirths) -> None:
    """Send what is granted of the sources' wishes, once and at QoS 0, as Sparkplug wants its commands."""
    now = time.time_ns()
    for topic, payload in rebirths.granted(now, random.random()):  # noqa: S311  jitter, not a secret
        if session.publish(topic, payload, qos=0):
            rebirths.sent(topic, now)
            log.info("asked for a rebirth: %s", printable(topic))


async def subscribe(session: Session, kit: Kit) -> None:
    """Subscribe to what the decoder wants now, and remember it for the next start."""
    wanted = kit.filters
    if wanted != tuple(session.filters):
        await remember_filters(kit.journal, {*session.filters, *wanted})
        await session.subscribe(wanted)


async def remember_filters(journal: Journal, filters: Iterable[str]) -> None:
    """Remember topic filters that the broker may hold for us, so that a later start can take back what it drops."""
    try:
        await journal.remember(*FILTERS, orjson.dumps(sorted(filters)))
    except FullError as error:
        log.warning("topic filters are not remembered: %s", error)


async def commit(journal: Journal, entry: Entry) -> None:
    """Append to the journal, waiting for space as long as it takes."""
    full = False
    while True:
        try:
            await journal.append(entry)
        except FullError as error:
            if not full:
                log.warning("%s: messages wait at the broker until there is space", error)
            full = True
            await asyncio.sleep(FULL_WAIT)
        else:
            if full:
                log.info("the journal has space again")
            return
