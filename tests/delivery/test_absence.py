"""A broker or a database that is absent, refuses, or is the wrong one: ingest stays up, says so, and recovers.

The sentence stands in the log and in `/status`, and names what to do.
"""

import asyncio
import os
import shutil
import signal
import subprocess
from pathlib import Path

import aiohttp
from aiohttp import web

from ingest import servers
from ingest.processes import HOST, free_port, held_ports
from tests.bench.estate import BUILDING, COUNCIL
from tests.conftest import StartBroker, StartDatabase
from tests.delivery.harness import (
    COMMAND,
    Ingest,
    Publication,
    as_admin,
    assert_stored,
    hanging,
    influxdb_with_accounts,
    ingest_for,
    native,
    publisher,
    running,
)

MESSAGES: list[Publication] = [
    native(f"sim-{index % 9:05d}", {"pulses": index + 1.0}, None, council=COUNCIL, building=BUILDING)
    for index in range(50)
]


async def says(ingest: Ingest, link: str, sentence: str) -> None:
    """`/status` and the log have the sentence, `/readyz` says no, and the process lives."""
    said = await ingest.until(lambda said: sentence in said[link])
    assert said["ready"] is False
    assert sentence in ingest.log
    async with aiohttp.ClientSession() as http:
        async with http.get(f"{ingest.url}/readyz") as answer:
            assert answer.status == 503
            assert sentence in await answer.text()
        async with http.get(f"{ingest.url}/healthz") as answer:
            assert answer.status == 200


async def test_a_broker_that_comes_late(tmp_path: Path, estate: Path, start_database: StartDatabase) -> None:
    database, folder = await start_database(), tmp_path / "broker"
    folder.mkdir()
    with held_ports(folder, "mosquitto") as (port,):
        ingest = ingest_for(tmp_path / "ingest", estate, broker=port, database=database.url)
        async with running(ingest, ready=False):
            await says(ingest, "broker", f"broker {HOST}:{port} is not there: start it, or set mqtt.host and mqtt.port")
            async with servers.mosquitto(folder) as broker:
                await ingest.until(lambda said: said["ready"])
                async with publisher(broker) as client:
                    await client.publish(MESSAGES)
                await ingest.settled(len(MESSAGES))
                await assert_stored(database, client.ledger)


async def test_a_database_that_comes_late(tmp_path: Path, estate: Path, start_broker: StartBroker) -> None:
    broker, folder = await start_broker(), tmp_path / "influxdb"
    folder.mkdir()
    with held_ports(folder, "influxdb") as (port,):
        url = f"http://{HOST}:{port}"
        ingest = ingest_for(tmp_path / "ingest", estate, broker=broker.port, database=url)
        async with running(ingest, ready=False), publisher(broker) as client:
            await says(ingest, "database", f"{url} is not there")
            await says(ingest, "database", "start InfluxDB, or set influx.url")
            await client.publish(MESSAGES)
            await ingest.until(lambda said: said["fates"]["journalled"] == len(MESSAGES))
            async with servers.influxdb(folder) as database:
                await ingest.settled(len(MESSAGES))
                await assert_stored(database, client.ledger)


async def test_a_database_that_hangs(
    tmp_path: Path, estate: Path, start_broker: StartBroker, start_database: StartDatabase
) -> None:
    broker, database = await start_broker(), await start_database()
    ingest = ingest_for(tmp_path / "ingest", estate, broker=broker.port, database=database.url)
    async with running(ingest), publisher(broker) as client:
        with hanging(database):
            await client.publish(MESSAGES)
            told = "no answer to a write for "
            said = await ingest.until(lambda said: told in said["database"], timeout_s=20)  # a write waits for 30 s
            assert said["ready"] is False
            async with aiohttp.ClientSession() as http, http.get(f"{ingest.url}/readyz") as answer:
                assert answer.status == 503
                assert told in await answer.text()
        await ingest.settled(len(MESSAGES))
        await ingest.until(lambda said: said["database"] == "ok" and said["ready"])
        await assert_stored(database, client.ledger)


async def test_a_broker_that_refuses_the_password(
    tmp_path: Path, estate: Path, start_broker: StartBroker, start_database: StartDatabase
) -> None:
    accounts = tmp_path / "accounts"
    await asyncio.to_thread(set_password, accounts, "right")
    broker, database = await start_broker(config=f"password_file {accounts}\n"), await start_database()
    settings = {"TOLBOOTH_MQTT__USERNAME": "ingest", "TOLBOOTH_MQTT__PASSWORD": "wrong-secret"}
    ingest = ingest_for(tmp_path / "ingest", estate, broker=broker.port, database=database.url, settings=settings)
    async with running(ingest, ready=False):
        await says(ingest, "broker", ": set mqtt.username and mqtt.password")
        await asyncio.to_thread(set_password, accounts, "wrong-secret")
        assert broker.process.pid is not None
        os.kill(broker.process.pid, signal.SIGHUP)
        await ingest.until(lambda said: said["ready"])
        assert "wrong-secret" not in ingest.log


def set_password(accounts: Path, password: str) -> None:
    """Write a password file of Mosquitto with the one account `ingest`."""
    program = shutil.which("mosquitto_passwd", path=servers.SEARCH)
    assert program is not None
    subprocess.run([program, "-b", "-c", str(accounts), "ingest", password], check=True)
    accounts.chmod(0o644)


async def test_a_database_that_refuses_the_password(tmp_path: Path, estate: Path, start_broker: StartBroker) -> None:
    """The account may write one database and nothing else, and that is enough."""
    broker = await start_broker()
    settings = {"TOLBOOTH_INFLUX__USERNAME": "ingest", "TOLBOOTH_INFLUX__PASSWORD": "new-secret"}
    async with influxdb_with_accounts(tmp_path / "influxdb") as url:
        await as_admin(
            url,
            "CREATE DATABASE telemetry",
            "CREATE DATABASE other",
            "CREATE USER ingest WITH PASSWORD 'old'",
            "GRANT WRITE ON telemetry TO ingest",
        )
        ingest = ingest_for(tmp_path / "ingest", estate, broker=broker.port, database=url, settings=settings)
        async with running(ingest, ready=False), publisher(broker) as client:
            await says(ingest, "database", "401: authorization failed: set influx.username and influx.password")
            await client.publish(MESSAGES)
            await as_admin(url, "SET PASSWORD FOR ingest = 'new-secret'")
            await ingest.settled(len(MESSAGES))
            assert "new-secret" not in ingest.log
            await as_admin(url, "CREATE USER reader WITH PASSWORD 'reader'", "GRANT READ ON telemetry TO reader")
            assert await count_as_reader(url) == len(MESSAGES)


async def count_as_reader(url: str) -> int:
    parameters = {"db": "telemetry", "q": "SELECT count(pulses) FROM meter", "u": "reader", "p": "reader"}
    async with aiohttp.ClientSession() as http, http.get(f"{url}/query", params=parameters) as answer:
        body = await answer.json()
        return int(body["results"][0]["series"][0]["values"][0][1])


async def test_a_database_of_the_wrong_generation(tmp_path: Path, estate: Path, start_broker: StartBroker) -> None:
    broker = await start_broker()
    version = "0.9.6"
    written = asyncio.Event()

    async def ping(_: web.Request) -> web.Response:
        return web.Response(status=204, headers={"X-Influxdb-Version": version} if version else {})

    async def write(_: web.Request) -> web.Response:
        written.set()
        return web.Response(status=204)

    async def show(_: web.Request) -> web.Response:
        return web.json_response({"results": [{"series": [{"values": [["telemetry"]]}]}]})

    app = web.Application()
    app.add_routes([web.get("/ping", ping), web.post("/write", write), web.get("/query", show)])
    runner = web.AppRunner(app)
    await runner.setup()
    port = free_port()
    await web.TCPSite(runner, HOST, port).start()
    ingest = ingest_for(tmp_path / "ingest", estate, broker=broker.port, database=f"http://{HOST}:{port}")
    try:
        async with running(ingest, ready=False), publisher(broker) as client:
            await says(ingest, "database", "is InfluxDB 0.9.6: use 1.6 or newer, 2.4 or newer, or 3")
            version = "v2.1.1"
            await says(ingest, "database", "is InfluxDB 2.1.1: use 1.6 or newer, 2.4 or newer, or 3")
            version = ""
            await says(ingest, "database", "answers, but is no InfluxDB: set influx.url")
            await client.publish(MESSAGES)
            await ingest.until(lambda said: said["fates"]["journalled"] == len(MESSAGES))
            assert not written.is_set()
            version = "1.8.10"
            await ingest.settled(len(MESSAGES))
            assert written.is_set()
    finally:
        await runner.cleanup()


async def test_what_keeps_it_from_starting_is_one_sentence(tmp_path: Path, estate: Path) -> None:
    """A port in use, a registry with a mistake, a data folder in use: exit, and no traceback."""
    url = f"http://{HOST}:{free_port()}"
    first = ingest_for(tmp_path / "first", estate, broker=free_port(), database=url)
    async with running(first, ready=False):
        taken = {"TOLBOOTH_HEALTH__PORT": str(first.process.port)}
        wrong = {"TOLBOOTH_REGISTRY": str(tmp_path / "nowhere")}
        shared = {"TOLBOOTH_DATA": str(first.data)}
        for settings, code, words in (
            (taken, 2, "health.port"),
            (wrong, 2, str(tmp_path / "nowhere")),
            (shared, 1, f"{first.data} is in use by another tolbooth: stop it, or set another data folder"),
        ):
            second = ingest_for(tmp_path / "second", estate, broker=free_port(), database=url, settings=settings)
            environment = {**os.environ, **second.process.environment}
            ended = await asyncio.to_thread(
                subprocess.run, COMMAND, env=environment, capture_output=True, text=True, timeout=20, check=False
            )
            assert ended.returncode == code
            assert words in ended.stderr
            assert "Traceback" not in ended.stderr
