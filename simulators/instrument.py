"""Devices as instruments: where each one is, what it has counted, and how that goes on with each step.

All devices of an estate at once: one element of an array, or one column of a table, is one device.
"""

from collections import Counter
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from typing import Final

import numpy as np

from devices.factors import GAS_KWH_M3
from devices.model import Assignment, Device, DeviceKind, Meter, Utility
from devices.timestamps import FOREVER, SECOND
from simulators.meters import LOADS, Tap, taps
from simulators.noise import Flags, Floats, Ints, Keys, key, keys, smooths, spreads, uniform, uniforms
from simulators.profiles import Profile
from simulators.registers import PLUG, Register, register_of
from simulators.run import Trace
from simulators.stock import Stock

METERS: Final = frozenset(
    {DeviceKind.ELECTRICITY_METER, DeviceKind.GAS_METER, DeviceKind.HEAT_METER, DeviceKind.WATER_METER}
)
_FLIPPING: Final = frozenset({DeviceKind.DOOR_CONTACT, DeviceKind.ROOM_SENSOR})
_YEAR_S: Final = 31_557_600
_LEFT_OPEN: Final = 0.02
"""share of days on which a door or window stays open through the evening"""
_PIR_HOLD_S: Final = 120
_WALKS_PER_H: Final = 0.2
"""of everybody awake in a building through each of its corridors where nobody stays"""
_FETCHES_PER_H: Final = 0.01
"""of the same into each store, plant room and the like"""
_PLUG_LIMIT_W: Final = 2_500.0
_MISCOUNT: Final = 0.03
"""a people counter misses so many, or sees so many twice"""
_PASSING_PER_H: Final = 1 / 12
"""people inside who only pass the counter"""
_RECOUNT_HOUR: Final = 3
"""local hour at which a counter begins again with who is really inside"""


@dataclass(frozen=True, slots=True)
class Places:
    """Where the devices are; -1 is nowhere."""

    space: Ints
    building: Ints
    meter: Floats
    """(device, load): what each meter sees"""
    per_second: Floats
    """of a register, for each unit of its rate"""
    step: Floats
    """of a register: see `registers`; like the next"""
    width: Floats
    whole: Flags
    """a people counter at the entrance"""
    until: Ints
    """seconds since 1970"""


@dataclass(frozen=True, slots=True)
class Measured:
    """What the devices counted over a trace: tables (row, column of the device)."""

    trace: Trace
    places: Places
    register: Floats
    """of meters and plugs; one row more, the first before the first step. kWh, or m³ of gas or water"""
    rate: Floats
    """of the same: W, or l/h of water"""
    people_in: Floats
    people_out: Floats
    miscounted: Floats
    inside: Floats
    active: Flags
    """of contacts and motion sensors"""
    times: Floats
    """how often it became active"""


class Instruments:
    """All devices, their places at the moment, and their memories."""

    def __init__(self, devices: list[Device], stock: Stock, seed: int, at: int) -> None:
        self.devices = tuple(devices)
        self.index = {(device.council, device.id): number for number, device in enumerate(devices)}
        numbers = [key(seed, device.council, "device", device.id) for device in devices]
        self.of = keys(numbers)
        self._numbers, self._stock = numbers, stock
        self.installed = np.array([_installed(device) for device in devices], dtype=np.int64)
        """seconds since 1970"""
        self.plug_share = _plug_shares(devices, numbers)
        kinds = [device.kind for device in devices]
        self.registers = _of_kind(kinds, METERS | {DeviceKind.SMART_PLUG})
        self.counters = _of_kind(kinds, {DeviceKind.PEOPLE_COUNTER})
        self.flipping = _of_kind(kinds, _FLIPPING)
        self.column = np.full(len(devices), -1)
        for group in (self.registers, self.counters, self.flipping):
            self.column[group] = np.arange(len(group))
        self._plugs = np.array([kinds[number] is DeviceKind.SMART_PLUG for number in self.registers], dtype=np.bool_)
        self._contacts = np.array(
            [kinds[number] is DeviceKind.DOOR_CONTACT for number in self.flipping], dtype=np.bool_
        )
        miscounts = spreads(self.of[self.counters], np.array([[5], [6]]))
        self._misses_in, self._misses_out = _MISCOUNT * miscounts
        self.register = np.zeros(len(self.registers))
        self.people_in = np.zeros(len(self.counters))
        self.people_out = np.zeros(len(self.counters))
        self.miscounted = np.zeros(len(self.counters))
        self.active = np.zeros(len(self.flipping), dtype=np.bool_)
        self.times = np.zeros(len(self.flipping))
        self._passing_per_h = _passing(stock)
        self._taps: list[dict[str, Tap]] = [taps(building.meters) for _, building in stock.buildings]
        self.place(at)

    def place(self, at: int) -> None:
        """Put every device where the registry says it is at `at`, seconds since 1970."""
        count = len(self.devices)
        space, building = np.full(count, -1), np.full(count, -1)
        meter, per_second = np.zeros((count, len(LOADS))), np.full(count, 1 / 3.6e6)
        step, width = np.full(count, PLUG.step), np.full(count, PLUG.width)
        whole, until = np.zeros(count, dtype=np.bool_), np.full(count, FOREVER // SECOND)
        for number, device in enumerate(self.devices):
            assignment, until[number] = _where(device, at)
            if assignment is None:
                continue
            council, stock = device.council, self._stock
            building[number] = stock.index[council, assignment.building]
            space[number] = stock.place.get(
                (council, assignment.building, assignment.space), _usual(stock, building[number])
            )
            listed = (council, assignment.building, assignment.space) in stock.place
            whole[number] = not listed or not assignment.space or stock.curves[space[number]] == "passage"
            tap = self._taps[building[number]].get(assignment.meter)
            if tap is not None and device.kind in METERS:
                meter[number] = tap.weights()
                utility = self.meter_of(number, assignment).utility
                if utility is Utility.GAS:
                    per_second[number] = 1 / 3.6e6 / GAS_KWH_M3
                shows = self.register_at(number, assignment)
                step[number], width[number] = shows.step, shows.width
        self.places = Places(space, building, meter, per_second, step, width, whole, until)

    def next_move(self) -> int:
        """When the next device moves, seconds since 1970."""
        return int(self.places.until.min(initial=FOREVER // SECOND))

    def open_registers(self, at: int, only: Flags) -> None:
        """Let registers begin where their assignment says, and have run at a usual rate since then."""
        for column, number in enumerate(self.registers.tolist()):
            device = self.devices[number]
            assignment, _ = _where(device, at)
            if assignment is None or not only[number]:
                continue
            self.register[column] = self.counted_by(number, assignment, at)

    def counted_by(self, number: int, assignment: Assignment, at: int) -> float:
        """What a register has counted when the simulation meets it at `at`, seconds since 1970."""
        years = (at - assignment.start / SECOND) / _YEAR_S
        if assignment.opening_register is None:
            years = 1 + 6 * uniform(self._numbers[number], 2)
        return (assignment.opening_register or 0.0) + max(0.0, years) * self._usual_year(number, assignment)

    def register_at(self, number: int, assignment: Assignment) -> Register:
        """What kind of register a meter has there."""
        usual, utility = self._usual_year(number, assignment), self.meter_of(number, assignment).utility
        return register_of(self.devices[number].model, utility, usual, assignment.opening_register or 0.0)

    def advance(self, trace: Trace) -> Measured:
        """Carry on over a trace what the devices count."""
        ends = trace.start + trace.dt * np.arange(1, len(trace.slot) + 1)
        register, rate = self._advance_registers(trace)
        people_in, people_out, miscounted, inside = self._advance_counters(trace)
        active = self._flips(trace, ends)
        before = np.concatenate([self.active[None], active[:-1]])
        times = self.times + np.cumsum(active & ~before, axis=0)
        if len(ends):
            self.active, self.times = active[-1], times[-1]
        return Measured(
            trace,
            self.places,
            register,
            rate,
            people_in,
            people_out,
            miscounted,
            inside,
            active,
            times,
        )

    def _advance_registers(self, trace: Trace) -> tuple[Floats, Floats]:
        which, places = self.registers, self.places
        building, weights = places.building[which], places.meter[which]
        rate = np.zeros((len(trace.slot), len(which)))
        for load in range(len(LOADS)):
            if weights[:, load].any():
                rate += trace.loads[:, building, load] * weights[:, load]
        space = places.space[which]
        sockets = trace.plan.spaces.plugs_w[trace.slot][:, space] * self.plug_share[which]
        rate = np.where(self._plugs & (space >= 0), np.minimum(_PLUG_LIMIT_W, sockets), rate)
        grown = rate * places.per_second[which] * trace.dt
        register = np.cumsum(np.concatenate([self.register[None], grown]), axis=0)
        self.register = register[-1]
        return register, rate

    def _advance_counters(self, trace: Trace) -> tuple[Floats, Floats, Floats, Floats]:
        """Who comes and goes, and those who only pass."""
        places, which = self.places, self.counters
        inside = np.where(
            places.whole[which], trace.crowd[:, places.building[which]], trace.people[:, places.space[which]]
        )
        inside = np.where(places.space[which] >= 0, inside, 0.0)
        before = np.concatenate([(self.people_in - self.people_out)[None], inside[:-1]])
        change = inside - before
        passing = inside * (trace.dt / 3600 * _PASSING_PER_H)
        came, went = np.maximum(0.0, change), np.maximum(0.0, -change)
        people_in = np.cumsum(np.concatenate([self.people_in[None], came + passing]), axis=0)[1:]
        people_out = np.cumsum(np.concatenate([self.people_out[None], went + passing]), axis=0)[1:]
        wrong = np.cumsum(
            np.concatenate([self.miscounted[None], came * self._misses_in - went * self._misses_out]), axis=0
        )
        for row in _recounts(trace):
            wrong[row + 1 :] -= wrong[row + 1]
        self.people_in, self.people_out, self.miscounted = people_in[-1], people_out[-1], wrong[-1]
        return people_in, people_out, wrong[1:], inside

    def _flips(self, trace: Trace, ends: Ints) -> Flags:
        """Whether each contact is open, or each motion sensor sees somebody, at the end of each row."""
        which = self.flipping
        space, of, at = self.places.space[which], self.of[which], ends[:, None]
        people, wanted = trace.people[:, space], trace.plan.spaces.expected[trace.slot][:, space]
        busy = (people >= 0.5) & (space >= 0)
        traffic = 0.04 + np.minimum(0.5, 0.15 * np.abs(wanted - people))
        now = trace.plan.slots
        late = (now.hour[trace.slot] >= 15)[:, None]
        forgotten = late & (uniforms(of, now.day[trace.slot][:, None], stream=2) < _LEFT_OPEN) & (space >= 0)
        opened = (busy & (uniforms(of, at // 60, stream=1) < traffic)) | forgotten
        chance = uniforms(of, at // _PIR_HOLD_S, stream=1)
        seen = (busy & (chance < np.minimum(0.98, 0.6 + 0.08 * people))) | (chance < self._passed(trace, which))
        return np.where(self._contacts, opened, seen)

    def _passed(self, trace: Trace, which: Ints) -> Floats:
        """The chance that somebody who does not stay is seen, at each row by each of these devices."""
        up = self._stock.per_building(trace.people * trace.plan.spaces.awake[trace.slot])
        space, building = self.places.space[which], self.places.building[which]
        passing = np.where(space >= 0, self._passing_per_h[space], 0.0)
        answer: Floats = -np.expm1(-up[:, building] * passing * (_PIR_HOLD_S / 3600))
        return answer

    def _usual_year(self, number: int, assignment: Assignment) -> float:
        """What goes through a meter or plug in a usual year, in its register's unit."""
        if self.devices[number].kind is DeviceKind.SMART_PLUG:
            return 200 + 400 * uniform(self._numbers[number], 3)
        building = self._stock.index[self.devices[number].council, assignment.building]
        tap = self._taps[building].get(assignment.meter)
        if tap is None:
            return 0.0
        meter = self.meter_of(number, assignment)
        electricity, gas = _annual_kwh(self._stock.profiles[building], float(self._stock.area_m2[building]))
        year: dict[Utility, float] = {
            Utility.ELECTRICITY: electricity,
            Utility.GAS: gas / GAS_KWH_M3,
            Utility.HEAT: gas * 0.5,
            Utility.WATER: float(self._stock.area_m2[building]) * 0.4,
        }
        return year[meter.utility] * tap.share * (0.2 if meter.parent else 1.0)

    def meter_of(self, number: int, assignment: Assignment) -> Meter:
        """The metering point of an assignment of a device."""
        building = self._stock.index[self.devices[number].council, assignment.building]
        return self._stock.buildings[building][1].meters[assignment.meter]


def voltage(of: Keys, at: Ints) -> Floats:
    """Volts at the sockets of a place."""
    return 233 + 12 * smooths(of, at / 1_800, stream=18)


def _where(device: Device, at: int) -> tuple[Assignment | None, int]:
    """Its assignment at `at`, and until when that holds, seconds."""
    for assignment in device.assignments:
        if assignment.start <= at * SECOND < assignment.end:
            return assignment, assignment.end // SECOND
        if assignment.start > at * SECOND:
            return None, -(-assignment.start // SECOND)
    return None, FOREVER // SECOND


def _installed(device: Device) -> int:
    return min((one.start for one in device.assignments), default=0) // SECOND


def _usual(stock: Stock, building: int) -> int:
    """The space that stands for a building: the floor that is not listed, or its first."""
    council, name = stock.buildings[building][0].id, stock.buildings[building][1].id
    return stock.place.get((council, name, ""), int(stock.first[building]))


def _of_kind(kinds: list[DeviceKind], wanted: AbstractSet[DeviceKind]) -> Ints:
    return np.array([number for number, kind in enumerate(kinds) if kind in wanted], dtype=np.int64)


def _recounts(trace: Trace) -> list[int]:
    """Rows at whose end the counters begin again."""
    hour = trace.plan.slots.hour[trace.slot]
    at = trace.start + trace.dt * np.arange(len(hour))
    begins = (np.floor(hour) == _RECOUNT_HOUR) & (at % 3_600 < trace.dt)
    return [int(row) for row in np.flatnonzero(begins)]


def _plug_shares(devices: list[Device], numbers: list[int]) -> Floats:
    """Of the sockets of its space, what each smart plug sees; together they see no more than there is."""
    beside = Counter(where for device in devices if device.kind is DeviceKind.SMART_PLUG for where in _spaces(device))
    return np.array(
        [
            (0.3 + 0.5 * uniform(number, 1)) / max(1, *(beside[where] for where in _spaces(device)), 1)
            for device, number in zip(devices, numbers, strict=True)
        ]
    )


def _spaces(device: Device) -> set[tuple[str, str, str]]:
    return {(device.council, where.building, where.space) for where in device.assignments}


def _annual_kwh(about: Profile, area_m2: float) -> tuple[float, float]:
    """A rough year of electricity and gas, to let a register have run before the simulation began."""
    plateau = about.lights_w + about.plugs_w + about.fans_w + about.catering_w
    electricity = (about.base_w + about.pool_w + about.servers_w) * 8.76 + plateau * 2.4
    gas = about.fabric_w_k * 60 + about.process_w * 8.76 / 0.8 + about.hot_water_w * 2.2
    return electricity * area_m2, gas * area_m2


def _passing(stock: Stock) -> Floats:
    """How often an hour each person in the building comes by each space, where nobody stays."""
    curves, capacity = np.array(stock.curves), stock.spaces.capacity
    stays = (capacity > 0) & (curves != "store")
    answer: Floats = np.where(stays, 0.0, np.where(curves == "passage", _WALKS_PER_H, _FETCHES_PER_H))
    return answer
