"""What the meters of a building see: each a fixed share of one load, so that sub-meters never exceed their main."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from devices.model import Meter, Utility

GAS_KWH_M3: Final = 39.5 / 3.6 * 1.02264
"""gross calorific value of 39.5 MJ/m³ and the usual correction for temperature and pressure"""


@dataclass(slots=True)
class Loads:
    """What a building draws at the moment: watts, and litres of water an hour."""

    lighting: float = 0.0
    sockets: float = 0.0
    ventilation: float = 0.0
    catering: float = 0.0
    pool: float = 0.0
    heat_pump: float = 0.0
    other: float = 0.0
    gas_heating: float = 0.0
    gas_hot_water: float = 0.0
    heat: float = 0.0
    water: float = 0.0

    def electricity(self) -> float:
        return self.lighting + self.sockets + self.ventilation + self.catering + self.pool + self.heat_pump + self.other

    def gas(self) -> float:
        return self.gas_heating + self.gas_hot_water


@dataclass(frozen=True, slots=True)
class Tap:
    """A metering point's view: the sum of some loads, times its share."""

    loads: tuple[str, ...]
    share: float


_ALL: Final = {
    Utility.ELECTRICITY: ("lighting", "sockets", "ventilation", "catering", "pool", "heat_pump", "other"),
    Utility.GAS: ("gas_heating", "gas_hot_water"),
    Utility.HEAT: ("heat",),
    Utility.WATER: ("water",),
}
_USES: Final = (
    (Utility.ELECTRICITY, ("light",), ("lighting",), 1.0),
    (Utility.ELECTRICITY, ("socket", "plug", "small power", "ict"), ("sockets",), 1.0),
    (Utility.ELECTRICITY, ("vent", "fan", "ahu", "hvac", "air handling"), ("ventilation",), 1.0),
    (Utility.ELECTRICITY, ("cater", "kitchen", "dining"), ("catering",), 1.0),
    (Utility.ELECTRICITY, ("pool", "pump room"), ("pool",), 1.0),
    (Utility.ELECTRICITY, ("heat",), ("heat_pump",), 1.0),
    (Utility.ELECTRICITY, ("laundry", "workshop"), ("sockets",), 0.5),
    (Utility.ELECTRICITY, ("server", "charging", "lift"), ("other",), 0.5),
    (Utility.GAS, ("heat", "boiler"), ("gas_heating",), 1.0),
    (Utility.GAS, ("water", "cater", "kitchen", "pool"), ("gas_hot_water",), 1.0),
    (Utility.HEAT, ("pool",), ("heat",), 0.4),
    (Utility.WATER, ("pool", "shower", "kitchen"), ("water",), 0.5),
)
"""What the use of a sub-meter names: loads, and how much of them it sees."""
_UNNAMED: Final = 0.3
"""share of the rest that the sub-meters see together whose use names no load of ours"""


def taps(meters: Mapping[str, Meter]) -> dict[str, Tap]:
    """What each metering point of a building sees."""
    return {name: _tap(meters, meter) for name, meter in meters.items()}


def watts(tap: Tap, loads: Loads) -> float:
    """What flows through the meter: W, or l/h for water."""
    total: float = sum(getattr(loads, name) for name in tap.loads)
    return tap.share * total


def has_heat_pump(meters: Mapping[str, Meter]) -> bool:
    """Whether the building is heated by electricity: one of its meters says so."""
    return any(_named(meter)[0] == ("heat_pump",) for meter in meters.values())


def _tap(meters: Mapping[str, Meter], meter: Meter) -> Tap:
    """A meter below one of another utility (heat below gas) is the first of its own."""
    above = _above(meters, meter)
    siblings = [other for other in meters.values() if other.utility is meter.utility and _above(meters, other) is above]
    if above is None:
        return Tap(_ALL[meter.utility], 1 / len(siblings))
    parent = _tap(meters, above)
    loads, share = _named(meter)
    if loads and set(loads) <= set(parent.loads) and (share < 1 or loads != parent.loads):
        return Tap(loads, parent.share * share / sum(_named(other)[0] == loads for other in siblings))
    rest = tuple(load for load in parent.loads if all(load not in _named(other)[0] for other in siblings))
    return Tap(rest, parent.share * _UNNAMED / len(siblings))


def _above(meters: Mapping[str, Meter], meter: Meter) -> Meter | None:
    parent = meters.get(meter.parent)
    return parent if parent and parent.utility is meter.utility else None


def _named(meter: Meter) -> tuple[tuple[str, ...], float]:
    use = meter.use.lower().replace("_", " ").replace("-", " ") if meter.parent else ""
    mine = (row for row in _USES if row[0] is meter.utility)
    return next(((loads, share) for _, words, loads, share in mine if any(word in use for word in words)), ((), 1.0))
