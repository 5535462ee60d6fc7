"""Asks a broker by doing: throw-away messages below ingest's own topics, to see what it keeps and what it loses."""

import asyncio
import contextlib
import secrets
from collections.abc import AsyncIterator, Callable
from typing import Final

import aiomqtt

from ingest.connection import tls_context
from ingest.doctor.findings import BrokerEvidence
from ingest.session import Batch, Session, State
from ingest.settings import Mqtt

QUEUED: Final = 1_500
"""Messages for an absent session: half as many again as a stock Mosquitto keeps."""
CONNECTIONS: Final = 25
"""Connections that publish them: of each a broker that saves at every change reads one message between two saves."""
LARGE: Final = 2**20
"""Bytes: what a gateway with some 250 devices describes in one message."""
CONNECT_S: Final = 10.0
ANSWER_S: Final = 5.0
QUIET_S: Final = 2.0
"""After so many seconds without a message none is taken to come."""
PATIENCE_S: Final = 60.0
FORGOTTEN_S: Final = 600
"""The broker forgets the session of a doctor that was killed."""
_NOT_YET: Final = State().text

Say = Callable[[str], None]
"""Called with what is done next, for whoever waits."""


def _silent(_text: str) -> None:
    return None


async def probe(options: Mqtt, root: str, largest: int, say: Say = _silent) -> BrokerEvidence:
    """What the broker does; never raises for what it does.

    Args:
        root: topics below it are used, and nothing else.
        largest: bytes of a payload that must pass.
    """
    say("broker: a session that is there, and then is not")
    name = f"doctor-{secrets.token_hex(8)}"
    mine = options.model_copy(update={"client_id": name, "session_expiry": FORGOTTEN_S})
    topic = f"{root}/{name}"
    try:
        if fault := await _away(mine, topic):
            return BrokerEvidence(fault)
        say(f"broker: {QUEUED:,} messages for a session that is not there")
        async with asyncio.timeout(PATIENCE_S):
            published = await _publish(mine, f"{topic}/queue")
        say("broker: how many of them come when it is back")
        in_flight, arrived = await _back(mine, f"{topic}/queue", published)
        say("broker: large messages, retained messages, its own figures")
        wanted = sorted({largest, LARGE})
        (version, dropped), retained, taken = await asyncio.gather(
            _figures(mine),
            _retains(mine, f"{topic}/retained"),
            asyncio.gather(*(_takes(mine, f"{topic}/size", size) for size in wanted)),
        )
        sizes = dict(zip(wanted, taken, strict=True))
    except (aiomqtt.MqttError, OSError, TimeoutError) as error:
        return BrokerEvidence(f"the broker broke the test off: {error or type(error).__name__}")
    finally:
        await _forget(mine)
    return BrokerEvidence("", published, arrived, in_flight, sizes, retained, dropped, version)


@contextlib.asynccontextmanager
async def _connected(session: Session) -> AsyncIterator[None]:
    """Connect as ingest does; the session stays at the broker when this ends. `TimeoutError` where it cannot."""
    task = asyncio.create_task(session.run())
    deadline = asyncio.get_running_loop().time() + CONNECT_S
    try:
        while not session.state.connected:
            if session.state.text != _NOT_YET or asyncio.get_running_loop().time() > deadline:
                raise TimeoutError(session.state.text)
            await asyncio.sleep(0.02)
        yield
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def _away(options: Mqtt, topic: str) -> str:
    """Make the session, see that it hears us, and leave it; why not, where that fails."""
    session = Session(options, [f"{topic}/queue"])
    try:
        async with _connected(session):
            session.publish(f"{topic}/queue", b"hello")
            try:
                session.acknowledge(await asyncio.wait_for(session.take(1), ANSWER_S))
            except TimeoutError:
                return f"the account of ingest may not write and read {topic}: nothing can be tested"
            await asyncio.sleep(0.1)
    except TimeoutError as error:
        return str(error)
    return ""


def _client(options: Mqtt, identifier: str) -> aiomqtt.Client:
    return aiomqtt.Client(
        options.host,
        options.port,
        identifier=identifier,
        username=options.username or None,
        password=options.password.get_secret_value() or None,
        protocol=aiomqtt.ProtocolVersion.V5,
        tls_context=tls_context(options),
        timeout=ANSWER_S,
    )


async def _publish(options: Mqtt, topic: str) -> int:
    """How many messages were acknowledged to us."""

    async def some(first: int) -> int:
        own = range(first, QUEUED, CONNECTIONS)
        async with _client(options, f"{options.client_id}-{first}") as client:
            for n in own:
                await client.publish(topic, str(n).encode(), qos=1)
        return len(own)

    return sum(await asyncio.gather(*(some(first) for first in range(CONNECTIONS))))


async def _back(options: Mqtt, topic: str, published: int) -> tuple[int, int]:
    """Come back: how many messages arrive before the first acknowledgement, and how many altogether.

    Only where some are missing is a silence needed to know that no more will come.
    """
    seen: set[bytes] = set()
    held: list[Batch] = []
    in_flight = 0
    session = Session(options, [topic])
    async with _connected(session):
        while len(seen) < published:
            try:
                batch = await asyncio.wait_for(session.take(QUEUED), QUIET_S)
            except TimeoutError:
                if not held:
                    break
                in_flight = len(seen)
                for batch in held:
                    session.acknowledge(batch)
                held = []
                continue
            seen.update(delivery.message.payload for delivery in batch.deliveries)
            if in_flight:
                session.acknowledge(batch)
            else:
                held.append(batch)
        for batch in held:
            session.acknowledge(batch)
        return in_flight or len(seen), len(seen)


async def _takes(options: Mqtt, topic: str, size: int) -> bool:
    """Whether a message of this size is taken."""
    try:
        async with asyncio.timeout(5), _client(options, f"{options.client_id}-size-{size}") as client:
            await client.publish(topic, bytes(size), qos=1)
            await asyncio.sleep(0.2)
            await client.publish(topic, b"still connected", qos=1)
    except (aiomqtt.MqttError, OSError, TimeoutError):
        return False
    return True


async def _retains(options: Mqtt, topic: str) -> bool:
    try:
        async with _client(options, f"{options.client_id}-out") as client:
            await client.publish(topic, b"kept", qos=1, retain=True)
    except aiomqtt.MqttError:
        return False
    try:
        async with _client(options, f"{options.client_id}-new") as client:
            await client.subscribe(topic, qos=1)
            try:
                async with asyncio.timeout(QUIET_S):
                    async for message in client.messages:
                        return bool(message.retain)
            except TimeoutError:
                pass
            return False
    finally:
        with contextlib.suppress(aiomqtt.MqttError):
            async with _client(options, f"{options.client_id}-out") as client:
                await client.publish(topic, b"", qos=1, retain=True)


async def _figures(options: Mqtt) -> tuple[str, int | None]:
    """Version and messages dropped, from $SYS, where it may be read."""
    said: dict[str, str] = {}
    names = {"$SYS/broker/version", "$SYS/broker/publish/messages/dropped"}
    async with _client(options, f"{options.client_id}-in") as client:
        for name in names:
            await client.subscribe(name)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(0.5):
                async for message in client.messages:
                    said[str(message.topic)] = bytes(message.payload or b"").decode(errors="replace")
                    if said.keys() == names:
                        break
    dropped = said.get("$SYS/broker/publish/messages/dropped", "")
    return said.get("$SYS/broker/version", ""), int(dropped) if dropped.isdigit() else None


async def _forget(options: Mqtt) -> None:
    """Let the broker forget our session."""
    with contextlib.suppress(aiomqtt.MqttError, OSError):
        async with _client(options, options.client_id):
            pass
