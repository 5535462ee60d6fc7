"""A small estate in memory for tests that need devices and places but no files."""

from devices.message import SourceConfig
from devices.model import Assignment, Building, Council, Device, DeviceKind, Estate, Meter, Utility
from devices.timestamps import FOREVER, SECOND

COUNCIL, BUILDING = "sim-moor", "sim-hall"
NOW = 1_780_000_000 * SECOND
INTERVAL = 60


def device(
    name: str, *, start: int = 0, end: int = FOREVER, model: str = "Tolbooth room-sensor", meter: str = ""
) -> Device:
    """A device of the native source with one assignment to the room, or to a meter."""
    space = "" if meter else "room"
    place = Assignment(start, end, BUILDING, "ground", space, meter)
    return Device(name, COUNCIL, DeviceKind.ROOM_SENSOR, model, "native", name, INTERVAL, (place,))


def estate(*devices: Device) -> Estate:
    """One council, one building with a main and a sub-meter, and these devices."""
    meters = {
        "main": Meter("main", Utility.ELECTRICITY),
        "lighting": Meter("lighting", Utility.ELECTRICITY, "main", "lighting"),
    }
    building = Building(BUILDING, COUNCIL, "Hall", "office", 1, 900.0, "", (), {"ground": "Ground"}, {}, meters)
    native = SourceConfig("native", COUNCIL, "native", "tolbooth/v1")
    council = Council(
        COUNCIL, "Moor", "", "edinburgh_rbge", {BUILDING: building}, {"native": native}, {d.id: d for d in devices}
    )
    return Estate({COUNCIL: council})
