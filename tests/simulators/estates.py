"""A small estate of one school and one pool, with one device of each kind."""

from datetime import time

from devices.message import SourceConfig
from devices.model import Assignment, Building, Council, Device, DeviceKind, Estate, Hours, Meter, Space, Utility
from devices.timestamps import FOREVER

TERM_MONDAY = 1_768_176_000
"""12 January 2026 00:00 UTC"""
DAY = 86_400


def _hours(days: range, start: time, end: time) -> Hours:
    return Hours(frozenset(days), start, end)


def _building(name: str, use: str, tm46: int, area: float, hours: tuple[Hours, ...], *spaces: Space) -> Building:
    meters = (
        Meter("main", Utility.ELECTRICITY),
        Meter("lights", Utility.ELECTRICITY, "main", "lighting"),
        Meter("sockets", Utility.ELECTRICITY, "main", "sockets"),
        Meter("kitchen", Utility.ELECTRICITY, "main", "catering"),
        Meter("gas", Utility.GAS),
        Meter("heat", Utility.HEAT, "gas", "space heating"),
        Meter("water", Utility.WATER),
    )
    return Building(
        name, "sim", name, use, tm46, area, "", hours, {"0": "Ground"},
        {space.id: space for space in spaces}, {meter.id: meter for meter in meters},
    )  # fmt: skip


SCHOOL = _building(
    "school", "primary school", 17, 2_000.0, (_hours(range(5), time(8, 30), time(18)),),
    Space("room-1", "Room 1", "0", "classroom", 60, 30),
    Space("room-2", "Room 2", "0", "classroom", 60, 30),
    Space("foyer", "Foyer", "0", "entrance", 80, 20),
)  # fmt: skip
POOL = _building(
    "pool", "swimming pool", 12, 1_500.0,
    (_hours(range(5), time(6, 30), time(22)), _hours(range(5, 7), time(8), time(18))),
    Space("hall", "Pool hall", "0", "pool hall", 500, 80),
)  # fmt: skip

_DEVICES = (
    ("trv", DeviceKind.RADIATOR_THERMOSTAT, "Danfoss 014G2461", "z2m", "room-1", "", 300),
    ("spirit", DeviceKind.RADIATOR_THERMOSTAT, "Eurotronic SPZB0001", "z2m", "room-2", "", 300),
    ("bulb", DeviceKind.BULB, "IKEA LED1545G12", "z2m", "room-1", "", 300),
    ("pir", DeviceKind.ROOM_SENSOR, "Philips 9290012607", "z2m", "room-1", "", 300),
    ("door", DeviceKind.DOOR_CONTACT, "Aqara MCCGQ11LM", "z2m", "foyer", "", 3_600),
    ("plug", DeviceKind.SMART_PLUG, "Innr SP 240", "z2m", "room-2", "", 60),
    ("air", DeviceKind.ROOM_SENSOR, "Tolbooth room-sensor", "native", "room-1", "", 60),
    ("count", DeviceKind.PEOPLE_COUNTER, "Tolbooth people-counter", "native", "foyer", "", 60),
    ("station", DeviceKind.WEATHER_STATION, "Tolbooth weather-station", "native", "", "", 300),
    ("m-main", DeviceKind.ELECTRICITY_METER, "Tolbooth electricity-meter", "native", "", "main", 60),
    ("m-lights", DeviceKind.ELECTRICITY_METER, "Tolbooth electricity-meter", "native", "", "lights", 60),
    ("m-sockets", DeviceKind.ELECTRICITY_METER, "Tolbooth electricity-meter", "native", "", "sockets", 60),
    ("m-kitchen", DeviceKind.ELECTRICITY_METER, "Tolbooth electricity-meter", "native", "", "kitchen", 60),
    ("m-gas", DeviceKind.GAS_METER, "Tolbooth gas-meter", "native", "", "gas", 60),
    ("m-heat", DeviceKind.HEAT_METER, "Tolbooth heat-meter", "native", "", "heat", 60),
    ("m-water", DeviceKind.WATER_METER, "Tolbooth water-meter", "native", "", "water", 60),
)


def _device(name: str, kind: DeviceKind, model: str, source: str, space: str, meter: str, interval: int) -> Device:
    place = Assignment(0, FOREVER, "school", "", space, meter, 1_000.0 if meter else None)
    return Device(name, "sim", kind, model, source, f"{space}/{name}" if source == "z2m" else name, interval, (place,))


def estate(*extra: Device) -> Estate:
    """The estate, and further devices."""
    devices = [*(_device(*row) for row in _DEVICES), *extra]
    return Estate(
        {
            "sim": Council(
                id="sim",
                name="Simulated",
                gss="",
                climate_station="edinburgh_rbge",
                buildings={"school": SCHOOL, "pool": POOL},
                sources={
                    "native": SourceConfig("native", "sim", "native", "tolbooth/v1"),
                    "z2m": SourceConfig("z2m", "sim", "zigbee2mqtt", "zigbee2mqtt/school", "school"),
                },
                devices={device.id: device for device in devices},
            )
        }
    )
