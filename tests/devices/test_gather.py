"""What all formats share: units, values that are none, and the names of fields."""

from pathlib import Path

import pytest

from devices import meaning
from devices.gather import Gathering, measures, to_schema
from devices.message import Reading, Reason, reading_of
from devices.schema import BY_NAME, FIELDS, Kind


def test_the_quick_way_makes_the_same_reading_and_stands_in_one_place() -> None:
    row = BY_NAME["temperature"]
    assert reading_of((row, 20.5, "l1")) == Reading(row, 20.5, "l1")
    assert type(reading_of((row, 20.5, ""))) is Reading
    modules = Path(meaning.__file__).parent.rglob("*.py")
    assert [module.name for module in modules if "tuple.__new__" in module.read_text()] == ["message.py"]


@pytest.mark.parametrize(
    ("name", "unit", "value", "stored"),
    [
        ("temperature", "°F", 70.7, 21.5),
        ("temperature", "K", 294.65, 21.5),
        ("color_temperature", "mired", 250, 4000),
        ("pressure", "kPa", 101.325, 1013.25),
        ("pressure", "mmHg", 760, 1013.25014),
        ("electricity_import", "Wmin", 60_000, 1),
        ("electricity_import", "MWh", 0.5, 500),
        ("electricity_import", "MJ", 3.6, 1),
        ("heat", "GJ", 0.0036, 1),
        ("power", "kW", 1.25, 1250),
        ("power", "mW", 1250, 1.25),
        ("water", "L", 1500, 1.5),
        ("flow", "m³/h", 0.6, 10),
        ("formaldehyde", "µg/m³", 30, 0.03),
        ("distance", "cm", 12.5, 125),
    ],
)
def test_units_are_converted_once(name: str, unit: str, value: float, stored: float) -> None:
    assert to_schema(value, unit, BY_NAME[name]) == pytest.approx(stored)


@pytest.mark.parametrize(("name", "unit"), [("temperature", "%"), ("power", "kWh"), ("humidity", "°C"), ("power", "")])
def test_a_unit_of_another_quantity_is_refused(name: str, unit: str) -> None:
    assert not measures(unit, BY_NAME[name])


@pytest.mark.parametrize(
    ("name", "value"),
    [("temperature", 999), ("battery", -1), ("temperature", 327.67), ("humidity", 655.35), ("battery", 255)]
    + [("temperature", word) for word in ("", "nan", "NaN", "unavailable", "unknown", "None", None)],
)
def test_what_stands_for_no_value_is_none(name: str, value: object) -> None:
    into = Gathering()
    into.number(name, value, "x")
    assert (into.readings, [reject.reason for reject in into.rejects]) == ([], [Reason.NO_VALUE])


@pytest.mark.parametrize(
    ("name", "value"), [("power", 999), ("temperature", -1), ("people", 255), ("illuminance", 65535)]
)
def test_a_number_that_can_be_real_is_kept(name: str, value: float) -> None:
    into = Gathering()
    into.number(name, value, "x")
    assert [reading.value for reading in into.readings] == [value]


@pytest.mark.parametrize(
    ("name", "unit", "field"),
    [
        ("Living Room Temperature", "°C", "temperature"),
        ("boiler room temperature", "°C", "temperature"),
        ("boiler flow temperature", "°C", "water_temperature"),
        ("dew_point_temperature", "°C", ""),
        ("temperature_max", "°C", ""),
        ("target temperature", "°C", "heating_setpoint"),
        ("outdoor temp", "°C", "outdoor_temperature"),
        ("cpuTemperature", "°C", "device_temperature"),
        ("soil moisture", "%", ""),
        ("energy today", "kWh", ""),
        ("total daily energy", "kWh", ""),
        ("energy returned", "kWh", "electricity_export"),
        ("gas volume", "m³", "gas"),
        ("volume", "m³", ""),
        ("pm2_5", "µg/m³", "pm2_5"),
        ("pm1_0", "µg/m³", "pm1"),
        ("position", "%", ""),
    ],
)
def test_a_name_and_a_unit_make_a_field_or_none(name: str, unit: str, field: str) -> None:
    assert meaning.number_field(meaning.words(name), unit) == field


def test_written_names_are_read_back() -> None:
    unread = {
        field.name
        for field in FIELDS
        if field.kind is Kind.STATE and meaning.state_field(meaning.words(meaning.written(field.name))) != field.name
    }
    assert unread == {"online", "own_time", "silent"}
