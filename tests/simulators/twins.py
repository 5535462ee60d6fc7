"""Every kind of fault with a healthy twin of the same seed, as the decoder hears both."""

from collections import Counter, defaultdict
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import NamedTuple

import simulators
from devices.decode import Decoder
from devices.model import Assignment, Device, DeviceKind, Estate
from devices.registry import load
from devices.timestamps import FOREVER, SECOND
from simulators import backfill
from simulators.faults import KINDS, Fault
from simulators.scenario import HEALTHY, Planned, Scenario, When

DAY = 86_400
JANUARY = 1_768_176_000
"""Monday 12 January 2026 00:00 UTC"""
FEBRUARY = JANUARY + 31 * DAY
"""Thursday 12 February 2026; schools are shut from Monday"""
JULY = JANUARY + 175 * DAY
"""Monday 6 July 2026"""
BEGINS, ENDS = 3, 7
"""days of the run in which the fault holds"""
DAYS = 10


class Case(NamedTuple):
    """One fault, and the device and field that show it."""

    where: dict[str, str]
    watch: str
    field: str
    start: int = JANUARY
    severity: float | None = None


def _home(building: str, watch: str, field: str, space: str = "", start: int = JANUARY) -> Case:
    return Case({"building": building, "space": space}, watch, field, start)


_PIPE = "sim-lc-pipe"
_SENSOR, _METER = "sim-th-customer-service-room-sensor", "sim-th-electricity-main"
_MEETING = "sim-th-committee-room-1-trv-1"
_TOWN = {"source": "z2m-town-hall"}

CASES = {
    "heating_at_night": _home("sim-primary-school", "sim-ps-gas-main", "gas"),
    "heating_over_holiday": _home("sim-primary-school", "sim-ps-gas-main", "gas", start=FEBRUARY),
    "timer_wrong": _home("sim-primary-school", "sim-ps-room-1-trv-1", "temperature"),
    "setpoint_creep": _home("sim-town-hall", "sim-th-registrar-trv-1", "heating_setpoint"),
    "stuck_valve": _home("sim-primary-school", "sim-ps-room-3-trv-1", "temperature", "room-3"),
    "cold_zone": _home("sim-primary-school", "sim-ps-room-3-trv-1", "temperature", "room-3"),
    "window_open": _home("sim-primary-school", "sim-ps-room-3-trv-1", "temperature", "room-3"),
    "stale_air": _home("sim-primary-school", "sim-ps-room-3-room-sensor", "co2", "room-3"),
    "heating_and_cooling": _home("sim-town-hall", _MEETING, "valve_position", "committee-room-1"),
    "sensor_in_sun": _home("sim-primary-school", "sim-ps-room-3-trv-1", "temperature", "room-3"),
    "boiler_cycling": _home("sim-primary-school", "sim-ps-gas-main", "gas"),
    "lights_left_on": _home("sim-library", "sim-lib-electricity-lighting", "electricity_import"),
    "equipment_left_on": _home("sim-library", "sim-lib-electricity-sockets", "electricity_import"),
    "base_load_step": _home("sim-library", "sim-lib-electricity-main", "electricity_import"),
    "ventilation_out_of_hours": _home("sim-secondary-school", "sim-ac-electricity-ventilation", "electricity_import"),
    "kitchen_left_on": _home("sim-primary-school", "sim-ps-electricity-catering", "electricity_import"),
    "leaking_tap": _home("sim-care-home", "sim-ch-water-main", "water"),
    "cool_store": _home("sim-leisure-centre", _PIPE, "water_temperature"),
    "pool_uncovered": _home("sim-leisure-centre", "sim-lc-gas-main", "gas"),
    "flatline": Case({"device": _SENSOR}, _SENSOR, "temperature"),
    "drift": Case({"device": _SENSOR}, _SENSOR, "temperature", severity=0.8),
    "noise": Case({"device": _SENSOR}, _SENSOR, "temperature"),
    "spikes": Case({"device": _SENSOR}, _SENSOR, "temperature"),
    "wrong_unit": Case({"device": _SENSOR}, _SENSOR, "temperature"),
    "swapped_sensors": Case(
        {"device": "sim-th-customer-service-trv-1", "other": "sim-th-meeting-room-3-trv-1"},
        "sim-th-customer-service-trv-1", "valve_position",
    ),
    "clock_skew": Case({"device": _SENSOR}, _SENSOR, "temperature", severity=-6 * 3600),
    "dead_battery": Case({"device": "sim-th-registrar-trv-1"}, "sim-th-registrar-trv-1", "battery"),
    "register_reset": Case({"device": _METER}, _METER, "electricity_import"),
    "register_rollover": Case({"device": _METER}, _METER, "electricity_import"),
    "swapped_meter": Case({"device": _METER}, _METER, "electricity_import"),
    "loss": Case(_TOWN, "sim-th-registrar-trv-1", "temperature"),
    "duplication": Case(_TOWN, "sim-th-registrar-trv-1", "temperature"),
    "reordering": Case(_TOWN, "sim-th-registrar-trv-1", "temperature", severity=10_800),
    "retained_replay": Case(_TOWN, "sim-th-registrar-trv-1", "temperature"),
    "flood": Case({"device": _METER}, _METER, "power"),
    "malformed": Case(_TOWN, "sim-th-registrar-trv-1", "temperature", severity=0.5),
    "gateway_silence": Case(_TOWN, "sim-th-registrar-trv-1", "temperature"),
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Heard:
    """What arrived of the watched device, in the order of arrival."""

    readings: list[tuple[float, float]]
    """claimed time and value of the field; time in days since the run began, down to minutes, since clocks are off"""
    arrivals: Counter[int]
    """its messages in each hour of the run, whether or not they could be read"""
    rejects: Counter[str]
    """of the device, and of its source where it speaks of none"""


def hear(kind: str, *, ill: bool) -> Heard:
    """Ten days of the watched device, every half-hour."""
    case = CASES[kind]
    together = next(kinds for kinds in groups() if kind in kinds) if ill else ()
    return run(case.start, together)[case.watch, case.field]


@cache
def groups() -> tuple[tuple[str, ...], ...]:
    """The kinds that share a run: what one of them may change, no other of its group may."""
    groups: list[list[str]] = []
    for kind, case in CASES.items():
        for group in groups:
            if all(_apart(case, CASES[other]) for other in group):
                group.append(kind)
                break
        else:
            groups.append([kind])
    return tuple(map(tuple, groups))


def _apart(one: Case, other: Case) -> bool:
    return one.start == other.start and _reach(one).isdisjoint(_reach(other))


def _reach(case: Case) -> set[str]:
    """Of the devices that any case names, those whose messages its fault may change: of a building, all in it."""
    devices = _estate(*_named(*CASES.values())).councils["sim-kirkbrae"].devices.values()
    where = case.where
    return {
        device.id
        for device in devices
        if device.id in (where.get("device"), where.get("other"))
        or device.source == where.get("source")
        or device.assignments[0].building == where.get("building")
    }


def _named(*cases: Case) -> set[str]:
    return {name for case in cases for name in (case.watch, case.where.get("other", case.watch))}


def _fault(kind: str) -> Planned:
    case = CASES[kind]
    fault = Fault(
        "f01", kind, 0, 0, KINDS[kind].severity if case.severity is None else case.severity, "sim-kirkbrae",
        **case.where,
    )  # fmt: skip
    return Planned(fault, When(BEGINS * DAY, dated=False), When(ENDS * DAY, dated=False))


@cache
def run(start: int, kinds: tuple[str, ...]) -> dict[tuple[str, str], Heard]:
    """One run with the faults of these kinds, or healthy without any: what arrived, by watched device and field."""
    cases = [case for kind, case in CASES.items() if case.start == start and (kind in kinds or not kinds)]
    scenario = Scenario("twins", tuple(map(_fault, kinds))) if kinds else HEALTHY
    estate = _estate(*_named(*cases))
    devices = estate.councils["sim-kirkbrae"].devices
    decoder, readings = Decoder(estate), defaultdict[tuple[str, str], list[tuple[float, float]]](list)
    arrivals, rejects = defaultdict[str, Counter[int]](Counter), defaultdict[tuple[str, str], Counter[str]](Counter)
    past = backfill.messages(
        estate, start_ns=start * SECOND, end_ns=(start + DAYS * DAY) * SECOND, seed=3, every=1_800, scenario=scenario
    )
    for message in past:
        outcome = decoder.decode(message)
        rejects[outcome.source, outcome.address].update(reject.reason.value for reject in outcome.rejects)
        arrivals[message.topic][(message.received // SECOND - start) // 3_600] += 1
        for placed in outcome.placed:
            at = (placed.time // SECOND - start) // 60 * 60 / DAY
            for field, value, _ in placed.readings:
                readings[placed.device.id, field.name].append((at, value))
    told = {}
    for case in cases:
        device = devices[case.watch]
        source, ends = f"sim-kirkbrae/{device.source}", (device.address, f"{device.address}/readings")
        of_device = sum((counts for topic, counts in arrivals.items() if topic.endswith(ends)), Counter[int]())
        refused = rejects[source, device.address] + rejects[source, ""]
        told[case.watch, case.field] = Heard(readings[case.watch, case.field], of_device, refused)
    return told


@cache
def _demo() -> Estate:
    return load(Path(simulators.__file__).parent / "estate")


def _estate(*watched: str) -> Estate:
    """The demo council with no other devices, and a sensor on a hot pipe."""
    council = _demo().councils["sim-kirkbrae"]
    place = Assignment(0, FOREVER, "sim-leisure-centre", "", "wet-changing")
    pipe = Device(_PIPE, council.id, DeviceKind.WATER_SENSOR, "Tolbooth water-sensor", "native", _PIPE, 900, (place,))
    devices = {name: device for name, device in {**council.devices, _PIPE: pipe}.items() if name in watched}
    homes = {one.building for device in devices.values() for one in device.assignments}
    buildings = {name: building for name, building in council.buildings.items() if name in homes}
    return Estate({council.id: replace(council, devices=devices, buildings=buildings)})
