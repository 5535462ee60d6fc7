"""A fast MQTT 5 publisher for the benchmark: QoS 1, many in flight, packets built before the clock starts."""

import asyncio
import time
from collections.abc import Sequence

import mqtt5

WINDOW = 1_000
"""Messages that may be unacknowledged at once, if the broker allows so many."""


class Publisher(asyncio.Protocol):
    """Publishes packets in order; `done` resolves when the broker has acknowledged them all."""

    def __init__(self, client_id: str) -> None:
        self._client_id = client_id
        self._transport: asyncio.Transport | None = None
        self._rest = b""
        self._window = WINDOW
        self._packets: Sequence[bytes] = ()
        self._sent = self._acked = 0
        self._allowed = 0
        loop = asyncio.get_running_loop()
        self.connected: asyncio.Future[None] = loop.create_future()
        self.done: asyncio.Future[None] = loop.create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        transport.write(mqtt5.ConnectPacket(self._client_id, clean_start=True).write())

    def data_received(self, data: bytes) -> None:
        buffer = memoryview(self._rest + data)
        position = 0
        try:
            while True:
                packet, size = mqtt5.read(buffer[position:])
                position += size
                if isinstance(packet, mqtt5.PubAckPacket):
                    self._acked += 1
                elif isinstance(packet, mqtt5.ConnAckPacket):
                    self._window = min(self._window, packet.receive_max)
                    self.connected.set_result(None)
        except IndexError:
            self._rest = bytes(buffer[position:])
        if self._packets and self._acked == len(self._packets) and not self.done.done():
            self.done.set_result(None)
        self._send()

    def connection_lost(self, exc: Exception | None) -> None:
        if not self.done.done():
            self.done.set_exception(exc or ConnectionError("the broker closed the connection"))

    def start(self, packets: Sequence[bytes], allowed: int | None = None) -> None:
        """Begin to publish; at most `allowed` until `allow` raises it."""
        self._packets, self._sent, self._acked = packets, 0, 0
        self._allowed = len(packets) if allowed is None else allowed
        self.done = asyncio.get_running_loop().create_future()
        self._send()

    def allow(self, count: int) -> None:
        """Publish up to `count` of the packets."""
        self._allowed = min(count, len(self._packets))
        self._send()

    def _send(self) -> None:
        end = min(self._allowed, self._acked + self._window)
        if end > self._sent and self._transport is not None:
            self._transport.write(b"".join(self._packets[self._sent : end]))
            self._sent = end


async def connect(host: str, port: int, client_id: str) -> Publisher:
    """A connected publisher."""
    _, publisher = await asyncio.get_running_loop().create_connection(lambda: Publisher(client_id), host, port)
    await publisher.connected
    return publisher


def packets(messages: Sequence[tuple[str, bytes]]) -> list[bytes]:
    """PUBLISH packets with packet identifiers that do not repeat within any window."""
    return [
        mqtt5.PublishPacket(topic, payload, qos=mqtt5.QoS.AT_LEAST_ONCE, packet_id=index % 60_000 + 1).write()
        for index, (topic, payload) in enumerate(messages)
    ]


async def at_rate(publisher: Publisher, ready: Sequence[bytes], per_second: float) -> None:
    """Publish at a steady rate, in steps of 5 ms."""
    publisher.start(ready, allowed=0)
    start = time.monotonic()
    while not publisher.done.done() and (count := int((time.monotonic() - start) * per_second)) < len(ready):
        publisher.allow(count)
        await asyncio.sleep(0.005)
    publisher.allow(len(ready))
    await publisher.done
