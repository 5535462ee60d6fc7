"""`tolbooth tail`: the live bus, each message with what ingest makes of it.

It has a session of its own (QoS 0, clean), so it takes nothing from ingest and acknowledges nothing for it.
"""

import ssl
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Final

import aiomqtt
from rich.text import Text

from devices.bench import Verdict, verdict_of
from devices.decode import Decoder
from devices.errors import MendableError
from devices.message import Message
from devices.model import Estate
from devices.text import printable
from devices.timestamps import to_rfc3339
from ingest.settings import Mqtt

STYLES: Final = {"stored": "green", "ignored": "dim", "quarantined": "red"}
_UNITS: Final = {"Cel": "°C", "1": "", "%RH": "%", "%EL": "%"}


class TailError(MendableError):
    """The broker cannot be listened to; the text says what to do."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which messages to show; what is empty does not choose."""

    format: str
    """a format or the id of a source"""
    device: str
    """part of the device's id or address"""
    fate: str
    formats: Mapping[str, str]
    """`council/source` → format"""

    def takes(self, verdict: Verdict) -> bool:
        """Whether the message is shown."""
        named = {verdict.source, verdict.source.partition("/")[2], self.formats.get(verdict.source, "")}
        devices = [verdict.device, *(value.device for value in verdict.values)]
        return (
            (not self.format or self.format in named)
            and (not self.device or any(self.device in device for device in devices))
            and self.fate in ("", verdict.fate)
        )


def formats(estate: Estate) -> dict[str, str]:
    """`council/source` → format."""
    return {
        f"{council.id}/{source.id}": source.format
        for council in estate.councils.values()
        for source in council.sources.values()
    }


Heard = AsyncIterator[tuple[Message, Verdict]]


@asynccontextmanager
async def messages(mqtt: Mqtt, filters: Sequence[str], decoder: Decoder) -> AsyncIterator[Heard]:
    """A session that yields messages and verdicts as they arrive.

    Raises:
        TailError: the broker refuses, cannot be reached or goes away.
    """
    async with listening(mqtt, filters) as heard:
        yield ((message, verdict_of(decoder.decode(message))) async for message in heard)


@asynccontextmanager
async def listening(mqtt: Mqtt, filters: Sequence[str]) -> AsyncIterator[AsyncIterator[Message]]:
    """A session that yields messages as they arrive.

    Raises:
        TailError: the broker refuses, cannot be reached or goes away.
    """
    try:
        async with aiomqtt.Client(
            mqtt.host,
            mqtt.port,
            username=mqtt.username or None,
            password=mqtt.password.get_secret_value() or None,
            tls_context=_tls(mqtt),
            protocol=aiomqtt.ProtocolVersion.V5,
            clean_start=True,
            timeout=10,
        ) as client:
            await client.subscribe([(topic, 0) for topic in filters])
            yield _heard(client)
    except (aiomqtt.MqttError, OSError) as error:
        raise TailError(
            f"the broker {mqtt.host}:{mqtt.port}: {error}: start it, or name the settings with --settings"
        ) from error


async def _heard(client: aiomqtt.Client) -> AsyncIterator[Message]:
    async for told in client.messages:
        payload = told.payload if isinstance(told.payload, bytes) else str(told.payload or "").encode()
        yield Message(str(told.topic), payload, time.time_ns(), bool(told.retain))


def _tls(mqtt: Mqtt) -> ssl.SSLContext | None:
    if not mqtt.tls:
        return None
    context = ssl.create_default_context(cafile=mqtt.ca_file)
    if mqtt.cert_file:
        context.load_cert_chain(mqtt.cert_file, mqtt.key_file)
    return context


def line(message: Message, verdict: Verdict) -> Text:
    """One message as one line."""
    text = Text()
    text.append(to_rfc3339(message.received)[11:23], "dim")
    text.append(f" {verdict.fate:<11} ", STYLES[verdict.fate])
    text.append(printable(verdict.device or message.topic, 80), "bold")
    if verdict.source:
        text.append(f" ({verdict.source})", "dim")
    for field, value, channel in (value.reading for value in verdict.values):
        unit = _UNITS.get(field.unit, field.unit)
        text.append(printable(f"  {field.name} {channel}".rstrip() + f" {value:g} {unit}".rstrip(), 80))
    why = verdict.why
    for reject in [why] if why else verdict.rejects[:3]:
        text.append(f"  {reject.reason}: {printable(reject.detail)}", STYLES[verdict.fate] if why else "red")
    return text
