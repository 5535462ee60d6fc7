"""When a device speaks of a quantity: on a change, and at the latest at its heartbeat.

A rule is Zigbee's report configuration: a smallest change that is worth a message, a shortest time between two, and a
longest one, which is the interval that the registry expects of the device. The changes are those that Zigbee2MQTT
configures (zigbee-herdsman-converters, `lib/reporting.ts`), except where a comment says otherwise. A device looks at
its sensors once a minute, at a second of its own, as one that sleeps in between does.

What does not report so, and keeps a fixed period:

- LoRaWAN: airtime is scarce (1 % duty cycle in EU868), so nodes send on a timer, each with a little jitter against
  collisions; what flips (a door, a movement) is sent at once;
- meters behind a gateway, and pulse counters: the gateway reads them in turn (M-Bus, Modbus: the master asks);
- Tasmota: TelePeriod; its relay tells at once;
- counters of people and weather stations of ours, whose software sends on a timer.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby
from math import inf
from typing import Any, Final, NamedTuple

import numpy as np

from devices.model import Device, DeviceKind
from devices.schema import Field
from simulators.noise import Flags, Floats, Ints, Keys, uniforms

LOOK_S: Final = 60
"""how often a device looks at its sensors"""
_ANY: Final = 1e-9
_TIMED_FORMATS: Final = frozenset({"thethingsstack", "senml", "tasmota", "sparkplug"})
_TIMED_KINDS: Final = frozenset(
    {
        DeviceKind.ELECTRICITY_METER, DeviceKind.GAS_METER, DeviceKind.HEAT_METER, DeviceKind.WATER_METER,
        DeviceKind.PEOPLE_COUNTER, DeviceKind.WEATHER_STATION, DeviceKind.WATER_SENSOR,
    }
)  # fmt: skip
_JITTERY_FORMATS: Final = frozenset({"thethingsstack"})
_JITTER_SHARE, _JITTER_MOST_S = 0.05, 30
AT_ONCE: Final = frozenset({"open", "openings", "occupied", "on", "switched", "leak"})
"""What even a device on a timer tells when it changes."""
_TOGETHER: Final = "native"
"""The format whose devices tell all they see in one message; the others tell what changed."""
_WITH_EVERY_MESSAGE: Final = frozenset({"link_quality"})


class Rule(NamedTuple):
    """How one quantity of a device is told on a change."""

    change: float = inf
    """in the schema's unit; infinite is told with others, and at the heartbeat"""
    least_s: int = 0
    """between two messages, whatever changes"""


_RULES: Final = {
    "temperature": Rule(0.1, 10),
    "humidity": Rule(1.0, 10),
    "co2": Rule(50.0, 10),  # 1 ppm there, which is noise; the accuracy of such sensors is 50 ppm
    "illuminance": Rule(20.0, 10),  # 0.1 % there, which is every look in daylight
    "heating_setpoint": Rule(0.1),
    "valve_position": Rule(10.0),
    "heating": Rule(_ANY),
    "on": Rule(_ANY),
    "brightness": Rule(0.4, 1),
    "color_temperature": Rule(10.0),
    "occupied": Rule(_ANY),
    "open": Rule(_ANY),
    "openings": Rule(_ANY),
    "switched": Rule(_ANY),
    "leak": Rule(_ANY),
    "power": Rule(5.0, 5),  # 1 W there; 5 W before its version 15
    "voltage": Rule(5.0, 5),  # likewise
    "current": Rule(0.05, 5),  # likewise
    "electricity_import": Rule(0.257, 5),
    "battery": Rule(1.0, 3_600),
}
_BY_MODEL: Final = {
    # every half-degree-thermostat's firmware filters; 0.2 K and five minutes are what ZHA's Ally script configures
    "Danfoss 014G2461": {"temperature": Rule(0.2, 19)},
    "Philips 9290012607": {"temperature": Rule(1.0, 10)},
    "Tolbooth room-sensor": {"temperature": Rule(0.2, 10)},
}


def rule_of(device: Device, field: Field) -> Rule:
    """The rule of one quantity of a device that reports on change."""
    own = _BY_MODEL.get(device.model, {})
    return own.get(field.name) or _RULES.get(field.name, Rule())


def on_change(device: Device, form: str) -> bool:
    """Whether a device reports on change; `form` is the format of its source.

    One that is to be heard every minute tells all it sees: then nothing is left to be decided.
    """
    return form not in _TIMED_FORMATS and device.kind not in _TIMED_KINDS and device.interval > LOOK_S


def follows(field: Field, form: str) -> bool:
    """Whether a quantity is told with whatever else its device tells."""
    return form == _TOGETHER or field.name in _WITH_EVERY_MESSAGE


def jitter_s(form: str, period: int) -> int:
    """How much later than its period a device on a timer may send, seconds."""
    return min(_JITTER_MOST_S, int(period * _JITTER_SHARE)) if form in _JITTERY_FORMATS else 0


@dataclass(frozen=True, slots=True)
class Timer:
    """Devices that send at fixed periods: one element each."""

    of: Keys
    period: Ints
    phase: Ints
    jitter: Ints
    """shorter than the period"""

    def times(self, told: int, until: int) -> tuple[Ints, Ints]:
        """Which of them (by index) send after `told` and up to `until`, and when; each one's times rise."""
        if not len(self.period):
            return self.period, self.period
        first = (told + 1 - self.phase) // self.period
        most = int(((until - self.phase) // self.period - first).max(initial=-1)) + 1
        nth = first + np.arange(most)[:, None]
        late = (uniforms(self.of, nth, stream=23) * (self.jitter + 1)).astype(np.int64)
        at = self.phase + nth * self.period + late
        row, which = np.nonzero((at > told) & (at <= until))
        return which, at[row, which]


class Points:
    """Quantities that are told on a change, and what was last told of each.

    One point is one quantity of one device; the points of a device stand together.
    """

    def __init__(self, device: Ints, rules: Sequence[Rule], heartbeat: Floats, follows: Flags) -> None:
        """Args:
        heartbeat: seconds; infinite for what a device on a timer tells at once.
        follows: told with whatever the device tells.
        """
        self.device = device
        self.change = np.array([rule.change for rule in rules])
        self.least = np.array([float(rule.least_s) for rule in rules])
        self.heartbeat = heartbeat
        self.last = np.full(len(device), np.nan)
        self.last_at = np.zeros(len(device))
        sizes = [len(list(group)) for _, group in groupby(device.tolist())]
        self._first = np.cumsum([0, *sizes[:-1]]).astype(np.int64) if sizes else np.zeros(0, dtype=np.int64)
        self._of_device = np.repeat(np.arange(len(sizes)), sizes)
        self._follows = follows

    def begin(self, at: int, of: Keys) -> None:
        """Forget what was told; the first heartbeats come at any time within one interval.

        Args:
            of: the devices' keys of chance, one for each point.
        """
        self.last[:] = np.nan
        share = uniforms(of, np.full(1, 25))
        beat = np.where(np.isinf(self.heartbeat), 0.0, self.heartbeat)
        self.last_at[:] = at - np.floor(share * beat / LOOK_S) * LOOK_S

    def decide(self, at: Ints, values: Floats, there: Flags) -> Flags:
        """Which points are told at each look, the earliest row first; remembers what was.

        Args:
            at: (look, device) seconds since 1970; devices in the order of the points.
            values: (look, point) in the sensor's resolution.
            there: (look, device) false where the device does not look, or cannot be heard.
        """
        told = np.zeros(values.shape, dtype=np.bool_)
        if not values.size:
            return told
        change = self.change - _ANY / 2
        beat = np.maximum(0.0, self.heartbeat - LOOK_S)
        last, last_at, of = self.last, self.last_at, self._of_device
        for row in range(len(values)):
            now, seen, here = at[row, of], values[row], there[row, of]
            since = now - last_at
            say = ((since > beat) | ((np.abs(seen - last) >= change) & (since >= self.least))) & here
            anything = np.logical_or.reduceat(say, self._first)[of]
            say |= anything & self._follows & here
            told[row] = say
            keep = say | (np.isnan(last) & here)
            np.copyto(last, seen, where=keep)
            np.copyto(last_at, now, where=say, casting="unsafe")
        return told

    def memory(self, names: Sequence[str]) -> dict[str, list[Any]]:
        """What was last told of each point and when, for JSON."""
        values = [None if value != value else value for value in self.last.tolist()]
        return {name: [value, at] for name, value, at in zip(names, values, self.last_at.tolist(), strict=True)}

    def restore(self, names: Sequence[str], memory: dict[str, list[Any]]) -> None:
        """Take back what `memory` gave; a point that it does not know stays as it is."""
        for point, name in enumerate(names):
            if name in memory:
                value, self.last_at[point] = memory[name]
                self.last[point] = np.nan if value is None else value
