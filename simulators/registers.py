"""How meters show what they counted: in steps of a pulse or a last digit, and again from 0 beyond their width."""

from collections.abc import Mapping
from typing import Final, NamedTuple

import numpy as np

from devices.model import Utility
from simulators.noise import Floats, Ints


class Register(NamedTuple):
    """The register of one meter, in the schema's unit (kWh or m³)."""

    step: float
    """of one pulse, or of its last digit"""
    digits: int
    """before the decimal point"""

    @property
    def width(self) -> float:
        """Where it begins again at 0."""
        return float(10**self.digits)


PLUG: Final = Register(0.001, 12)
"""a counter in software: 48 bits of watt-hours in Zigbee's metering cluster, which no plug lives to fill"""
_OF_MODEL: Final = {
    "Schneider iEM3155": Register(0.001, 8),  # watt-hours over Modbus; the display ends at 99,999,999.9 kWh
    "Kamstrup MULTICAL 603": Register(1.0, 7),  # seven digits of whole kWh
    "Kamstrup flowIQ 3200": Register(0.001, 6),  # nine digits, three of them litres
}
_BY_SIZE: Final[Mapping[Utility, tuple[tuple[float, float], ...]]] = {
    Utility.ELECTRICITY: ((30_000.0, 0.001), (300_000.0, 0.01), (np.inf, 0.1)),
    Utility.GAS: ((10_000.0, 0.01), (100_000.0, 0.1), (np.inf, 1.0)),
    Utility.HEAT: ((300_000.0, 0.1), (np.inf, 1.0)),
    Utility.WATER: ((500.0, 0.001), (np.inf, 0.01)),
}
"""Pulses of counted meters, by what goes through in a usual year: up to so much, and the unit of one pulse. Usual are
1,000 pulses/kWh for a direct meter, 100 and 10 behind current transformers; 0.01 m³ for a small gas meter, 0.1 m³ and
1 m³ for large ones; a litre or ten for water."""
_DIGITS: Final = {Utility.ELECTRICITY: 6, Utility.GAS: 6, Utility.HEAT: 7, Utility.WATER: 5}


def register_of(model: str, utility: Utility, usual_year: float, opening: float) -> Register:
    """The register of a meter; one that already shows more digits than is usual has them.

    Args:
        usual_year: what goes through in a year, in the register's unit.
        opening: what it shows at the beginning.
    """
    known = _OF_MODEL.get(model)
    step, digits = known or (
        next(step for most, step in _BY_SIZE[utility] if usual_year <= most),
        _DIGITS[utility],
    )
    return Register(step, max(digits, len(str(int(opening)))))


def shown(counted: Floats, step: Floats, width: Floats) -> Floats:
    """What registers show of what they counted: whole steps, below their width."""
    pulses = np.floor(counted / step + 1e-6)
    answer: Floats = np.mod(pulses, np.round(width / step)) * step
    return answer


def turns(counted: Floats, width: Floats) -> Ints:
    """How often a register began again."""
    return np.floor_divide(counted, width).astype(np.int64)
