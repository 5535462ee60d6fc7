"""Collects what unknown devices sent: from quarantine, and for a while from the broker itself.

Quarantine holds only what is subscribed to: topics that a source of the registry claims. A new kind of device speaks
on topics of its own, and so somebody has to listen to everything for a moment.
"""

import asyncio
import sqlite3
import ssl
import time
from dataclasses import dataclass, field
from typing import Final

from aiomqtt import Client, MqttError

from devices.model import Message, Reason
from ingest.journal import FILE
from ingest.settings import Mqtt, Settings

MAX_MESSAGES: Final = 100_000
MAX_PAYLOAD: Final = 2**20
"""bytes of a message that is listened to; a bridge describes its devices in large ones"""
_REASONS: Final = (Reason.UNKNOWN_DEVICE.value, Reason.UNKNOWN_TOPIC.value)


class UnknownError(Exception):
    """What unknown devices sent cannot be had; the text says why, and what to do."""


@dataclass(slots=True)
class Collected:
    """Messages of devices that may be unknown, and what makes them readable."""

    troubles: list[str] = field(default_factory=list)
    """why there may be more"""
    messages: list[Message] = field(default_factory=list)
    states: list[tuple[str, str, bytes]] = field(default_factory=list)
    """what the sources of ingest remember: (`council/source`, key, value)"""


async def collect(settings: Settings, seconds: float) -> Collected:
    """What quarantine keeps, and what comes from the broker within so many seconds; 0 asks no broker.

    Raises:
        UnknownError: the journal's file cannot be read.
    """
    collected = await asyncio.to_thread(quarantined, settings)
    if seconds > 0:
        try:
            collected.messages += await listen(settings, seconds)
        except UnknownError as error:
            collected.troubles.append(str(error))
    return collected


def quarantined(settings: Settings) -> Collected:
    """What quarantine keeps of unknown devices and topics, whether ingest runs or not; at most the newest messages.

    Raises:
        UnknownError: the journal's file cannot be read.
    """
    path = settings.data / FILE
    if not path.exists():
        return Collected()
    try:
        connection = sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", uri=True, timeout=5)
        try:
            rows = connection.execute(
                "SELECT topic, payload, received, retained FROM quarantine WHERE reason IN (?, ?)"
                " ORDER BY id DESC LIMIT ?",
                (*_REASONS, MAX_MESSAGES),
            ).fetchall()
            states = connection.execute("SELECT source, key, value FROM remembered").fetchall()
        finally:
            connection.close()
    except sqlite3.Error as error:
        raise UnknownError(
            f"{path}: {error}: name the settings of the ingest that writes it with --settings"
        ) from error
    return Collected([], [Message(t, bytes(p), at, bool(kept)) for t, p, at, kept in reversed(rows)], states)


async def listen(settings: Settings, seconds: float) -> list[Message]:
    """Everything that the broker sends for so long, in a session of its own that leaves no trace.

    Raises:
        UnknownError: the broker cannot be reached, or refuses.
    """
    mqtt = settings.mqtt
    found: list[Message] = []
    try:
        async with Client(
            mqtt.host,
            mqtt.port,
            username=mqtt.username or None,
            password=mqtt.password.get_secret_value() or None,
            tls_context=_tls(mqtt),
        ) as client:
            await client.subscribe("#", qos=0)
            try:
                async with asyncio.timeout(seconds):
                    async for message in client.messages:
                        payload = message.payload
                        if isinstance(payload, bytes) and len(payload) <= MAX_PAYLOAD:
                            found.append(Message(str(message.topic), payload, time.time_ns(), bool(message.retain)))
                        if len(found) >= MAX_MESSAGES:
                            break
            except TimeoutError:
                pass
    except (MqttError, OSError) as error:
        raise UnknownError(f"the broker at {mqtt.host}:{mqtt.port} cannot be listened to: {error}") from error
    return found


def _tls(mqtt: Mqtt) -> ssl.SSLContext | None:
    if not mqtt.tls:
        return None
    context = ssl.create_default_context(cafile=mqtt.ca_file)
    if mqtt.cert_file:
        context.load_cert_chain(mqtt.cert_file, mqtt.key_file)
    return context
