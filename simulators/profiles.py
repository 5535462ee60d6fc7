"""What a kind of building is made of and uses, so that its year comes near CIBSE TM46.

One row for each category of TM46 that councils have. The shape of a row comes from practice: the mean of TM46's
electricity (kWh / 8.76) split into a base and an occupied plateau, for the office the fractions of the DOE prototype
buildings (ASHRAE 90.1), masses by the classes of ISO 52016-1, temperatures by CIBSE Guide A. Three numbers of each row
are fitted on a simulated year in Edinburgh: `electricity`, which scales all that is plugged in; `fabric_w_k`, so that
the weather-scaled part of the thermal benchmark is met; and `hot_water_w`, which is the part that weather does not
scale. docs/simulators-year.md says how near they come. All are densities for a square metre of floor.
"""

from dataclasses import dataclass
from typing import Final

VERY_LIGHT, LIGHT, MEDIUM, HEAVY = 80_000.0, 110_000.0, 165_000.0, 260_000.0
"""J/m²K of floor, ISO 52016-1"""


@dataclass(frozen=True, slots=True)
class Profile:
    """One kind of building."""

    curve: str
    """of `people`: how the floor is used that the registry lists no spaces for"""
    mass_j_k: float
    setpoint_c: float
    setback_c: float
    intermittent: bool
    lights_w: float
    plugs_w: float
    """sockets when everybody is in"""
    plugs_idle: float
    """share of it that never sleeps"""
    fans_w: float
    catering_w: float
    pool_w: float
    """pumps and air handling of a pool, day and night"""
    servers_w: float
    base_w: float
    """what no sub-meter serves: fridges, emergency lights, lifts, pumps"""
    process_w: float
    """heat that runs day and night and does not stay in the rooms: a pool's evaporation"""
    people_w: float
    """sensible heat of one person"""
    co2_lph: float
    """of one person: 18 an adult seated, 12 a child"""
    water_l: float
    """cold water of one person in an hour"""
    electricity: float = 1.0
    fabric_w_k: float = 1.0
    hot_water_w: float = 20.0
    """gas for hot water and kitchens while open"""


_ROWS: Final = {
    # as the fields of Profile: curve, mass, setpoint, setback, intermittent, lights, plugs, idle, fans, catering, …
    1: Profile("office", MEDIUM, 20.5, 13, True, 10, 14, 0.4, 0.5, 0.3, 0, 1.2, 1.5, 0, 80, 18, 3, 0.972, 1.64, 21.5),
    7: Profile("dining", MEDIUM, 20.5, 13, True, 10, 5, 0.3, 3, 20, 0, 0, 4, 0, 90, 18, 10, 1.116, 1.41, 81.1),
    10: Profile("public", HEAVY, 20, 13, True, 11, 6, 0.2, 1.5, 0.5, 0, 0.5, 2.5, 0, 80, 18, 3, 1.093, 1.92, 33.0),
    11: Profile("leisure", MEDIUM, 19.5, 12, True, 14, 10, 0.3, 8, 4, 0, 1, 6, 0, 90, 18, 6, 0.891, 3.99, 53.2),
    12: Profile("leisure", HEAVY, 24, 20, False, 6, 2, 0.3, 6, 1.5, 19, 0, 2, 8, 80, 18, 40, 1.013, 1.09, 103.1),
    13: Profile("leisure", LIGHT, 17, 12, True, 9, 8, 0.3, 8, 1, 0, 0.5, 6, 0, 140, 22, 15, 0.994, 2.94, 53.5),
    14: Profile("leisure", LIGHT, 16.5, 12, True, 7, 2, 0.3, 4.5, 0.8, 0, 0, 4, 0, 140, 22, 15, 1.107, 3.17, 30.1),
    16: Profile("leisure", MEDIUM, 18, 11, True, 6, 1, 0.2, 0, 0.8, 0, 0, 0.6, 0, 90, 18, 3, 1.471, 1.12, 22.2),
    17: Profile("classroom", MEDIUM, 19, 12, True, 10, 8, 0.09, 0.8, 3.5, 0, 0.15, 0.5, 0, 65, 12, 2, 1.59, 1.92, 36.6),
    19: Profile("public", MEDIUM, 21, 14, True, 11, 8, 0.3, 1.5, 0.2, 0, 0.8, 3, 0, 80, 18, 6, 0.916, 1.77, 35.9),
    21: Profile("lounge", MEDIUM, 22, 21, False, 4, 2.5, 0.35, 0.8, 2.6, 0, 0, 2.4, 0, 75, 15, 6, 1.298, 2.23, 21.6),
    22: Profile("lounge", MEDIUM, 20.5, 18, False, 4, 4, 0.35, 0.5, 1.6, 0, 0, 2.3, 0, 75, 16, 5, 1.04, 1.99, 15.4),
    23: Profile("work", MEDIUM, 20, 18, False, 8, 4, 0.5, 1.5, 0.8, 0, 1, 3.5, 0, 90, 20, 5, 0.622, 2.26, 20.0),
    27: Profile("work", LIGHT, 16.5, 10, True, 8, 4, 0.2, 0.8, 0.2, 0, 0, 1.2, 0, 120, 22, 3, 0.981, 2.75, 32.3),
    28: Profile("work", LIGHT, 16, 9, True, 6, 2.5, 0.3, 0.8, 0.3, 0, 0, 1.6, 0, 110, 22, 3, 1.205, 3.47, 19.1),
}  # fmt: skip


def profile(tm46: int) -> Profile:
    """The profile of a TM46 category; one that no council building has is taken for an office."""
    return _ROWS.get(tm46, _ROWS[1])


CATEGORIES: Final = tuple(_ROWS)
