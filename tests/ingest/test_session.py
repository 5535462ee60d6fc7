"""The session against a broker that follows a script, and against a real Mosquitto."""

import asyncio
import socket
from pathlib import Path

import mqtt5
import pytest

from devices.decode import Decoder
from ingest import session as subject
from ingest.connection import Connection
from ingest.lineprotocol import Tags
from ingest.processes import HOST, free_port
from ingest.receive import digest
from ingest.servers import Broker
from ingest.session import Session
from ingest.settings import Mqtt
from tests.ingest.broker import AT_LEAST_ONCE, TOPIC, publication, scripted
from tests.ingest.estates import device, estate
from tests.ingest.sessions import running, take, until

pytestmark = pytest.mark.usefixtures("quick")


async def test_it_asks_for_a_session_that_stays() -> None:
    async with (
        scripted() as broker,
        running(broker.port, client_id="c", receive_maximum=77, username="u", password="p"),
    ):
        link = await broker.link()
        connect = await link.packet()
        assert isinstance(connect, mqtt5.ConnectPacket)
        assert (connect.client_id, connect.clean_start, connect.session_expiry_interval) == ("c", False, 30 * 86_400)
        assert (connect.receive_max, connect.username, connect.password) == (77, "u", b"p")


async def test_only_what_is_acknowledged_is_acknowledged() -> None:
    async with scripted() as broker, running(broker.port) as made:
        link = await broker.link()
        await link.accept()
        link.send(*(publication(number) for number in range(1, 6)), mqtt5.PublishPacket(TOPIC, b"q0"))
        batch = await take(made, 3)
        while len(batch.deliveries) < 3:
            batch = await take(made, 3)
        assert [delivery.packet_id for delivery in batch.deliveries] == [1, 2, 3]
        made.acknowledge(batch)
        assert await link.acknowledged(3) == [1, 2, 3]
        rest = await take(made)
        assert [delivery.packet_id for delivery in rest.deliveries] == [4, 5, 0]
        made.acknowledge(rest)
        assert await link.acknowledged(2) == [4, 5]
        arrivals = [delivery.message.received for each in (batch, rest) for delivery in each.deliveries]
        assert arrivals == sorted(set(arrivals))


async def test_a_batch_of_a_lost_connection_is_not_acknowledged_on_the_next() -> None:
    """Its packet identifiers would mean other messages there."""
    async with scripted() as broker, running(broker.port) as made:
        link = await broker.link()
        await link.accept()
        link.send(publication(1))
        old = await take(made)
        link.writer.close()
        link = await broker.link()
        await link.accept(session_present=True)
        link.send(publication(1, b"other"), publication(2))
        made.acknowledge(old)
        new = await take(made)
        while len(new.deliveries) < 2:
            new.deliveries.extend((await take(made)).deliveries)
        made.acknowledge(new)
        assert await link.acknowledged(2) == [1, 2]
        assert made.state.lost_sessions == 0


async def test_what_arrived_before_the_loss_is_still_given_and_its_repeat_is_a_duplicate() -> None:
    known = estate(device("a"))
    decoder, tags = Decoder(known), Tags(known)
    async with scripted() as broker, running(broker.port) as made:
        link = await broker.link()
        await link.accept()
        link.send(publication(1, b'{"temperature":20}'))
        await until(lambda: made._waiting)
        link.writer.close()
        link = await broker.link()
        await link.accept(session_present=True)
        link.send(publication(1, b'{"temperature":20}', duplicate=True), publication(2, b'{"temperature":20}'))
        orphans = await take(made)
        assert (orphans.connection, len(orphans.deliveries)) == (0, 1)
        first = digest(orphans.deliveries, decoder, tags, {}, lambda *_: None)
        packets = {packet >> 32: packet & 0xFFFF_FFFF for packet in first.packets}
        again = await take(made)
        while len(again.deliveries) < 2:
            again.deliveries.extend((await take(made)).deliveries)
        assert [delivery.duplicate for delivery in again.deliveries] == [True, False]
        second = digest(again.deliveries, decoder, tags, packets, lambda *_: None)
        assert second.tally["duplicate", ""] == 1
        assert second.tally["received", ""] == 2
        assert len(second.lines) == 1
        made.acknowledge(again)
        assert await link.acknowledged(2) == [1, 2]


async def test_dup_alone_makes_no_duplicate() -> None:
    """The flag says that the broker may have sent it before, not that we have it; nor is another payload a repeat."""
    known = estate(device("a"))
    async with scripted() as broker, running(broker.port) as made:
        link = await broker.link()
        await link.accept()
        link.send(publication(1, b'{"temperature":20}', duplicate=True))
        batch = await take(made)
        for packets in ({}, {1: 12345}):
            entry = digest(batch.deliveries, Decoder(known), Tags(known), packets, lambda *_: None)
            assert (len(entry.lines), entry.tally["duplicate", ""]) == (1, 0)


async def test_a_forgotten_session_is_counted() -> None:
    async with scripted() as broker, running(broker.port) as made:
        for present in (True, False):
            link = await broker.link()
            await link.accept(session_present=present)
            link.writer.close()
        link = await broker.link()
        await link.accept(session_present=True)
        assert made.state.lost_sessions == 1


async def test_filters_of_earlier_starts_are_given_up() -> None:
    async with scripted() as broker, running(broker.port, stale=("old/#",)):
        link = await broker.link()
        await link.packet()
        link.send(mqtt5.ConnAckPacket())
        unsubscribe = await link.packet()
        assert isinstance(unsubscribe, mqtt5.UnsubscribePacket)
        assert list(unsubscribe.patterns) == ["old/#"]


async def test_a_real_broker_sends_again_what_was_not_acknowledged(broker: Broker, tmp_path: Path) -> None:
    """With DUP and the same packet identifier, which is what the journal recognises it by."""
    name = f"again-{free_port()}"
    seen: list[tuple[int, bool]] = []
    for start in range(2):
        async with running(broker.port, client_id=name) as made:
            await until(lambda: made.state.connected)
            if not start:
                _, writer = await asyncio.open_connection(HOST, broker.port)
                writer.write(mqtt5.ConnectPacket("p", clean_start=True).write() + publication(1, b"again").write())
            (delivery,) = (await take(made)).deliveries
            assert delivery.message.payload == b"again"
            seen.append((delivery.packet_id, delivery.duplicate))
    assert seen[0][0] == seen[1][0]
    assert [duplicate for _, duplicate in seen] == [False, True]


async def test_two_with_one_client_id_are_told_what_puts_them_out(broker: Broker) -> None:
    name = f"twin-{free_port()}"
    async with running(broker.port, client_id=name) as one, running(broker.port, client_id=name) as other:
        mend = f"does another client use the client id {name}? stop it, or give each ingest an mqtt.client_id"
        await until(lambda: mend in one.state.text or mend in other.state.text)


async def test_a_batch_holds_few_messages_where_they_are_large() -> None:
    session = Session(Mqtt(), [])
    for _ in range(3):
        session._receive(mqtt5.PublishPacket("a/b", bytes(3 * 2**20)))
    assert [len((await session.take(10)).deliveries) for _ in range(3)] == [1, 1, 1]
    for _ in range(3):
        session._receive(mqtt5.PublishPacket("a/b", b"small"))
    assert [len((await session.take(2)).deliveries), len((await session.take(2)).deliveries)] == [2, 1]


@pytest.mark.parametrize("messages", [1, 500])
async def test_what_came_before_a_crash_of_the_broker_is_kept_though_a_write_fails_first(messages: int) -> None:
    """The broker dies with our acknowledgements unread, which resets the connection, just as we send the next one."""
    came: list[mqtt5.PublishPacket] = []
    with socket.create_server((HOST, 0)) as listener:
        transport, made = await asyncio.get_running_loop().create_connection(
            lambda: Connection(came.append, lambda: None), *listener.getsockname()
        )
        peer, _ = listener.accept()
        with peer:
            transport.write(b"unread")
            packet = mqtt5.PublishPacket(TOPIC, payload=b"{}", qos=AT_LEAST_ONCE, packet_id=7).write()
            await asyncio.sleep(0.05)
            peer.sendall(packet * messages)
        transport.write(b"fails")
        async with asyncio.timeout(20):
            await made.closed
    assert len(came) == messages
    assert all(packet.payload == b"{}" for packet in came)


async def test_a_broker_that_is_gone_often_is_reached_at_once_each_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """Ten connections that held; a delay that doubled at each would be above 5 s by now."""
    monkeypatch.setattr(subject, "STEADY", 0.02)
    async with scripted() as broker, running(broker.port):
        for _ in range(10):
            link = await broker.link()
            await link.accept()
            await asyncio.sleep(0.05)
            link.writer.close()
        began = asyncio.get_running_loop().time()
        await broker.link()
        assert asyncio.get_running_loop().time() - began < 3


async def test_a_broker_that_throws_us_out_is_not_hammered() -> None:
    async with scripted() as broker, running(broker.port):
        for _ in range(6):
            link = await broker.link()
            await link.accept()
            link.writer.close()
        began = asyncio.get_running_loop().time()
        await broker.link()
        assert asyncio.get_running_loop().time() - began > 0.1
