"""The estate live: every gateway and every native device with a connection of its own, at real speed or faster."""

import asyncio
import logging
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from aiomqtt import Client, MqttError, TLSParameters, Will

from devices.message import Message
from devices.model import Estate
from simulators.gateways import Connection, connections
from simulators.noise import key, uniform
from simulators.scenario import HEALTHY, Scenario
from simulators.simulation import Simulation
from simulators.statefile import load, save
from simulators.transport import way

_log = logging.getLogger(__name__)
_wire = logging.getLogger(f"{__name__}.wire")
"""paho's own lines, an error for each connection when a broker goes; `_Run` tells of it once"""

PAST_S: Final = 28 * 86_400
"""How far in the past a faster run begins: within the 30 days that ingest accepts"""
_FILLED_GAP_S: Final = 3_600
"""A shorter absence is made up for, as devices that store and forward do; a longer one leaves a gap"""
_TICK_S: Final = 0.25
_AHEAD_S: Final = 3_600
"""Simulated at most in one tick"""
_QUEUED: Final = 10_000
"""Messages of one connection that wait for the broker; then the simulation waits too"""
_FIRST_WAIT_S, _LONGEST_WAIT_S = 1.0, 60.0
_FAREWELL_S: Final = 3.0
_SAVE_EVERY_S: Final = 300.0

_Queue = asyncio.Queue[Message | None]
"""what a connection has to send; None wakes it up to leave"""


@dataclass(frozen=True, slots=True)
class Broker:
    """Where to publish."""

    host: str = "127.0.0.1"
    port: int = 1883
    username: str | None = None
    password: str | None = field(default=None, repr=False)
    ca_file: Path | None = None
    """TLS, trusting this authority"""
    credential: Callable[[str], tuple[str, str] | None] | None = None
    """user name and password of a connection, asked for at each connect; else all have the ones above"""

    def login(self, connection: str) -> tuple[str | None, str | None]:
        """User name and password of a connection."""
        own = self.credential(connection) if self.credential else None
        return own or (self.username, self.password)


@dataclass(frozen=True, slots=True)
class _Run:
    """What all connections of a run share."""

    broker: Broker
    seed: int
    leave: asyncio.Event = field(default_factory=asyncio.Event)
    away: set[str] = field(default_factory=set)
    """connections that are lost: one line in the log for all of them"""

    def lost(self, name: str, error: Exception) -> None:
        if not self.away:
            _log.warning("%s lost its connection, or has none yet: %s", name, error)
        self.away.add(name)

    def back(self, name: str) -> None:
        if name in self.away:
            self.away.remove(name)
            if not self.away:
                _log.warning("every connection is back")


async def simulate(
    estate: Estate,
    broker: Broker,
    *,
    seed: int,
    speed: float = 1.0,
    state_file: Path | None = None,
    stop: asyncio.Event | None = None,
    scenario: Scenario = HEALTHY,
) -> None:
    """Publish until `stop` is set or the task is cancelled; each connection then says offline.

    At speed 1, simulated time is the clock's. Faster, it begins where the state file ends, though at most 28 days
    ago (ingest accepts 30), runs until it has caught up with the clock, and goes on at speed 1; so no message claims
    a time in the future.

    Args:
        state_file: read if it exists, and kept up to date: the run goes on where the last run or the backfill ended.

    Raises:
        UnplayableError: the simulators cannot play a source or a device of the estate.
        StateError: the state file is of another seed, or none.
    """
    everybody, speaker = connections(estate)
    clock = time.time()
    simulation = await asyncio.to_thread(_begin, estate, seed, speed, state_file, clock, scenario)
    queues: dict[str, _Queue] = {one.name: asyncio.Queue(_QUEUED) for one in everybody}
    run = _Run(broker, seed)
    _wire.setLevel(logging.CRITICAL)
    _log.info("simulating %d devices on %d connections", len(speaker), len(everybody))
    try:
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(_stay_connected(one, queues[one.name], run), name=one.name) for one in everybody]
            drive = group.create_task(_drive(simulation, speaker, queues, speed, state_file), name="simulation")
            waiting = group.create_task((stop or asyncio.Event()).wait(), name="stop")
            try:
                await asyncio.wait([drive, waiting], return_when=asyncio.FIRST_COMPLETED)
                drive.cancel()
                waiting.cancel()
                await _emptied(queues)
            finally:
                run.leave.set()
            for queue in queues.values():
                if not queue.full():
                    queue.put_nowait(None)
            _, late = await asyncio.wait(tasks, timeout=_FAREWELL_S)
            for task in late:
                task.cancel()
    finally:
        if state_file is not None:
            save(simulation, state_file)
        _log.info("simulation stopped")


def _begin(
    estate: Estate, seed: int, speed: float, state_file: Path | None, clock: float, scenario: Scenario
) -> Simulation:
    """The simulation, brought to where publishing begins."""
    begin = int(clock) if speed == 1 else int(clock) - PAST_S
    simulation = Simulation(estate, seed=seed, start=begin, scenario=scenario)
    known = state_file is not None and load(simulation, state_file)
    if not known or begin - simulation.told > _FILLED_GAP_S:
        simulation.skip(begin)
    return simulation


async def _drive(
    simulation: Simulation,
    speaker: dict[tuple[str, str], Connection],
    queues: dict[str, _Queue],
    speed: float,
    state_file: Path | None,
) -> None:
    began, clock = simulation.told, time.time()
    transport = way(simulation.faults, simulation.seed)
    saved = time.monotonic()
    while True:
        wall = time.time()
        now = int(wall if speed == 1 else min(wall, began + (wall - clock) * speed))
        now = min(now, simulation.told + _AHEAD_S)
        while simulation.told < now:
            until = min(now, max(simulation.now, simulation.told + 1))
            while simulation.now < until:
                simulation.step()
            for due in simulation.due(min(now, simulation.now)):
                connection = speaker[due.device.council, due.device.id]
                for message in transport.carry(connection, due):
                    await queues[connection.name].put(message)
        if state_file is not None and time.monotonic() - saved > _SAVE_EVERY_S:
            saved = time.monotonic()
            await asyncio.to_thread(save, simulation, state_file)
        await asyncio.sleep(_TICK_S)


async def _stay_connected(one: Connection, queue: _Queue, run: _Run) -> None:
    """Connect, publish, and after a loss try again, later each time and not all at once.

    It ends when the run says to leave. Cancellation alone would not do: `asyncio.wait_for` of Python 3.11, which
    aiomqtt waits with, swallows one that comes together with an acknowledgement
    (https://github.com/python/cpython/issues/86296), and aiomqtt does not clean up after one that comes while it
    connects.
    """
    broker, of, attempt = run.broker, key(run.seed, "connection", one.name), 0
    unsent: list[Message] = []
    await _pause(uniform(of), run.leave)
    while not run.leave.is_set():
        will = one.goodbye(time.time_ns())
        username, password = broker.login(one.name)
        try:
            async with Client(
                broker.host,
                broker.port,
                identifier=one.name,
                username=username,
                password=password,
                logger=_wire,
                tls_params=TLSParameters(ca_certs=str(broker.ca_file)) if broker.ca_file else None,
                will=Will(will.topic, will.payload, qos=1, retain=will.retained) if will else None,
            ) as client:
                attempt = 0
                run.back(one.name)
                await _publish_all(client, one, queue, unsent, run.leave)
        except* MqttError as errors:
            run.lost(one.name, errors.exceptions[0])
            longest = min(_LONGEST_WAIT_S, _FIRST_WAIT_S * 2 ** min(attempt, 6))
            attempt += 1
            await _pause(longest * (0.5 + uniform(of, attempt) / 2), run.leave)


async def _publish_all(
    client: Client, one: Connection, queue: _Queue, unsent: list[Message], leave: asyncio.Event
) -> None:
    """Birth, then what comes; a message that the broker did not acknowledge is the first after the next connect."""
    try:
        async with asyncio.TaskGroup() as group:
            watch = group.create_task(_notice_loss(client))
            for birth in one.hello(time.time_ns()):
                await client.publish(birth.topic, birth.payload, qos=1, retain=birth.retained)
            while not leave.is_set():
                if not unsent:
                    message = await queue.get()
                    if message is None:
                        break
                    unsent.append(message)
                await client.publish(unsent[0].topic, unsent[0].payload, qos=1, retain=unsent[0].retained)
                unsent.clear()
                queue.task_done()
            watch.cancel()
    finally:
        will = one.goodbye(time.time_ns())
        with suppress(MqttError, TimeoutError):
            async with asyncio.timeout(_FAREWELL_S):
                if will is not None:
                    await client.publish(will.topic, will.payload, qos=1, retain=will.retained)


async def _pause(seconds: float, leave: asyncio.Event) -> None:
    with suppress(TimeoutError):
        await asyncio.wait_for(leave.wait(), seconds)


async def _notice_loss(client: Client) -> None:
    """Fail as soon as the connection is lost, also while there is nothing to send; nothing is subscribed to."""
    async for _ in client.messages:
        pass


async def _emptied(queues: dict[str, _Queue]) -> None:
    """Wait for what is still to be sent, though not for a broker that is away."""
    with suppress(TimeoutError):
        async with asyncio.timeout(_FAREWELL_S):
            for queue in queues.values():
                await queue.join()
