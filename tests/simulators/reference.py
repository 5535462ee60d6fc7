"""Reference buildings: one typical building for each category of TM46, and whole councils of them."""

from dataclasses import replace
from datetime import time
from typing import NamedTuple

from devices.message import SourceConfig
from devices.model import Assignment, Building, Council, Device, DeviceKind, Estate, Hours, Meter, Space, Utility
from devices.timestamps import FOREVER

_WEEK, _WEEKEND, _ALWAYS = frozenset(range(5)), frozenset({5, 6}), frozenset(range(7))


def _open(days: frozenset[int], start: float, end: float) -> Hours:
    def clock(hour: float) -> time:
        return time(int(hour) % 24, round(hour % 1 * 60))

    return Hours(days, clock(start), clock(end))


_LEISURE = (_open(_WEEK, 6.5, 22), _open(_WEEKEND, 8, 18))


class Category(NamedTuple):
    """CIBSE TM46 (2008): electricity, fossil-thermal (kWh/m²) and the share of that which weather scales."""

    electricity: float
    thermal: float
    weather: float
    use: str
    hours: tuple[Hours, ...]
    spaces: tuple[tuple[str, float, int, int], ...]
    """use, area m², capacity, how many"""


CATEGORIES = {
    1: Category(95, 120, 0.55, "town hall", (_open(_WEEK, 8, 18),),
        (("office", 300, 40, 1), ("office", 200, 26, 1), ("meeting room", 60, 20, 1), ("corridor", 160, 0, 1))),
    7: Category(90, 370, 0.30, "restaurant", (_open(_ALWAYS, 9, 18),), (("dining", 250, 90, 1), ("kitchen", 80, 6, 1))),
    10: Category(70, 200, 0.55, "library", (_open(frozenset(range(4)), 10, 20), _open(frozenset({4, 5}), 10, 17)),
        (("library", 300, 80, 1), ("library", 150, 40, 1), ("office", 40, 5, 1))),
    11: Category(150, 420, 0.55, "theatre", (_open(_ALWAYS, 12, 22),),
        (("hall", 400, 300, 1), ("entrance", 120, 60, 1), ("office", 60, 8, 1))),
    12: Category(245, 1130, 0.55, "swimming pool", _LEISURE,
        (("pool hall", 780, 150, 1), ("changing room", 200, 80, 1), ("gym", 200, 40, 1), ("entrance", 120, 40, 1))),
    13: Category(160, 440, 0.40, "fitness centre", _LEISURE,
        (("gym", 300, 70, 1), ("studio", 150, 30, 1), ("changing room", 120, 50, 1))),
    14: Category(95, 330, 0.55, "sports centre", _LEISURE,
        (("sports hall", 600, 80, 1), ("changing room", 120, 50, 1), ("gym", 150, 30, 1))),
    16: Category(20, 105, 0.55, "village hall", (_open(_ALWAYS, 14, 20),),
        (("hall", 220, 120, 1), ("kitchen", 30, 4, 1))),
    17: Category(40, 150, 0.55, "primary school", (_open(_WEEK, 8, 17.5),),
        (("classroom", 60, 25, 8), ("hall", 200, 200, 1), ("corridor", 200, 0, 1), ("kitchen", 60, 6, 1),
         ("office", 40, 6, 1))),
    19: Category(70, 200, 0.55, "health centre", (_open(_WEEK, 8, 18),),
        (("consulting room", 20, 3, 6), ("waiting", 80, 30, 1), ("office", 60, 6, 1))),
    21: Category(65, 420, 0.55, "care home", (_open(_ALWAYS, 0, 24),),
        (("bedroom", 19, 1, 10), ("lounge", 86, 24, 1), ("dining room", 90, 40, 1), ("corridor", 150, 0, 1))),
    22: Category(60, 300, 0.55, "hostel", (_open(_ALWAYS, 0, 24),), (("bedroom", 18, 1, 10), ("lounge", 60, 20, 1))),
    23: Category(70, 390, 0.55, "fire station", (_open(_ALWAYS, 0, 24),),
        (("garage", 200, 8, 1), ("office", 60, 8, 1), ("lounge", 60, 12, 1))),
    27: Category(35, 180, 0.55, "workshop", (_open(_WEEK, 7, 17),), (("workshop", 400, 16, 1), ("office", 40, 5, 1))),
    28: Category(35, 160, 0.70, "depot", (_open(_WEEK, 6, 16),),
        (("workshop", 400, 12, 1), ("store", 400, 4, 1), ("office", 120, 18, 1))),
}  # fmt: skip
REFERENCE_DEGREE_DAYS = 2_021
"""at which TM46 is stated"""

METERS = {
    one.id: one
    for one in (
        Meter("electricity", Utility.ELECTRICITY),
        Meter("lighting", Utility.ELECTRICITY, "electricity", "lighting"),
        Meter("sockets", Utility.ELECTRICITY, "electricity", "sockets"),
        Meter("gas", Utility.GAS),
        Meter("heat", Utility.HEAT, "gas", "space heating"),
        Meter("water", Utility.WATER),
    )
}
_METER_KINDS = {
    Utility.ELECTRICITY: DeviceKind.ELECTRICITY_METER,
    Utility.GAS: DeviceKind.GAS_METER,
    Utility.HEAT: DeviceKind.HEAT_METER,
    Utility.WATER: DeviceKind.WATER_METER,
}
_ROOM_KINDS = (
    DeviceKind.ROOM_SENSOR, DeviceKind.RADIATOR_THERMOSTAT, DeviceKind.BULB, DeviceKind.SMART_PLUG,
    DeviceKind.DOOR_CONTACT, DeviceKind.PEOPLE_COUNTER,
)  # fmt: skip


def reference() -> Estate:
    """One building for each category, in Edinburgh's climate, without devices."""
    return Estate({"ref": _council({f"b{tm46}": _building(f"b{tm46}", tm46) for tm46 in CATEGORIES}, {})})


def council(buildings: int, devices: int, interval: int = 300) -> Estate:
    """So many buildings of all categories and so many native devices: meters first, then all else in turn."""
    kinds = list(CATEGORIES)
    named = {f"b{number}": _building(f"b{number}", kinds[number % len(kinds)]) for number in range(buildings)}
    wanted = [(name, "", meter.id, _METER_KINDS[meter.utility]) for meter in METERS.values() for name in named]
    spaces = [(name, space) for name, building in named.items() for space in building.spaces]
    rounds = -(-devices // len(spaces))
    wanted += [(*place, "", _ROOM_KINDS[turn % len(_ROOM_KINDS)]) for turn in range(rounds) for place in spaces]
    made = [
        Device(f"d{n}", "ref", kind, f"Tolbooth {kind}", "native", f"d{n}", interval,
               (Assignment(0, FOREVER, building, "", space, meter, 1_000.0 if meter else None),))
        for n, (building, space, meter, kind) in enumerate(wanted[:devices])
    ]  # fmt: skip
    return Estate({"ref": _council(named, {device.id: device for device in made})})


def _council(buildings: dict[str, Building], devices: dict[str, Device]) -> Council:
    native = SourceConfig("native", "ref", "native", "tolbooth/v1")
    return Council("ref", "Reference", "", "edinburgh_rbge", buildings, {"native": native}, devices)


def _building(name: str, tm46: int) -> Building:
    about = CATEGORIES[tm46]
    listed = [part for part in about.spaces for _ in range(part[3])]
    spaces = {
        f"s{n}": Space(f"s{n}", f"Space {n}", "0", use, area, capacity)
        for n, (use, area, capacity, _) in enumerate(listed)
    }
    area = 1.15 * sum(space.area_m2 for space in spaces.values())
    return replace(
        Building(name, "ref", name, about.use, tm46, area, "", about.hours, {"0": "Ground"}, spaces, {}), meters=METERS
    )
