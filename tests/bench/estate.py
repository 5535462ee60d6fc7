"""An estate and messages for the benchmarks and the delivery tests: many equal devices that send four values."""

from pathlib import Path

DEVICES = 1_000
COUNCIL, BUILDING = "sim-bench", "sim-hall"


def write_estate(folder: Path, devices: int = DEVICES) -> Path:
    """Write the files of one council, one building and `devices` devices."""
    council = folder / COUNCIL
    (council / "buildings").mkdir(parents=True, exist_ok=True)
    (council / "council.yaml").write_text(
        f"id: {COUNCIL}\nname: Bench\ninvented: true\nclimate_station: edinburgh_rbge\n"
    )
    (council / "buildings" / f"{BUILDING}.yaml").write_text(
        "name: Hall\nuse: office\ntm46: 1\nfloor_area_m2: 1000\n"
        "hours: []\nlevels: {ground: Ground}\n"
        "spaces: [{id: room, name: Room, level: ground, use: office, area_m2: 900, capacity: 10}]\n"
    )
    head = "id,kind,model,interval,building,space,from\n"
    rest = f"room_sensor,Tolbooth room-sensor,60,{BUILDING},room,2020-01-01"
    rows = "".join(f"{device(index)},{rest}\n" for index in range(devices))
    (council / "devices.csv").write_text(head + rows)
    return folder


def device(index: int) -> str:
    """The id of a device."""
    return f"sim-{index:05d}"


def message(index: int, time_ns: int | None, *, probe: int | None = None) -> tuple[str, bytes]:
    """Topic and payload of a message of four values; values tell the index apart."""
    topic = f"tolbooth/v1/{COUNCIL}/{BUILDING}/{device(index % DEVICES)}/readings"
    stamp = "" if time_ns is None else f'"time":{time_ns // 1_000_000},'
    if probe is not None:
        return topic, f'{{{stamp}"pulses":{probe + 1}}}'.encode()
    body = (
        f'{stamp}"temperature":{15 + index % 97 / 10},"humidity":{40 + index % 89 / 10},'
        f'"co2":{400 + index % 997},"battery":{index % 101}'
    )
    return topic, f"{{{body}}}".encode()
