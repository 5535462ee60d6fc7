"""A broker that follows a script, for tests of the session."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field

import mqtt5
from mqtt5 import QoS

from ingest.processes import HOST, free_port

AT_LEAST_ONCE = QoS.AT_LEAST_ONCE
TOPIC = "tolbooth/v1/sim-moor/sim-hall/a/readings"


@dataclass(slots=True)
class Link:
    """The broker's end of one connection."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    rest: bytes = b""

    async def packet(self) -> mqtt5.Packet:
        """The next packet of the client."""
        async with asyncio.timeout(20):
            while True:
                with suppress(IndexError):
                    found, size = mqtt5.read(memoryview(self.rest))
                    self.rest = self.rest[size:]
                    return found
                if not (more := await self.reader.read(65_536)):
                    raise ConnectionResetError
                self.rest += more

    def send(self, *packets: mqtt5.Packet) -> None:
        self.writer.write(b"".join(packet.write() for packet in packets))

    async def accept(self, *, session_present: bool = False) -> mqtt5.ConnectPacket:
        """Take CONNECT and SUBSCRIBE."""
        connect = await self.packet()
        assert isinstance(connect, mqtt5.ConnectPacket)
        self.send(mqtt5.ConnAckPacket(session_present=session_present))
        subscribe = await self.packet()
        assert isinstance(subscribe, mqtt5.SubscribePacket)
        self.send(
            mqtt5.SubAckPacket(1, [mqtt5.SubAckReasonCode.GRANTED_QOS_AT_LEAST_ONCE] * len(subscribe.topic_filters))
        )
        return connect

    async def acknowledged(self, count: int) -> list[int]:
        """The packet identifiers of the next PUBACKs."""
        found: list[int] = []
        while len(found) < count:
            packet = await self.packet()
            if isinstance(packet, mqtt5.PubAckPacket):
                found.append(packet.packet_id)
        return found

    async def closed(self) -> None:
        with suppress(ConnectionResetError):
            while True:
                await self.packet()


def publication(number: int, body: bytes = b"x", *, duplicate: bool = False) -> mqtt5.PublishPacket:
    return mqtt5.PublishPacket(TOPIC, body, qos=AT_LEAST_ONCE, packet_id=number, duplicate=duplicate)


@dataclass(slots=True)
class Scripted:
    port: int
    links: "asyncio.Queue[Link]" = field(default_factory=asyncio.Queue)

    async def link(self) -> Link:
        async with asyncio.timeout(20):
            return await self.links.get()


@asynccontextmanager
async def scripted() -> AsyncIterator[Scripted]:
    broker = Scripted(free_port())

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        broker.links.put_nowait(Link(reader, writer))

    async with await asyncio.start_server(serve, HOST, broker.port):
        yield broker
