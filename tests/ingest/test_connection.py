"""One connection: brokers that refuse or misbehave, packets in pieces, TLS; each is said in words."""

import asyncio
import ssl
from collections.abc import Awaitable, Callable
from pathlib import Path

import mqtt5
import pytest

from devices.decode import Decoder
from ingest import session as subject
from ingest.lineprotocol import Tags
from ingest.processes import HOST, free_port
from ingest.receive import digest
from ingest.servers import Broker
from ingest.session import Delivery
from tests.ingest.broker import AT_LEAST_ONCE, TOPIC, Link, publication, scripted
from tests.ingest.estates import device, estate
from tests.ingest.sessions import running, says, take, until

pytestmark = pytest.mark.usefixtures("quick")


@pytest.mark.parametrize(
    ("code", "words"),
    [
        (
            mqtt5.ConnAckReasonCode.BAD_USER_NAME_OR_PASSWORD,
            "refused the password: set mqtt.username and mqtt.password",
        ),
        (mqtt5.ConnAckReasonCode.NOT_AUTHORIZED, "refused this client: set mqtt.username and mqtt.password"),
        (mqtt5.ConnAckReasonCode.UNSUPPORTED_PROTOCOL_VERSION, "does not speak MQTT 5: use Mosquitto 2.0 or newer"),
        (mqtt5.ConnAckReasonCode.CLIENT_ID_NOT_VALID, "refused the client id: change mqtt.client_id"),
        (mqtt5.ConnAckReasonCode.QUOTA_EXCEEDED, "refused the connection: quota exceeded"),
    ],
)
async def test_a_refusal_is_said_and_tried_again(code: mqtt5.ConnAckReasonCode, words: str) -> None:
    async with scripted() as broker, running(broker.port) as made:
        for _ in range(2):
            link = await broker.link()
            await link.packet()
            link.send(mqtt5.ConnAckPacket(reason_code=code))
            link.writer.close()
            await says(made, f"broker {HOST}:{broker.port} {words}")
        link = await broker.link()
        await link.accept()
        await until(lambda: made.state.connected)
        assert made.state.text == f"connected to {HOST}:{broker.port}"


async def test_a_refused_subscription_is_said() -> None:
    async with scripted() as broker, running(broker.port) as made:
        link = await broker.link()
        await link.packet()
        link.send(mqtt5.ConnAckPacket())
        await link.packet()
        link.send(mqtt5.SubAckPacket(1, [mqtt5.SubAckReasonCode.NOT_AUTHORIZED]))
        await says(made, "refused the subscription to tolbooth/v1/#: not authorized; allow it in the broker's ACL")


async def garbage(link: Link) -> None:
    link.writer.write(b"\xff" * 8)


async def bad_text(link: Link) -> None:
    link.writer.write(b"\x30\x05\x00\x02\xff\xfe\x00")


async def silence(link: Link) -> None:
    await link.packet()


async def wrong_order(link: Link) -> None:
    await link.packet()
    link.send(mqtt5.SubAckPacket(1, [mqtt5.SubAckReasonCode.GRANTED_QOS_AT_LEAST_ONCE]))


async def kicked(link: Link) -> None:
    await link.accept()
    link.send(mqtt5.DisconnectPacket(reason_code=mqtt5.DisconnectReasonCode.SESSION_TAKEN_OVER))


@pytest.mark.parametrize(
    ("misbehave", "words"),
    [
        (garbage, "the broker sent what is not MQTT 5"),
        pytest.param(
            bad_text,
            "the broker sent what is not MQTT 5",
            # mqtt5 0.8 prints this error and then panics: the panic is all that reaches our code
            marks=pytest.mark.filterwarnings(
                r"ignore:(?s).*UnicodeDecodeError:pytest.PytestUnraisableExceptionWarning"
            ),
        ),
        (silence, "did not answer within 1 s: check mqtt.host, mqtt.port and mqtt.tls"),
        (wrong_order, "answered SubAckPacket where ConnAckPacket was due"),
        (kicked, "disconnected by the broker: session taken over"),
    ],
)
async def test_a_broker_that_misbehaves_is_left_and_tried_again(
    misbehave: Callable[[Link], Awaitable[None]], words: str
) -> None:
    async with scripted() as broker, running(broker.port) as made:
        link = await broker.link()
        await misbehave(link)
        await says(made, words)
        await link.closed()
        link = await broker.link()
        await link.accept()
        link.send(publication(1))
        assert len((await take(made)).deliveries) == 1


@pytest.mark.parametrize("size", [1, 2, 7])
async def test_packets_arrive_in_any_pieces(size: int) -> None:
    wanted = [b"x" * length for length in (0, 1, 130, 5_000)]
    async with scripted() as broker, running(broker.port) as made:
        link = await broker.link()
        await link.accept()
        stream = b"".join(publication(n, body).write() for n, body in enumerate(wanted, 1))
        for start in range(0, len(stream), size * 97):
            link.writer.write(stream[start : start + size * 97])
            await link.writer.drain()
            await asyncio.sleep(0.001)
        found: list[bytes] = []
        while len(found) < len(wanted):
            found += [delivery.message.payload for delivery in (await take(made)).deliveries]
        assert found == wanted


async def test_topics_with_control_characters_come_to_nothing() -> None:
    """Mosquitto refuses them; a broker that does not must not bring ingest down or forge a line."""
    known = estate(device("a"))
    async with scripted() as broker, running(broker.port) as made:
        link = await broker.link()
        await link.accept()
        topics = [
            TOPIC.replace("/a/", f"/{text}/") for text in ("a\nb", "\x1b[2J", "a\u0000", "\u202e", "\x7f", "a b,c=d")
        ]
        for number, topic in enumerate(topics, 1):
            link.send(mqtt5.PublishPacket(topic, b'{"temperature":20}', qos=AT_LEAST_ONCE, packet_id=number))
        link.send(publication(99, b'{"temperature":20}'))
        deliveries: list[Delivery] = []
        while len(deliveries) < len(topics) + 1:
            deliveries += (await take(made)).deliveries
        entry = digest(deliveries, Decoder(known), Tags(known), {}, lambda *_: None)
        assert len(entry.lines) == 1
        assert entry.tally["quarantined", "bad_topic"] == len(topics)
        assert all(kept.detail.isprintable() for kept in entry.kept)


async def test_a_flood_at_qos_0_stops_the_socket_and_not_the_session(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(subject, "MAX_WAITING", 50)
    packet = mqtt5.PublishPacket(TOPIC, b"x" * 1_000).write()
    async with scripted() as broker, running(broker.port, keep_alive=5) as made:
        link = await broker.link()
        await link.accept()
        for _ in range(20):
            link.writer.write(packet * 1_000)
        await asyncio.sleep(8.5)
        assert made.state.connected
        assert made.state.connections == 1
        assert len(made._waiting) < 5_000
        total = 0
        while total < 20_000:
            total += len((await take(made, 1_000)).deliveries)


async def test_tls_towards_a_port_without_it_is_named(broker: Broker) -> None:
    async with running(broker.port, tls=True) as made:
        await says(made, f"broker {HOST}:{broker.port} closed the connection at once: check mqtt.port and mqtt.tls")


async def test_a_certificate_of_somebody_else_is_named(tmp_path: Path) -> None:
    key, certificate = tmp_path / "key.pem", tmp_path / "certificate.pem"
    command = f"openssl req -x509 -newkey rsa:2048 -nodes -days 1 -subj /CN=elsewhere -keyout {key} -out {certificate}"
    await (await asyncio.create_subprocess_exec(*command.split(), stderr=asyncio.subprocess.DEVNULL)).wait()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    port = free_port()
    async with await asyncio.start_server(lambda *_: None, HOST, port, ssl=context):
        async with running(port, tls=True) as made:
            await says(made, "failed the TLS handshake (CERTIFICATE_VERIFY_FAILED): check mqtt.ca_file")
        async with running(port, tls=True, ca_file=str(certificate)) as made:
            await says(made, "failed the TLS handshake (CERTIFICATE_VERIFY_FAILED): check mqtt.ca_file and the cert")


async def test_a_name_that_nobody_has_is_named() -> None:
    async with running(1883, host="broker.invalid") as made:
        await says(made, "broker broker.invalid:1883 is not found")


async def test_a_ca_file_that_is_not_there_is_named(broker: Broker, tmp_path: Path) -> None:
    async with running(broker.port, tls=True, ca_file=str(tmp_path / "ca.pem")) as made:
        await says(made, "mqtt.ca_file")
