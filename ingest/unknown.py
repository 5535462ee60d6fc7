"""Collects what unknown devices sent: from quarantine, and for a while from the broker itself.

Quarantine holds only what is subscribed to: topics that a source of the registry claims. A new kind of device speaks
on topics of its own, and so somebody has to listen to everything for a moment.
"""

import asyncio
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import islice
from typing import Final

from devices.message import Message, Reason
from ingest import journalfile, quarantine
from ingest.quarantine import Choice
from ingest.replay import descriptions, opened
from ingest.settings import Mqtt, Settings
from ingest.tail import TailError, listening

MAX_MESSAGES: Final = 100_000
EVERYTHING: Final = "#"


@dataclass(slots=True)
class Collected:
    """Messages of devices that may be unknown, and what makes them readable."""

    messages: list[Message] = field(default_factory=list)
    states: list[tuple[str, str, bytes]] = field(default_factory=list)
    """what the sources of ingest remember: (`council/source`, key, value)"""
    troubles: list[str] = field(default_factory=list)
    """why there may be more"""


async def collect(settings: Settings, seconds: float) -> Collected:
    """What quarantine keeps, and what comes from the broker within so many seconds; 0 asks no broker.

    Raises:
        JournalError: the journal's file cannot be read.
    """
    collected = await asyncio.to_thread(_quarantined, settings)
    if seconds > 0:
        try:
            collected.messages += await _listen(settings.mqtt, seconds)
        except TailError as error:
            collected.troubles.append(f"{error}; only quarantine was looked at")
    return collected


def _quarantined(settings: Settings) -> Collected:
    """What quarantine keeps of unknown devices and topics, whether ingest runs or not."""
    if not (settings.data / journalfile.FILE).exists():
        return Collected()
    with opened(settings.data) as db:
        rows = (
            row.kept
            for reason in (Reason.UNKNOWN_DEVICE, Reason.UNKNOWN_TOPIC)
            for row in quarantine.read(db, Choice(reason.value))
        )
        messages = [Message(k.topic, k.payload, k.received, k.retained) for k in islice(rows, MAX_MESSAGES)]
        return Collected(messages, descriptions(db))


async def _listen(mqtt: Mqtt, seconds: float) -> list[Message]:
    """Everything that the broker sends for so long."""
    found: list[Message] = []
    async with listening(mqtt, [EVERYTHING]) as messages:
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                async for message in messages:
                    found.append(message)
                    if len(found) >= MAX_MESSAGES:
                        break
    return found
