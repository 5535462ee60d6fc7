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
from typing import Any, Final, NamedTuple, TypeVar

import mqtt5

from devices.model import Message
from ingest.settings import Mqtt

log = logging.getLogger(__name__)

MAX_WAITING: Final = 20_000
"""Messages that may wait to be taken (QoS 0 knows no receive maximum); beyond that the socket is not read."""
MAX_WAITING_BYTES: Final = 32 * 2**20
FIRST_DELAY, LAST_DELAY = 0.2, 30.0
"""Seconds between attempts to connect; doubled each time, with jitter."""
CONNECT_TIMEOUT: Final = 10.0

_MENDS: Final = {
    int(mqtt5.ConnAckReasonCode.BAD_USER_NAME_OR_PASSWORD): "refused the password: set mqtt.username and mqtt.password",
    int(mqtt5.ConnAckReasonCode.NOT_AUTHORIZED): "refused this client: set mqtt.username and mqtt.password",
    int(mqtt5.ConnAckReasonCode.UNSUPPORTED_PROTOCOL_VERSION): "does not speak MQTT 5: use Mosquitto 2.0 or newer",
    int(mqtt5.ConnAckReasonCode.CLIENT_ID_NOT_VALID): "refused the client id: change mqtt.client_id",
}


_Reply = TypeVar("_Reply", mqtt5.ConnAckPacket, mqtt5.SubAckPacket, mqtt5.UnsubAckPacket)


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


class RefusedError(Exception):
    """The broker answered, and said no; the text says what to do."""


@dataclass(slots=True)
class State:
    """What to tell a person about the connection."""

    connected: bool = False
    text: str = "not connected yet"
    connections: int = 0
    lost_sessions: int = 0
    """reconnects at which the broker had forgotten the session"""


class _Connection(asyncio.Protocol):
    """Bytes to packets on one connection."""

    def __init__(self, receive: Callable[[mqtt5.PublishPacket], None], flushed: Callable[[], None]) -> None:
        self._receive = receive
        self._flushed = flushed
        self._rest = bytearray()
        self.transport: asyncio.Transport | None = None
        self.replies: asyncio.Queue[mqtt5.ConnAckPacket | mqtt5.SubAckPacket | mqtt5.UnsubAckPacket] = asyncio.Queue(8)
        self.closed: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        self.heard = 0.0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)  # noqa: S101  asyncio's contract for create_connection
        self.transport = transport

    def connection_lost(self, exc: Exception | None) -> None:
        self.close(f"connection lost: {exc}" if exc else "connection closed by the broker")

    def close(self, why: str) -> None:
        if not self.closed.done():
            self.closed.set_result(why)
        if self.transport is not None:
            self.transport.close()

    def data_received(self, data: bytes) -> None:
        self.heard = time.monotonic()
        buffer: bytes | bytearray = data
        if self._rest:
            self._rest += data
            buffer = self._rest
        position = 0
        read, publish, receive = mqtt5.read, mqtt5.PublishPacket, self._receive
        with memoryview(buffer) as view:
            try:
                while True:
                    packet, size = read(view[position:])
                    position += size
                    if type(packet) is publish:
                        receive(packet)
                    else:
                        self._control(packet)
            except IndexError:
                pass
            except BaseException as error:
                # text that is not UTF-8 makes mqtt5 0.8 panic, and a panic is not an Exception
                if not isinstance(error, Exception) and type(error).__name__ != "PanicException":
                    raise
                self.close(f"the broker sent what is not MQTT 5: {error}")
                return
        self._rest = bytearray(buffer[position:]) if position < len(buffer) else bytearray()
        self._flushed()

    def _control(self, packet: mqtt5.Packet) -> None:
        match packet:
            case mqtt5.ConnAckPacket() | mqtt5.SubAckPacket() | mqtt5.UnsubAckPacket():
                self.replies.put_nowait(packet)
            case mqtt5.DisconnectPacket():
                reason = packet.reason_str or packet.reason_code.name.lower().replace("_", " ")
                self.close(f"disconnected by the broker: {reason}")
            case _:
                pass


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
    _connection: _Connection | None = None
    _last: int = 0
    _paused: bool = False
    _published: int = 1
    """packet identifier of the last message that we published; 1 is that of subscriptions"""

    async def run(self) -> None:
        """Connect, and connect again, until cancelled."""
        delay = FIRST_DELAY
        while True:
            started = time.monotonic()
            try:
                await self._connect_once()
            except (OSError, RefusedError, TimeoutError) as error:
                self._say(f"broker {self.options.host}:{self.options.port} {_explain(error)}")
            finally:
                self.state.connected = False
                self._connection = None
            if time.monotonic() - started > LAST_DELAY:
                delay = FIRST_DELAY
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
        if len(self._waiting) <= limit:
            deliveries, self._waiting = self._waiting, []
            self._bytes = 0
        else:
            deliveries, self._waiting = self._waiting[:limit], self._waiting[limit:]
            self._bytes -= sum(len(delivery.message.payload) for delivery in deliveries)
        self._breathe()
        return Batch(self.state.connections, deliveries)

    def acknowledge(self, batch: Batch) -> None:
        """PUBACK all of a batch; without effect when its connection is gone, since the broker will send it again."""
        if self._connection is None or batch.connection != self.state.connections or self._connection.transport is None:
            return
        acks = [mqtt5.PubAckPacket(delivery.packet_id).write() for delivery in batch.deliveries if delivery.packet_id]
        self._connection.transport.write(b"".join(acks))

    def publish(self, topic: str, payload: bytes) -> bool:
        """Publish at QoS 1, once: whether it went out is not followed up. False while there is no connection."""
        connection = self._connection
        if connection is None or not self.state.connected:
            return False
        self._published = self._published + 1 if self._published < 65_535 else 2
        packet = mqtt5.PublishPacket(topic, payload=payload, qos=mqtt5.QoS.AT_LEAST_ONCE, packet_id=self._published)
        _write(connection, packet)
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
                lambda: _Connection(self._receive, self._flushed), options.host, options.port, ssl=tls_context(options)
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

    async def _hello(self, connection: _Connection) -> int:
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
        _write(connection, connect)
        answer = await _reply(connection, mqtt5.ConnAckPacket)
        if int(answer.reason_code):
            raise RefusedError(
                _MENDS.get(int(answer.reason_code), f"refused the connection: {_words(answer.reason_code)}")
            )
        if not answer.session_present and self.state.connections > 1:
            self.state.lost_sessions += 1
            log.warning("the broker had forgotten the session: what was published meanwhile is lost there")
        await self._subscribe(connection)
        return answer.server_keep_alive or options.keep_alive

    async def _subscribe(self, connection: _Connection) -> None:
        if self.stale:
            _write(connection, mqtt5.UnsubscribePacket(1, list(self.stale)))
            await _reply(connection, mqtt5.UnsubAckPacket)
        if not self.filters:
            return
        wanted = [
            mqtt5.TopicFilter(pattern, max_qos=mqtt5.QoS.AT_LEAST_ONCE, retain_as_published=False)
            for pattern in self.filters
        ]
        _write(connection, mqtt5.SubscribePacket(1, wanted))
        answer = await _reply(connection, mqtt5.SubAckPacket)
        for pattern, code in zip(self.filters, answer.reason_codes, strict=True):
            if int(code) >= int(mqtt5.SubAckReasonCode.UNSPECIFIED_ERROR):
                raise RefusedError(
                    f"refused the subscription to {pattern}: {_words(code)}; allow it in the broker's ACL"
                )

    async def _stay(self, connection: _Connection, keep_alive: int) -> None:
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

    def _say(self, text: str, *, connected: bool = False) -> None:
        if text != self.state.text:
            log.log(logging.INFO if connected else logging.WARNING, text)
        self.state.text, self.state.connected = text, connected


def _write(connection: _Connection, packet: mqtt5.Packet) -> None:
    if connection.transport is not None:
        connection.transport.write(packet.write())


async def _reply(connection: _Connection, kind: type[_Reply]) -> _Reply:
    reply = asyncio.ensure_future(connection.replies.get())
    waiting: set[asyncio.Future[Any]] = {reply, connection.closed}
    try:
        await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
        if not reply.done():
            raise ConnectionError(connection.closed.result())
        packet = reply.result()
    finally:
        reply.cancel()
    if not isinstance(packet, kind):
        raise RefusedError(f"answered {type(packet).__name__} where {kind.__name__} was due")
    return packet


def tls_context(options: Mqtt) -> ssl.SSLContext | None:
    if not options.tls:
        return None
    try:
        context = ssl.create_default_context(cafile=str(options.ca_file) if options.ca_file else None)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        if options.cert_file:
            context.load_cert_chain(options.cert_file, options.key_file)
    except OSError as error:
        files = "mqtt.ca_file, mqtt.cert_file or mqtt.key_file"
        raise RefusedError(f"is not asked: {files} cannot be used: {error}") from error
    return context


def _words(code: mqtt5.ConnAckReasonCode | mqtt5.SubAckReasonCode) -> str:
    return code.name.lower().replace("_", " ")


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
