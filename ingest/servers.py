"""A private Mosquitto and a private InfluxDB, for the demo and the tests: on loopback, with all data in one folder.

They use the programs installed on this machine and touch no broker or database that they did not start.
"""

import asyncio
import json
import os
import secrets
import shutil
import subprocess
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from importlib.resources import files
from pathlib import Path
from string import Template

import aiohttp

from ingest.processes import HOST, Process, ProcessError, end_leftover, held_ports
from ingest.security.broker import Listeners, protection

SEARCH = os.pathsep.join((os.environ.get("PATH", os.defpath), "/usr/sbin", "/usr/local/sbin", "/sbin"))
"""Debian keeps mosquitto in a folder that is not on a user's PATH."""

_CONNECT = bytes.fromhex("101000044d51545404020005000474657374")
"""MQTT 3.1.1 CONNECT, clean session, client id `test`; any CONNACK shows that the broker serves."""
_CONNACK = 0x20


@dataclass(frozen=True, slots=True)
class Broker:
    """A running Mosquitto."""

    process: Process
    tls_port: int = 0
    """takes a password over TLS; 0 where the broker lets everybody in"""
    certificate_port: int = 0
    """takes a client certificate"""

    @property
    def host(self) -> str:
        return self.process.host

    @property
    def port(self) -> int:
        return self.process.port


@dataclass(frozen=True, slots=True)
class Database:
    """A running InfluxDB. 2.x has a token and an organisation; 1.x asks for passwords where it was told to."""

    process: Process
    generation: int
    token: str = field(default="", repr=False)
    organisation: str = ""

    @property
    def host(self) -> str:
        return self.process.host

    @property
    def port(self) -> int:
        return self.process.port

    @property
    def url(self) -> str:
        return f"http://{self.host}:{self.port}"


@asynccontextmanager
async def mosquitto(
    folder: Path,
    *,
    config: str | None = None,
    default_config: bool = False,
    security: Path | None = None,
) -> AsyncIterator[Broker]:
    """Run a private Mosquitto with its data in `folder`.

    `config` is the text of a configuration without listener and paths; by default the one that Tolbooth ships.
    With `default_config` Mosquitto keeps its own defaults. With a `security` folder nobody is let in without a
    credential of it, else everybody. Raises `ProcessError` if it is missing or does not start.
    """
    program = _program("mosquitto", "the package mosquitto")
    folder = _made(folder)
    await asyncio.to_thread(end_leftover, folder, "mosquitto")
    names = ("mosquitto", "mosquitto tls", "mosquitto certificates")
    with held_ports(folder, *names[: 1 if security is None else 3]) as ports:
        port = ports[0]
        shipped = "" if default_config else shipped_config("mosquitto.conf")
        path = folder / "mosquitto.conf"
        if security is None:
            access = f"\nallow_anonymous true\nlistener {port} {HOST}\n"
        else:
            access = protection(security, Listeners(*(f"{each} {HOST}" for each in ports)))
        path.write_text((shipped if config is None else config) + _private(folder) + access)
        process = Process("mosquitto", (program, "-c", str(path)), folder, lambda: _broker_serves(port), port)
        await process.start()
        try:
            yield Broker(process, *ports[1:])
        finally:
            await process.stop()


@asynccontextmanager
async def influxdb(folder: Path, *, protected: bool = False) -> AsyncIterator[Database]:
    """Run a private InfluxDB, 1.x or 2.x as installed, with its data in `folder`.

    A new 2.x is set up with generated secrets, which stay in the folder; 1.x asks for passwords if it is `protected`,
    once it has a user. Raises `ProcessError` if it is missing or does not start.
    """
    program = _program("influxd", "InfluxDB 1.x or 2.x")
    folder = _made(folder)
    await asyncio.to_thread(end_leftover, folder, "influxdb")
    generation = await asyncio.to_thread(influxdb_generation, program)
    with held_ports(folder, "influxdb") as (port,):
        arguments = _influxdb_1(folder, port, protected=protected) if generation == 1 else _influxdb_2(folder, port)
        process = Process("influxdb", (program, *arguments), folder, lambda: _database_serves(port), port)
        await process.start(timeout_s=60)
        try:
            yield Database(process, generation) if generation == 1 else await _set_up(process, generation)
        finally:
            await process.stop(timeout_s=20)


def influxdb_generation(program: str) -> int:
    """1 or 2: the major version that `influxd version` tells."""
    answer = subprocess.run([program, "version"], capture_output=True, text=True, timeout=20, check=False).stdout  # noqa: S603
    words = answer.replace("InfluxDB v", "InfluxDB ").split()
    major = words[1].split(".")[0] if len(words) > 1 and words[0] == "InfluxDB" else ""
    if major not in {"1", "2"}:
        raise ProcessError(f"{program} is no InfluxDB 1.x or 2.x: `influxd version` says {answer.strip()!r}")
    return int(major)


def shipped_config(name: str) -> str:
    """The text of a configuration file that Tolbooth ships."""
    return (files("ingest") / "config" / name).read_text()


def _program(name: str, what: str) -> str:
    path = shutil.which(name, path=SEARCH)
    if path is None:
        raise ProcessError(f"{name} is not on this machine: install {what}, or run `make setup`")
    return path


def _made(folder: Path) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    return folder.resolve()


def _private(folder: Path) -> str:
    data = folder / "mosquitto"
    data.mkdir(exist_ok=True)
    lines = [f"persistence_location {data}/", "log_dest stdout"]
    if os.geteuid() == 0:
        # Started by root it would otherwise become the user mosquitto, who may not write here.
        lines.append("user root")
    return "\n# this run\n" + "\n".join(lines) + "\n"


async def _broker_serves(port: int) -> bool:
    try:
        async with asyncio.timeout(2):
            reader, writer = await asyncio.open_connection(HOST, port)
            try:
                writer.write(_CONNECT)
                return (await reader.readexactly(1))[0] == _CONNACK
            finally:
                writer.close()
    except (OSError, TimeoutError, asyncio.IncompleteReadError):
        return False


def _influxdb_1(folder: Path, port: int, *, protected: bool) -> tuple[str, ...]:
    data = folder / "influxdb"
    # A JSON string is a TOML string too, whatever the folder is called.
    places = {name: json.dumps(str(data / name)) for name in ("meta", "data", "wal")}
    path = folder / "influxdb.conf"
    auth = "true" if protected else "false"
    path.write_text(Template(shipped_config("influxdb.conf")).substitute(places, port=port, auth=auth))
    return "-config", str(path)


def _influxdb_2(folder: Path, port: int) -> tuple[str, ...]:
    data = folder / "influxdb"
    data.mkdir(exist_ok=True)
    return (
        "--reporting-disabled",
        f"--http-bind-address={HOST}:{port}",
        f"--engine-path={data / 'engine'}",
        f"--sqlite-path={data / 'influxd.sqlite'}",
        f"--bolt-path={data / 'influxd.bolt'}",
    )


async def _set_up(process: Process, generation: int) -> Database:
    path = process.folder / "influxdb" / "secrets.json"
    if not path.exists():
        body = {
            "username": "tolbooth",
            "password": secrets.token_urlsafe(24),
            "token": secrets.token_urlsafe(48),
            "org": "tolbooth",
            "bucket": "set-up",
        }
        path.touch(mode=0o600)
        path.write_text(json.dumps(body))
        try:
            await _post(f"http://{process.host}:{process.port}/api/v2/setup", body)
        except BaseException:
            path.unlink()
            raise
    known = json.loads(path.read_text())
    return Database(process, generation, known["token"], known["org"])


async def _database_serves(port: int) -> bool:
    try:
        async with (
            aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=2)) as http,
            http.get(f"http://{HOST}:{port}/ping") as answer,
        ):
            return answer.status == 204 and "X-Influxdb-Version" in answer.headers
    except (aiohttp.ClientError, TimeoutError):
        return False


async def _post(url: str, body: object) -> None:
    async with (
        aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=20)) as http,
        http.post(url, json=body) as answer,
    ):
        if answer.status >= 300:
            raise ProcessError(f"{url} answered {answer.status}: {(await answer.text())[:300]}")
