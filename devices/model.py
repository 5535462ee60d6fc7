"""The estate: councils with their buildings, spaces, meters and devices.

Time is integer nanoseconds since 1970, UTC, everywhere inside.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import time
from enum import StrEnum

from devices.calendar import SCOTLAND, Calendar
from devices.message import SourceConfig


class DeviceKind(StrEnum):
    """What a device is for; a device may send more than its kind implies."""

    RADIATOR_THERMOSTAT = "radiator_thermostat"
    BULB = "bulb"
    ROOM_SENSOR = "room_sensor"
    DOOR_CONTACT = "door_contact"
    SMART_PLUG = "smart_plug"
    PEOPLE_COUNTER = "people_counter"
    ELECTRICITY_METER = "electricity_meter"
    GAS_METER = "gas_meter"
    HEAT_METER = "heat_meter"
    WATER_METER = "water_meter"
    WEATHER_STATION = "weather_station"
    WATER_SENSOR = "water_sensor"
    DESK_SENSOR = "desk_sensor"
    GATEWAY = "gateway"
    OTHER = "other"


class Utility(StrEnum):
    ELECTRICITY = "electricity"
    GAS = "gas"
    HEAT = "heat"
    WATER = "water"


@dataclass(frozen=True, slots=True)
class Meter:
    """A metering point: what a meter device measures. It outlives the device."""

    id: str
    utility: Utility
    parent: str = ""
    """id of the meter that this one is a sub-meter of; empty for a main meter"""
    use: str = ""
    """what a sub-meter serves: lighting, sockets, catering, pool …"""


@dataclass(frozen=True, slots=True)
class Assignment:
    """Where a device is and what it meters from `start` (inclusive) to `end` (exclusive), ns."""

    start: int
    end: int
    building: str
    level: str = ""
    space: str = ""
    meter: str = ""
    opening_register: float | None = None
    """reading of the meter's register when the assignment began, in the schema's unit"""


@dataclass(frozen=True, slots=True)
class Device:
    """One installed unit. Its identity is (council, id); the topic only names it."""

    id: str
    council: str
    kind: DeviceKind
    model: str
    source: str
    """id of its source; `native` for the council's own topic tree"""
    address: str
    """address within the source"""
    interval: int
    """expected seconds between messages"""
    assignments: tuple[Assignment, ...]
    """in time order, not overlapping"""
    absences: tuple[tuple[int, int], ...] = ()
    """when it is planned to be silent, from (inclusive) to (exclusive), ns: no alarm then"""


@dataclass(frozen=True, slots=True)
class Space:
    id: str
    name: str
    level: str
    use: str
    """classroom, office, corridor, pool hall …"""
    area_m2: float
    capacity: int


@dataclass(frozen=True, slots=True)
class Hours:
    """One opening of a day, local time; `end` 00:00 is midnight at the end of the day."""

    days: frozenset[int]
    """0 Monday … 6 Sunday"""
    start: time
    end: time


@dataclass(frozen=True, slots=True)
class Building:
    id: str
    council: str
    name: str
    use: str
    tm46: int
    """category of CIBSE TM46, 1 to 29"""
    floor_area_m2: float
    uprn: str
    """empty where it has none"""
    hours: tuple[Hours, ...]
    levels: Mapping[str, str]
    """id → name, from the ground up"""
    spaces: Mapping[str, Space]
    meters: Mapping[str, Meter]


@dataclass(frozen=True, slots=True)
class Privacy:
    """What a council does not want to know of people; docs/estate.md."""

    desk_sensors: bool = False
    """whether occupancy may be measured desk by desk"""
    smallest_space: int = 0
    """spaces meant for fewer people are stored together; 0 stores every space by itself"""


@dataclass(frozen=True, slots=True)
class Council:
    id: str
    name: str
    gss: str
    """GSS code of the Office for National Statistics; empty for an invented council"""
    climate_station: str
    buildings: Mapping[str, Building]
    sources: Mapping[str, SourceConfig]
    devices: Mapping[str, Device]
    privacy: Privacy = Privacy()
    calendar: Calendar = SCOTLAND
    """holidays, and school terms"""


@dataclass(frozen=True, slots=True)
class Estate:
    """All councils of a registry."""

    councils: Mapping[str, Council]
