"""What the keys of a Tasmota message mean, by the sensor that they belong to."""

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Set
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from devices.gather import Gathering
from devices.message import Reading, Reason
from devices.payload import member, number
from devices.text import show

_T, _P = "temperature unit of the message", "pressure unit of the message"
_Key = tuple[str, str]

_COMMON: Final[dict[str, _Key]] = {
    "Temperature": ("temperature", _T),
    "Humidity": ("humidity", "%"),
    "Pressure": ("pressure", _P),
    "Illuminance": ("illuminance", "lx"),
    "CarbonDioxide": ("co2", "ppm"),
    "eCO2": ("eco2", "ppm"),
    "TVOC": ("tvoc", "ppb"),
    "PM1": ("pm1", "ug/m3"),
    "PM2.5": ("pm2_5", "ug/m3"),
    "PM4": ("pm4", "ug/m3"),
    "PM10": ("pm10", "ug/m3"),
    "PM1_0": ("pm1", "ug/m3"),
    "PM2_5": ("pm2_5", "ug/m3"),
    "PM4_0": ("pm4", "ug/m3"),
}
"""Tasmota's own names, which every driver of an environment sensor prints."""
_ITSELF: Final[dict[str, _Key]] = {"Temperature": ("device_temperature", _T)}
_PROBE: Final[dict[str, _Key]] = {
    "Temperature": ("probe_temperature", _T),
    "ProbeTemperature": ("probe_temperature", _T),
}
_SENSORS: Final[dict[str, dict[str, _Key]]] = {
    "ESP32": _ITSELF,
    "AXP192": _ITSELF,
    "MPU6050": {},
    "LD2410": {},
    "LD2410S": {},
    "OPENTHERM": {},
    "MAX31855": _PROBE,
    "MAX31865": _PROBE,
    "MAX6675": _PROBE,
    "SR04": {"Distance": ("distance", "cm")},
    "VL53L0X": {"Distance": ("distance", "mm")},
    "VL53L1X": {"Distance": ("distance", "mm")},
    "ANALOG": {key: _COMMON[key] for key in ("Temperature", "Humidity", "Illuminance")},
    "BLE": {},
}
"""Sensors in which a common name means something else, or in which only these names are certain."""
_ENERGY: Final[dict[str, _Key]] = {
    "Total": ("electricity_import", "kWh"),
    "ExportActive": ("electricity_export", "kWh"),
    "Power": ("power", "W"),
    "ApparentPower": ("apparent_power", "VA"),
    "ReactivePower": ("reactive_power", "var"),
    "Factor": ("power_factor", "/"),
    "Frequency": ("frequency", "Hz"),
    "Voltage": ("voltage", "V"),
    "Current": ("current", "A"),
}
_ZIGBEE: Final[dict[str, _Key]] = {
    "Temperature": ("temperature", "Cel"),
    "Humidity": ("humidity", "%"),
    "Pressure": ("pressure", "hPa"),
    "Illuminance": ("illuminance", "lx"),
    "BatteryPercentage": ("battery", "%"),
    "BatteryVoltage": ("battery_voltage", "V"),
    "LinkQuality": ("link_quality", "1"),
    "RMSVoltage": ("voltage", "V"),
    "CT": ("color_temperature", "mired"),
    "LocalTemperature": ("temperature", "Cel"),
    "OccupiedHeatingSetpoint": ("heating_setpoint", "Cel"),
    "PIHeatingDemand": ("valve_position", "%"),
}
_ZIGBEE_STATES: Final = {"Occupancy": "occupied", "Contact": "open", "Water": "leak", "Smoke": "smoke"}
_LORA: Final[dict[str, _Key]] = {"RSSI": ("rssi", "dBm"), "SNR": ("snr", "dB"), "Battery": ("battery_voltage", "V")}
_BLE: Final[dict[str, _Key]] = {
    "Temperature": ("temperature", _T),
    "Humidity": ("humidity", "%"),
    "Illuminance": ("illuminance", "lx"),
    "Battery": ("battery", "%"),
    "RSSI": ("rssi", "dBm"),
}
_TRV: Final[dict[str, _Key]] = {"temp": ("heating_setpoint", "Cel"), "pos": ("valve_position", "%")}
"""eQ-3 valves: `temp` is what the valve holds, not what it measures."""
_DEVICES: Final = {"ZbReceived": _ZIGBEE, "LwReceived": _LORA, "ble": _BLE, "trv": _TRV}
_SUFFIX: Final = re.compile(r"(.+?)[-_](?:0x)?([0-9]{1,2}|[0-9A-Fa-f]{2})")
_BLE_KEY: Final = re.compile(r"(?:ATC|[A-Za-z0-9_]+-)([0-9A-Fa-f]{6})")
_MAC: Final = re.compile(r"[0-9A-Fa-f]{12}")
_COUNTER: Final = re.compile(r"C([1-8])")
_ZIGBEE_DIMMER_FULL: Final = 254


@dataclass(frozen=True, slots=True)
class Units:
    """The units that a message states for all its sensors."""

    temperature: str
    pressure: str

    @classmethod
    def of(cls, body: Mapping[str, object], temperature: str) -> "Units":
        """TempUnit and PressureUnit of a message; `temperature` and hPa where it has none."""
        stated, pressure = body.get("TempUnit", temperature), body.get("PressureUnit", "hPa")
        return cls(stated if isinstance(stated, str) else "?", pressure if isinstance(pressure, str) else "?")

    def resolve(self, unit: str) -> str:
        """`unit`, or what the message states in its place."""
        return self.temperature if unit == _T else self.pressure if unit == _P else unit


def sensors(wired: Mapping[str, Mapping[str, object]], units: Units, into: Gathering) -> None:
    """Readings of the sensors that are wired to the device."""
    repeated = _repeated(wired.values()) if len(wired) > 1 else frozenset()
    for key, values in wired.items():
        if key == "ENERGY":
            _energy(values, into)
        elif key == "COUNTER":
            _counters(values, into)
        else:
            _sensor(key, values, units, into, repeated)


def _repeated(sensors: Iterable[Mapping[str, object]]) -> Set[str]:
    """Names that more than one sensor has."""
    counts = Counter(name for values in sensors for name in values)
    return {name for name, count in counts.items() if count > 1}


def _sensor(key: str, values: Mapping[str, object], units: Units, into: Gathering, repeated: Set[str]) -> None:
    family, suffix = _family(key)
    table = _SENSORS.get(family, _COMMON)
    identity = values.get("Id")
    for name, value in values.items():
        if name not in table or (name == "eCO2" and "CarbonDioxide" in values):
            continue
        field, unit = table[name]
        channel = suffix or (key.lower() if name in repeated and field != "device_temperature" else "")
        if isinstance(identity, str) and channel:
            channel = identity.lower()[:32]
        into.number(field, value, f"{key}.{name}", units.resolve(unit), channel)


@lru_cache(maxsize=1_024)
def _family(key: str) -> tuple[str, str]:
    found = _SUFFIX.fullmatch(key)
    return (found[1], found[2].lower()) if found else (key, "")


def _energy(values: Mapping[str, object], into: Gathering) -> None:
    for name, (field, unit) in _ENERGY.items():
        if name not in values:
            continue
        for channel, value in _phases(values[name]):
            into.number(field, value, f"ENERGY.{name}", unit, channel)


def _phases(value: object) -> Iterator[tuple[str, object]]:
    """A number is the whole; a list or an object has one entry for each phase."""
    entries = list(value.values()) if isinstance(value, dict) else value
    if not isinstance(entries, list):
        yield "", value
        return
    for index, entry in enumerate(entries[:8], 1):
        yield ("" if len(entries) == 1 else f"l{index}"), entry


def _counters(values: Mapping[str, object], into: Gathering) -> None:
    for name, value in values.items():
        found = _COUNTER.fullmatch(name)
        if found is None:
            continue
        if isinstance(value, float):
            into.reject(Reason.UNKNOWN_FIELD, f"COUNTER.{name} is {show(value)}: a time between pulses, not a count")
        else:
            into.number("pulses", value, f"COUNTER.{name}", "1", "" if found[1] == "1" else found[1])


def ble_address(key: str, values: Mapping[str, object]) -> str:
    """The address of the Bluetooth sensor that `key` stands for; empty where it is none."""
    mac = values.get("mac")
    if isinstance(mac, str) and _MAC.fullmatch(plain := mac.replace(":", "")):
        return plain.lower()
    found = _BLE_KEY.fullmatch(key)
    return key if found and not _MAC.fullmatch(key) else ""


def device(kind: str, values: Mapping[str, object], units: Units, into: Gathering) -> None:
    """Readings of one device that a gateway reports: `kind` is ZbReceived, LwReceived, ble or trv."""
    soil = kind == "ble" and ("Fertility" in values or "Moisture" in values)
    for name, (field, unit) in _DEVICES[kind].items():
        if name in values and not (soil and name == "Humidity"):
            into.number(field, values[name], f"{kind}.{name}", units.resolve(unit), _endpoint(kind, field, values))
    if kind == "ZbReceived":
        _zigbee(values, into)
    elif kind == "LwReceived" and "DoorOpen" in values:
        into.state("open", values["DoorOpen"], "LwReceived.DoorOpen")
    elif kind == "trv" and "battery" in values:
        into.state("battery_low", values["battery"], "battery", words={"good": 0.0, "low": 1.0})
    if all(reading.field.name in ("rssi", "link_quality", "snr") for reading in into.readings):
        into.readings.clear()


def _endpoint(kind: str, field: str, values: Mapping[str, object]) -> str:
    if kind != "ZbReceived" or field in ("battery", "battery_voltage", "link_quality"):
        return ""
    endpoint = number(values.get("Endpoint"))
    return "" if endpoint is None or endpoint in (0, 1) else str(int(endpoint))


def _zigbee(values: Mapping[str, object], into: Gathering) -> None:
    channel = _endpoint("ZbReceived", "", values)
    for name, field in _ZIGBEE_STATES.items():
        if name in values:
            into.state(field, values[name], f"ZbReceived.{name}", channel)
    light = "Dimmer" in values or "CT" in values
    if "Power" in values:
        into.state("on" if light else "switched", values["Power"], "ZbReceived.Power", channel)
    level = number(values.get("Dimmer"))
    if level is not None:
        into.number("brightness", level * 100 / _ZIGBEE_DIMMER_FULL, "ZbReceived.Dimmer", "%", channel)


def bodies(readings: Iterable[Reading]) -> tuple[dict[str, object], dict[str, object]]:
    """The bodies of SENSOR and STATE for these readings; what Tasmota has no key for is left out."""
    sensor: dict[str, object] = {}
    state: dict[str, object] = {}
    own = {field: ("ENERGY", name) for name, (field, _) in _ENERGY.items()}
    own |= {field: ("AM2301", name) for name, (field, _) in reversed(_COMMON.items())}
    for field, value, channel in readings:
        if field.name in ("switched", "on"):
            state[f"POWER{channel}"] = "ON" if value else "OFF"
        elif field.name == "brightness":
            state["Dimmer"] = value
        elif field.name == "color_temperature":
            state["CT"] = 1_000_000 / value
        elif field.name == "rssi":
            state["Wifi"] = {"Signal": value}
        elif field.name == "device_temperature":
            sensor.setdefault("ESP32", {})["Temperature"] = value  # type: ignore[index]  # the value set just here
        elif field.name in own:
            _place(sensor, *own[field.name], value, channel)
    if any("Temperature" in member(sensor, key) for key in sensor):
        sensor["TempUnit"] = "C"
    return sensor, state


def _place(sensor: dict[str, object], key: str, name: str, value: float, channel: str) -> None:
    if key == "ENERGY" and re.fullmatch("l[1-3]", channel):
        values = sensor.setdefault(key, {})
        phases = values.setdefault(name, []) if isinstance(values, dict) else []
        phases.append(value)
        return
    body = sensor.setdefault(f"{key}-{channel}" if channel else key, {})
    if isinstance(body, dict):
        body[name] = value
