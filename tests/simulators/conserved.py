"""Whether energy is conserved: what meters tell, against the integral of the physics, against the key's half-hours.

The three come apart from each other: a register from the messages that its meter sends, the physics from the steps of
the simulation that sends them, the key from a second simulation that knows no devices.
"""

from collections.abc import Iterable, Sequence
from typing import NamedTuple

import numpy as np

from devices.model import Device, Estate, Utility
from devices.timestamps import SECOND
from simulators.instrument import METERS, Measured
from simulators.meters import LOADS, taps
from simulators.noise import Floats
from simulators.run import Trace
from simulators.scenario import HEALTHY
from simulators.simulation import Simulation
from simulators.speakers import Due
from simulators.stock import make_stock
from simulators.truth import truth

KWH_M3 = 39.5 / 3.6 * 1.02264
"""Of gas: the bill's conversion."""
_FIELDS = {
    Utility.ELECTRICITY: "electricity_import", Utility.GAS: "gas", Utility.HEAT: "heat", Utility.WATER: "water",
}  # fmt: skip


class Seen(NamedTuple):
    """One meter between its first and its last message."""

    council: str
    building: str
    meter: str
    utility: Utility
    begun: int
    """time of the first message, seconds since 1970"""
    step: float
    """of the register, in the unit of the next two"""
    register: float
    """last less first, and its width for each time that it ran over; kWh, or m³ of water"""
    physics: float
    turns: int
    """how often it ran over"""


class Balance(NamedTuple):
    seen: Seen
    key: float

    @property
    def worst(self) -> float:
        """Greatest difference between two of the three, as a share of the physics."""
        three = (self.seen.register, self.seen.physics, self.key)
        return (max(three) - min(three)) / self.seen.physics if self.seen.physics else float(max(three) > 0)


class _Line:
    """The book of one meter."""

    def __init__(self, device: Device, number: int, simulation: Simulation) -> None:
        (place,) = device.assignments
        self.place, self.number = place, number
        self.index = simulation.stock.index[device.council, place.building]
        building = simulation.stock.buildings[self.index][1]
        self.utility = building.meters[place.meter].utility
        self.weights = taps(building.meters)[place.meter].weights()
        self.first, self.last, self.begun, self.told = 0.0, 0.0, 0, 0
        self.turns, self.physics = 0, 0.0

    def tell(self, second: int, value: float) -> None:
        if not self.begun:
            self.begun, self.first = second, value
        elif value < self.last:
            self.turns += 1
        self.told, self.last = second, value


class Ledger:
    """The books of all meters of a simulation whose devices stay where they are; it looks on from its making."""

    def __init__(self, simulation: Simulation) -> None:
        devices = simulation.instruments.devices
        self._lines = {
            device.id: _Line(device, number, simulation)
            for number, device in enumerate(devices)
            if device.kind in METERS
        }
        self._simulation = simulation
        self._council = {device.id: device.council for device in devices}
        self._traces: list[tuple[int, int, Floats]] = []
        advance = simulation.instruments.advance

        def watched(trace: Trace) -> Measured:
            self._traces.append((trace.start, trace.dt, trace.loads))
            return advance(trace)

        simulation.instruments.advance = watched  # type: ignore[method-assign]  # the ledger looks on

    def take(self, told: Iterable[Due]) -> None:
        """Book the messages of the steps since the last call, and the physics of these steps."""
        for due in told:
            line = self._lines.get(due.device.id)
            if line:
                for reading in due.readings:
                    if reading.field.name == _FIELDS[line.utility]:
                        line.tell(due.time // SECOND, reading.value)
        for start, dt, loads in self._traces:
            ends = start + dt * (1 + np.arange(len(loads)))
            for line in self._lines.values():
                watts = loads[ends > line.begun, line.index] @ line.weights
                line.physics += float(watts.sum()) * dt / 3.6e6
        self._traces.clear()

    def seen(self, until: int) -> list[Seen]:
        """The books at `until`, seconds since 1970, when every meter has just told its register."""
        late = [name for name, line in self._lines.items() if line.told != until]
        if late:
            raise ValueError(f"{late[0]} and {len(late) - 1} others told nothing at {until}: end on a half-hour")
        return [self._seen(name, line) for name, line in self._lines.items()]

    def _seen(self, name: str, line: _Line) -> Seen:
        unit = KWH_M3 if line.utility is Utility.GAS else 1.0
        places = self._simulation.instruments.places  # of now: a meter may have come after the beginning
        rise = line.last - line.first + line.turns * float(places.width[line.number])
        return Seen(
            self._council[name], line.place.building, line.place.meter, line.utility, line.begun,
            float(places.step[line.number]) * unit, rise * unit, line.physics, line.turns,
        )  # fmt: skip


def balances(estate: Estate, seed: int, start: int, end: int, seen: Sequence[Seen]) -> list[Balance]:
    """Each meter beside the answer key's half-hours from its first message to `end`."""
    stock = make_stock(estate, seed)
    sums = np.zeros(len(seen))
    places = [stock.index[one.council, one.building] for one in seen]
    weights = np.zeros((len(seen), len(LOADS)))
    for number, one in enumerate(seen):
        weights[number] = taps(stock.buildings[places[number]][1].meters)[one.meter].weights()
    begun = np.array([one.begun for one in seen])
    for part in truth(stock, seed=seed, start=start, end=end, scenario=HEALTHY, faults=[]):
        amounts = (part.loads[:, places] * weights).sum(axis=2)
        sums += (amounts * (part.start[:, None] >= begun)).sum(axis=0)
    return [Balance(one, float(total)) for one, total in zip(seen, sums, strict=True)]


def summary(kept: Sequence[Balance], days: int) -> str:
    """Markdown: for each utility the sums, and the worst of its meters."""
    rows = [
        f"Register, physics and answer key over {days} days of {len(kept)} meters: the rise of the register by the "
        "messages that the meter sends, the integral of what its loads draw each minute, and the sum of the key's "
        "half-hours.\n",
        "| utility | meters | ran over | registers | physics | answer key | unit | worst difference of a meter |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for utility in Utility:
        mine = [one for one in kept if one.seen.utility is utility]
        if mine:
            sums = [sum(three) for three in zip(*((o.seen.register, o.seen.physics, o.key) for o in mine), strict=True)]
            turns, unit = sum(one.seen.turns for one in mine), "m³" if utility is Utility.WATER else "kWh"
            figures = " | ".join(f"{one:,.0f}" for one in sums)
            rows.append(
                f"| {utility} | {len(mine)} | {turns} | {figures} | {unit} | {max(one.worst for one in mine):.4%} |"
            )
    worst = max(kept, key=lambda one: one.worst)
    where = f"`{worst.seen.meter}` in `{worst.seen.building}`"
    rows.append(f"\nThe worst difference is {worst.worst:.4%}, of {where}; the bound is 0.1%.")
    return "\n".join(rows) + "\n"
