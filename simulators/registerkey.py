"""The part of the answer key about registers: what each meter showed first and last, and when it ran over."""

from collections.abc import Iterator, Mapping
from typing import Final

import numpy as np

from devices.factors import GAS_KWH_M3
from devices.model import Assignment, Utility
from devices.tables import Row, time_text
from devices.timestamps import SECOND
from simulators.instrument import METERS, Instruments
from simulators.noise import Floats, Ints
from simulators.registers import shown, turns
from simulators.truth import HALF_HOUR_S

_UNIT: Final = {Utility.ELECTRICITY: "kWh", Utility.GAS: "m3", Utility.HEAT: "kWh", Utility.WATER: "m3"}


def register_rows(
    instruments: Instruments, start: int, begins: Ints, seen: Mapping[tuple[str, str, str], Floats]
) -> Iterator[Row]:
    """One row for each place that a meter had in the run.

    Its times are ends of half-hours; the last cell lists those in which the register began again at 0, with spaces
    between. What a faulty meter shows instead is not here.

    Args:
        start: of the run, seconds since 1970.
        begins: of the half-hours, seconds since 1970.
        seen: what each meter (council, building, meter) saw in each of them: kWh, or m³ of water.
    """
    for number, device in enumerate(instruments.devices):
        if device.kind in METERS:
            for assignment in device.assignments:
                amounts = seen.get((device.council, assignment.building, assignment.meter))
                if amounts is not None:
                    yield from _rows(instruments, number, assignment, start, begins, amounts)


def _rows(
    instruments: Instruments, number: int, assignment: Assignment, start: int, begins: Ints, amounts: Floats
) -> Iterator[Row]:
    """One row, or none where the meter was not there in the run."""
    here = (begins >= assignment.start // SECOND) & (begins + HALF_HOUR_S <= assignment.end // SECOND)
    if not here.any():
        return
    device, kind = instruments.devices[number], instruments.register_at(number, assignment)
    utility = instruments.meter_of(number, assignment).utility
    ends, steps = begins[here] + HALF_HOUR_S, amounts[here] / (GAS_KWH_M3 if utility is Utility.GAS else 1.0)
    met = max(start, assignment.start // SECOND)
    unseen = steps[0] * (ends[0] - HALF_HOUR_S - met) / HALF_HOUR_S
    counted = instruments.counted_by(number, assignment, met) + unseen + np.cumsum(np.concatenate([[0.0], steps]))
    width = np.full(len(counted), kind.width)
    says = shown(counted, np.full(len(counted), kind.step), width)
    over = ends[np.flatnonzero(np.diff(turns(counted, width)) > 0)]
    yield (
        device.council, assignment.building, assignment.meter, device.id, _UNIT[utility], kind.step, kind.width,
        int(ends[0]) - HALF_HOUR_S, int(ends[-1]), float(says[0]), float(says[-1]),
        " ".join(map(time_text, over.tolist())),
    )  # fmt: skip
