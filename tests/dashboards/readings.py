"""A small invented council in line protocol: three buildings, a reading every five minutes, no randomness.

It exercises every query of the boards, not the physics: the demo's simulators do that.
"""

import math
from collections.abc import Iterator
from datetime import datetime
from zoneinfo import ZoneInfo

STEP = 300
LONDON = ZoneInfo("Europe/London")
SPACES = ("reception", "reading-room", "office-1", "office-2", "meeting-room", "store")
BUILDINGS = {"central-library": 1.0, "town-house": 1.9, "swimming-pool": 3.4}
USES = {"lighting": 0.22, "sockets": 0.31, "catering": 0.12}
COUNCIL = "council=strathmore"


def lines(start: datetime, end: datetime) -> Iterator[str]:
    """Lines from `start` to `end`, both inclusive, with times in seconds."""
    registers: dict[str, float] = {}
    for time in range(int(start.timestamp()), int(end.timestamp()) + 1, STEP):
        at = datetime.fromtimestamp(time, LONDON)
        outside = 8 + 5 * math.sin((at.hour - 9) / 24 * 2 * math.pi)
        yield f"climate,{COUNCIL},building=town-house,device=weather outdoor_temperature_c={outside:.2f} {time}"
        for building, size in BUILDINGS.items():
            place = f"{COUNCIL},building={building}"
            yield from _meters(place, size, _open(at), outside, registers, time)
            for number, space in enumerate(SPACES):
                yield from _space(place, space, number, at, time)


def _open(at: datetime) -> float:
    """How open the buildings are, 0 to 1."""
    if at.weekday() > 4 or not 8 <= at.hour < 19:
        return 0.0
    return math.sin((at.hour + at.minute / 60 - 8) / 11 * math.pi)


def _meters(
    place: str, size: float, opened: float, outside: float, registers: dict[str, float], time: int
) -> Iterator[str]:
    power = size * (6_000 + 14_000 * opened)
    heat = size * max(0.0, 15.5 - outside) * (0.4 + opened)
    subs = [(use, "sub", f",use={use}", share) for use, share in USES.items()]
    for name, role, use, share in [("main", "main", "", 1.0), *subs]:
        tags = f"{place},device={name}-meter,meter={name},role={role}{use}"
        register = registers[f"{place}{name}"] = registers.get(f"{place}{name}", 1_000.0) + power * share * STEP / 3.6e6
        yield f"power,{tags} power_w={power * share:.1f} {time}"
        yield f"meter,{tags} electricity_import_kwh={register:.4f} {time}"
    gas = registers[f"{place}gas"] = registers.get(f"{place}gas", 500.0) + heat * STEP / 3_600 / 11
    warm = registers[f"{place}heat"] = registers.get(f"{place}heat", 90.0) + heat * STEP / 3_600
    yield f"meter,{place},device=gas-meter,meter=gas,role=main gas_m3={gas:.4f},gas_kwh={gas * 11:.4f} {time}"
    yield f"meter,{place},device=heat-meter,meter=heat,role=main heat_kwh={warm:.4f} {time}"
    yield f"device,{place},device=gas-meter age_s=30,online=1,own_time=1,silent=0 {time}"
    yield f"device,{place},device=heat-meter age_s=9000,online=0,own_time=1,silent=1 {time}"


def _space(place: str, space: str, number: int, at: datetime, time: int) -> Iterator[str]:
    opened = _open(at)
    size = next(size for name, size in BUILDINGS.items() if name in place)
    people = 0 if space == "store" else int(opened * (number + 1) * size + 0.4 * math.sin(time / 7_000 + number))
    occupied = 1 if people > 0 else 0
    tags = f"{place},level=level-{number % 2},space={space}"
    temperature = 18 + 3 * opened + 0.4 * number + size / 3 - (6 if space == "store" else 0)
    valve = max(0.0, 70 - 20 * (temperature - 18))
    lit = 1 if people > 0 or (space == "office-2" and at.hour < 6) else 0
    yield f"climate,{tags},device={space}-sensor temperature_c={temperature:.2f},humidity_pct=45 {time}"
    yield f"climate,{tags},device={space}-valve heating_setpoint_c=20,valve_pct={valve:.1f} {time}"
    yield f"air,{tags},device={space}-sensor co2_ppm={430 + 160 * people:.0f} {time}"
    yield f"occupancy,{tags},device={space}-sensor occupied={occupied},people={people} {time}"
    yield f"light,{tags},device={space}-lamp lit={lit} {time}"
