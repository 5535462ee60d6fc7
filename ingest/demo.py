"""`tolbooth up`: a broker, a database, ingest and a simulated council, private to one folder.

The processes start in this order and stop in the reverse one, whether the demo ends by itself, by Ctrl-C or because
one of them failed. A further process is one more row of `PARTS`.
"""

import asyncio
import contextlib
import fcntl
import json
import os
import shutil
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

import aiohttp

from devices import registry
from devices.errors import MendableError
from devices.schema import BY_NAME
from ingest.access import Access, arrange
from ingest.influx import DatabaseError, Influx
from ingest.processes import HOST, Process, end_leftover, held_ports
from ingest.security import store
from ingest.security.accounts import INGEST
from ingest.servers import Broker, Database, influxdb, mosquitto
from ingest.settings import Settings, load
from ingest.view import Frame, Guide
from ingest.watch import WatchError, fetch_status, frames, stored_since

DATABASE: Final = "telemetry"
READING: Final = "reading.toml"
"""Settings of the parts that only read, beside those of ingest."""
FIRST_LIVE_S: Final = 120
"""How long the first live reading may take."""
EVIDENCE: Final = tuple(BY_NAME[name] for name in ("temperature", "co2", "power", "occupied"))
"""Fields whose stored values prove that the demo is alive."""


class DemoError(MendableError):
    """The demo cannot run, or has not shown what it should; the text says why and what to do."""


@dataclass(frozen=True, slots=True)
class Plan:
    """What `up` was asked for."""

    folder: Path
    estate: Path
    """copied into the folder at the first start, and there the demo's own"""
    days: int
    """of history made at the first start"""
    seed: int
    live_s: float | None
    """end after so many seconds of live readings; None is until it is stopped"""
    command: tuple[str, ...]
    """how to run Tolbooth's own command in a subprocess"""
    preview: bool = False
    """whether the page of boards is installed, and so served"""
    preview_port: int = 0
    """chosen once the demo holds its folder, as is the next"""
    health_port: int = 0

    @property
    def registry(self) -> Path:
        """The demo's own estate: what is adopted or changed there touches no other."""
        return self.folder / "estate"

    @property
    def security(self) -> Path:
        """The security folder."""
        return self.folder / "security"


@dataclass(frozen=True, slots=True)
class Part:
    """One process that runs a sub-command of Tolbooth for as long as the demo does."""

    name: str
    arguments: Callable[[Plan], tuple[str, ...]]
    serves: Callable[[Plan, Settings], Awaitable[bool]]
    """whether it is ready; asked until it is"""
    reads_only: bool = False
    """whether it gets the credentials of one who reads, and none of the broker"""
    simulates: bool = False
    """whether it knows the simulated devices alone, and not what was adopted"""


async def _ingest_is_ready(_: Plan, settings: Settings) -> bool:
    with contextlib.suppress(WatchError):
        return (await fetch_status(settings)).ready
    return False


async def _at_once(_: Plan, __: Settings) -> bool:
    return True


async def _preview_is_ready(plan: Plan, _: Settings) -> bool:
    with contextlib.suppress(aiohttp.ClientError, OSError):
        async with aiohttp.ClientSession() as http, http.get(preview_url(plan), allow_redirects=False) as answer:
            return answer.status < 400
    return False


def preview_url(plan: Plan) -> str:
    """Where the page of boards is."""
    return f"http://{HOST}:{plan.preview_port}/"


PREVIEW: Final = Part(
    "preview",
    lambda plan: ("dashboards", "preview", "--port", str(plan.preview_port)),
    _preview_is_ready,
    reads_only=True,
)
PARTS: Final = (
    Part("ingest", lambda _: ("ingest",), _ingest_is_ready),
    Part(
        "simulators",
        lambda plan: (
            *("simulate", "--seed", str(plan.seed), "--state", str(plan.folder / "simulators.json")),
            *("--security", str(plan.security)),
        ),
        _at_once,
        simulates=True,
    ),
    PREVIEW,
)


async def up(plan: Plan, say: Callable[[str], None], show: Callable[[Frame], None]) -> None:
    """Run the demo until it is cancelled, or for `plan.live_s` of live readings.

    `say` is told each stage, `show` gets a frame every second.

    Raises:
        DemoError: another `up` holds the folder, or no live reading was stored in the time.
        ProcessError: a process is missing or ended.
    """
    with _held(plan.folder):
        for part in reversed(PARTS):
            await asyncio.to_thread(end_leftover, plan.folder, part.name)
        try:
            with held_ports(plan.folder, PREVIEW.name, "health") as (preview, health):
                await _run(replace(plan, preview_port=preview, health_port=health), say, show)
        finally:
            say(f"stopped; the data stays in {plan.folder}")


async def _run(plan: Plan, say: Callable[[str], None], show: Callable[[Frame], None]) -> None:
    async with AsyncExitStack() as running:
        await asyncio.to_thread(_secure, plan)
        broker = await running.enter_async_context(mosquitto(plan.folder, security=plan.security))
        say(f"Mosquitto listens on {broker.host}:{broker.port}, with TLS on {broker.tls_port}")
        database = await running.enter_async_context(influxdb(plan.folder, protected=True))
        access = await arrange(plan.security, database, DATABASE)
        say(f"InfluxDB answers at {database.url}; the credentials are in {plan.security}")
        path = _write_settings(plan, broker, database, access)
        settings = load(path)
        await _backfill(plan, path, say)
        processes = [broker.process, database.process]
        for part in PARTS:
            if part is PREVIEW and not plan.preview:
                say("the boards are not shown: install tolbooth[dashboards] to see them")
                continue
            process = await running.enter_async_context(_running(part, plan, path, settings))
            processes.append(process)
            say(f"{part.name} runs, its log is {process.log}")
        pages = {"boards": preview_url(plan)} if plan.preview else {}
        for name, address in pages.items():
            say(f"{name}: {address}")
        influx = await running.enter_async_context(Influx(settings.influx))
        guide = Guide(
            broker.host,
            broker.port,
            database.url,
            DATABASE,
            _shown(plan.folder),
            _shown(plan.security),
            access.reader,
            pages,
        )
        await _watch(plan, settings, influx, guide, processes, show)


def remove(folder: Path) -> None:
    """Delete a demo's folder; raises `DemoError` if it is none, or runs."""
    if not folder.exists():
        return
    if not (folder / "lock").exists():
        raise DemoError(f"{folder} is not the folder of a demo: it has no file `lock`. Nothing was removed")
    with _held(folder):
        shutil.rmtree(folder)


@contextmanager
def _held(folder: Path) -> Iterator[None]:
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        lock = (folder / "lock").open("a")
    except OSError as error:
        raise DemoError(f"{folder} cannot be written ({error.strerror}): name another folder with --folder") from error
    with lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise DemoError(
                f"another `tolbooth up` runs in {folder}: stop it first, or name another folder with --folder"
            ) from error
        yield


def _secure(plan: Plan) -> None:
    """Make the credentials of all that the demo's estate has now; the estate too, where it is not there yet."""
    if not plan.registry.exists():
        half = plan.folder / "estate.new"
        shutil.rmtree(half, ignore_errors=True)
        shutil.copytree(plan.estate, half, copy_function=shutil.copyfile)
        half.rename(plan.registry)
    store.init(plan.security, registry.load(plan.registry), time.time_ns(), registry=plan.registry)


def _shown(path: Path) -> str:
    """A path as a person at this terminal would write it."""
    here = Path.cwd()
    return str(path.relative_to(here) if path.is_relative_to(here) else path)


def _write_settings(plan: Plan, broker: Broker, database: Database, access: Access) -> Path:
    """The settings of ingest, and beside them those of the parts that only read; where the first are."""
    mqtt = {"username": INGEST, "password": store.password(plan.security, INGEST)}
    influx = {"url": database.url, "database": DATABASE}
    health = {"port": plan.health_port}
    path = plan.folder / "tolbooth.toml"
    _write_tables(
        plan,
        path,
        {
            "mqtt": {"host": broker.host, "port": broker.port, **mqtt},
            "influx": {**influx, **access.ingest},
            "health": health,
        },
    )
    _write_tables(plan, plan.folder / READING, {"influx": {**influx, **access.boards}, "health": health})
    return path


def _write_tables(plan: Plan, path: Path, tables: Mapping[str, Mapping[str, str | int]]) -> None:
    lines = [f"registry = {json.dumps(str(plan.registry))}", f"data = {json.dumps(str(plan.folder / 'ingest'))}"]
    for name, table in tables.items():
        lines += ["", f"[{name}]", *(f"{key} = {json.dumps(value)}" for key, value in table.items())]
    store.put(path, "\n".join(lines) + "\n")


def _simulated(plan: Plan) -> Mapping[str, str]:
    """A setting: the estate as it is shipped, of which every device can be simulated."""
    return {"TOLBOOTH_REGISTRY": str(plan.estate)}


@asynccontextmanager
async def _running(part: Part, plan: Plan, path: Path, settings: Settings) -> AsyncIterator[Process]:
    chosen = path.with_name(READING) if part.reads_only else path
    command = (*plan.command, *part.arguments(plan), "--settings", str(chosen))
    environment = _simulated(plan) if part.simulates else {}
    process = Process(part.name, command, plan.folder, lambda: part.serves(plan, settings), environment=environment)
    await process.start()
    try:
        yield process
    finally:
        await process.stop()


async def _backfill(plan: Plan, path: Path, say: Callable[[str], None]) -> None:
    """Make the history, once: a marker tells that it is there. It fills the journal, so ingest does not run yet."""
    marker = plan.folder / "backfilled"
    if plan.days == 0 or marker.exists():
        return
    say(f"making {plan.days} days of history")
    arguments = ("backfill", "--days", str(plan.days), "--seed", str(plan.seed))
    state = ("--state", str(plan.folder / "simulators.json"))
    child = await asyncio.create_subprocess_exec(
        *plan.command, *arguments, *state, "--settings", str(path),
        env={**os.environ, **_simulated(plan)}, start_new_session=True,
    )  # fmt: skip
    try:
        code = await child.wait()
    except asyncio.CancelledError:
        child.terminate()
        await child.wait()
        raise
    if code != 0:
        raise DemoError(f"the history could not be made: `tolbooth backfill` ended with exit code {code}")
    marker.touch()


async def _watch(
    plan: Plan,
    settings: Settings,
    influx: Influx,
    guide: Guide,
    processes: list[Process],
    show: Callable[[Frame], None],
) -> None:
    def check() -> None:
        for process in processes:
            process.check()

    started, since_ns = time.monotonic(), time.time_ns()
    stored_before: int | None = None
    live_since: float | None = None
    async for frame in frames(settings, influx, guide, check):
        show(frame)
        now, stored = time.monotonic(), frame.status.values.stored
        stored_before = stored if stored_before is None else stored_before
        if plan.live_s is None:
            continue
        if live_since is None and stored > stored_before:
            live_since = now
        if live_since is None and now - started > FIRST_LIVE_S:
            raise DemoError(f"no live reading was stored within {FIRST_LIVE_S} s: see the logs in {plan.folder}")
        if live_since is not None and now - live_since >= plan.live_s:
            await _prove(influx, stored - stored_before, since_ns)
            return


async def _prove(influx: Influx, counted: int, since_ns: int) -> None:
    """Both witnesses must agree that live readings were stored: ingest's count, and the database itself."""
    try:
        found = await stored_since(influx, EVIDENCE, since_ns)
    except DatabaseError as error:
        raise DemoError(f"the database could not be asked for the live readings: {error}") from error
    if counted == 0 or found == 0:
        raise DemoError(f"ingest counted {counted} live values as stored, the database has {found} of those asked for")
