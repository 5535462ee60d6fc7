"""A past for an estate: what its devices would have sent, as messages in time order."""

from collections.abc import Iterator
from pathlib import Path

from devices.message import Message
from devices.model import Estate
from devices.timestamps import SECOND
from simulators.gateways import connections
from simulators.scenario import HEALTHY, Scenario
from simulators.simulation import STEP_S, Simulation
from simulators.statefile import save
from simulators.transport import way

_AT_ONCE_S = 3_600
"""simulated before its messages are made: long enough to be quick, short enough to fit in memory"""


def messages(
    estate: Estate,
    *,
    start_ns: int,
    end_ns: int,
    seed: int,
    state_file: Path | None = None,
    every: int = 300,
    scenario: Scenario = HEALTHY,
) -> Iterator[Message]:
    """Messages of all devices from `start_ns` to `end_ns`, both taken down to whole minutes.

    First come the retained ones: births, presence, and what gateways say about their devices. A message's `received`
    is its simulated time, so it also tells how far the past has come.

    Args:
        every: no device sends more often than this, seconds; meters send on the half-hours at least.
        state_file: written at the end, for `publish.simulate` to go on from. Nothing is written when the iterator is
            left early.

    Raises:
        UnplayableError: the simulators cannot play a source or a device of the estate.
    """
    everybody, speaker = connections(estate)
    start, end = start_ns // SECOND // STEP_S * STEP_S, end_ns // SECOND // STEP_S * STEP_S
    simulation = Simulation(estate, seed=seed, start=start, every=every, scenario=scenario)
    simulation.skip(start)
    transport = way(simulation.faults, seed)
    for connection in everybody:
        yield from connection.hello(start * SECOND)
    while simulation.now < end:
        simulation.step(min(_AT_ONCE_S, end - simulation.now))
        for due in simulation.due(simulation.now):
            yield from transport.carry(speaker[due.device.council, due.device.id], due)
    if state_file is not None:
        save(simulation, state_file)
