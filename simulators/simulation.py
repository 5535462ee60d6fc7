"""An estate alive: every building and every device, carried on in steps of one minute, and what each has to tell.

Nothing here does I/O or reads a clock. The same estate, seed and start give the same values, and how often somebody
asks `due` changes none of them.
"""

from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from devices.model import Estate
from simulators.ailments import ailments, swaps
from simulators.building import State
from simulators.data import climate
from simulators.instrument import Instruments, Measured
from simulators.noise import Ints
from simulators.run import Buildings
from simulators.scenario import HEALTHY, Scenario
from simulators.speakers import Due, Ills, Speakers, Told
from simulators.spoil import spoiler
from simulators.stock import Stock, make_stock

STEP_S: Final = 60
_SLOT_S: Final = 300
_WARM_UP_S: Final = 86_400
COARSE_S: Final = 300
_COARSE_BEYOND_S: Final = 86_400
_SPACE_STATE: Final = State.__slots__
_DEVICE_STATE: Final = ("register", "people_in", "people_out", "miscounted", "active", "times")


class Simulation:
    """Buildings and devices of an estate.

    Args:
        estate: the registry.
        seed: of all chance.
        start: seconds since 1970; taken down to a whole five minutes.
        every: no device tells what it measures more often than this, seconds, and all keep to that; what flips is
            still told at once. Meters then tell on the half-hours; 0 leaves each device its own way.
        scenario: what goes wrong; its times count from `start` where they name no date.
    """

    def __init__(self, estate: Estate, *, seed: int, start: int, every: int = 0, scenario: Scenario = HEALTHY) -> None:
        self.seed = seed
        self._scenario = scenario
        self.stock = make_stock(estate, seed)
        self.buildings = make_buildings(self.stock, seed, start, scenario)
        """the state is that of its `now`"""
        begin = self.now
        devices = [device for council in estate.councils.values() for device in council.devices.values()]
        self.instruments = Instruments(devices, self.stock, seed, begin)
        self._speakers = Speakers(self.instruments, _formats(estate), seed, every)
        self._expect(start)
        self._untold: list[Measured] = []
        self.told = begin
        """`due` has answered up to here"""
        self._run(start - start % _SLOT_S, COARSE_S)
        self.instruments.open_registers(self.now, np.ones(len(devices), dtype=np.bool_))
        self._forget(self.now)

    @property
    def now(self) -> int:
        """The state is that of this time, seconds since 1970."""
        return self.buildings.now

    def step(self, dt: int = STEP_S) -> None:
        """Carry on by `dt` seconds, whole minutes."""
        self._run(self.now + dt // STEP_S * STEP_S, STEP_S)

    def due(self, now: int) -> list[Due]:
        """What the devices have to tell after the last call and up to `now`, seconds since 1970, in time order.

        Args:
            now: at most the time of the state.
        """
        answer: list[Told] = []
        for measured in self._untold:
            if self.told < now:
                until = min(now, measured.trace.end)
                answer += self._speakers.due(measured, self.told, until, self._ills)
                self.told = max(self.told, until)
        self._untold = [measured for measured in self._untold if measured.trace.end > now]
        self.told = max(self.told, now)
        answer.sort(key=_in_time)
        return [due for _, _, due in answer]

    def skip(self, to: int) -> None:
        """Carry on to the minute of `to`, silent about what is before it; in longer steps while it is far away."""
        if to - self.now > _COARSE_BEYOND_S:
            self._run(self.now + -self.now % COARSE_S, STEP_S)
            self._run(to - to % COARSE_S - _COARSE_BEYOND_S, COARSE_S)
        self._run(self.now + max(0, to - self.now) // STEP_S * STEP_S, STEP_S)
        self._forget(to)

    def state(self) -> dict[str, Any]:
        """All that a simulation of the same estate and seed needs to go on from here, for JSON.

        It is the state before the steps that are not told yet, so that none of their readings is lost.
        """
        kept = self._before if self._untold else self._capture()
        values = zip(*(kept.spaces[name].tolist() for name in _SPACE_STATE), strict=True)
        return {
            "seed": self.seed,
            "now": kept.now,
            "told": self.told,
            "begun": self.begun,
            "faults": self._ills.ailments.memory,
            "spoken": self._speakers.memory(),
            "spaces": {"/".join(name): list(value) for name, value in zip(self.stock.names, values, strict=True)},
            "devices": {
                name: dict(zip(map(str, which.tolist()), kept.devices[name].tolist(), strict=True))
                for name, which in self._kept()
            },
            "names": [f"{device.council}/{device.id}" for device in self.instruments.devices],
        }

    def restore(self, state: dict[str, Any]) -> None:
        """Take back what `state` gave. Spaces and devices that it does not know stay as they are.

        Raises:
            ValueError: the state is of another seed.
        """
        if state["seed"] != self.seed:
            raise ValueError(
                f"the state is of seed {state['seed']}, not {self.seed}: use that seed, or delete the state"
            )
        self.buildings.now, self.told = state["now"], state["told"]
        self._expect(state["begun"])
        self._ills.ailments.memory.update(state["faults"])
        self._speakers.begin(self.told)
        self._speakers.restore(state["spoken"])
        spaces, ours = state["spaces"], self.buildings.state
        for number, name in enumerate(self.stock.names):
            for attribute, value in zip(_SPACE_STATE, spaces.get("/".join(name), ()), strict=False):
                getattr(ours, attribute)[number] = value
        was = {name: str(number) for number, name in enumerate(state["names"])}
        for kept, which in self._kept():
            known, values = state["devices"][kept], getattr(self.instruments, kept).copy()
            for column, number in enumerate(which.tolist()):
                device = self.instruments.devices[number]
                values[column] = known.get(was.get(f"{device.council}/{device.id}", ""), values[column])
            setattr(self.instruments, kept, values)
        self.instruments.place(self.now)
        self._untold.clear()

    def _expect(self, begun: int) -> None:
        """Let the faults of the scenario come, counted from `begun`, seconds since 1970."""
        self.begun = begun
        self.faults = self._scenario.faults(begun)
        """all of them; those of the way to the broker are for `transport`"""
        index = self.instruments.index
        self._ills = Ills(ailments(self.faults, index, self.seed), swaps(self.faults, index))
        self.buildings.expect(spoiler(self.faults))

    def _capture(self) -> "_Kept":
        state, instruments = self.buildings.state, self.instruments
        return _Kept(
            self.now,
            {name: getattr(state, name).copy() for name in _SPACE_STATE},
            {name: getattr(instruments, name).copy() for name in _DEVICE_STATE},
        )

    def _kept(self) -> list[tuple[str, Ints]]:
        one = self.instruments
        groups = (one.registers, *[one.counters] * 3, *[one.flipping] * 2)
        return list(zip(_DEVICE_STATE, groups, strict=True))

    def _run(self, to: int, dt: int) -> None:
        """Carry on to `to`, and move the devices that move meanwhile, on the whole minute after."""
        while self.now < to:
            moves = self.instruments.next_move()
            if moves <= self.now:
                self._move()
                continue
            stop = self.now + -(-(moves - self.now) // dt) * dt
            if not self._untold:
                self._before = self._capture()
            for trace in self.buildings.run(min(to, stop), dt):
                self._untold.append(self.instruments.advance(trace))

    def _move(self) -> None:
        """Devices come to their next place; their registers begin as the registry says."""
        moved = self.instruments.places.until <= self.now
        self.instruments.place(self.now)
        self.instruments.open_registers(self.now, moved)

    def _forget(self, until: int) -> None:
        self.told = until
        self._untold.clear()
        self._speakers.begin(until)


def _formats(estate: Estate) -> list[str]:
    """Of the source of each device."""
    return [
        council.sources[device.source].format
        for council in estate.councils.values()
        for device in council.devices.values()
    ]


def make_buildings(stock: Stock, seed: int, start: int, scenario: Scenario) -> Buildings:
    """The buildings of a run, a day before it begins; coarse steps bring them to the slot that `start` is in."""
    climates = [scenario.weather or climate(council.climate_station) for council, _ in stock.buildings]
    at = start - start % _SLOT_S - _WARM_UP_S
    return Buildings(stock, climates, seed=seed, at=at)


class _Kept(NamedTuple):
    """Buildings and devices at one moment."""

    now: int
    spaces: dict[str, NDArray[Any]]
    devices: dict[str, NDArray[Any]]


def _in_time(told: Told) -> tuple[int, int]:
    return told[0], told[1]
