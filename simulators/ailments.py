"""What faults of devices do to what a device tells.

A fault that holds a value (a flat line, a register that begins again) remembers the first reading it met; `memory`
goes into the state of the simulation.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Final

import numpy as np

from devices.schema import Field, Kind
from devices.timestamps import FOREVER, SECOND
from simulators.faults import Fault, Scope
from simulators.noise import Flags, Floats, Ints, key, keys, spreads, uniforms
from simulators.reporting import AT_ONCE

_OF_ITSELF: Final = frozenset({"battery", "battery_voltage", "link_quality", "device_temperature"})
"""What a device tells about itself, not about its place"""
_SPIKES: Final = 0.03
"""share of the readings"""
_LAST_CHARGE_PCT: Final = 12.0
_RUNS_DOWN: Final = 0.25
"""share of its time that a dying battery lasts"""
_BELOW_ROLLOVER: Final = 2.0
_WRONG: Final[dict[str, Callable[[Floats], Floats]]] = {
    "Cel": lambda celsius: celsius * 1.8 + 32,
    "kWh": lambda kwh: kwh * 1_000,
    "m3": lambda m3: m3 * 1_000,
    "W": lambda watts: watts / 1_000,
    "ppm": lambda ppm: ppm / 10_000,
    "%RH": lambda percent: percent / 100,
    "%": lambda percent: percent / 100,
}
"""By the unit of the schema: what a careless installer makes of it."""


@dataclass(slots=True)
class Telling:
    """What some devices of one model measure and may tell: columns of equal length, a device's times rising."""

    fields: tuple[Field, ...]
    device: Ints
    at: Ints
    values: list[Floats]
    claimed: Ints
    """the time that the device claims, milliseconds since 1970"""
    silent: Flags


@dataclass(slots=True)
class Ailments:
    """The faults of an estate's devices, by the device's number."""

    faults: dict[int, list[Fault]]
    seed: int
    memory: dict[str, float] = field(default_factory=dict)
    """first value met, by fault and field"""

    def strike(self, telling: Telling) -> None:
        """Change what is told, in place."""
        for number, faults in self.faults.items():
            of_device = telling.device == number
            if of_device.any():
                for fault in faults:
                    struck = np.flatnonzero(of_device & (telling.at >= fault.start) & (telling.at < _until(fault)))
                    if len(struck):
                        _STRIKES[fault.kind](self, fault, telling, struck)

    def first(self, fault: Fault, name: str, values: Floats) -> float:
        """The first value that a fault ever met."""
        return self.memory.setdefault(f"{fault.id}/{name}", float(values[0]))


def ailments(faults: Sequence[Fault], index: dict[tuple[str, str], int], seed: int) -> Ailments:
    """The faults of devices among these; `index` numbers the devices."""
    found: dict[int, list[Fault]] = {}
    for fault in faults:
        if fault.scope is Scope.DEVICE and fault.kind in _STRIKES:
            found.setdefault(index[fault.council, fault.device], []).append(fault)
    return Ailments(found, seed)


def swaps(faults: Sequence[Fault], index: dict[tuple[str, str], int]) -> list[tuple[Fault, int, int]]:
    """Devices that hang in each other's place."""
    return [
        (fault, index[fault.council, fault.device], index[fault.council, fault.other])
        for fault in faults
        if fault.kind == "swapped_sensors"
    ]


_LASTING: Final = frozenset({"register_reset", "register_rollover", "swapped_meter"})


def _until(fault: Fault) -> int:
    """A register does not find back to what it was."""
    return FOREVER // SECOND if fault.kind in _LASTING else fault.end


def _measured(telling: Telling) -> list[int]:
    """Columns about the place."""
    return [number for number, one in enumerate(telling.fields) if one.name not in _OF_ITSELF]


def _first_quantity(telling: Telling) -> Floats:
    """The column of the first quantity that is more than a state; one that nobody reads where only states are told."""
    for values, one in zip(telling.values, telling.fields, strict=True):
        if one.name not in AT_ONCE | _OF_ITSELF:
            return values
    return np.zeros(len(telling.at))


def _registers(telling: Telling) -> list[int]:
    return [number for number, one in enumerate(telling.fields) if one.kind is Kind.REGISTER]


def _chance(ours: Ailments, fault: Fault, at: Ints, stream: int) -> Floats:
    return uniforms(keys([key(ours.seed, "fault", fault.id)]), at, stream)


def _flatline(ours: Ailments, fault: Fault, telling: Telling, struck: Ints) -> None:
    for column in _measured(telling):
        values = telling.values[column]
        values[struck] = ours.first(fault, telling.fields[column].name, values[struck])


def _drift(ours: Ailments, fault: Fault, telling: Telling, struck: Ints) -> None:
    del ours
    gone = (telling.at[struck] - fault.start) / 86_400
    _first_quantity(telling)[struck] += fault.severity * gone


def _noise(ours: Ailments, fault: Fault, telling: Telling, struck: Ints) -> None:
    of = keys([key(ours.seed, "fault", fault.id)])
    _first_quantity(telling)[struck] += fault.severity * spreads(of, telling.at[struck])


def _spikes(ours: Ailments, fault: Fault, telling: Telling, struck: Ints) -> None:
    at = telling.at[struck]
    jumps = _chance(ours, fault, at, 0) < _SPIKES
    sign = np.where(_chance(ours, fault, at, 1) < 0.5, -1.0, 1.0)
    _first_quantity(telling)[struck] += np.where(jumps, fault.severity * sign, 0.0)


def _wrong_unit(ours: Ailments, fault: Fault, telling: Telling, struck: Ints) -> None:
    del ours, fault
    for column in _measured(telling):
        wrong = _WRONG.get(telling.fields[column].unit)
        if wrong is not None:
            telling.values[column][struck] = wrong(telling.values[column][struck])


def _clock_skew(ours: Ailments, fault: Fault, telling: Telling, struck: Ints) -> None:
    del ours
    telling.claimed[struck] += round(1_000 * fault.severity)


def _dead_battery(ours: Ailments, fault: Fault, telling: Telling, struck: Ints) -> None:
    del ours
    lasts = max(1.0, _RUNS_DOWN * (fault.end - fault.start))
    left = 1 - (telling.at[struck] - fault.start) / lasts
    for column, one in enumerate(telling.fields):
        if one.name == "battery":
            telling.values[column][struck] = np.round(np.maximum(0.0, left) * _LAST_CHARGE_PCT)
    telling.silent[struck] |= left <= 0


def _register_reset(ours: Ailments, fault: Fault, telling: Telling, struck: Ints) -> None:
    for column in _registers(telling):
        values = telling.values[column]
        values[struck] += fault.severity - ours.first(fault, telling.fields[column].name, values[struck])


def _register_rollover(ours: Ailments, fault: Fault, telling: Telling, struck: Ints) -> None:
    """The register stands a little below its width when the fault begins, and runs over soon."""
    for column in _registers(telling):
        values = telling.values[column]
        grown = values[struck] - ours.first(fault, telling.fields[column].name, values[struck])
        values[struck] = (fault.severity - _BELOW_ROLLOVER + grown) % fault.severity


_STRIKES: Final[dict[str, Callable[[Ailments, Fault, Telling, Ints], None]]] = {
    "flatline": _flatline,
    "drift": _drift,
    "noise": _noise,
    "spikes": _spikes,
    "wrong_unit": _wrong_unit,
    "clock_skew": _clock_skew,
    "dead_battery": _dead_battery,
    "register_reset": _register_reset,
    "register_rollover": _register_rollover,
    "swapped_meter": _register_reset,
}
