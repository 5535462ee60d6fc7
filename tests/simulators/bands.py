"""Published figures for how buildings use electricity over the day and the week, to compare a simulated year with.

The Building Data Genome Project (C. Miller and F. Meggers, 2017, MIT licence, github.com/buds-lab) publishes features
of hourly electricity meters, 143 of them in Great Britain: 74 primary and secondary schools, 25 offices of councils and
other government bodies, 9 halls of residence. Two ratios follow from its feature files, of each meter:

- night: mean of the hours 00 to 05 against 10 to 15, all days of the year (`HOD.mean` of `features_visdom.csv`);
- weekend: a Saturday or Sunday against a Monday to Friday (`features_stl_weeklypattern.csv`, the weekly pattern,
  added to the mean day of `features_visdom.csv`).

A band is from the tenth to the ninetieth of a hundred meters. It supersedes no benchmark: it is what such buildings do.
No open data was found for the British libraries, health centres, pools, halls, depots and fire stations of a council.
Energy Sparks, the charity that reads some thousand British schools' meters, publishes its benchmarks in its analytics
(github.com/Energy-Sparks, MIT licence): a school used 50 % (exemplar of 2023) to 65 % (bad) of its electricity outside
08:50 to 15:20 on school days; its benchmark of July 2026 is 58 %.
"""

from typing import Final, NamedTuple


class Band(NamedTuple):
    low: float
    usual: float
    high: float
    of: str


_SCHOOLS, _OFFICES, _HALLS = "74 schools", "25 public offices", "9 halls of residence"

NIGHT: Final = {
    1: Band(0.23, 0.58, 0.71, _OFFICES),
    17: Band(0.21, 0.28, 0.46, _SCHOOLS),
    21: Band(0.62, 0.78, 0.93, _HALLS),
    22: Band(0.62, 0.78, 0.93, _HALLS),
}
WEEKEND: Final = {
    1: Band(0.38, 0.72, 0.85, _OFFICES),
    17: Band(0.16, 0.26, 0.47, _SCHOOLS),
    21: Band(0.77, 0.98, 1.01, _HALLS),
    22: Band(0.77, 0.98, 1.01, _HALLS),
}
OUT_OF_HOURS: Final = Band(0.50, 0.58, 0.65, "Energy Sparks")
"""of a school's electricity"""
