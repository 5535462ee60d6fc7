"""Readings of one series as arrays."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Times = NDArray[np.int64]
Values = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Readings:
    """Readings of one field of one device in the order of their times (ns)."""

    times: Times
    values: Values
