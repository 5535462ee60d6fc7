"""What a kind of building is made of and uses, so that its year comes near CIBSE TM46.

Sources. Electricity: the mean of TM46 (energy / 8.76), split into a base and an occupied plateau; for the office the
fractions of the DOE prototype buildings (ASHRAE 90.1). Heat loss: fitted so that the weather-scaled share of TM46's
fossil-thermal benchmark is met at 2021 heating degree days and 80 % boiler efficiency (times 1.35 where heating is
intermittent), but lower in a care home, whose 22 °C by day and night that fit does not know. Mass: the classes of
ISO 52016-1. Hot water and the like are TM46's share that weather does not scale.
All are densities per square metre of floor.
"""

from dataclasses import dataclass
from typing import Final

_MEDIUM, _LIGHT, _HEAVY = 165_000.0, 110_000.0, 260_000.0


@dataclass(frozen=True, slots=True)
class Profile:
    """One kind of building."""

    lights_w: float
    plugs_w: float
    """sockets when everybody is in"""
    plugs_idle: float
    """share of it that never sleeps"""
    fans_w: float
    catering_w: float
    pool_w: float
    """pumps and air handling of a pool, day and night"""
    base_w: float
    """what no sub-meter serves: servers, fridges, emergency lights, lifts"""
    heat_loss_w_k: float
    mass_j_k: float
    hot_water_w: float
    """gas for hot water and kitchens while open"""
    process_w: float
    """heat that runs day and night and does not stay in the rooms: a pool's evaporation"""
    setpoint_c: float
    setback_c: float
    intermittent: bool
    curve: str
    """of `people`: how the floor is used that the registry lists no spaces for"""
    people_w: float = 80.0
    """sensible heat of one person"""
    co2_lph: float = 18.0
    """of one person: 18 an adult seated, 12 a child"""
    water_l: float = 3.0
    """cold water of one person in an hour"""


_OFFICE: Final = Profile(
    12, 17, 0.4, 0.5, 0.3, 0, 1.5, 1.09, _MEDIUM, 28, 0, 20.5, 13.0, intermittent=True, curve="office"
)  # fmt: skip
_LIBRARY: Final = Profile(
    12, 6, 0.2, 2.5, 0.5, 0, 3.0, 1.81, _HEAVY, 26, 0, 20.0, 13.0, intermittent=True, curve="public"
)  # fmt: skip
_POOL: Final = Profile(
    6, 2, 0.3, 6, 1.5, 19, 2.0, 2.99, _HEAVY, 80, 8, 24.0, 20.0, intermittent=False, curve="leisure", water_l=40
)  # fmt: skip
_LEISURE: Final = Profile(
    6, 2, 0.3, 4.5, 0.8, 0, 5.0, 2.99, _LIGHT, 25, 0, 17.0, 12.0, intermittent=True, curve="leisure",
    people_w=140, water_l=15
)  # fmt: skip
_LIGHT_USE: Final = Profile(
    6, 2, 0.2, 0.5, 0.8, 0, 0.8, 0.95, _MEDIUM, 20, 0, 18.0, 11.0, intermittent=True, curve="leisure"
)  # fmt: skip
_SCHOOL: Final = Profile(
    11, 6, 0.2, 2, 3, 0, 1.4, 1.36, _MEDIUM, 30, 0, 19.0, 12.0, intermittent=True, curve="classroom",
    people_w=65, co2_lph=12, water_l=2
)  # fmt: skip
_CARE: Final = Profile(
    3.5, 2, 0.5, 0.5, 1.2, 0, 3.0, 2.4, _MEDIUM, 22, 0, 22.0, 21.0, intermittent=False, curve="lounge", water_l=6
)  # fmt: skip
_DEPOT: Final = Profile(
    6, 2.5, 0.3, 0.8, 0.3, 0, 1.6, 1.85, _LIGHT, 26, 0, 16.0, 9.0, intermittent=True, curve="work", people_w=110
)  # fmt: skip

_BY_TM46: Final = {
    1: _OFFICE,
    7: _LIBRARY,
    10: _LIBRARY,
    11: _LEISURE,
    12: _POOL,
    13: _LEISURE,
    14: _LEISURE,
    16: _LIGHT_USE,
    17: _SCHOOL,
    18: _OFFICE,
    19: _LIBRARY,
    20: _CARE,
    21: _CARE,
    22: _CARE,
    23: _CARE,
    27: _DEPOT,
    28: _DEPOT,
}
"""The nearest kind for the categories that councils have."""


def profile(tm46: int) -> Profile:
    """The profile of a TM46 category; one that no council building has is taken for an office."""
    return _BY_TM46.get(tm46, _OFFICE)
