"""The ingest service: two loops joined by the journal, and what surrounds them."""

import asyncio
import contextlib
import gc
import logging
import signal
import time
from collections.abc import AsyncIterator, Iterable, Iterator
from pathlib import Path
from typing import Final

import orjson
from aiohttp import web

from devices import registry
from devices.decode import Decoder, Window
from devices.errors import ConfigurationError
from devices.model import Estate
from devices.timestamps import SECOND
from ingest import health, receive
from ingest.canary import Canary, fly, own_topics
from ingest.drain import State, Writer, drain
from ingest.fleet import Fleet
from ingest.influx import DatabaseError, Influx
from ingest.journal import Entry, Journal
from ingest.journalfile import FullError
from ingest.limits import Limit
from ingest.lineprotocol import Tags
from ingest.rebirths import Rebirths
from ingest.receive import Kit
from ingest.retention import keep_tidy
from ingest.rollup.service import RollUps
from ingest.session import Session
from ingest.settings import Settings, SettingsError
from ingest.silence import Watch
from ingest.veil import key_of

log = logging.getLogger(__name__)

STATUS_EVERY: Final = 60
"""Seconds between the status lines of a device."""
REGISTRY_CHECK: Final = 2.0
"""Seconds between looks at the registry's files."""
SILENCE_CHECK: Final = 2.0
"""Seconds between looks for silent devices."""
TIDY_CHECK: Final = 1.0
"""Seconds between looks whether the database is there, before old occupancy is deleted."""
WATCH: Final = ("fleet", "watch")
"""Under which (source, key) the journal remembers what the watch for silence must know after a restart."""
GARBAGE: Final = 50_000
"""Objects made before Python looks for cycles among them; a batch makes some ten thousand, and no cycles."""
LAST_DRAIN: Final = 3.0
"""Seconds that a stop waits for the database; what is left stays in the journal."""


@contextlib.asynccontextmanager
async def kit(settings: Settings) -> AsyncIterator[Kit]:
    """Registry, decoder and journal, opened for one process.

    Raises:
        registry.RegistryError, SettingsError, JournalError: with the mend.
    """
    estate = _estate(settings)
    decoder = make_decoder(estate, settings)
    async with make_journal(settings) as journal:
        decoder.restore(await journal.states())
        watch = Watch.remembering(await journal.recall(*WATCH))
        yield Kit(
            decoder,
            make_tags(estate, settings),
            Fleet(estate, await journal.heard()),
            journal,
            Canary(own_topics(estate), settings.mqtt.client_id, settings.canary.period),
            watch,
            Limit(settings.limits.messages_per_second, settings.limits.burst, watch.looked),
            rebirths=Rebirths(settings.sparkplug.rebirth),
        )


def _estate(settings: Settings) -> Estate:
    """The registry; raises `RegistryError` with its mistakes, `SettingsError` if it has too many devices."""
    estate = registry.load(settings.registry)
    devices = sum(len(council.devices) for council in estate.councils.values())
    if devices > settings.limits.devices:
        raise SettingsError(
            f"{settings.registry} has {devices} devices, limits.devices allows {settings.limits.devices}: "
            "each makes some five series in the database; raise the limit if it can hold them"
        )
    return estate


def make_decoder(estate: Estate, settings: Settings) -> Decoder:
    """A decoder of the estate with the window and the limit of the settings."""
    window = Window(
        past=int(settings.window.past_days * 86_400) * SECOND, future=int(settings.window.future_minutes * 60) * SECOND
    )
    return Decoder(estate, window=window, max_payload=settings.max_payload_bytes)


def make_journal(settings: Settings) -> Journal:
    """The journal of the data folder, not opened yet."""
    return Journal(
        settings.data,
        max_bytes=settings.journal.max_bytes,
        keep_packets=settings.mqtt.receive_maximum,
        quarantine_bytes=settings.quarantine.max_bytes,
        quarantine_age=settings.quarantine.max_age_days * 86_400 * SECOND,
    )


def make_tags(estate: Estate, settings: Settings) -> Tags:
    """What stands on the lines of each device; raises `SettingsError` if the key of small spaces cannot be used."""
    return Tags(estate, key_of(settings.data, estate))


async def run(settings: Settings, stop: asyncio.Event | None = None) -> None:
    """Run until `stop` is set, or SIGTERM or SIGINT arrives.

    Raises:
        registry.RegistryError, JournalError, SettingsError: it cannot start; the text says what to do.
    """
    stop = stop or asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    async with kit(settings) as parts, Influx(settings.influx) as influx:
        session = Session(settings.mqtt, parts.filters, stale=await _stale(parts))
        database = State()
        rolling = RollUps(parts.journal, influx, settings.influx.occupancy_days)
        app = health.application(health.Parts(parts, session.state, database, rolling.state))
        async with _serving(app, settings), asyncio.TaskGroup() as tasks:
            gc.freeze()  # the registry and the formats live as long as the process: no need to look through them
            gc.set_threshold(GARBAGE)
            log.info("ingest started: %d devices, %d topic filters", len(parts.fleet), len(session.filters))
            connection = tasks.create_task(session.run(), name="session")
            inward = [
                tasks.create_task(receive.receive(session, parts), name="receive"),
                tasks.create_task(_status(parts), name="status"),
                tasks.create_task(_watch(parts, session), name="silence"),
                tasks.create_task(_follow(settings, parts, session), name="registry"),
            ]
            if parts.canary.period_s:
                inward.append(tasks.create_task(fly(parts.canary, session, influx), name="canary"))
            if settings.influx.occupancy_days:
                tidying = _tidy(influx, parts.journal, database, settings.influx.occupancy_days)
                inward.append(tasks.create_task(tidying, name="retention"))
            if settings.rollup.period:
                inward.append(tasks.create_task(rolling.run(settings.rollup.period), name="roll-ups"))
            else:
                rolling.state.say("off", ok=True)
            outward = tasks.create_task(_drain(settings, influx, parts.journal, database), name="drain")
            await stop.wait()
            await _cancel(inward)
            await _cancel([connection])
            await _settle_down(parts.journal, database)
            await _cancel([outward])
            with _said("when devices were last heard is not saved"):
                await _save(parts)
            log.info("ingest stopped: %d bytes wait in the journal", parts.journal.bytes)


async def _stale(parts: Kit) -> list[str]:
    """Topic filters of earlier starts that are not wanted now.

    All that were ever wanted are remembered: an earlier start may have ended before it reached the broker.
    """
    before = set(orjson.loads(await parts.journal.recall(*receive.FILTERS) or b"[]"))
    wanted = set(parts.filters)
    await receive.remember_filters(parts.journal, before | wanted)
    return sorted(before - wanted)


async def _follow(settings: Settings, parts: Kit, session: Session) -> None:
    """Take up changes of the registry's files; mistakes in them are logged, and what was known stays."""
    seen = await asyncio.to_thread(_stamps, settings.registry)
    while True:
        await asyncio.sleep(REGISTRY_CHECK)
        now = await asyncio.to_thread(_stamps, settings.registry)
        if now == seen:
            continue
        seen = now
        try:
            estate = await asyncio.to_thread(_estate, settings)
            await _take_up(estate, settings, parts, session)
        except ConfigurationError as error:
            parts.mistakes = str(error)
            log.warning("the registry changed, and is not taken up: %s", "; ".join(parts.mistakes.splitlines()))
            continue
        parts.mistakes = ""
        log.info("the registry changed: %d devices, %d topic filters", len(parts.fleet), len(session.filters))


async def _take_up(estate: Estate, settings: Settings, parts: Kit, session: Session) -> None:
    decoder = make_decoder(estate, settings)
    async with parts.lock:
        decoder.restore(await parts.journal.states())
        fleet = Fleet(estate, parts.fleet.heard())
        fleet.offline = parts.fleet.offline
        parts.decoder, parts.tags, parts.fleet = decoder, make_tags(estate, settings), fleet
        parts.rewrites.forget()  # places, and so series, may be others now
    await receive.subscribe(session, parts)


def _stamps(folder: Path) -> dict[str, tuple[int, int]]:
    """Time of change and size of every file of an estate."""
    stamps = {}
    for path in sorted(folder.rglob("*")):
        with contextlib.suppress(FileNotFoundError):
            stat = path.stat()
            stamps[str(path)] = (stat.st_mtime_ns, stat.st_size)
    return stamps


@contextlib.asynccontextmanager
async def _serving(app: web.Application, settings: Settings) -> AsyncIterator[None]:
    runner = web.AppRunner(app, access_log=None, handle_signals=False)
    await runner.setup()
    try:
        try:
            await web.TCPSite(runner, settings.health.host, settings.health.port).start()
        except OSError as error:
            raise SettingsError(
                f"health.host, health.port: {error.strerror}: set others, or stop who listens there"
            ) from error
        yield
    finally:
        await runner.cleanup()


async def _drain(settings: Settings, influx: Influx, journal: Journal, state: State) -> None:
    delay = 0.5
    while True:
        try:
            await influx.connect()
            await influx.ensure_database()
            break
        except DatabaseError as error:
            if state.text != f"waiting: {error}":
                log.warning("database %s", error)
            state.text = f"waiting: {error}"
        await asyncio.sleep(delay)
        delay = min(delay * 2, 10.0)
    log.info("connected to InfluxDB %d.%d at %s", *(influx.version or ()), settings.influx.url)
    state.text, state.ok = "ok", True
    await drain(journal, Writer(influx, state), state, settings.influx.batch_lines)


async def _tidy(influx: Influx, journal: Journal, database: State, days: int) -> None:
    """End old occupancy, once the database is there."""
    while not database.ok:  # noqa: ASYNC110  it is looked at anew after each wait, as by `_settle_down`
        await asyncio.sleep(TIDY_CHECK)
    await keep_tidy(influx, journal, days)


async def _status(parts: Kit) -> None:
    """Every minute: the status lines, what was heard, and the age of quarantine."""
    while True:
        now = time.time_ns()
        await asyncio.sleep(STATUS_EVERY - now / SECOND % STATUS_EVERY)
        minute = time.time_ns() // (STATUS_EVERY * SECOND) * STATUS_EVERY * SECOND
        with _said("no status lines this minute"):
            lines = parts.fleet.status_lines(minute, parts.tags, parts.watch.covered())
            await parts.journal.append(Entry(received=minute, lines=lines))
            await _save(parts)
            await parts.journal.tidy()


async def _save(parts: Kit) -> None:
    await parts.journal.save_heard(parts.fleet.heard())
    await parts.journal.remember(*WATCH, parts.watch.memory())


async def _watch(parts: Kit, session: Session) -> None:
    """Raise and end the alarms for silence, each with a line in the log."""
    connection = session.state.connections
    while True:
        await asyncio.sleep(SILENCE_CHECK)
        listening = session.state.connected and session.state.connections == connection
        connection = session.state.connections
        now = time.time_ns()
        change = parts.watch.look(parts.fleet.due(now), parts.fleet.offline, now, listening=listening)
        for alarm in change.started:
            log.warning("alarm: %s", alarm.text)
        for alarm in change.ended:
            log.info("alarm over: %s", alarm.text)


@contextlib.contextmanager
def _said(what: str) -> Iterator[None]:
    """Go on without what a full disk does not take, and say so."""
    try:
        yield
    except FullError as error:
        log.warning("%s: %s", what, error)


async def _settle_down(journal: Journal, database: State) -> None:
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(LAST_DRAIN):
            while journal.bytes and database.ok:  # noqa: ASYNC110  a stop may look twice; an event would outlive it
                await asyncio.sleep(0.02)


async def _cancel(tasks: Iterable[asyncio.Task[None]]) -> None:
    tasks = list(tasks)
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
