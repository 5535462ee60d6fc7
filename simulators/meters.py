"""What the meters of a building see: each a fixed share of one load, so that sub-meters never exceed their main."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np

from devices.model import Meter, Utility
from simulators.noise import Floats

ELECTRICITY: Final = (
    "lighting", "sockets", "ventilation", "catering", "pool", "servers", "cooling", "heat_pump", "other",
)  # fmt: skip
GAS: Final = ("gas_heating", "gas_hot_water")
HEAT: Final = ("heat_rooms", "heat_process")
WATER: Final = ("water_people", "water_standing")
LOADS: Final = (*ELECTRICITY, *GAS, *HEAT, *WATER)
"""What a building draws: watts, and litres of water an hour. The last axis of every table of loads."""
UTILITY_LOADS: Final = {
    Utility.ELECTRICITY: ELECTRICITY,
    Utility.GAS: GAS,
    Utility.HEAT: HEAT,
    Utility.WATER: WATER,
}
_USES: Final = (
    (Utility.ELECTRICITY, ("light",), ("lighting",), 1.0),
    (Utility.ELECTRICITY, ("socket", "plug", "small power", "ict"), ("sockets",), 1.0),
    (Utility.ELECTRICITY, ("vent", "fan", "ahu", "hvac", "air handling"), ("ventilation",), 1.0),
    (Utility.ELECTRICITY, ("cater", "kitchen", "dining"), ("catering",), 1.0),
    (Utility.ELECTRICITY, ("pool", "pump room"), ("pool",), 1.0),
    (Utility.ELECTRICITY, ("heat",), ("heat_pump",), 1.0),
    (Utility.ELECTRICITY, ("server",), ("servers",), 1.0),
    (Utility.ELECTRICITY, ("cool", "chill", "air conditioning"), ("cooling",), 1.0),
    (Utility.ELECTRICITY, ("laundry", "workshop"), ("sockets",), 0.5),
    (Utility.ELECTRICITY, ("charging", "lift"), ("other",), 0.5),
    (Utility.GAS, ("heat", "boiler"), ("gas_heating",), 1.0),
    (Utility.GAS, ("water", "cater", "kitchen", "pool"), ("gas_hot_water",), 1.0),
    (Utility.HEAT, ("pool",), ("heat_process",), 1.0),
    (Utility.WATER, ("pool", "shower", "kitchen"), ("water_people",), 0.5),
)
"""What the use of a sub-meter names: loads, and how much of them it sees."""
_UNNAMED: Final = 0.3
"""share of the rest that the sub-meters see together whose use names no load of ours"""


@dataclass(frozen=True, slots=True)
class Tap:
    """A metering point's view: the sum of some loads, times its share."""

    loads: tuple[str, ...]
    share: float

    def weights(self) -> Floats:
        """Along `LOADS`."""
        return np.array([self.share if load in self.loads else 0.0 for load in LOADS])


def taps(meters: Mapping[str, Meter]) -> dict[str, Tap]:
    """What each metering point of a building sees."""
    return {name: _tap(meters, meter) for name, meter in meters.items()}


def has_heat_pump(meters: Mapping[str, Meter]) -> bool:
    """Whether the building is heated by electricity: one of its meters says so."""
    return any(_named(meter)[0] == ("heat_pump",) for meter in meters.values())


def above(meters: Mapping[str, Meter], meter: Meter) -> Meter | None:
    """The meter that counts it too; one below a meter of another utility (heat below gas) has none."""
    parent = meters.get(meter.parent)
    return parent if parent and parent.utility is meter.utility else None


def _tap(meters: Mapping[str, Meter], meter: Meter) -> Tap:
    """A meter below one of another utility (heat below gas) is the first of its own."""
    upper = above(meters, meter)
    siblings = [other for other in meters.values() if other.utility is meter.utility and above(meters, other) is upper]
    if upper is None:
        return Tap(UTILITY_LOADS[meter.utility], 1 / len(siblings))
    parent = _tap(meters, upper)
    loads, share = _named(meter)
    if loads and set(loads) <= set(parent.loads) and (share < 1 or loads != parent.loads):
        return Tap(loads, parent.share * share / sum(_named(other)[0] == loads for other in siblings))
    rest = tuple(load for load in parent.loads if all(load not in _named(other)[0] for other in siblings))
    return Tap(rest, parent.share * _UNNAMED / len(siblings))


def _named(meter: Meter) -> tuple[tuple[str, ...], float]:
    use = meter.use.lower().replace("_", " ").replace("-", " ") if meter.parent else ""
    mine = (row for row in _USES if row[0] is meter.utility)
    return next(((loads, share) for _, words, loads, share in mine if any(word in use for word in words)), ((), 1.0))
