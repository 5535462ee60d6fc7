"""What a kilowatt-hour costs and emits, each with its source and date: change it here, then build the boards again.

The boards and the simulators' answer key take it from here. A council puts its own contract's prices here. Factors are
those of the year that holds most of what is reported, so a range over several years is shown with one year's: use that
is unchanged then looks unchanged.
"""

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class Rates:
    """Of a kilowatt-hour of each: pounds, or kilograms of CO₂ equivalent."""

    electricity: float
    gas: float
    heat: float
    """from a heat network"""
    source: str


GAS_KWH_M3: Final = 1.02264 * 39.5 / 3.6
"""Volume correction × calorific value in MJ/m³ ÷ 3.6, as gas is billed in the United Kingdom; the bill has the day's
calorific value, 38 to 41."""

PRICES: Final = Rates(
    electricity=0.27,
    gas=0.07,
    heat=0.09,
    source="Prices: £0.27 for a kWh of electricity, £0.07 of gas, £0.09 of heat, without VAT and standing charge; "
    "assumptions after business quotes of January 2026, to be replaced by the contract's.",
)

CARBON: Final = Rates(
    electricity=0.13096,
    gas=0.18231,
    heat=0.1796,
    source="Carbon: 0.13096 kgCO2e for a kWh of electricity (generated, without losses of the grid), 0.18231 of gas "
    "(gross calorific value), both of the UK Government GHG Conversion Factors for 2026; 0.1796 of district heat, for "
    "2024, the newest at hand (a network may publish its own).",
)
"""Read in November 2026 in secondary sources that transcribe the flat files: compare with the file before reporting."""
