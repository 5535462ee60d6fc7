"""Floods a broker, as a process of its own so that it takes no time from who measures: one function a flood.

`python -m tests.security.flooder KIND` reads what it needs as JSON from its standard input, secrets too.
"""

import asyncio
import contextlib
import json
import sys
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Final

import mqtt5

BURST: Final = 200
"""Connections that are opened at once."""
TICK_S: Final = 0.02


@dataclass(frozen=True, slots=True)
class Target:
    """A listener, an account to flood it with, and how much."""

    host: str
    port: int
    username: str
    password: str
    topic: str
    """below it the account may write"""
    seconds: float
    count: int
    """new topics a second, connections altogether, or bytes of a payload"""


class Client(asyncio.Protocol):
    """Writes what it is told, counts what comes back, and does not wait."""

    def __init__(self) -> None:
        loop = asyncio.get_running_loop()
        self.connected: asyncio.Future[None] = loop.create_future()
        self.lost: asyncio.Future[None] = loop.create_future()
        self.answered = 0
        self.news = asyncio.Event()
        self.writable = asyncio.Event()
        self.writable.set()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        self.answered += len(data) // 4
        self.news.set()
        if not self.connected.done():
            self.connected.set_result(None)

    async def turned(self, before: int) -> None:
        """Wait until more than `before` was answered, or the connection is lost."""
        while self.answered == before and not self.lost.done():
            self.news.clear()
            await self.news.wait()

    def pause_writing(self) -> None:
        self.writable.clear()

    def resume_writing(self) -> None:
        self.writable.set()

    def connection_lost(self, exc: Exception | None) -> None:
        self.writable.set()
        self.news.set()
        for future in (self.connected, self.lost):
            if not future.done():
                future.set_result(None)


async def connect(target: Target, name: str) -> Client:
    _, client = await asyncio.get_running_loop().create_connection(Client, target.host, target.port)
    packet = mqtt5.ConnectPacket(
        name, clean_start=True, username=target.username, password=target.password.encode(), keep_alive=60
    )
    client.transport.write(packet.write())
    async with asyncio.timeout(30):
        await client.connected
    return client


def publication(topic: str, payload: bytes, number: int) -> bytes:
    packet_id = number % 60_000 + 1
    return mqtt5.PublishPacket(topic, payload, qos=mqtt5.QoS.AT_LEAST_ONCE, packet_id=packet_id).write()


async def topics(target: Target) -> int:
    """One client, `count` topics a second that nobody has seen before, at QoS 1, without waiting for answers."""
    client = await connect(target, "flood-topics")
    began, sent = time.monotonic(), 0
    while (elapsed := time.monotonic() - began) < target.seconds and not client.lost.done():
        wanted = int(elapsed * target.count)
        packets = [
            publication(f"{target.topic}/{began:.0f}-{n:07d}", b'{"temperature":20.5}', n) for n in range(sent, wanted)
        ]
        client.transport.write(b"".join(packets))
        sent = wanted
        await client.writable.wait()
        await asyncio.sleep(TICK_S)
    client.transport.abort()
    return sent


async def payloads(target: Target) -> int:
    """One client, payloads of `count` bytes one after the other, and connected again where it was thrown out."""
    sent, began = 0, time.monotonic()
    while time.monotonic() - began < target.seconds:
        client = await connect(target, "flood-payloads")
        while time.monotonic() - began < target.seconds and not client.lost.done():
            before = client.answered
            client.transport.write(publication(f"{target.topic}/large", bytes(target.count), sent))
            sent += 1
            async with asyncio.timeout(target.seconds):
                await client.turned(before)
        client.transport.abort()
    return sent


async def connections(target: Target) -> int:
    """`count` connections, as many of them open at once as the broker takes; each says what account it has."""
    held: list[Client] = []

    async def one(number: int) -> None:
        with contextlib.suppress(OSError, TimeoutError):
            held.append(await connect(target, f"flood-{number:05d}"))

    began = time.monotonic()
    for first in range(0, target.count, BURST):
        await asyncio.gather(*(one(number) for number in range(first, min(first + BURST, target.count))))
    await asyncio.sleep(max(0.0, target.seconds - (time.monotonic() - began)))
    taken = sum(not client.lost.done() for client in held)
    for client in held:
        client.transport.abort()
    return taken


FLOODS: Final[dict[str, Callable[[Target], Awaitable[int]]]] = {
    "topics": topics,
    "payloads": payloads,
    "connections": connections,
}


async def _main(kind: str) -> None:
    print(await FLOODS[kind](Target(**json.load(sys.stdin))))


if __name__ == "__main__":
    asyncio.run(_main(sys.argv[1]))
