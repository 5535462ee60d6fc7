"""MQTT clients of the tests: paho, which knows nothing of Tolbooth, and bare TLS handshakes."""

import asyncio
import socket
import ssl
import threading
import warnings
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import NamedTuple

import paho.mqtt.client as paho
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode
from paho.mqtt.subscribeoptions import SubscribeOptions

from ingest.security import store
from ingest.servers import Broker

ACCEPTED = 0
FIRST_FAILURE = 128
NOT_AUTHORISED = 135
TIMEOUT_S = 5


class Heard(NamedTuple):
    topic: str
    payload: bytes


class Client:
    """A connection that stays until `close`; `code` is what the broker answered, None if it said nothing."""

    def __init__(
        self, host: str, port: int, login: tuple[str, str] | None = None, context: ssl.SSLContext | None = None
    ) -> None:
        self.code: int | None = None
        self.heard: SimpleQueue[Heard] = SimpleQueue()
        self.ended = threading.Event()
        self._answered = threading.Event()
        self._published: SimpleQueue[tuple[int, int]] = SimpleQueue()
        self._subscribed: SimpleQueue[list[int]] = SimpleQueue()
        client = paho.Client(
            CallbackAPIVersion.VERSION2, protocol=MQTTProtocolVersion.MQTTv5, reconnect_on_failure=False
        )
        if login is not None:
            client.username_pw_set(*login)
        if context is not None:
            client.tls_set_context(context)
        client.on_connect = self._on_connect
        client.on_disconnect = self._on_disconnect
        client.on_message = lambda _c, _u, message: self.heard.put(Heard(message.topic, bytes(message.payload)))
        client.on_publish = lambda _c, _u, mid, code, _p: self._published.put((mid, _plain(code.value)))
        client.on_subscribe = lambda _c, _u, _m, codes, _p: self._subscribed.put([code.value for code in codes])
        self._client = client
        try:
            client.connect(host, port)
        except (OSError, ssl.SSLError):
            return
        client.loop_start()
        self._answered.wait(TIMEOUT_S)

    def _on_connect(self, _c: paho.Client, _u: object, _f: object, code: ReasonCode, _p: Properties | None) -> None:
        self.code = code.value
        self._answered.set()

    def _on_disconnect(self, _c: paho.Client, _u: object, _f: object, _code: ReasonCode, _p: Properties | None) -> None:
        self.ended.set()
        self._answered.set()

    def publish(self, topics: Sequence[str], payload: str = "x", *, retain: bool = False) -> list[int]:
        """Publish on each at QoS 1; what the broker answered to each."""
        order = [self._client.publish(topic, payload, qos=1, retain=retain).mid for topic in topics]
        answers = dict(self._published.get(timeout=TIMEOUT_S) for _ in order)
        return [answers[mid] for mid in order]

    def subscribe(self, filters: Sequence[str]) -> list[int]:
        """Subscribe at QoS 1; what the broker answered to each."""
        self._client.subscribe([(one, SubscribeOptions(qos=1)) for one in filters])
        return self._subscribed.get(timeout=TIMEOUT_S)

    def all_heard(self, until: float = 0.5) -> list[Heard]:
        """What came, up to so many seconds of silence."""
        found = []
        while True:
            try:
                found.append(self.heard.get(timeout=until))
            except Empty:
                return found

    def close(self) -> None:
        self._client.disconnect()
        self._client.loop_stop()


@asynccontextmanager
async def connected(broker: Broker, security: Path, *accounts: str) -> AsyncIterator[list[Client]]:
    """A client for each account, with its password, on the listener of this machine."""
    clients = [
        await asyncio.to_thread(Client, broker.host, broker.port, store.login(security, account))
        for account in accounts
    ]
    try:
        assert [client.code for client in clients] == [ACCEPTED] * len(clients)
        yield clients
    finally:
        for client in clients:
            await asyncio.to_thread(client.close)


def trusting(security: Path, *, certificate: Path | None = None) -> ssl.SSLContext:
    """TLS as a device should speak it; `certificate` is a folder with `client.crt` and `client.key`."""
    context = ssl.create_default_context(cafile=str(security / "broker" / "ca.crt"))
    if certificate is not None:
        context.load_cert_chain(certificate / "client.crt", certificate / "client.key")
    return context


def outdated(version: ssl.TLSVersion) -> ssl.SSLContext:
    """TLS that offers nothing newer than `version`, and takes any certificate and cipher."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    context.set_ciphers("ALL:@SECLEVEL=0")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        context.minimum_version = context.maximum_version = version
    return context


def shakes_hands(host: str, port: int, context: ssl.SSLContext) -> bool:
    """Whether a TLS handshake succeeds."""
    try:
        with socket.create_connection((host, port), timeout=TIMEOUT_S) as plain, context.wrap_socket(plain):
            return True
    except (ssl.SSLError, ConnectionError):
        return False


def _plain(code: int) -> int:
    """`ACCEPTED` for every kind of success: with 16 the broker adds that nobody listens."""
    return code if code >= FIRST_FAILURE else ACCEPTED
