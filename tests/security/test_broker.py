"""The real Mosquitto with the configuration, accounts and rules that Tolbooth makes, against real clients.

Mosquitto 2.0 takes a subscription that its rules do not allow and delivers nothing, so it is judged by what arrives.
"""

import asyncio
import os
import signal
import ssl
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from ingest.security import certificates, store
from ingest.security.accounts import INGEST, OPERATOR
from tests.bench.estate import COUNCIL
from tests.security.clients import ACCEPTED, NOT_AUTHORISED, Client, connected, outdated, shakes_hands, trusting
from tests.security.conftest import DEVICES, Guarded, account, topic

EVERYBODY = [account(index) for index in range(DEVICES)]
OWN = [topic(index) for index in range(DEVICES)]
GATEWAY = f"{COUNCIL}.z2m-hall"
AT_LEAST = 0.3
"""Seconds that a message may take to those who must not get it."""


async def test_100_attempts_without_a_credential_or_with_old_tls_are_refused(guarded: Guarded) -> None:
    broker, security = guarded.broker, guarded.security
    known = store.password(security, account(0))
    tls = trusting(security)

    def refused() -> Iterator[bool]:
        for index in range(20):
            yield Client(broker.host, broker.port).code == NOT_AUTHORISED
            yield Client(broker.host, broker.tls_port, context=tls).code == NOT_AUTHORISED
            wrong = (account(index), known if index else known[::-1])
            yield Client(broker.host, broker.port, wrong).code == NOT_AUTHORISED
            old = ssl.TLSVersion.TLSv1_1 if index % 2 else ssl.TLSVersion.TLSv1
            yield not shakes_hands(broker.host, broker.tls_port, outdated(old))
            yield Client(broker.host, broker.certificate_port, (account(0), known), tls).code is None

    assert list(await asyncio.to_thread(lambda: list(refused()))) == [True] * 100


async def test_the_attempts_with_old_tls_would_have_been_able_to(guarded: Guarded) -> None:
    """The same client is served by a server that takes TLS 1.1: what refuses it above is the broker."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.set_ciphers("ALL:@SECLEVEL=0")
    context.minimum_version = ssl.TLSVersion.MINIMUM_SUPPORTED
    place = guarded.security / "broker"
    context.load_cert_chain(place / "server.crt", place / "server.key")
    async with await asyncio.start_server(lambda _, writer: writer.close(), "127.0.0.1", 0, ssl=context) as server:
        port = server.sockets[0].getsockname()[1]
        for version in (ssl.TLSVersion.TLSv1_1, ssl.TLSVersion.TLSv1):
            assert await asyncio.to_thread(shakes_hands, "127.0.0.1", port, outdated(version))
    host, tls_port = guarded.broker.host, guarded.broker.tls_port
    assert await asyncio.to_thread(shakes_hands, host, tls_port, outdated(ssl.TLSVersion.TLSv1_2))


async def test_of_20_devices_on_20_topics_each_may_publish_on_its_own_and_hear_none(guarded: Guarded) -> None:
    async with connected(guarded.broker, guarded.security, INGEST, *EVERYBODY) as (ingest, *clients):
        assert ingest.subscribe(["tolbooth/v1/#"]) == [1]
        for client in clients:
            client.subscribe(OWN)
        answers = [
            await asyncio.to_thread(client.publish, OWN, name) for client, name in zip(clients, EVERYBODY, strict=True)
        ]
        allowed = {(i, j) for i, row in enumerate(answers) for j, code in enumerate(row) if code == ACCEPTED}
        assert allowed == {(i, i) for i in range(DEVICES)}
        assert {code for row in answers for code in row} == {ACCEPTED, NOT_AUTHORISED}
        heard = sorted(await asyncio.to_thread(ingest.all_heard))
        assert heard == sorted((topic(index), account(index).encode()) for index in range(DEVICES))
        assert [client.all_heard(0) for client in clients] == [[]] * DEVICES


async def test_a_gateway_has_its_base_topic_and_ingest_only_its_own_status(guarded: Guarded) -> None:
    async with connected(guarded.broker, guarded.security, GATEWAY, INGEST, OPERATOR) as (gateway, ingest, operator):
        mine, others = ["zigbee2mqtt/sim-hall/lamp", "zigbee2mqtt/sim-hall/bridge/state"], [topic(0), "zigbee2mqtt/x/y"]
        assert gateway.publish([*mine, *others]) == [ACCEPTED, ACCEPTED, NOT_AUTHORISED, NOT_AUTHORISED]
        own = f"tolbooth/v1/{COUNCIL}/_ingest/canary"
        assert ingest.publish([own, *mine, *others]) == [ACCEPTED] + [NOT_AUTHORISED] * 4
        assert operator.publish([own, *mine, *others]) == [NOT_AUTHORISED] * 5


async def test_ingest_may_ask_edge_nodes_for_a_rebirth_and_command_nothing_else(guarded: Guarded) -> None:
    asked = "spBv1.0/sim-hall/NCMD/n1"
    refused = [
        "spBv1.0/sim-hall/NCMD/n1/d1",
        "spBv1.0/sim-hall/NCMD",
        "spBv1.0/sim-hall/DCMD/n1/d1",
        "spBv1.0/sim-hall/NDATA/n1",
        "spBv1.0/sim-hall/NBIRTH/n1",
        "spBv1.0/elsewhere/NCMD/n1",
        "spBv1.0/STATE/ingest",
    ]
    edge_node = f"{COUNCIL}.spb-hall"
    async with connected(guarded.broker, guarded.security, edge_node, INGEST, account(0)) as (node, ingest, device):
        node.subscribe(["spBv1.0/sim-hall/NCMD/n1"])
        assert ingest.publish([asked, *refused]) == [ACCEPTED] + [NOT_AUTHORISED] * len(refused)
        assert device.publish([asked]) == [NOT_AUTHORISED]
        assert [one.topic for one in await asyncio.to_thread(node.all_heard)] == [asked]


async def test_nobody_listens_in(guarded: Guarded) -> None:
    filters = ["#", "+/#", "$SYS/#", "$share/all/#", "$share/all/+/#", "$share/all/$SYS/#", *OWN, "zigbee2mqtt/#"]
    async with connected(guarded.broker, guarded.security, OPERATOR, *EVERYBODY[:3], GATEWAY) as clients:
        operator, spy, speaker, late, gateway = clients
        operator.subscribe(["#", "$SYS/#"])
        spy.subscribe(filters)
        assert speaker.publish([topic(1), topic(1, "status")], retain=True) == [ACCEPTED] * 2
        assert gateway.publish(["zigbee2mqtt/sim-hall/lamp"]) == [ACCEPTED]
        late.subscribe(filters)
        heard = {one.topic for one in await asyncio.to_thread(operator.all_heard)}
        assert {topic(1), topic(1, "status"), "zigbee2mqtt/sim-hall/lamp", "$SYS/broker/version"} <= heard
        assert spy.all_heard(AT_LEAST) == late.all_heard(AT_LEAST) == []


async def test_a_will_cannot_speak_for_another(guarded: Guarded) -> None:
    async with connected(guarded.broker, guarded.security, OPERATOR) as (operator,):
        operator.subscribe(["tolbooth/v1/#"])
        name, secret = account(0), store.password(guarded.security, account(0))
        for last in ("0", "1"):
            program = ("mosquitto_sub", "-h", guarded.broker.host, "-p", str(guarded.broker.port), "-t", "x", "-W", "1")
            will = ("--will-topic", topic(int(last), "status"), "--will-payload", f"offline {last}")
            login = ("-u", name, "-P", secret)
            process = await asyncio.create_subprocess_exec(*program, *login, *will)
            await asyncio.sleep(0.5)
            process.kill()
            await process.wait()
        heard = await asyncio.to_thread(operator.all_heard)
        assert heard == [(topic(0, "status"), b"offline 0")]


async def test_a_revoked_credential_is_out_within_5_seconds_of_the_reload(guarded: Guarded) -> None:
    broker, security = guarded.broker, guarded.security
    name, now = account(0), time.time_ns()
    folder = store.certify(security, guarded.estate, name, now)
    await _reload(guarded)
    old, tls = store.login(security, name), trusting(security, certificate=folder)
    by_password = await asyncio.to_thread(Client, broker.host, broker.port, old)
    by_certificate = await asyncio.to_thread(Client, broker.host, broker.certificate_port, None, tls)
    assert by_password.publish([topic(0)]) == by_certificate.publish([topic(0)]) == [ACCEPTED]
    assert by_certificate.publish([topic(1)]) == [NOT_AUTHORISED]

    store.revoke(security, guarded.estate, name, now)
    await _reload(guarded)
    assert await asyncio.to_thread(by_password.ended.wait, 5)
    assert by_certificate.publish([topic(0)]) == [NOT_AUTHORISED]
    assert (await asyncio.to_thread(Client, broker.host, broker.port, old)).code == NOT_AUTHORISED
    assert (await asyncio.to_thread(Client, broker.host, broker.certificate_port, None, tls)).code is None
    assert (
        await asyncio.to_thread(Client, broker.host, broker.port, store.login(security, account(1)))
    ).code == ACCEPTED

    assert store.init(security, guarded.estate, now, registry=Path("x")) == []
    assert store.login(security, name) is None
    new = store.issue(security, guarded.estate, name)
    await _reload(guarded)
    assert (await asyncio.to_thread(Client, broker.host, broker.port, (name, new))).code == ACCEPTED
    assert (await asyncio.to_thread(Client, broker.host, broker.port, old)).code == NOT_AUTHORISED


async def test_a_certificate_of_another_authority_is_refused(guarded: Guarded, tmp_path: Path) -> None:
    stranger = certificates.client_certificate(certificates.new_authority(time.time_ns()), account(0), time.time_ns())
    (tmp_path / "client.crt").write_bytes(stranger.certificate)
    (tmp_path / "client.key").write_bytes(stranger.key)
    tls = trusting(guarded.security, certificate=tmp_path)
    client = await asyncio.to_thread(Client, guarded.broker.host, guarded.broker.certificate_port, None, tls)
    assert client.code is None


@pytest.mark.parametrize("clients", ["mosquitto_pub"])
async def test_mosquittos_own_client_finds_its_credential_in_the_folder(guarded: Guarded, clients: str) -> None:
    environment = {**os.environ, "XDG_CONFIG_HOME": str(guarded.security / "accounts" / account(3))}
    arguments = ("-h", guarded.broker.host, "-p", str(guarded.broker.port), "-q", "1", "-t", topic(3), "-m", "hello")
    async with connected(guarded.broker, guarded.security, OPERATOR) as (operator,):
        operator.subscribe(["#"])
        process = await asyncio.create_subprocess_exec(clients, *arguments, env=environment)
        assert await process.wait() == 0
        assert await asyncio.to_thread(operator.all_heard) == [(topic(3), b"hello")]


async def _reload(guarded: Guarded) -> None:
    assert guarded.broker.process.pid
    os.kill(guarded.broker.process.pid, signal.SIGHUP)
    await asyncio.sleep(0.3)
