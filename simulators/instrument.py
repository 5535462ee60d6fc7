"""Devices as instruments: where each one is, what it has counted, and how that goes on with each step."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

from devices.model import FOREVER, SECOND, Assignment, Device, DeviceKind, Meter, Utility
from simulators.building import Room
from simulators.meters import GAS_KWH_M3, Tap, watts
from simulators.noise import key, uniform
from simulators.site import Site, annual_kwh

_LEFT_OPEN: Final = 0.02
"""share of days on which a door or window stays open through the evening"""
_PIR_HOLD_S: Final = 120
_PLUG_LIMIT_W: Final = 2_500.0


@dataclass(slots=True)
class Instrument:
    """One device, its place at the moment, and its memory."""

    device: Device
    of: int
    plug_share: float = 0.0
    """of the sockets of its space"""
    site: Site | None = None
    """None while it is nowhere"""
    room: Room | None = None
    tap: Tap | None = None
    meter: Meter | None = None
    whole_building: bool = False
    """a people counter at the entrance"""
    placed_until: int = 0
    """seconds since 1970"""

    register: float = 0.0
    """kWh, or m³ of gas or water"""
    rate: float = 0.0
    """W, or l/h of water, through this step"""
    people_in: float = 0.0
    people_out: float = 0.0
    active: bool = False
    """open, or movement seen"""
    times: int = 0
    """how often it became active"""

    def register_at(self, at: int, now: int) -> float:
        """The register at `at`, within the step that ended at `now`: it grows evenly."""
        return self.register - _per_second(self) * (now - at)


def make_instrument(device: Device, seed: int, plugs_beside: int) -> Instrument:
    of = key(seed, device.council, "device", device.id)
    return Instrument(device, of, plug_share=(0.3 + 0.5 * uniform(of, 1)) / max(1, plugs_beside))


def place(instrument: Instrument, sites: Mapping[tuple[str, str], Site], at: int) -> None:
    """Put the instrument where the registry says it is at `at`, seconds since 1970."""
    device = instrument.device
    instrument.site = instrument.room = instrument.tap = instrument.meter = None
    instrument.placed_until = FOREVER
    for assignment in device.assignments:
        if assignment.start <= at * SECOND < assignment.end:
            _put(instrument, sites[device.council, assignment.building], assignment)
            instrument.placed_until = assignment.end // SECOND
            return
        if assignment.start > at * SECOND:
            instrument.placed_until = -(-assignment.start // SECOND)
            return


def open_register(instrument: Instrument, at: int) -> None:
    """Let the register begin where the assignment says, and have run at a usual rate since then."""
    site, device = instrument.site, instrument.device
    if site is None:
        return
    since = next(one for one in device.assignments if one.start <= at * SECOND < one.end)
    years = (at - since.start / SECOND) / 31_557_600
    if since.opening_register is None:
        years = 1 + 6 * uniform(instrument.of, 2)
    begun = since.opening_register or 0.0
    instrument.register = begun + max(0.0, years) * _usual_year(instrument, site)


def _usual_year(instrument: Instrument, site: Site) -> float:
    if instrument.device.kind is DeviceKind.SMART_PLUG:
        return 200 + 400 * uniform(instrument.of, 3)
    if instrument.meter is None or instrument.tap is None:
        return 0.0
    electricity, gas = annual_kwh(site)
    year = {
        Utility.ELECTRICITY: electricity,
        Utility.GAS: gas / GAS_KWH_M3,
        Utility.HEAT: gas * 0.5,
        Utility.WATER: site.building.floor_area_m2 * 0.4,
    }[instrument.meter.utility]
    return year * instrument.tap.share * (0.2 if instrument.meter.parent else 1.0)


def _put(instrument: Instrument, site: Site, assignment: Assignment) -> None:
    rooms = site.rooms
    instrument.site = site
    instrument.room = rooms.get(assignment.space) or rooms.get("") or next(iter(rooms.values()), None)
    instrument.whole_building = assignment.space not in rooms or rooms[assignment.space].curve == "passage"
    instrument.meter = site.building.meters.get(assignment.meter)
    instrument.tap = site.taps.get(assignment.meter)


def step_instrument(instrument: Instrument, now: int, dt: int) -> bool:
    """Carry on to `now` what the device counts; whether it has something to tell at once."""
    step = _STEPS.get(instrument.device.kind)
    return step is not None and instrument.site is not None and step(instrument, instrument.site, now, dt)


def _per_second(instrument: Instrument) -> float:
    if instrument.meter is None or instrument.meter.utility in {Utility.ELECTRICITY, Utility.HEAT}:
        return instrument.rate / 3.6e6
    if instrument.meter.utility is Utility.GAS:
        return instrument.rate / 3.6e6 / GAS_KWH_M3
    return instrument.rate / 3.6e6


def _step_meter(instrument: Instrument, site: Site, now: int, dt: int) -> bool:
    del now
    if instrument.tap is not None:
        instrument.rate = watts(instrument.tap, site.loads)
        instrument.register += _per_second(instrument) * dt
    return False


def _step_plug(instrument: Instrument, site: Site, now: int, dt: int) -> bool:
    del site, now
    if instrument.room is not None:
        instrument.rate = min(_PLUG_LIMIT_W, instrument.room.plugs_w * instrument.plug_share)
        instrument.register += _per_second(instrument) * dt
    return False


def _step_counter(instrument: Instrument, site: Site, now: int, dt: int) -> bool:
    """Who comes and goes, and those who only pass: a twelfth of the people inside in an hour."""
    del now
    if instrument.whole_building:
        inside = sum(room.people for room in site.rooms.values())
    else:
        inside = instrument.room.people if instrument.room else 0.0
    change = inside - (instrument.people_in - instrument.people_out)
    passing = inside * dt / 3600 / 12
    instrument.people_in += max(0.0, change) + passing
    instrument.people_out += max(0.0, -change) + passing
    return False


def _step_contact(instrument: Instrument, site: Site, now: int, dt: int) -> bool:
    del dt
    room = instrument.room
    opened = False
    if room is not None and room.people >= 0.5:
        traffic = 0.04 + min(0.5, 0.15 * abs(room.expected - room.people))
        opened = uniform(instrument.of + 1, now // 60) < traffic
    forgotten = uniform(instrument.of + 2, site.now.day) < _LEFT_OPEN and site.now.hour >= 15
    return _becomes(instrument, opened or forgotten)


def _step_motion(instrument: Instrument, site: Site, now: int, dt: int) -> bool:
    del site, dt
    people = instrument.room.people if instrument.room else 0.0
    seen = people >= 0.5 and uniform(instrument.of + 1, now // _PIR_HOLD_S) < min(0.98, 0.6 + 0.08 * people)
    return _becomes(instrument, seen)


def _becomes(instrument: Instrument, active: bool) -> bool:
    changed = active != instrument.active
    instrument.active = active
    instrument.times += changed and active
    return changed


_STEPS: Final[dict[DeviceKind, Callable[[Instrument, Site, int, int], bool]]] = {
    DeviceKind.ELECTRICITY_METER: _step_meter,
    DeviceKind.GAS_METER: _step_meter,
    DeviceKind.HEAT_METER: _step_meter,
    DeviceKind.WATER_METER: _step_meter,
    DeviceKind.SMART_PLUG: _step_plug,
    DeviceKind.PEOPLE_COUNTER: _step_counter,
    DeviceKind.DOOR_CONTACT: _step_contact,
    DeviceKind.ROOM_SENSOR: _step_motion,
}
METERS: Final = frozenset(
    {DeviceKind.ELECTRICITY_METER, DeviceKind.GAS_METER, DeviceKind.HEAT_METER, DeviceKind.WATER_METER}
)
