"""Where a figure changes its colour on the boards, with the source of each limit.

A limit is guidance, not law, unless its source says otherwise; change it here, then build the boards again.
"""

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class Steps:
    """Colours (Grafana's names) from minus infinity upwards, and who says so."""

    first: str
    rest: tuple[tuple[float, str], ...]
    source: str


PLAIN: Final = Steps("blue", (), "no limit applies")

CO2: Final = Steps(
    "green",
    ((800, "yellow"), (1_500, "red")),
    "Health and Safety Executive, ventilation in the workplace: below 800 ppm a space is likely to be well ventilated; "
    "one that is consistently above 1,500 ppm needs action. Single readings mislead.",
)

TEMPERATURE: Final = Steps(
    "blue",
    ((16, "green"), (25, "orange")),
    "16 °C is the usual minimum in the Approved Code of Practice to the Workplace Regulations 1992 (13 °C where work "
    "is physical); CIBSE Guide A asks of offices that 25 °C is not passed in more than 5 % of the occupied year.",
)
