"""The init steps of the container stack: secrets for the real broker, rights from a scripted InfluxDB 2."""

import asyncio
import base64
import contextlib
import hashlib
import os
import shutil
import signal
import ssl
import stat
import subprocess
import sys
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from aiohttp import web

from devices.registry import load
from devices.rollups import database_of
from ingest.access import arrange
from ingest.processes import Process, free_port
from ingest.security.passwords import password_hash
from ingest.servers import Broker, Database
from ingest.stack import StackError, grant_rights, main, make_secrets
from tests.bench.estate import COUNCIL, device, write_estate
from tests.conftest import StartBroker
from tests.security.clients import Client

DEVICES = 3


def secrets_in(folder: Path, devices: int = DEVICES) -> list[Path]:
    """Make the secrets for an estate of so many devices."""
    place = write_estate(folder.parent / f"{folder.name}-estate-{devices}", devices)
    return make_secrets(folder, load(place), [], 1_790_000_000_000_000_000, registry=place)


def test_secrets_are_made_once_and_differ(tmp_path: Path) -> None:
    made = secrets_in(tmp_path)
    texts = {path: path.read_text(encoding="utf-8") for path in made}
    assert len(set(texts.values())) == len(texts) == 6 + 1 + DEVICES
    assert all(len(text) >= 32 and "$" not in text and text == text.strip() for text in texts.values())
    others = {path for path in tmp_path.rglob("*") if path.is_file() and path not in made}
    assert {path.name for path in others} == {
        *("passwords", "acl", "ca.crt", "ca.key", "server.crt", "server.key", "mosquitto_pub", "mosquitto_sub"),
        *("registry", "lock"),
    }
    for path in (*made, *others):
        if path.name == "lock":
            continue
        own = path.is_relative_to(tmp_path / "accounts") or path.name in {"ca.key", "registry"}
        assert stat.S_IMODE(path.stat().st_mode) == (0o600 if own else 0o644 if path.suffix == ".crt" else 0o444), path
    before = {path: path.read_bytes() for path in others}
    assert secrets_in(tmp_path) == []
    assert {path: path.read_text(encoding="utf-8") for path in made} == texts
    assert {path: path.read_bytes() for path in others} == before


def test_grafana_serves_tls_with_a_certificate_that_devices_trust_too(tmp_path: Path) -> None:
    secrets_in(tmp_path)
    assert (tmp_path / "grafana/ca.crt").read_bytes() == (tmp_path / "mosquitto/ca.crt").read_bytes()
    served = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    served.load_cert_chain(tmp_path / "grafana/server.crt", tmp_path / "grafana/server.key")
    trusted = ssl.create_default_context(cafile=str(tmp_path / "grafana/ca.crt"))
    ends = [ssl.MemoryBIO() for _ in range(2)]
    client = trusted.wrap_bio(ends[0], ends[1], server_hostname="localhost")
    server = served.wrap_bio(ends[1], ends[0], server_side=True)
    for side in (client, server, client, server):
        with contextlib.suppress(ssl.SSLWantReadError):
            side.do_handshake()
    assert client.version() in {"TLSv1.2", "TLSv1.3"}
    assert (tmp_path / "grafana/server.key").read_bytes() != (tmp_path / "mosquitto/server.key").read_bytes()


def test_rules_follow_the_estate(tmp_path: Path) -> None:
    secrets_in(tmp_path)
    secrets_in(tmp_path, DEVICES - 1)
    for name in ("passwords", "acl"):
        text = (tmp_path / "mosquitto" / name).read_text(encoding="utf-8")
        assert device(DEVICES - 2) in text
        assert device(DEVICES - 1) not in text


def test_a_lost_secret_is_made_again_without_touching_the_others(tmp_path: Path) -> None:
    secrets_in(tmp_path)
    before = (tmp_path / "influxdb/admin-token").read_text(encoding="utf-8")
    (tmp_path / "grafana/admin-password").unlink()
    assert secrets_in(tmp_path) == [tmp_path / "grafana/admin-password"]
    assert (tmp_path / "influxdb/admin-token").read_text(encoding="utf-8") == before


def test_a_hash_is_that_of_mosquitto_passwd(tmp_path: Path) -> None:
    """Against `mosquitto_passwd -b`, whose salt and rounds are taken out of its own file."""
    program = shutil.which("mosquitto_passwd")
    assert program, "the package mosquitto brings mosquitto_passwd"

    async def run() -> str:
        process = await asyncio.create_subprocess_exec(program, "-c", "-b", str(tmp_path / "p"), "ann", "öffne dich")
        assert await process.wait() == 0
        return (tmp_path / "p").read_text(encoding="utf-8").strip()

    name, _, theirs = asyncio.run(run()).partition(":")
    _, kind, rounds, salt, _ = theirs.split("$")
    assert (name, kind) == ("ann", "7")
    assert password_hash("öffne dich", base64.b64decode(salt), int(rounds)) == theirs
    assert hashlib.sha512().digest_size == len(base64.b64decode(theirs.rsplit("$", 1)[1]))


@dataclass(frozen=True)
class Stack:
    """The stack's own configuration of its broker, but for ports and paths."""

    secrets: Path
    broker: Broker
    ports: Mapping[int, int]

    def password(self, name: str) -> str:
        return (self.secrets / name).read_text(encoding="utf-8")

    async def connect(self, name: str, password: str, known: int = 1883) -> Client:
        tls = ssl.create_default_context(cafile=str(self.secrets / "mosquitto/ca.crt")) if known == 8883 else None
        return await asyncio.to_thread(Client, "localhost", self.ports[known], (name, password), tls)

    async def code(self, name: str, password: str, known: int = 1883) -> int | None:
        client = await self.connect(name, password, known)
        client.close()
        return client.code

    async def credential(self, *arguments: str) -> str:
        """What `tolbooth devices credential` says, and the reload that it asks for."""
        command = (sys.executable, "-m", "tolbooth", "devices", "credential", *arguments)
        folder = ("--folder", str(self.secrets))
        done = await asyncio.to_thread(subprocess.run, (*command, *folder), capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        if "--signal HUP mosquitto" in done.stdout:
            assert self.broker.process.pid is not None
            os.kill(self.broker.process.pid, signal.SIGHUP)
        return done.stdout


@pytest_asyncio.fixture
async def stack(tmp_path: Path, start_broker: StartBroker) -> Stack:
    secrets_in(tmp_path / "secrets")
    ports = {1883: free_port(), 8883: free_port()}
    text = (Path(__file__).parents[2] / "ingest/config/container-mosquitto.conf").read_text(encoding="utf-8")
    assert "\nallow_anonymous false\n" in text
    own = ("persistence", "include", "log_dest")
    text = "\n".join(line for line in text.splitlines() if not line.startswith(own))
    text = text.replace("/secrets/", f"{tmp_path}/secrets/mosquitto/")
    for known, port in ports.items():
        text = text.replace(f"listener {known}", f"listener {port} 127.0.0.1")
    return Stack(tmp_path / "secrets", await start_broker(config=text), ports)


NAME = f"{COUNCIL}.{device(0)}"


async def test_the_broker_takes_the_accounts_and_refuses_others(stack: Stack) -> None:
    own = stack.password(f"accounts/{NAME}/password")
    assert await stack.code("ingest", stack.password("ingest/mqtt-password")) == 0
    assert await stack.code("health", stack.password("mosquitto/health-password")) == 0
    assert await stack.code(NAME, own) == 0
    assert await stack.code(NAME, own, 8883) == 0
    assert await stack.code(NAME, stack.password("ingest/mqtt-password"), 8883) == 135
    assert await stack.code("ingest", "guess") == 135


async def test_a_credential_that_is_revoked_in_the_stack_is_out_within_5_seconds(stack: Stack) -> None:
    """S4 in the container stack, by the same command as everywhere."""
    own = stack.password(f"accounts/{NAME}/password")
    assert await stack.credential(device(0)) == f"user name {NAME}, password {own}\n"
    client = await stack.connect(NAME, own, 8883)
    assert "is revoked" in await stack.credential(device(0), "--revoke")
    assert await asyncio.to_thread(client.ended.wait, 5)
    assert await stack.code(NAME, own, 8883) == 135
    assert await stack.code("health", stack.password("mosquitto/health-password")) == 0

    assert secrets_in(stack.secrets) == [], "the next start of the stack does not let it in again"
    assert await stack.code(NAME, own) == 135

    await stack.credential(device(0), "--rotate")
    new = stack.password(f"accounts/{NAME}/password")
    assert new != own
    assert await stack.code(NAME, new, 8883) == 0
    assert await stack.code(NAME, own, 8883) == 135

    other = stack.password("ingest/mqtt-password")
    await stack.credential("ingest", "--rotate")
    assert await stack.code("ingest", other) == 135
    assert await stack.code("ingest", stack.password("ingest/mqtt-password")) == 0
    assert not (stack.secrets / "accounts/ingest").exists()


async def test_the_stack_has_no_client_certificates_and_says_so(stack: Stack) -> None:
    command = (sys.executable, "-m", "tolbooth", "devices", "credential", device(0), "--certificate")
    done = await asyncio.to_thread(
        subprocess.run, (*command, "--folder", str(stack.secrets)), capture_output=True, text=True
    )
    assert done.returncode == 2
    assert "takes passwords" in done.stderr


class InfluxDB:
    """The endpoints of InfluxDB 2 that the init step uses, as its API documents them."""

    def __init__(self, admin: str) -> None:
        self.admin = admin
        self.buckets = {"telemetry": "b1"}
        self.tokens: dict[str, dict[str, Any]] = {}
        self.url = ""

    def application(self) -> web.Application:
        app = web.Application()
        app.add_routes(
            [
                web.get("/api/v2/orgs", self.orgs),
                web.get("/api/v2/buckets", self.list_buckets),
                web.post("/api/v2/buckets", self.add_bucket),
                web.get("/api/v2/authorizations", self.list_tokens),
                web.post("/api/v2/authorizations", self.add_token),
                web.delete("/api/v2/authorizations/{id}", self.drop_token),
            ]
        )
        return app

    def _check(self, request: web.Request) -> None:
        token = request.headers["Authorization"].removeprefix("Token ")
        if token != self.admin and token not in self.tokens:
            raise web.HTTPUnauthorized(text='{"code":"unauthorized"}')

    async def orgs(self, request: web.Request) -> web.Response:
        self._check(request)
        return web.json_response({"orgs": [{"id": "o1", "name": request.query["org"]}]})

    async def list_buckets(self, request: web.Request) -> web.Response:
        self._check(request)
        name = request.query["name"]
        if name not in self.buckets:
            return web.json_response({"code": "not found"}, status=404)
        return web.json_response({"buckets": [{"id": self.buckets[name], "name": name}]})

    async def add_bucket(self, request: web.Request) -> web.Response:
        body = await request.json()
        self.buckets[body["name"]] = f"b{len(self.buckets) + 1}"
        return web.json_response({"id": self.buckets[body["name"]]}, status=201)

    async def list_tokens(self, request: web.Request) -> web.Response:
        hashed = [{key: value for key, value in one.items() if key != "token"} for one in self.tokens.values()]
        return web.json_response({"authorizations": hashed})

    async def add_token(self, request: web.Request) -> web.Response:
        body = await request.json()
        token = f"token-{len(self.tokens) + 1}-{body['description']}"
        self.tokens[token] = {**body, "id": token, "token": token}
        return web.json_response(self.tokens[token], status=201)

    async def drop_token(self, request: web.Request) -> web.Response:
        self.tokens.pop(request.match_info["id"])
        return web.Response(status=204)


@pytest_asyncio.fixture
async def influx(tmp_path: Path, a_free_port: int) -> AsyncIterator[InfluxDB]:
    secrets_in(tmp_path)
    server = InfluxDB((tmp_path / "influxdb/admin-token").read_text(encoding="utf-8"))
    runner = web.AppRunner(server.application())
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", a_free_port).start()
    server.url = f"http://127.0.0.1:{a_free_port}"
    yield server
    await runner.cleanup()


async def test_rights_are_no_more_than_each_needs(tmp_path: Path, influx: InfluxDB) -> None:
    made = await grant_rights(tmp_path, influx.url)
    assert [right.description for right in made] == ["Tolbooth ingest", "Tolbooth boards"]
    assert set(influx.buckets) == {"telemetry", database_of("telemetry")}
    granted = {
        one["description"]: {(may["action"], may["resource"]["id"]) for may in one["permissions"]}
        for one in influx.tokens.values()
    }
    both = {"b1", "b2"}
    assert granted["Tolbooth ingest"] == {(action, bucket) for action in ("read", "write") for bucket in both}
    assert granted["Tolbooth boards"] == {("read", bucket) for bucket in both}
    assert (tmp_path / "ingest/influx-token").read_text(encoding="utf-8") in influx.tokens
    header = (tmp_path / "grafana/influx-authorization").read_text(encoding="utf-8")
    assert header.startswith("Token token-")


async def test_rights_are_granted_once_and_again_when_refused(tmp_path: Path, influx: InfluxDB) -> None:
    await grant_rights(tmp_path, influx.url)
    assert await grant_rights(tmp_path, influx.url) == []
    (tmp_path / "ingest/influx-token").unlink()
    assert [right.description for right in await grant_rights(tmp_path, influx.url)] == ["Tolbooth ingest"]
    assert sorted(one["description"] for one in influx.tokens.values()) == ["Tolbooth boards", "Tolbooth ingest"]


async def test_a_demo_on_2_gives_each_part_a_token_of_its_own(tmp_path: Path, influx: InfluxDB) -> None:
    async def ready() -> bool:
        return True

    process = Process("influxdb", (), tmp_path, ready, int(influx.url.rpartition(":")[2]))
    access = await arrange(tmp_path / "security", Database(process, 2, influx.admin, "tolbooth"), "telemetry")
    kinds = {one["token"]: one["description"] for one in influx.tokens.values()}
    assert kinds[access.ingest["token"]] == "Tolbooth ingest"
    assert kinds[access.boards["token"]] == "Tolbooth boards"
    assert access.ingest["organisation"] == access.boards["organisation"] == "tolbooth"
    assert access.ingest["token"] not in repr(access)


async def test_a_wrong_admin_token_is_said(tmp_path: Path, influx: InfluxDB) -> None:
    influx.admin = "another"
    with pytest.raises(StackError, match="answered 401"):
        await grant_rights(tmp_path, influx.url)


def test_the_command_says_what_it_made(tmp_path: Path, capsys: pytest.CaptureFixture[str], a_free_port: int) -> None:
    estate = write_estate(tmp_path / "estate", 2)
    assert main(["secrets", str(tmp_path), str(tmp_path / "none")]) == 1
    assert "there is no such folder" in capsys.readouterr().err
    assert main(["secrets", str(tmp_path), str(estate), "--host", ""]) == 0
    assert "influxdb/admin-token" in capsys.readouterr().out
    assert main(["secrets", str(tmp_path), str(estate)]) == 0
    assert capsys.readouterr().out == "nothing to make\n"
    assert main(["rights", str(tmp_path), f"http://127.0.0.1:{a_free_port}"]) == 1
    assert "start it before granting rights" in capsys.readouterr().err
