"""What the components of a Shelly of the second and later generations say, by component and key."""

import re
from collections.abc import Callable, Iterable, Mapping
from typing import Final

from devices.gather import Gathering
from devices.message import Reading, Reason
from devices.payload import is_missing, member, number
from devices.text import show

COMPONENT: Final = re.compile(r"([a-z0-9_]{1,32})(?::([0-9]{1,6}))?")
OWN_DEVICES: Final = frozenset({"blutrv", "bthomedevice"})
"""Components that stand for another physical device, which talks by Bluetooth"""
_Key = tuple[str, str]
_Body = Mapping[str, object]

_METERED: Final[dict[str, _Key]] = {
    "apower": ("power", "W"),
    "voltage": ("voltage", "V"),
    "current": ("current", "A"),
    "freq": ("frequency", "Hz"),
    "pf": ("power_factor", "/"),
}
_EM1: Final[dict[str, _Key]] = {
    "act_power": ("power", "W"),
    "aprt_power": ("apparent_power", "VA"),
    "voltage": ("voltage", "V"),
    "current": ("current", "A"),
    "freq": ("frequency", "Hz"),
    "pf": ("power_factor", "/"),
}
_ENERGIES: Final[dict[str, _Key]] = {
    "act_energy": ("electricity_import", "Wh"),
    "act_ret_energy": ("electricity_export", "Wh"),
}
_PHASES: Final = {"a_": "l1", "b_": "l2", "c_": "l3", "n_": "n"}
_LIGHTS: Final = frozenset({"light", "cct", "rgb", "rgbw", "rgbcct"})
_VIRTUAL: Final = frozenset({"number", "boolean", "enum", "text", "bthomesensor"})
_ADDON: Final = 100
"""Sensors on the add-on board are numbered from here"""
_ROOM_MODEL: Final = re.compile(r"(?i)shelly.*?(?:ht|wall-?display|blu-?ht)")
_METER_MODEL: Final = re.compile(r"(?i)shelly.*?em(?![a-z]{3})")


def model_measures_room(model: str) -> bool | None:
    """Whether `temperature:0` of a model or device id is the room's: None where the name does not say so."""
    if _ROOM_MODEL.match(model):
        return True
    return False if _METER_MODEL.match(model) else None


def read(component: str, body: _Body, room: bool | None, assigned: _Key | None, into: Gathering) -> None:
    """Gather the readings of one component; parts of a delta that are missing say nothing.

    Args:
        component: its key, such as `switch:0`.
        body: its status, or what changed of it.
        room: whether `temperature:0` is the room's; None where nobody knows.
        assigned: its field and unit, where only the device's settings hold its meaning.
    """
    found = COMPONENT.fullmatch(component)
    if found is None:
        return
    kind, index = found[1], int(found[2] or 0)
    if kind not in _READERS and kind not in _VIRTUAL and kind != "temperature":
        return
    errors = body.get("errors")
    if isinstance(errors, list) and errors:
        into.reject(Reason.DEVICE_ERROR, f"{component} has errors {show(errors)}")
        return
    channel = str(index) if index else ""
    if kind in _VIRTUAL:
        _virtual(component, body, assigned, into)
    elif kind == "temperature":
        _temperature(component, index, body, room, into)
    else:
        _READERS[kind](component, body, channel, into)


def _numbers(where: str, body: _Body, table: Mapping[str, _Key], channel: str, into: Gathering) -> None:
    for key, (name, unit) in table.items():
        if key in body:
            into.number(name, body[key], f"{where}.{key}", unit, channel)


def _metered(where: str, body: _Body, channel: str, into: Gathering) -> None:
    _numbers(where, body, _METERED, channel, into)
    for key, name in (("aenergy", "electricity_import"), ("ret_aenergy", "electricity_export")):
        if "total" in (energy := member(body, key)):
            into.number(name, energy["total"], f"{where}.{key}.total", "Wh", channel)
    if "tC" in (chip := member(body, "temperature")):
        into.number("device_temperature", chip["tC"], f"{where}.temperature.tC", "Cel", channel)


def _switch(where: str, body: _Body, channel: str, into: Gathering) -> None:
    if "output" in body:
        into.state("switched", body["output"], f"{where}.output", channel)
    _metered(where, body, channel, into)


def _light(where: str, body: _Body, channel: str, into: Gathering) -> None:
    if "output" in body:
        into.state("on", body["output"], f"{where}.output", channel)
    table = {"brightness": ("brightness", "%"), "ct": ("color_temperature", "K")}
    _numbers(where, body, table, channel, into)
    _metered(where, body, channel, into)


def _em(where: str, body: _Body, channel: str, into: Gathering) -> None:
    """Three phases and their totals; the total is the whole device, so it has no channel."""
    faulty = False
    for prefix, phase in _PHASES.items():
        errors = body.get(f"{prefix}errors")
        if isinstance(errors, list) and errors:
            faulty = True
            into.reject(Reason.DEVICE_ERROR, f"{where}: phase {prefix[0]} has errors {show(errors)}")
            continue
        _numbers(where, body, {prefix + key: row for key, row in _EM1.items()}, phase, into)
    if not faulty:
        _numbers(where, body, {"total_" + key: _EM1[key] for key in ("act_power", "aprt_power", "current")}, "", into)


def _emdata(where: str, body: _Body, channel: str, into: Gathering) -> None:
    for prefix, phase in _PHASES.items():
        _numbers(where, body, {f"{prefix}total_{key}": row for key, row in _ENERGIES.items()}, phase, into)
    totals = {"total_act": _ENERGIES["act_energy"], "total_act_ret": _ENERGIES["act_ret_energy"]}
    _numbers(where, body, totals, channel, into)


def _em1(where: str, body: _Body, channel: str, into: Gathering) -> None:
    _numbers(where, body, _EM1, channel, into)


def _em1data(where: str, body: _Body, channel: str, into: Gathering) -> None:
    _numbers(where, body, {f"total_{key}": row for key, row in _ENERGIES.items()}, channel, into)


def _temperature(where: str, index: int, body: _Body, room: bool | None, into: Gathering) -> None:
    if "tC" not in body:
        return
    if index >= _ADDON:
        into.number("probe_temperature", body["tC"], f"{where}.tC", "Cel", str(index))
    elif room is None:
        into.reject(Reason.NO_DESCRIPTION, f"{where}: air or the device itself? The registry's model would say")
    else:
        name = "temperature" if room else "device_temperature"
        into.number(name, body["tC"], f"{where}.tC", "Cel", str(index) if index else "")


def _humidity(where: str, body: _Body, channel: str, into: Gathering) -> None:
    _numbers(where, body, {"rh": ("humidity", "%")}, channel, into)


def _illuminance(where: str, body: _Body, channel: str, into: Gathering) -> None:
    _numbers(where, body, {"lux": ("illuminance", "lx")}, channel, into)


def _power(where: str, body: _Body, channel: str, into: Gathering) -> None:
    battery = member(body, "battery")
    if member(body, "external").get("present") is True and not number(battery.get("V")):
        return
    _numbers(where, battery, {"V": ("battery_voltage", "V"), "percent": ("battery", "%")}, channel, into)


def _input(where: str, body: _Body, channel: str, into: Gathering) -> None:
    if "total" in (counts := member(body, "counts")):
        into.number("pulses", counts["total"], f"{where}.counts.total", "1", channel)


def _smoke(where: str, body: _Body, channel: str, into: Gathering) -> None:
    if "alarm" in body:
        into.state("smoke", body["alarm"], f"{where}.alarm", channel)


def _flood(where: str, body: _Body, channel: str, into: Gathering) -> None:
    if "alarm" in body:
        into.state("leak", body["alarm"], f"{where}.alarm", channel)


def _presence_zone(where: str, body: _Body, channel: str, into: Gathering) -> None:
    if "value" in body:
        into.state("occupied", body["value"], f"{where}.value", channel)
    _numbers(where, body, {"num_objects": ("people", "1")}, channel, into)


def _voltmeter(where: str, body: _Body, channel: str, into: Gathering) -> None:
    """The device's own, at the mains; one on the add-on board may measure anything."""
    if int(channel or 0) < _ADDON:
        _numbers(where, body, {"voltage": ("voltage", "V")}, channel, into)


def _thermostat(where: str, body: _Body, channel: str, into: Gathering) -> None:
    """A Wall Display's; what it measures comes as `temperature:0`."""
    _numbers(where, body, {"target_C": ("heating_setpoint", "Cel")}, channel, into)
    if "output" in body and body.get("type", "heating") == "heating":
        into.state("heating", body["output"], f"{where}.output", channel)


def _bluetooth_valve(where: str, body: _Body, channel: str, into: Gathering) -> None:
    table = {
        "current_C": ("temperature", "Cel"),
        "target_C": ("heating_setpoint", "Cel"),
        "pos": ("valve_position", "%"),
        "battery": ("battery", "%"),
        "rssi": ("rssi", "dBm"),
    }
    _numbers(where, body, table, "", into)


def _bluetooth_device(where: str, body: _Body, channel: str, into: Gathering) -> None:
    _numbers(where, body, {"battery": ("battery", "%"), "rssi": ("rssi", "dBm")}, "", into)


def _wifi(where: str, body: _Body, channel: str, into: Gathering) -> None:
    _numbers(where, body, {"rssi": ("rssi", "dBm")}, "", into)


def _virtual(where: str, body: _Body, assigned: _Key | None, into: Gathering) -> None:
    if "value" not in body or is_missing(body["value"]):
        return
    if assigned is None:
        into.reject(Reason.NO_DESCRIPTION, f"{where}: only the device's settings say what it is; name it in options")
        return
    name, unit = assigned
    if isinstance(body["value"], bool):
        into.state(name, body["value"], where)
    else:
        into.number(name, body["value"], where, unit)


_READERS: Final[dict[str, Callable[[str, _Body, str, Gathering], None]]] = {
    "switch": _switch,
    "cb": _switch,
    "pm1": _metered,
    "cover": _metered,
    **dict.fromkeys(_LIGHTS, _light),
    "em": _em,
    "emdata": _emdata,
    "em1": _em1,
    "em1data": _em1data,
    "humidity": _humidity,
    "illuminance": _illuminance,
    "devicepower": _power,
    "input": _input,
    "smoke": _smoke,
    "flood": _flood,
    "presencezone": _presence_zone,
    "voltmeter": _voltmeter,
    "thermostat": _thermostat,
    "blutrv": _bluetooth_valve,
    "bthomedevice": _bluetooth_device,
    "wifi": _wifi,
}

_WRITTEN: Final[dict[str, tuple[str, str]]] = {
    "temperature": ("temperature", "tC"),
    "device_temperature": ("switch", "temperature"),
    "probe_temperature": ("temperature", "tC"),
    "humidity": ("humidity", "rh"),
    "illuminance": ("illuminance", "lux"),
    "smoke": ("smoke", "alarm"),
    "leak": ("flood", "alarm"),
    "occupied": ("presencezone", "value"),
    "people": ("presencezone", "num_objects"),
    "heating_setpoint": ("thermostat", "target_C"),
    "heating": ("thermostat", "output"),
    "battery": ("devicepower", "percent"),
    "battery_voltage": ("devicepower", "V"),
    "rssi": ("wifi", "rssi"),
    "on": ("light", "output"),
    "brightness": ("light", "brightness"),
    "color_temperature": ("light", "ct"),
    "switched": ("switch", "output"),
    "power": ("switch", "apower"),
    "voltage": ("switch", "voltage"),
    "current": ("switch", "current"),
    "frequency": ("switch", "freq"),
    "power_factor": ("switch", "pf"),
    "electricity_import": ("switch", "aenergy"),
    "electricity_export": ("switch", "ret_aenergy"),
}


def components(readings: Iterable[Reading]) -> dict[str, dict[str, object]]:
    """The status of the components that hold these readings; phases are written as `em:0` and `emdata:0`."""
    found: dict[str, dict[str, object]] = {}
    phases = {phase: prefix for prefix, phase in _PHASES.items()}
    for field, value, channel in readings:
        if channel in phases:
            _write_phase(field.name, value, phases[channel], found)
        elif field.name in _WRITTEN:
            kind, key = _WRITTEN[field.name]
            body = found.setdefault(kind if kind == "wifi" else f"{kind}:{channel or 0}", {})
            if kind == "devicepower":
                body.setdefault("battery", {})[key] = value  # type: ignore[index]  # an object, set just here
            else:
                body[key] = _nested(field.name, value)
    return found


def _nested(name: str, value: float) -> object:
    if name in ("electricity_import", "electricity_export"):
        return {"total": value * 1_000}
    if name == "device_temperature":
        return {"tC": value}
    return bool(value) if name in ("smoke", "leak", "occupied", "heating", "on", "switched") else value


def _write_phase(name: str, value: float, prefix: str, found: dict[str, dict[str, object]]) -> None:
    for key, (field, _) in _EM1.items():
        if field == name:
            found.setdefault("em:0", {})[prefix + key] = value
    for key, (field, _) in _ENERGIES.items():
        if field == name:
            found.setdefault("emdata:0", {})[f"{prefix}total_{key}"] = value * 1_000
