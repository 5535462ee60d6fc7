"""Scenarios: what goes wrong in an estate, and when. `scenarios/*.yaml` are examples, docs/simulators.md explains.

A scenario's times are dates, or count from the beginning of the run: `3d`, `3d 06:30`.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any, Final, NamedTuple

import numpy as np
from pydantic import BeforeValidator, Field
from pydantic_core import PydanticCustomError

from devices.errors import ConfigurationError
from devices.estate.explain import shaped
from devices.estate.problem import Problem, shown, suggest
from devices.estate.shapes import Shape
from devices.estate.text import Place, read_csv, read_yaml
from devices.estate.values import Id, Text, instant
from devices.factors import PRICES
from devices.model import Building, Council, Device, Estate
from devices.timestamps import FOREVER, SECOND
from simulators.faults import KINDS, Fault, Scope
from simulators.outages import outages
from simulators.profiles import profile
from simulators.stock import cooled
from simulators.weather import Recorded

_OFFSET: Final = re.compile(r"(\d{1,4})d(?: ([01]\d|2[0-3]):([0-5]\d))?")
_EVER_S: Final = FOREVER // SECOND
_BIG: Final = 366 * 86_400
"""an end that a scenario leaves out, for faults that grow"""


class ScenarioError(ConfigurationError):
    """A scenario's file holds mistakes; the text has one a line, as `file:line: what: mend`."""

    def __init__(self, problems: list[Problem]) -> None:
        super().__init__("\n".join(str(problem) for problem in problems))
        self.problems = problems


class When(NamedTuple):
    """A time of a scenario, seconds since 1970, or since the beginning of the run."""

    seconds: int
    dated: bool

    def at(self, begun: int) -> int:
        return self.seconds if self.dated else begun + self.seconds


_WATER: Final = 3.0


@dataclass(frozen=True, slots=True)
class Tariff:
    """Pounds for a kWh, and for a cubic metre of water and its sewerage. Defaults: see docs/simulators.md."""

    electricity: float = PRICES.electricity
    gas: float = PRICES.gas
    heat: float = PRICES.heat
    """from a network"""
    water: float = _WATER


class Planned(NamedTuple):
    fault: Fault
    start: When
    end: When | None


@dataclass(frozen=True, slots=True)
class Scenario:
    """What goes wrong."""

    name: str
    planned: tuple[Planned, ...] = ()
    tariff: Tariff = field(default_factory=Tariff)
    weather: Recorded | None = None
    """instead of the seed's"""

    def faults(self, begun: int) -> tuple[Fault, ...]:
        """The faults of a run that begins at `begun`, seconds since 1970."""
        return tuple(_dated(planned, begun) for planned in self.planned)


HEALTHY: Final = Scenario("healthy")


def _dated(planned: Planned, begun: int) -> Fault:
    start = planned.start.at(begun)
    end = planned.end.at(begun) if planned.end else start + _BIG
    values = {name: getattr(planned.fault, name) for name in Fault.__slots__}
    return Fault(**values | {"start": start, "end": end})


def _when(value: object) -> When:
    text = str(value)
    match = _OFFSET.fullmatch(text)
    if match:
        return When(int(match[1]) * 86_400 + int(match[2] or 0) * 3_600 + int(match[3] or 0) * 60, dated=False)
    try:
        return When(instant(text) // SECOND, dated=True)
    except PydanticCustomError:
        what = f"{shown(value)} is no time of a scenario"
        mend = "write 3d or 3d 06:30 after the beginning, or a date like 2026-01-09, or a time with its zone"
        raise PydanticCustomError("estate", "{what}", {"what": what, "mend": mend}) from None


_When = Annotated[Any, BeforeValidator(_when)]


class _TariffItem(Shape):
    electricity: float = Field(PRICES.electricity, ge=0, description="£/kWh")
    gas: float = Field(PRICES.gas, ge=0, description="£/kWh")
    heat: float = Field(PRICES.heat, ge=0, description="£/kWh of heat from a network")
    water: float = Field(_WATER, ge=0, description="£/m³, with sewerage")


class FaultItem(Shape):
    """One fault of a scenario's file."""

    kind: Text
    start: _When = Field(alias="from")
    end: _When = Field(None, alias="to", description="left out: to the end")
    council: Id | None = Field(None, description="left out where the estate has one")
    building: Id | None = None
    space: Id | None = Field(None, description="left out: all of the building")
    device: Id | None = None
    other: Id | None = Field(None, description="the second device of two that are swapped")
    source: Id | None = Field(None, description="a gateway's source, for faults of transport")
    severity: float | None = Field(None, allow_inf_nan=False)


class ScenarioFile(Shape):
    """`scenarios/<name>.yaml`"""

    name: Text
    about: Text | None = None
    weather: Text | None = Field(
        None, description="CSV beside this file: time,temperature_c,humidity_pct,sun_w_m2,wind_m_s"
    )
    tariff: _TariffItem = Field(default_factory=_TariffItem)
    outages_a_year: float = Field(0.0, ge=0, le=1_000, description="of each gateway, at times that the name decides")
    faults: list[FaultItem] = Field(default_factory=list)


def read_scenario(path: Path, estate: Estate) -> Scenario:
    """A scenario from its file, checked against the estate.

    Raises:
        ScenarioError: the file holds mistakes; all of them.
    """
    problems: list[Problem] = []
    if not path.is_file():
        raise ScenarioError([Problem(str(path), 1, "there is no such file", "name a scenario's YAML file")])
    read = read_yaml(path, str(path), problems)
    file = shaped(ScenarioFile, read[1], read[0], problems) if read else None
    if read is None or file is None:
        raise ScenarioError(sorted(problems))
    place = read[0]
    planned = [
        one
        for number, item in enumerate(file.faults)
        for one in _planned(item, number, place.at("faults", number), estate, problems)
    ]
    planned += _outages(estate, file)
    weather = _weather(path.parent / file.weather, problems) if file.weather else None
    if problems:
        raise ScenarioError(sorted(problems))
    tariff = Tariff(file.tariff.electricity, file.tariff.gas, file.tariff.heat, file.tariff.water)
    return Scenario(file.name, tuple(planned), tariff, weather)


def _outages(estate: Estate, file: ScenarioFile) -> Iterator[Planned]:
    found = enumerate(outages(estate, file.name, file.outages_a_year), 1)
    for number, one in found:
        fault = Fault(f"o{number:02}", "gateway_silence", 0, 0, 0.0, one.council, one.building, source=one.source)
        yield Planned(fault, When(one.start, dated=False), When(one.end, dated=False))


def _planned(item: FaultItem, number: int, place: Place, estate: Estate, problems: list[Problem]) -> Iterator[Planned]:
    found = len(problems)
    kind = KINDS.get(item.kind)
    if kind is None:
        mend = suggest(item.kind, KINDS, f"known are {', '.join(KINDS)}")
        problems.append(place.at("kind").problem(f"unknown fault {shown(item.kind)}", mend))
        return
    council = _council(item, place, estate, problems)
    if council is None:
        return
    problems.extend(place.at(key).problem(what, mend) for key, what, mend in _mistakes(item, council))
    if item.end is not None and item.end.dated == item.start.dated and item.end.seconds <= item.start.seconds:
        problems.append(place.at("to").problem("the fault ends before it begins", "give a later 'to', or leave it out"))
    if len(problems) == found:
        severity = kind.severity if item.severity is None else item.severity
        fault = Fault(
            f"f{number + 1:02}", item.kind, 0, 0, severity, council.id, _home(item, council), item.space or "",
            item.device or "", item.other or "", item.source or "",
        )  # fmt: skip
        yield Planned(fault, item.start, item.end)


def _council(item: FaultItem, place: Place, estate: Estate, problems: list[Problem]) -> Council | None:
    if item.council is None and len(estate.councils) == 1:
        return next(iter(estate.councils.values()))
    council = estate.councils.get(item.council or "")
    if council is None:
        what = f"unknown council {shown(item.council)}" if item.council else "'council' is missing"
        mend = suggest(item.council or "", estate.councils, f"the councils are {', '.join(estate.councils)}")
        problems.append(place.at("council").problem(what, mend))
    return council


def _home(item: FaultItem, council: Council) -> str:
    """The building that a fault is in, also where the device names it."""
    if item.building is not None:
        return item.building
    if item.device is not None and item.device in council.devices:
        return council.devices[item.device].assignments[-1].building
    source = council.sources.get(item.source or "")
    return source.building if source else ""


def _mistakes(item: FaultItem, council: Council) -> Iterator[tuple[str, str, str]]:
    """(key, what, mend) of what does not agree with the estate."""
    scope, mentioned = KINDS[item.kind].scope, _mentioned(item)
    for key in _NEEDED[scope]:
        if not any(name in mentioned for name in key.split(" or ")):
            yield "kind", f"{item.kind} strikes a {scope.value}, and {key!r} is missing", "add it"
    for key in sorted(mentioned - _ALLOWED[scope]):
        yield key, f"{item.kind} strikes a {scope.value}: {key!r} has no meaning", "remove it"
    building = council.buildings.get(item.building or "")
    known: list[tuple[str, str | None, Any, str]] = [
        ("building", item.building, council.buildings, "building"),
        ("space", item.space, building.spaces if building else {}, "space"),
        ("device", item.device, council.devices, "device"),
        ("other", item.other, council.devices, "device"),
        ("source", item.source, council.sources, "source"),
    ]
    for key, name, table, word in known:
        if name is not None and name not in table and (key != "space" or building):
            yield key, f"unknown {word} {shown(name)}", suggest(name, table, f"name a {word} of {council.id}")
    if building is not None:
        yield from _unfitting(item, building)
    device, other = council.devices.get(item.device or ""), council.devices.get(item.other or "")
    yield from _unfitting_device(item, device, other)


_NEEDED: Final = {
    Scope.BUILDING: ("building",),
    Scope.SPACE: ("building",),
    Scope.DEVICE: ("device",),
    Scope.SOURCE: ("source or device",),
}
_ALLOWED: Final = {
    Scope.BUILDING: frozenset({"building"}),
    Scope.SPACE: frozenset({"building", "space"}),
    Scope.DEVICE: frozenset({"device", "other"}),
    Scope.SOURCE: frozenset({"source", "device"}),
}


def _mentioned(item: FaultItem) -> frozenset[str]:
    keys = ("building", "space", "device", "other", "source")
    return frozenset(key for key in keys if getattr(item, key) is not None)


def _unfitting(item: FaultItem, building: Building) -> Iterator[tuple[str, str, str]]:
    about = profile(building.tm46)
    if item.kind in {"heating_at_night", "heating_over_holiday", "timer_wrong"} and not about.intermittent:
        yield "building", f"{building.id} is always heated", "take a building that closes, or setpoint_creep"
    if item.kind == "heating_and_cooling" and not any(cooled(building, one) for one in building.spaces.values()):
        yield "building", f"{building.id} has no coolers", "take an office with meeting rooms"
    if item.kind == "pool_uncovered" and about.process_w == 0:
        yield "building", f"{building.id} has no pool", "take a building of TM46 category 12"


def _unfitting_device(item: FaultItem, device: Device | None, other: Device | None) -> Iterator[tuple[str, str, str]]:
    if item.kind == "swapped_sensors" and device is not None:
        if item.other is None:
            yield "kind", "swapped_sensors needs a second device, and 'other' is missing", "add it"
        elif other is not None and (other.kind, other.model) != (device.kind, device.model):
            yield "other", f"{other.id} is another model than {device.id}", "swap two devices of one model"
    elif item.other is not None:
        yield "other", f"{item.kind} strikes one device: 'other' has no meaning", "remove it"


_COLUMNS: Final = ["time", "temperature_c", "humidity_pct", "sun_w_m2", "wind_m_s"]


def _weather(path: Path, problems: list[Problem]) -> Recorded | None:
    if not path.is_file():
        problems.append(Problem(str(path), 1, "there is no such file", "name it relative to the scenario's file"))
        return None
    rows: list[tuple[float, ...]] = []
    for place, cells in read_csv(path, str(path), _COLUMNS, _COLUMNS, problems) or ():
        try:
            at = datetime.fromisoformat(cells["time"]).timestamp()
            rows.append((at, *(float(cells[name]) for name in _COLUMNS[1:])))
        except (KeyError, ValueError) as error:
            problems.append(
                place.problem(f"no row of weather ({error})", "give a time with its zone, and four numbers")
            )
    if len(rows) < 2:
        problems.append(Problem(str(path), 1, "no weather to read between", "give at least two rows"))
        return None
    table = np.array(sorted(rows))
    return Recorded(table[:, 0].astype(np.int64), table[:, 1], table[:, 2], table[:, 3], table[:, 4])
