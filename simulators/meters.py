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
    other: float = 0.0
    gas_heating: float = 0.0
    gas_hot_water: float = 0.0
    heat: float = 0.0
    water: float = 0.0

    def electricity(self) -> float:
        return self.lighting + self.sockets + self.ventilation + self.catering + self.pool + self.other

    def gas(self) -> float:
        return self.gas_heating + self.gas_hot_water


@dataclass(frozen=True, slots=True)
class Tap:
    """A metering point's view: the sum of some loads, times its share."""

    loads: tuple[str, ...]
    share: float


_ALL: Final = {
    Utility.ELECTRICITY: ("lighting", "sockets", "ventilation", "catering", "pool", "other"),
    Utility.GAS: ("gas_heating", "gas_hot_water"),
    Utility.HEAT: ("heat",),
    Utility.WATER: ("water",),
}
_USES: Final = (
    (Utility.ELECTRICITY, ("light",), ("lighting",)),
    (Utility.ELECTRICITY, ("socket", "plug", "small power", "office equipment", "ict"), ("sockets",)),
    (Utility.ELECTRICITY, ("vent", "fan", "ahu", "hvac", "air handling"), ("ventilation",)),
    (Utility.ELECTRICITY, ("cater", "kitchen", "dining"), ("catering",)),
    (Utility.ELECTRICITY, ("pool", "pump"), ("pool",)),
    (Utility.GAS, ("heat", "boiler"), ("gas_heating",)),
    (Utility.GAS, ("water", "cater", "kitchen", "pool"), ("gas_hot_water",)),
)
_UNNAMED: Final = 0.3
"""share of its parent that a sub-meter sees whose use names no load of ours"""


def taps(meters: Mapping[str, Meter]) -> dict[str, Tap]:
    """What each metering point of a building sees."""
    return {id: _tap(meters, meter) for id, meter in meters.items()}


def watts(tap: Tap, loads: Loads) -> float:
    """What flows through the meter: W, or l/h for water."""
    return tap.share * sum(getattr(loads, name) for name in tap.loads)


def _tap(meters: Mapping[str, Meter], meter: Meter) -> Tap:
    siblings = [other for other in meters.values() if (other.utility, other.parent) == (meter.utility, meter.parent)]
    if not meter.parent or meter.parent not in meters:
        return Tap(_ALL[meter.utility], 1 / len(siblings))
    parent = _tap(meters, meters[meter.parent])
    named = _named(meter)
    if named and set(named) < set(parent.loads):
        return Tap(named, parent.share / sum(_named(other) == named for other in siblings))
    rest = tuple(load for load in parent.loads if all(load not in _named(other) for other in siblings))
    return Tap(rest, parent.share * _UNNAMED / len(siblings))


def _named(meter: Meter) -> tuple[str, ...]:
    use = meter.use.lower().replace("_", " ").replace("-", " ")
    return next(
        (loads for utility, words, loads in _USES if utility is meter.utility and any(word in use for word in words)), ()
    )
