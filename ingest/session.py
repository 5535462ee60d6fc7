"""One persistent MQTT 5 session: batches of messages in, PUBACK out, reconnect in between.

A message is acknowledged only by `acknowledge`, so the broker keeps it until the caller has it on disk. The session
outlives connections: what was not acknowledged comes again after a reconnect, with the same packet identifier and
the DUP flag. QoS 2 publications arrive as QoS 1, since the subscription asks for no more.
"""

import asyncio
import contextlib
import logging
import random
import socket
import ssl
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Final, Literal, NamedTuple

import mqtt5

from devices.message import Message
from ingest.connection import Connection, RefusedError, reply, tls_context, words, write
from ingest.settings import Mqtt

log = logging.getLogger(__name__)

MAX_WAITING: Final = 20_000
"""Messages that may wait to be taken (QoS 0 knows no receive maximum); beyond that the socket is not read."""
MAX_WAITING_BYTES: Final = 32 * 2**20
MAX_BATCH_BYTES: Final = 4 * 2**20
"""Payload bytes in one batch: arrays of readings grow some tenfold on their way to lines."""
FIRST_DELAY, LAST_DELAY = 0.2, 30.0
"""Seconds between attempts to connect; doubled each time, with jitter."""
STEADY: Final = 5.0
"""Seconds that a connection held, after which its end is an event of its own and the first delay counts again."""
BRIEF_S: Final = 60.0
DUEL: Final = 3
"""So many connections in a row that each held for less than `BRIEF_S` seconds look like two clients with one id: each
is put out by the other. A broker says so to few, since it resets the connection of who writes to it meanwhile."""
CONNECT_TIMEOUT: Final = 10.0

_MENDS: Final = {
    int(mqtt5.ConnAckReasonCode.BAD_USER_NAME_OR_PASSWORD): "refused the password: set mqtt.username and mqtt.password",
    int(mqtt5.ConnAckReasonCode.NOT_AUTHORIZED): "refused this client: set mqtt.username and mqtt.password",
    int(mqtt5.ConnAckReasonCode.UNSUPPORTED_PROTOCOL_VERSION): "does not speak MQTT 5: use Mosquitto 2.0 or newer",
    int(mqtt5.ConnAckReasonCode.CLIENT_ID_NOT_VALID): "refused the client id: change mqtt.client_id",
}


class Delivery(NamedTuple):
    """A message with what acknowledging it needs."""

    message: Message
    packet_id: int
    """0 for QoS 0, which needs no acknowledgement"""
    duplicate: bool
    """the DUP flag: the broker may have sent it before"""


@dataclass(frozen=True, slots=True)
class Batch:
    connection: int
    """packet identifiers mean something on this connection only"""
    deliveries: list[Delivery]


@dataclass(slots=True)
class State:
    """What to tell a person about the connection."""

    connected: bool = False
    text: str = "not connected yet"
    connections: int = 0
    lost_sessions: int = 0
    """reconnects at which the broker had forgotten the session"""


@dataclass(slots=True)
class Session:
    """A session that stays. Run `run` as a task; `take` batches, and `acknowledge` what is safe.

    Args:
        options: broker and credentials.
        filters: topic filters to subscribe to, at QoS 1, at every connect.
        stale: filters that an earlier start subscribed to and this one does not want.
        clock: ns since 1970; arrival times made from it are strictly increasing.
    """

    options: Mqtt
    filters: Sequence[str]
    stale: Sequence[str] = ()
    clock: Callable[[], int] = time.time_ns
    state: State = field(default_factory=State)
    _waiting: list[Delivery] = field(default_factory=list)
    _orphans: list[Delivery] = field(default_factory=list)
    """arrived on a connection that is gone: worth storing, not to be acknowledged"""
    _bytes: int = 0
    _arrived: asyncio.Event = field(default_factory=asyncio.Event)
    _connection: Connection | None = None
    _last: int = 0
    _paused: bool = False
    _published: int = 1
    """packet identifier of the last message that we published; 1 is that of subscriptions"""

    async def run(self) -> None:
        """Connect, and connect again, until cancelled."""
        delay, brief = FIRST_DELAY, 0
        while True:
            started = time.monotonic()
            try:
                await self._connect_once()
            except (OSError, RefusedError, TimeoutError) as error:
                held = time.monotonic() - started
                if self.state.connected:
                    delay = FIRST_DELAY if held > STEADY else delay
                    brief = brief + 1 if held < BRIEF_S else 0
                rival = f"; {self._rival()}" if self.state.connected and brief >= DUEL else ""
                self._say(f"broker {self.options.host}:{self.options.port} {_explain(error)}{rival}")
            finally:
                self.state.connected = False
                self._connection = None
            await asyncio.sleep(delay * random.uniform(0.5, 1.0))  # noqa: S311  jitter, not a secret
            delay = min(delay * 2, LAST_DELAY)

    async def take(self, limit: int) -> Batch:
        """Wait for messages; at most `limit`, in order of arrival."""
        while not self._waiting and not self._orphans:
            self._arrived.clear()
            await self._arrived.wait()
        if self._orphans:
            orphans, self._orphans = self._orphans, []
            return Batch(0, orphans)
        if len(self._waiting) <= limit and self._bytes <= MAX_BATCH_BYTES:
            deliveries, self._waiting = self._waiting, []
            self._bytes = 0
        else:
            end = self._end_of_batch(limit)
            deliveries, self._waiting = self._waiting[:end], self._waiting[end:]
            self._bytes -= sum(len(delivery.message.payload) for delivery in deliveries)
        self._breathe()
        return Batch(self.state.connections, deliveries)

    def _end_of_batch(self, limit: int) -> int:
        """How many waiting messages make a batch: at least one, however large it is."""
        size = 0
        for count, delivery in enumerate(self._waiting[:limit]):
            size += len(delivery.message.payload)
            if size > MAX_BATCH_BYTES and count:
                return count
        return limit

    def acknowledge(self, batch: Batch) -> None:
        """PUBACK all of a batch; without effect when its connection is gone, since the broker will send it again."""
        if self._connection is None or batch.connection != self.state.connections or self._connection.transport is None:
            return
        acks = [mqtt5.PubAckPacket(delivery.packet_id).write() for delivery in batch.deliveries if delivery.packet_id]
        self._connection.transport.write(b"".join(acks))

    def publish(self, topic: str, payload: bytes, *, qos: Literal[0, 1] = 1) -> bool:
        """Publish once: whether it went out is not followed up. False while there is no connection."""
        connection = self._connection
        if connection is None or not self.state.connected:
            return False
        if qos == 0:
            write(connection, mqtt5.PublishPacket(topic, payload=payload))
            return True
        self._published = self._published + 1 if self._published < 65_535 else 2
        packet = mqtt5.PublishPacket(topic, payload=payload, qos=mqtt5.QoS.AT_LEAST_ONCE, packet_id=self._published)
        write(connection, packet)
        return True

    async def subscribe(self, filters: Sequence[str]) -> None:
        """Want these topic filters from now on, and no others."""
        self.stale = sorted(set(self.filters) - set(filters))
        self.filters = filters
        connection = self._connection
        if connection is not None and self.state.connected:
            try:
                await self._subscribe(connection)
            except (RefusedError, ConnectionError) as error:
                connection.close(str(error))

    async def _connect_once(self) -> None:
        loop = asyncio.get_running_loop()
        options = self.options
        async with asyncio.timeout(CONNECT_TIMEOUT):
            _, connection = await loop.create_connection(
                lambda: Connection(self._receive, self._flushed), options.host, options.port, ssl=tls_context(options)
            )
            try:
                keep_alive = await self._hello(connection)
            except BaseException:
                connection.close("not accepted")
                raise
        self._say(f"connected to {options.host}:{options.port}", connected=True)
        try:
            await self._stay(connection, keep_alive)
        finally:
            with contextlib.suppress(Exception):
                connection.transport.write(mqtt5.DisconnectPacket().write())  # type: ignore[union-attr]  # set by connection_made
            connection.close("closed")

    async def _hello(self, connection: Connection) -> int:
        options = self.options
        password = options.password.get_secret_value()
        connect = mqtt5.ConnectPacket(
            options.client_id,
            username=options.username or None,
            password=password.encode() if password else None,
            clean_start=False,
            keep_alive=options.keep_alive,
            session_expiry_interval=options.session_expiry,
            receive_max=options.receive_maximum,
            max_packet_size=options.max_packet_bytes,
        )
        if len(self._orphans) < MAX_WAITING:
            self._orphans += self._waiting
        self._waiting, self._bytes = [], 0
        self.state.connections += 1
        self._connection = connection
        self._paused = False
        write(connection, connect)
        answer = await reply(connection, mqtt5.ConnAckPacket)
        if int(answer.reason_code):
            raise RefusedError(
                _MENDS.get(int(answer.reason_code), f"refused the connection: {words(answer.reason_code)}")
            )
        if not answer.session_present and self.state.connections > 1:
            self.state.lost_sessions += 1
            log.warning("the broker had forgotten the session: what was published meanwhile is lost there")
        await self._subscribe(connection)
        return answer.server_keep_alive or options.keep_alive

    async def _subscribe(self, connection: Connection) -> None:
        if self.stale:
            write(connection, mqtt5.UnsubscribePacket(1, list(self.stale)))
            await reply(connection, mqtt5.UnsubAckPacket)
        if not self.filters:
            return
        wanted = [
            mqtt5.TopicFilter(pattern, max_qos=mqtt5.QoS.AT_LEAST_ONCE, retain_as_published=False)
            for pattern in self.filters
        ]
        write(connection, mqtt5.SubscribePacket(1, wanted))
        answer = await reply(connection, mqtt5.SubAckPacket)
        for pattern, code in zip(self.filters, answer.reason_codes, strict=True):
            if int(code) >= int(mqtt5.SubAckReasonCode.UNSPECIFIED_ERROR):
                raise RefusedError(
                    f"refused the subscription to {pattern}: {words(code)}; allow it in the broker's ACL"
                )

    async def _stay(self, connection: Connection, keep_alive: int) -> None:
        ping = mqtt5.PingReqPacket().write()
        while True:
            done, _ = await asyncio.wait([connection.closed], timeout=keep_alive / 2)
            if done:
                raise ConnectionError(connection.closed.result())
            if self._paused:  # it is we who do not listen
                connection.heard = time.monotonic()
            if time.monotonic() - connection.heard > keep_alive * 1.5:
                raise ConnectionError(f"has been silent for {keep_alive * 1.5:.0f} s")
            if connection.transport is not None:
                connection.transport.write(ping)

    def _receive(self, packet: mqtt5.PublishPacket) -> None:
        now = self.clock()
        self._last = now if now > self._last else self._last + 1
        payload = packet.payload
        self._waiting.append(
            Delivery(Message(packet.topic, payload, self._last, packet.retain), packet.packet_id or 0, packet.duplicate)
        )
        self._bytes += len(payload)

    def _flushed(self) -> None:
        if self._waiting:
            self._arrived.set()
        if len(self._waiting) > MAX_WAITING or self._bytes > MAX_WAITING_BYTES:
            self._paused = True
            if self._connection is not None and self._connection.transport is not None:
                self._connection.transport.pause_reading()

    def _breathe(self) -> None:
        if self._paused and self._connection is not None and self._connection.transport is not None:
            self._paused = False
            self._connection.transport.resume_reading()

    def _rival(self) -> str:
        return (
            f"again and again: does another client use the client id {self.options.client_id}? "
            "stop it, or give each ingest an mqtt.client_id of its own"
        )

    def _say(self, text: str, *, connected: bool = False) -> None:
        if text != self.state.text:
            log.log(logging.INFO if connected else logging.WARNING, text)
        self.state.text, self.state.connected = text, connected


def _explain(error: Exception) -> str:
    if isinstance(error, ConnectionRefusedError):
        return "is not there: start it, or set mqtt.host and mqtt.port"
    if isinstance(error, socket.gaierror):
        return f"is not found ({error.strerror}): set mqtt.host"
    if isinstance(error, ConnectionResetError):
        return "closed the connection at once: check mqtt.port and mqtt.tls"
    if isinstance(error, TimeoutError):
        return f"did not answer within {CONNECT_TIMEOUT:.0f} s: check mqtt.host, mqtt.port and mqtt.tls"
    if isinstance(error, ssl.SSLError):
        return f"failed the TLS handshake ({error.reason or error}): check mqtt.ca_file and the certificate's names"
    return str(error)
