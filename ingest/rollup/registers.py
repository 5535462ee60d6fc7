"""Registers → consumption: pure arithmetic on the readings of one register.

What a register took between two readings is shared evenly over the time between them. So the half-hours always add
up to the difference of the register, and each depends on its own readings and the nearest one on either side.

A step that cannot be what a meter took is judged by rule:

- it falls, and would have come round at a width that registers have: the roll-over is counted;
- it falls to less than half: it began again at 0, and has what it shows (estimated, since what it took before is lost);
- it falls a little: it was too high before, and that is taken back;
- it rises by more than any such meter takes in that time (another meter behind the same device, a wrong unit): nothing
  is counted.
"""

from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from devices.localdays import HALF_HOUR_NS
from devices.schema import BY_NAME, Field
from devices.timestamps import SECOND
from ingest.rollup.readings import Readings, Values

LONG: Final = 2 * 3_600 * SECOND
"""A step of more than this is estimated: nobody knows in which of its half-hours it was taken."""
MOST: Final = {
    BY_NAME[name].key: amount
    for name, amount in {
        "electricity_import": 4_000.0,
        "electricity_export": 4_000.0,
        "gas": 1_000.0,
        "gas_energy": 10_000.0,
        "heat": 10_000.0,
        "water": 200.0,
    }.items()
}
"""What a meter of a council's building can take in an hour, several times what its largest sites do."""
STEP: Final = 100.0
"""The coarsest digit of a register: it may move by this much at once (heat meters count 0.1 MWh)."""
NEAR: Final = 0.01
"""Share of its width within which a register may have come round."""
_WIDTHS: Final = tuple(
    sorted({10.0**k for k in range(3, 11)} | {2.0**bits / 10**digits for bits in (16, 24, 32) for digits in range(4)})
)
"""Where registers come round: at a power of ten, or where 16, 24 or 32 bits of some decimal place are full."""


class Use(NamedTuple):
    """What was taken in a half-hour, in the register's unit, and how much of that is estimated."""

    amount: float
    estimated: float


def half_hours(register: Readings, field: Field, start: int, end: int) -> dict[int, Use]:
    """Consumption by half-hour (its start, ns) from `start` up to `end`, where the register covers some of it.

    Args:
        register: with the last reading before `start` and the first at or after `end`, where there are such.
        start, end: on half-hours.
    """
    times = register.times
    if len(times) < 2:
        return {}
    first = max(start, int(times[0]) // HALF_HOUR_NS * HALF_HOUR_NS)
    last = min(end, -(-int(times[-1]) // HALF_HOUR_NS) * HALF_HOUR_NS)
    if first >= last:
        return {}
    edges = np.arange(first, last + 1, HALF_HOUR_NS, dtype=np.int64)
    # relative times: as floats, the absolute ones would be rounded
    known, wanted = (times - first).astype(np.float64), (edges - first).astype(np.float64)

    def between(level: Values) -> list[float]:
        amounts: list[float] = np.diff(np.interp(wanted, known, level)).tolist()
        return amounts

    took = np.diff(register.values)
    steps, estimated = _judge(register, took, field)
    # what the register would show had it only ever risen by what was taken; the same to the last bit where it did
    amounts = between(register.values + _sums(steps - took))
    parts = between(_sums(np.where(estimated, steps, 0.0)))
    return dict(zip(edges[:-1].tolist(), map(Use, amounts, parts), strict=True))


def _sums(steps: Values) -> Values:
    return np.concatenate(([0.0], np.cumsum(steps)))


def _judge(register: Readings, took: Values, field: Field) -> tuple[Values, NDArray[np.bool_]]:
    """What was taken between each reading and the next, where the register rose by `took`; whether it is estimated."""
    steps, apart = took.copy(), np.diff(register.times)
    estimated = apart > LONG
    most = MOST[field.key] * (apart / (3_600 * SECOND)) + STEP
    for index in np.flatnonzero(took < 0).tolist():
        before, after = register.values[index : index + 2].tolist()
        steps[index], reset = _fall(before, after, float(most[index]))
        estimated[index] |= reset
    return np.where(steps > most, 0.0, steps), estimated


def _fall(before: float, after: float, most: float) -> tuple[float, bool]:
    """What was taken where a register fell, and whether it began again."""
    if after >= before / 2:
        return (after - before if before - after <= most else 0.0), False
    for width in _WIDTHS:
        left = width - before
        if 0 <= left <= NEAR * width and left + after <= most:
            return left + after, False
    return (after, True) if after <= most else (0.0, False)
