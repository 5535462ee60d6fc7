"""From the corpus's words (corpus/README.md) to the schema's: which field an expected quantity is stored in.

Quantities are general and the schema is exact, so one quantity may be right in several fields: a temperature in the
space, at a probe or in the water. A quantity with no field is one that Tolbooth does not store.
"""

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import yaml

from devices.estate.shapes import SourceItem
from devices.message import Decoded, SourceConfig
from devices.registry import source_config

CORPUS = Path(__file__).parent / "corpus"

FIELDS: Mapping[str, tuple[str, ...]] = {
    "battery": ("battery",),
    "battery_low": ("battery_low",),
    "battery_voltage": ("battery_voltage",),
    "board_temperature": ("device_temperature",),
    "brightness": ("brightness",),
    "co2": ("co2",),
    "color_temperature": ("color_temperature",),
    "contact": ("open",),
    "current": ("current",),
    "device_temperature": ("device_temperature",),
    "distance": ("distance",),
    "eco2": ("eco2",),
    "energy": ("electricity_import", "heat", "gas_energy"),
    "energy_exported": ("electricity_export",),
    "flow_temperature": ("water_temperature",),
    "formaldehyde": ("formaldehyde",),
    "frequency": ("frequency",),
    "heating_demand": ("valve_position",),
    "illuminance": ("illuminance",),
    "linkquality": ("link_quality",),
    "motion": ("motion", "occupied"),
    "motion_count": ("motion_count",),
    "occupancy": ("occupied", "motion"),
    "open_count_total": ("openings",),
    "people_count": ("people",),
    "people_in_total": ("people_in",),
    "people_out_total": ("people_out",),
    "pm1": ("pm1",),
    "pm10": ("pm10",),
    "pm2_5": ("pm2_5",),
    "pm4": ("pm4",),
    "power": ("power",),
    "power_factor": ("power_factor",),
    "pressure": ("pressure",),
    "pulse_total": ("pulses", "electricity_import", "gas", "water", "heat"),
    "relative_humidity": ("humidity",),
    "rssi": ("rssi",),
    "smoke": ("smoke",),
    "sound_level": ("sound_level",),
    "sound_level_laeq": ("sound_level",),
    "storage_voltage": ("battery_voltage",),
    "supply_voltage": ("battery_voltage", "voltage"),
    "switch": ("switched", "on"),
    "temperature": ("temperature", "outdoor_temperature", "probe_temperature", "water_temperature"),
    "temperature_setpoint": ("heating_setpoint",),
    "tvoc": ("tvoc",),
    "valve_position": ("valve_position",),
    "voltage": ("voltage", "battery_voltage"),
    "water_leak": ("leak",),
    "water_temperature": ("water_temperature",),
    "window_open": ("open",),
}

NOT_STORED: Mapping[str, str] = {
    "charge": "no field for ampere-hours",
    "motion_count_total": "the schema counts movements since the last message",
    "online": "presence, told beside the readings",
    "signal_quality": "a percentage of a strength that nobody defines",
    "sound_level_laf": "an instant of what LAeq averages",
    "sound_level_lafmax": "a peak of what LAeq averages",
    "switch_input": "a wire into the device, not the state of anything",
}

UNITS: Mapping[str | None, Callable[[float], float]] = {
    "mired": lambda value: 1_000_000 / value,
    "cm": lambda value: value * 10,
}
"""Units of the corpus that the schema does not use; `K` of a colour temperature is the schema's own."""

WORDS: Mapping[object, float] = {"open": 1.0, "closed": 0.0}


class Expected(NamedTuple):
    names: tuple[str, ...]
    value: float

    def met_by(self, name: str, value: float) -> bool:
        """The corpus's tolerance: some sources round, Sparkplug's floats have 32 bits."""
        return name in self.names and abs(value - self.value) <= max(1e-6, 5e-4 * abs(self.value))


def rows(folder: str, file: str | None = None) -> Iterator[dict[str, Any]]:
    """The lines of one file of the corpus, or of every file of a format, in file order."""
    for path in sorted((CORPUS / folder).glob(file or "*.jsonl")):
        for line in path.read_text(encoding="utf-8").splitlines():
            yield json.loads(line)


def sources(folder: str) -> list[SourceConfig]:
    """The sources that read a folder of the corpus, where its messages tell no format."""
    path = CORPUS / folder / "sources.yaml"
    listed = yaml.safe_load(path.read_text(encoding="utf-8"))["sources"] if path.is_file() else []
    return [source_config(SourceItem.model_validate(item), "fife") for item in listed]


def payload_bytes(row: Mapping[str, Any]) -> bytes:
    """The message body of a row whose payload is text or JSON."""
    body = row["payload"]
    return body.encode() if isinstance(body, str) else json.dumps(body).encode()


def expectations(items: Iterable[Mapping[str, Any]]) -> list[Expected]:
    """What a row's `expect` or `expect_reject` says, in the schema's words; what is not stored is left out.

    Raises:
        LookupError: the vocabulary does not know the quantity.
    """
    found = []
    for item in items:
        quantity = item["quantity"]
        if quantity in NOT_STORED:
            continue
        if quantity not in FIELDS:
            raise LookupError(f"add {quantity!r} to tests/devices/vocabulary.py")
        value = WORDS[item["value"]] if item["value"] in WORDS else float(item["value"])
        found.append(Expected(FIELDS[quantity], UNITS.get(item["unit"], float)(value)))
    return found


def unmet(expected: Iterable[Expected], decoded: Decoded) -> list[Expected]:
    """Those that no reading meets; each reading meets one."""
    pool = [(reading.field.name, reading.value) for sample in decoded.samples for reading in sample.readings]
    missing = []
    for want in expected:
        hit = next((have for have in pool if want.met_by(*have)), None)
        if hit:
            pool.remove(hit)
        else:
            missing.append(want)
    return missing
