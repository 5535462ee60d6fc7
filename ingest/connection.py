"""One connection of the session: bytes to packets and back, TLS, and the broker's answers in words."""

import asyncio
import contextlib
import os
import ssl
import time
from collections.abc import Callable
from typing import Any, Final, TypeVar

import mqtt5

from ingest.settings import Mqtt

_Reply = TypeVar("_Reply", mqtt5.ConnAckPacket, mqtt5.SubAckPacket, mqtt5.UnsubAckPacket)


REST: Final = 262_144
"""Bytes to read at once, as asyncio does."""


class RefusedError(Exception):
    """The broker answered, and said no; the text says what to do."""


class Connection(asyncio.Protocol):
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
        if exc is not None:
            self._read_rest()
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
                # text that is not UTF-8 makes mqtt5 0.8 print a trace and panic, and a panic is not an Exception
                if not isinstance(error, Exception) and type(error).__name__ != "PanicException":
                    raise
                self.close(f"the broker sent what is not MQTT 5: {error}")
                return
        self._rest = bytearray(buffer[position:]) if position < len(buffer) else bytearray()
        self._flushed()

    def _read_rest(self) -> None:
        """Read what the broker sent before it crashed.

        A write that fails ends the connection, read or unread; and the broker may have acknowledged to its publishers,
        and not saved, what lies there unread. Over TLS it stays unread: nobody but asyncio can decipher it.
        """
        transport = self.transport
        if transport is None or transport.get_extra_info("ssl_object") is not None:
            return
        descriptor = transport.get_extra_info("socket").fileno()
        with contextlib.suppress(OSError):
            while data := os.read(descriptor, REST):
                self.data_received(data)

    def _control(self, packet: mqtt5.Packet) -> None:
        match packet:
            case mqtt5.ConnAckPacket() | mqtt5.SubAckPacket() | mqtt5.UnsubAckPacket():
                self.replies.put_nowait(packet)
            case mqtt5.DisconnectPacket():
                reason = packet.reason_str or packet.reason_code.name.lower().replace("_", " ")
                self.close(f"disconnected by the broker: {reason}")
            case _:
                pass


def write(connection: Connection, packet: mqtt5.Packet) -> None:
    if connection.transport is not None:
        connection.transport.write(packet.write())


async def reply(connection: Connection, kind: type[_Reply]) -> _Reply:
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


def words(code: mqtt5.ConnAckReasonCode | mqtt5.SubAckReasonCode) -> str:
    return code.name.lower().replace("_", " ")
