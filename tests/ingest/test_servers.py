"""The private servers, against the real programs: they keep their data over a crash and say what went wrong."""

import asyncio
import json
import os
import socket
import stat
import subprocess
import sys
import threading
from pathlib import Path

import aiohttp
import paho.mqtt.client as paho
import pytest
from paho.mqtt.enums import CallbackAPIVersion

from ingest import servers
from ingest.processes import Process, ProcessError, end_leftover, held_ports, tail
from ingest.servers import Broker, Database, influxdb, influxdb_generation, mosquitto
from tests.conftest import StartBroker, StartDatabase


def subscribe_and_leave(broker: Broker, client_id: str) -> None:
    """Leave a persistent session with a subscription behind."""
    subscribed = threading.Event()
    client = paho.Client(CallbackAPIVersion.VERSION2, client_id, clean_session=False)
    client.on_subscribe = lambda *_: subscribed.set()
    client.connect(broker.host, broker.port)
    client.loop_start()
    client.subscribe("kept/#", qos=1)
    assert subscribed.wait(5)
    client.disconnect()
    client.loop_stop()


def publish(broker: Broker, count: int) -> None:
    """Publish QoS 1 messages; returns when the broker has acknowledged all."""
    client = paho.Client(CallbackAPIVersion.VERSION2, "publisher")
    client.connect(broker.host, broker.port)
    client.loop_start()
    for sent in [client.publish("kept/n", str(n), qos=1) for n in range(count)]:
        sent.wait_for_publish(10)
    client.disconnect()
    client.loop_stop()


def collect(broker: Broker, client_id: str, count: int, *, silence_s: float = 3) -> set[int]:
    """What the session of `client_id` gets, up to `count` different messages or so long a silence."""
    got: set[int] = set()
    news = threading.Event()
    client = paho.Client(CallbackAPIVersion.VERSION2, client_id, clean_session=False)

    def on_message(_client: paho.Client, _userdata: object, message: paho.MQTTMessage) -> None:
        got.add(int(message.payload))
        news.set()

    client.on_message = on_message
    client.connect(broker.host, broker.port)
    client.loop_start()
    while len(got) < count and news.wait(silence_s):
        news.clear()
    client.disconnect()
    client.loop_stop()
    return got


async def query(database: Database, text: str, name: str = "test") -> object:
    async with (
        aiohttp.ClientSession() as http,
        http.post(f"{database.url}/query", params={"db": name, "q": text, "epoch": "s"}) as answer,
    ):
        return await answer.json()


async def test_what_the_broker_acknowledged_survives_kill_9(start_broker: StartBroker) -> None:
    broker = await start_broker()
    await asyncio.to_thread(subscribe_and_leave, broker, "away")
    await asyncio.to_thread(publish, broker, 3_000)
    await asyncio.sleep(1.5)  # the second that autosave may take
    port = broker.port
    await broker.process.kill()
    assert broker.process.pid is None
    await broker.process.start()
    assert broker.port == port
    assert len(await asyncio.to_thread(collect, broker, "away", 3_000, silence_s=30)) == 3_000


async def test_a_broker_with_its_own_defaults_drops_what_waits(start_broker: StartBroker) -> None:
    broker = await start_broker(default_config=True)
    await asyncio.to_thread(subscribe_and_leave, broker, "away")
    await asyncio.to_thread(publish, broker, 3_000)
    assert len(await asyncio.to_thread(collect, broker, "away", 3_000)) < 3_000


async def test_the_database_keeps_its_points_over_kill_9(start_database: StartDatabase) -> None:
    database = await start_database()
    await query(database, "CREATE DATABASE test")
    async with aiohttp.ClientSession() as http:
        answer = await http.post(f"{database.url}/write", params={"db": "test", "precision": "s"}, data=b"m v=2 1")
        assert answer.status == 204
    await database.process.kill()
    await database.process.start()
    series = {"name": "m", "columns": ["time", "v"], "values": [[1, 2]]}
    assert await query(database, "SELECT v FROM m") == {"results": [{"statement_id": 0, "series": [series]}]}


async def test_the_shared_servers_answer(broker: Broker, database: Database) -> None:
    await asyncio.to_thread(publish, broker, 1)
    assert database.generation == influxdb_generation(database.process.command[0])
    assert broker.process.pid
    assert database.process.pid


def crash_with_a_broker(folder: Path) -> tuple[int, int]:
    """Start a broker in a parent that dies at once; its port and process id."""
    program = """
import asyncio, os, pathlib, sys
from ingest.servers import mosquitto
async def main():
    async with mosquitto(pathlib.Path(sys.argv[1])) as broker:
        print(broker.port, broker.process.pid, flush=True)
        os._exit(9)
asyncio.run(main())
"""
    root = Path(servers.__file__).parents[1]
    crash = subprocess.run([sys.executable, "-c", program, str(folder)], cwd=root, capture_output=True, check=False)
    port, left = map(int, crash.stdout.split())
    os.kill(left, 0)
    return port, left


async def test_a_second_start_has_the_same_port_and_ends_what_the_first_left(tmp_path: Path) -> None:
    port, left = await asyncio.to_thread(crash_with_a_broker, tmp_path)
    async with mosquitto(tmp_path) as broker:
        assert broker.port == port
        assert broker.process.pid != left
    with socket.socket() as server:
        server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        assert serves(server, port)


def test_a_process_that_only_has_the_number_of_a_leftover_lives_on(tmp_path: Path) -> None:
    (tmp_path / "mosquitto.pid").write_text(json.dumps({"pid": os.getpid(), "argument": "mosquitto.conf"}))
    end_leftover(tmp_path, "mosquitto")
    assert not (tmp_path / "mosquitto.pid").exists()


async def test_a_broken_configuration_is_shown_with_the_log(tmp_path: Path) -> None:
    with pytest.raises(ProcessError, match=r"(?s)mosquitto ended with exit code .*nonsense"):
        async with mosquitto(tmp_path, config="nonsense true\n"):
            pass


async def test_a_missing_program_names_the_package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(servers, "SEARCH", str(tmp_path))
    with pytest.raises(ProcessError, match="make setup"):
        async with mosquitto(tmp_path):
            pass


async def test_a_process_that_never_answers_is_ended(tmp_path: Path) -> None:
    async def never() -> bool:
        return False

    process = Process(
        "sleeper", (sys.executable, "-c", "import time; print('up', flush=True); time.sleep(60)"), tmp_path, never
    )
    with pytest.raises(ProcessError, match=r"(?s)did not answer within 1 s.*up"):
        await process.start(timeout_s=1)
    assert process.pid is None
    assert not (tmp_path / "sleeper.pid").exists()


def test_a_port_is_remembered_held_and_left_to_who_took_it(tmp_path: Path) -> None:
    with held_ports(tmp_path, "mosquitto", "influxdb") as first, socket.socket() as stranger:
        assert len(set(first)) == 2
        assert not any(serves(stranger, port) for port in first)
        with socket.socket() as server:
            server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            assert serves(server, first[0])
        assert not serves(stranger, first[0])
    with held_ports(tmp_path, "mosquitto", "influxdb") as again:
        assert again == first
    with socket.socket() as taken:
        assert serves(taken, first[0])
        with held_ports(tmp_path, "mosquitto", "influxdb") as others:
            assert others[0] not in first
            assert others[1] == first[1]


def serves(server: socket.socket, port: int) -> bool:
    """Whether the socket can listen on this port."""
    try:
        server.bind(("127.0.0.1", port))
    except OSError:
        return False
    server.listen()
    return True


def test_a_log_reaches_no_terminal_raw(tmp_path: Path) -> None:
    log = tmp_path / "x.log"
    log.write_bytes(b"1\n2\x1b[31m\xff\n3\n")
    assert tail(log, 2) == "2[31m\N{REPLACEMENT CHARACTER}\n3"
    assert tail(tmp_path / "none") == ""


INFLUXDB_2 = """#!{python}
import http.server, json, sys
if sys.argv[1:] == ["version"]:
    print("InfluxDB v2.9.1 (git: d4fa1941) build_date: 2026-01-01T00:00:00Z")
    sys.exit()
port = int(next(a for a in sys.argv if a.startswith("--http-bind-address=")).rsplit(":", 1)[1])
class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(204)
        self.send_header("X-Influxdb-Version", "v2.9.1")
        self.end_headers()
    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        with open("{seen}", "a") as seen:
            seen.write(json.dumps([self.path, json.loads(body)]) + "\\n")
        self.send_response(201)
        self.send_header("Content-Length", "0")
        self.end_headers()
http.server.HTTPServer(("127.0.0.1", port), Handler).serve_forever()
"""
"""Answers as InfluxDB 2 does to a first start: `version`, `/ping`, and `POST /api/v2/setup` with 201."""


async def test_influxdb_2_is_set_up_once_with_secrets_of_its_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program, seen = tmp_path / "bin" / "influxd", tmp_path / "seen"
    program.parent.mkdir()
    program.write_text(INFLUXDB_2.format(python=sys.executable, seen=seen))
    program.chmod(0o755)
    monkeypatch.setattr(servers, "SEARCH", str(program.parent))
    folder = tmp_path / "data"
    async with influxdb(folder) as first:
        assert (first.generation, first.organisation) == (2, "tolbooth")
    async with influxdb(folder) as second:
        assert second.token == first.token
    calls = [json.loads(line) for line in seen.read_text().splitlines()]
    assert [path for path, _ in calls] == ["/api/v2/setup"]
    assert calls[0][1]["token"] == first.token
    assert len(first.token) >= 48
    assert first.token not in repr(first)
    mode = stat.S_IMODE((folder / "influxdb" / "secrets.json").stat().st_mode)
    assert mode == 0o600


def test_another_program_called_influxd_is_refused(tmp_path: Path) -> None:
    program = tmp_path / "influxd"
    program.write_text("#!/bin/sh\necho something else\n")
    program.chmod(0o755)
    with pytest.raises(ProcessError, match="something else"):
        influxdb_generation(str(program))
