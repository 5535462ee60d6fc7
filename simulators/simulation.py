"""An estate alive: every building and every device, carried on in steps of one minute, and what each has to tell.

Nothing here does I/O or reads a clock. The same estate, seed and start give the same values, and how often somebody
asks `due` changes none of them.
"""

from collections import Counter
from heapq import heapify, heapreplace
from math import gcd
from typing import Any, Final, NamedTuple

from devices.model import SECOND, Device, DeviceKind, Estate, Reading
from simulators.instrument import METERS, Instrument, make_instrument, open_register, place, step_instrument
from simulators.noise import uniform
from simulators.sensors import changes, readings, tells
from simulators.site import Site, make_site, read_schedules, step_site

STEP_S: Final = 60
_SCHEDULE_S: Final = 300
_WARM_UP_S: Final = 86_400
_COARSE_S: Final = 300
_COARSE_BEYOND_S: Final = 86_400
_HALF_HOUR_S: Final = 1_800
_ROOM_STATE: Final = (
    "temperature_c", "co2_ppm", "moisture_g_kg", "people", "integral", "valve_pct", "heat_w", "lit", "empty_s",
    "plugs_w",
)  # fmt: skip
_DEVICE_STATE: Final = ("register", "rate", "people_in", "people_out", "active", "times")


class Due(NamedTuple):
    """One device's message: what it tells, and when, ns."""

    device: Device
    readings: list[Reading]
    time: int


class Simulation:
    """Buildings and devices of an estate.

    Args:
        estate: the registry.
        seed: of all chance.
        start: seconds since 1970; taken down to a whole five minutes.
        every: no device tells more often than this, seconds. Meters then tell on the half-hours; 0 leaves each
            device its own interval.
    """

    def __init__(self, estate: Estate, *, seed: int, start: int, every: int = 0) -> None:
        self.seed = seed
        self.now = start - start % _SCHEDULE_S - _WARM_UP_S
        """the state is that of this time, seconds since 1970"""
        self.told = self.now
        """`due` has answered up to here"""
        self.sites: dict[tuple[str, str], Site] = {
            (council.id, building.id): make_site(council, building, seed, self.now)
            for council in estate.councils.values()
            for building in council.buildings.values()
        }
        self.instruments = _instruments(estate, seed)
        self._events: list[tuple[int, int]] = []
        self._every = every
        while self.now < start - start % _SCHEDULE_S:
            self._step(_COARSE_S)
        for instrument in self.instruments:
            if instrument.placed_until and instrument.site is not None:
                open_register(instrument, self.now)
        self._forget(self.now)

    def step(self, dt: int = STEP_S) -> None:
        """Carry on by `dt` seconds, whole minutes."""
        for _ in range(dt // STEP_S):
            self._step(STEP_S)

    def due(self, now: int) -> list[Due]:
        """What the devices have to tell after the last call and up to `now`, seconds since 1970, in time order.

        Args:
            now: at most the time of the state; ask after each step, since a reading shows the state of its minute.
        """
        queue, instruments = self._queue, self.instruments
        asked = [(at, index, changes) for at, index in self._events if at <= now]
        self._events = [event for event in self._events if event[0] > now]
        while queue and queue[0][0] <= now:
            at, index, period = queue[0]
            asked.append((at, index, readings))
            heapreplace(queue, (at + period, index, period))
        asked.sort(key=_in_time)
        self.told = max(self.told, now)
        answer: list[Due] = []
        for at, index, tell in asked:
            instrument = instruments[index]
            if at < instrument.placed_until and (told := tell(instrument, at, self.now)):
                answer.append(Due(instrument.device, told, at * SECOND))
        return answer

    def skip(self, to: int) -> None:
        """Carry on to the minute of `to`, silent about what is before it; in longer steps while it is far away."""
        while to - self.now > _COARSE_BEYOND_S:
            self._step(_COARSE_S if self.now % _COARSE_S == 0 else STEP_S)
        while self.now + STEP_S <= to:
            self._step(STEP_S)
        self._forget(to)

    def set_every(self, every: int) -> None:
        """Change how often devices tell at most; see the class."""
        self._every = every
        self._fill_queue()

    def state(self) -> dict[str, Any]:
        """All that a simulation of the same estate and seed needs to go on from here, for JSON."""
        return {
            "seed": self.seed,
            "now": self.now,
            "told": self.told,
            "events": self._events,
            "buildings": {
                "/".join(names): {
                    "mean_c": site.mean_c,
                    "rooms": {
                        space: [getattr(room, name) for name in _ROOM_STATE] for space, room in site.rooms.items()
                    },
                }
                for names, site in self.sites.items()
            },
            "devices": {f"{one.device.council}/{one.device.id}": _get(one, _DEVICE_STATE) for one in self.instruments},
        }

    def restore(self, state: dict[str, Any]) -> None:
        """Take back what `state` gave. Rooms and devices that it does not know stay as they are.

        Raises:
            ValueError: the state is of another seed.
        """
        if state["seed"] != self.seed:
            raise ValueError(
                f"the state is of seed {state['seed']}, not {self.seed}: use that seed, or delete the state"
            )
        self.now, self.told = state["now"], state["told"]
        for names, site in self.sites.items():
            read_schedules(site, self.now - self.now % _SCHEDULE_S)
            was = state["buildings"].get("/".join(names), {})
            site.mean_c = was.get("mean_c", site.mean_c)
            for space, values in was.get("rooms", {}).items():
                if space in site.rooms:
                    _set(site.rooms[space], _ROOM_STATE, values)
        for one in self.instruments:
            place(one, self.sites, self.now)
            _set(one, _DEVICE_STATE, state["devices"].get(f"{one.device.council}/{one.device.id}", []))
        self._events = [(at, index) for at, index in state["events"] if index < len(self.instruments)]
        self._fill_queue()

    def _step(self, dt: int) -> None:
        before, now = self.now, self.now + dt
        for site in self.sites.values():
            step_site(site, before, dt)
        for index, one in enumerate(self.instruments):
            if one.placed_until <= before:
                self._move(one, before)
            if step_instrument(one, now, dt):
                self._events.append((now, index))
        self.now = now

    def _move(self, one: Instrument, at: int) -> None:
        """A device comes to its next place; its register begins as the registry says."""
        first = one.placed_until == 0
        place(one, self.sites, at)
        if not first and one.site is not None:
            open_register(one, at)

    def _forget(self, until: int) -> None:
        self.told = until
        self._events.clear()
        self._fill_queue()

    def _fill_queue(self) -> None:
        """Each device at its own moment of its period, so that messages spread evenly."""
        self._queue: list[tuple[int, int, int]] = []
        for index, one in enumerate(self.instruments):
            if not tells(one.device.model, one.device.kind):
                continue
            period = max(one.device.interval, self._every, 1)
            phase = int(period * uniform(one.of, 4))
            if self._every and one.device.kind in METERS:
                period, phase = gcd(period, _HALF_HOUR_S), 0
            first = self.told + 1 + (phase - self.told - 1) % period
            self._queue.append((first, index, period))
        heapify(self._queue)


def _in_time(asked: tuple[int, int, object]) -> tuple[int, int]:
    return asked[0], asked[1]


def _get(source: object, names: tuple[str, ...]) -> list[Any]:
    return [getattr(source, name) for name in names]


def _set(target: object, names: tuple[str, ...], values: list[Any]) -> None:
    for name, value in zip(names, values, strict=False):
        setattr(target, name, value)


def _instruments(estate: Estate, seed: int) -> list[Instrument]:
    devices = [device for council in estate.councils.values() for device in council.devices.values()]
    plugs = Counter(space for device in devices if device.kind is DeviceKind.SMART_PLUG for space in _spaces(device))
    return [
        make_instrument(device, seed, max((plugs[space] for space in _spaces(device)), default=0)) for device in devices
    ]


def _spaces(device: Device) -> set[tuple[str, str, str]]:
    return {(device.council, where.building, where.space) for where in device.assignments}
