"""The part of the answer key about registers: what each meter showed first and last, and when it ran over."""

import csv
from collections import defaultdict
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import numpy as np

from devices.model import SECOND, Assignment, Estate, Utility
from simulators.instrument import METERS, Instruments
from simulators.meters import GAS_KWH_M3
from simulators.noise import Floats, Ints
from simulators.registers import shown, turns
from simulators.stock import make_stock

_COLUMNS: Final = (
    "council", "building", "meter", "device", "unit", "step", "width", "from", "to", "first", "last", "ran_over",
)  # fmt: skip
_HALF_HOUR_S: Final = 1_800
_UNIT: Final = {Utility.ELECTRICITY: "kWh", Utility.GAS: "m3", Utility.HEAT: "kWh", Utility.WATER: "m3"}

_Seen = dict[tuple[str, str, str], tuple[Ints, Floats]]
"""(council, building, meter) → starts of half-hours (seconds since 1970), and what it saw in each"""


def write_registers(folder: Path, estate: Estate, *, seed: int, start: int) -> None:
    """Write `registers.csv` beside the `energy.csv` that `answers.write_answers` wrote into the folder.

    Its times are ends of half-hours; `ran_over` lists those in which the register began again at 0, with spaces
    between. What a faulty meter shows instead is not here.

    Args:
        start: of the run, seconds since 1970.
    """
    seen = _read(folder / "energy.csv")
    devices = [device for council in estate.councils.values() for device in council.devices.values()]
    instruments = Instruments(devices, make_stock(estate, seed), seed, start)
    with (folder / "registers.csv").open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(_COLUMNS)
        for number, device in enumerate(devices):
            if device.kind in METERS:
                for assignment in device.assignments:
                    where = device.council, assignment.building, assignment.meter
                    if where in seen:
                        writer.writerows(_rows(instruments, number, assignment, start, *seen[where]))


def _rows(
    instruments: Instruments, number: int, assignment: Assignment, start: int, begins: Ints, amounts: Floats
) -> Iterator[tuple[Any, ...]]:
    """One row, or none where the meter was not there in the run."""
    here = (begins >= assignment.start // SECOND) & (begins + _HALF_HOUR_S <= assignment.end // SECOND)
    if not here.any():
        return
    device, kind = instruments.devices[number], instruments.register_at(number, assignment)
    building = instruments.building_of(number, assignment)
    utility = building.meters[assignment.meter].utility
    ends, steps = begins[here] + _HALF_HOUR_S, amounts[here] / (GAS_KWH_M3 if utility is Utility.GAS else 1.0)
    met = max(start, assignment.start // SECOND)
    unseen = steps[0] * (ends[0] - _HALF_HOUR_S - met) / _HALF_HOUR_S
    counted = instruments.counted_by(number, assignment, met) + unseen + np.cumsum(np.concatenate([[0.0], steps]))
    width = np.full(len(counted), kind.width)
    says = shown(counted, np.full(len(counted), kind.step), width)
    over = ends[np.flatnonzero(np.diff(turns(counted, width)) > 0)]
    yield (
        device.council, assignment.building, assignment.meter, device.id, _UNIT[utility], f"{kind.step:g}",
        f"{kind.width:.0f}", _text(int(ends[0]) - _HALF_HOUR_S), _text(int(ends[-1])),
        f"{says[0]:.3f}", f"{says[-1]:.3f}", " ".join(_text(second) for second in over.tolist()),
    )  # fmt: skip


def _read(path: Path) -> _Seen:
    times: dict[tuple[str, str, str], list[int]] = defaultdict(list)
    values: dict[tuple[str, str, str], list[float]] = defaultdict(list)
    with path.open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            if row["meter"]:
                where = row["council"], row["building"], row["meter"]
                times[where].append(int(datetime.fromisoformat(row["time"]).timestamp()))
                values[where].append(float(row["value"]))
    return {where: (np.array(times[where]), np.array(values[where])) for where in times}


def _text(second: int) -> str:
    return datetime.fromtimestamp(second, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
