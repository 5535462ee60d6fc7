"""A scenario of faults that a seed chooses, as a scenario's file: so that nobody knows the answers beforehand."""

from collections.abc import Callable
from itertools import pairwise
from typing import Final

from devices.model import Building, Council, Device, DeviceKind, Estate
from simulators.faults import KINDS, Scope
from simulators.noise import key, uniform
from simulators.profiles import profile
from simulators.stock import cooled

_LONGEST: Final = 0.5
"""share of the run that a fault lasts at most"""
_COUNTING: Final = frozenset({"register_reset", "register_rollover", "swapped_meter"})
_CLIMATE: Final = frozenset({"drift", "noise", "spikes"})
_AIR: Final = frozenset({DeviceKind.ROOM_SENSOR, DeviceKind.RADIATOR_THERMOSTAT})


class _Dice:
    """Draws one thing after the other."""

    def __init__(self, seed: int) -> None:
        self._of, self._drawn = key(seed, "scenario"), 0

    def draw(self) -> float:
        self._drawn += 1
        return uniform(self._of, self._drawn)

    def pick(self, things: list[str]) -> str:
        return things[int(self.draw() * len(things))]


def random_scenario(estate: Estate, *, seed: int, days: int, count: int) -> str:
    """The text of a scenario's file with `count` faults within `days`, no kind twice before each has come once."""
    dice, lines, unused = _Dice(seed), list[str](), list[str]()
    council = next(iter(estate.councils.values()))
    while len(lines) < count:
        unused = unused or [kind for kind in KINDS if _places(kind, council)]
        kind = dice.pick(unused)
        unused.remove(kind)
        where = dice.pick(_places(kind, council))
        begins = round(dice.draw() * days * (1 - _LONGEST) * 24)
        lasts = max(12, round((0.3 + 0.7 * dice.draw()) * days * _LONGEST * 24))
        start, end = (f"{hour // 24}d {hour % 24:02}:00" for hour in (begins, begins + lasts))
        council_key = f"council: {council.id}, " if len(estate.councils) > 1 else ""
        lines.append(f"  - {{kind: {kind}, {council_key}{where}, from: {start}, to: {end}}}\n")
    return f"name: chance of seed {seed}\nfaults:\n{''.join(lines)}"


def _places(kind: str, council: Council) -> list[str]:
    """Where in a council a fault of this kind may strike, as keys of a scenario's file."""
    scope = KINDS[kind].scope
    if scope in {Scope.BUILDING, Scope.SPACE}:
        fits = _FITS.get(kind)
        return [f"building: {name}" for name, one in council.buildings.items() if fits is None or fits(one)]
    if scope is Scope.SOURCE:
        return [f"source: {name}" for name, source in council.sources.items() if source.building]
    devices = [device for device in council.devices.values() if _strikes(kind, device)]
    if kind == "swapped_sensors":
        return [
            f"device: {one.id}, other: {other.id}"
            for one, other in pairwise(devices)
            if (one.kind, one.model) == (other.kind, other.model) and _space(one) != _space(other)
        ]
    return [f"device: {device.id}" for device in devices]


def _space(device: Device) -> str:
    return device.assignments[-1].space


def _intermittent(building: Building) -> bool:
    return profile(building.tm46).intermittent


_FITS: Final[dict[str, Callable[[Building], bool]]] = {
    "heating_at_night": _intermittent,
    "heating_over_holiday": _intermittent,
    "timer_wrong": _intermittent,
    "heating_and_cooling": lambda building: any(cooled(building, space) for space in building.spaces.values()),
    "pool_uncovered": lambda building: profile(building.tm46).process_w > 0,
}


def _strikes(kind: str, device: Device) -> bool:
    if kind in _COUNTING:
        return device.kind is DeviceKind.ELECTRICITY_METER
    if kind == "dead_battery":
        return device.kind is DeviceKind.RADIATOR_THERMOSTAT
    return device.kind in _AIR if kind in _CLIMATE | {"swapped_sensors", "flatline", "wrong_unit"} else True
