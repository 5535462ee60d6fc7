"""Gateways that are off now and then, as they are: a socket that a cleaner needs, a restart, a broken line."""

from collections.abc import Iterator
from math import log
from typing import Final, NamedTuple

from devices.model import Estate
from simulators.gateways import ALONE
from simulators.noise import key, uniform

_YEAR_S: Final = 31_557_600
_SHORTEST_S, _LONGEST_TIMES = 120, 120.0
"""two minutes to four hours, short ones more often: as many between 2 and 22 minutes as between 22 minutes and 4 h"""


class Outage(NamedTuple):
    """One gateway off; seconds since the run began."""

    council: str
    source: str
    building: str
    start: int
    end: int


def outages(estate: Estate, name: str, per_year: float) -> Iterator[Outage]:
    """The outages of a year of each gateway; `name` is the seed.

    Args:
        per_year: how many on average.
    """
    for council in estate.councils.values():
        for source in council.sources.values():
            if source.format in ALONE or per_year <= 0:
                continue
            of, at, drawn = key(0, name, council.id, source.id, "outage"), 0.0, 0
            while True:
                wait, long = uniform(of, drawn), uniform(of, drawn + 1)
                at, drawn = at - log(1 - wait) * _YEAR_S / per_year, drawn + 2
                if at > _YEAR_S:
                    break
                lasts = _SHORTEST_S * _LONGEST_TIMES**long
                yield Outage(council.id, source.id, source.building, round(at), round(at + lasts))
                at += lasts
