"""Names and units of senders who choose them: what is certain is read, what is not waits."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from devices.meaning import meaning
from devices.schema import BY_NAME
from devices.units import convert, same_dimension


@pytest.mark.parametrize(
    ("name", "unit", "field", "channel"),
    [
        ("temp", "Cel", "temperature", ""),
        ("", "Cel", "temperature", ""),
        ("Supply Air/Temperature", "degC", "temperature", "Supply Air"),
        ("Zone/2/Temperature", "°C", "temperature", "Zone/2"),
        ("Outdoor/Temperature", "degF", "outdoor_temperature", ""),
        ("Boiler/Flow Temperature", "degC", "water_temperature", "Boiler"),
        ("Zone 3/Setpoint", "Cel", "heating_setpoint", "Zone 3"),
        ("Humidity", "%", "humidity", ""),
        ("Return Air/CO2", "ppm", "co2", "Return Air"),
        ("PM2.5", "µg/m3", "pm2_5", ""),
        ("Energy/Total", "Wh", "electricity_import", ""),
        ("Energy Exported", "kWh", "electricity_export", "Energy Exported"),
        ("Heat Meter/Energy", "MWh", "heat", ""),
        ("Gas/Energy", "kWh", "gas_energy", ""),
        ("Water Meter/Volume", "m3", "water", ""),
        ("Phase L1/Voltage", "V", "voltage", "Phase L1"),
        ("Battery Voltage", "mV", "battery_voltage", ""),
        ("Supply Voltage", "", "battery_voltage", "Supply Voltage"),
        ("Valve Position", "%", "valve_position", ""),
        ("Grid/Frequency", "Hz", "frequency", "Grid"),
        ("people", "", "people", ""),
        ("electricity_import", "kWh", "electricity_import", ""),
        ("Return Air/Temperature", "degC", "temperature", "Return Air"),
        ("Boiler Room/Temperature", "degC", "temperature", "Boiler Room"),
        ("Kettle", "W", "power", "Kettle"),
        ("Phase/Average Current", "A", "current", "Phase"),
        ("Solar/Energy", "kWh", "electricity_export", "Solar"),
    ],
)
def test_certain(name: str, unit: str, field: str, channel: str) -> None:
    found = meaning(name, unit)
    assert found is not None
    assert (found.field.name, found.channel) == (field, channel)


@pytest.mark.parametrize(
    ("name", "unit"),
    [
        ("Temperature", ""),
        ("Cooling Setpoint", "degC"),
        ("CO2 Setpoint", "ppm"),
        ("Alarm Limits/CO2", "ppm"),
        ("Temperature/High Limit", "degC"),
        ("Dew Point", "degC"),
        ("Energy Today", "kWh"),
        ("Reactive Energy", "kWh"),
        ("Duct/Static Pressure", "Pa"),
        ("Boiler/Pressure", "bar"),
        ("Fan/Frequency", "Hz"),
        ("Supply Air/Flow", "l/s"),
        ("Control Signal", "V"),
        ("soc", "/"),
        ("Volume", "m3"),
        ("NO2", "ppm"),
        ("Temperature", "furlong"),
        ("Carbon Monoxide", "ppm"),
        ("Average Temperature", "degC"),
        ("Compressor/Temperature", "degC"),
        ("Compressed Air/Pressure", "bar"),
        ("Heating/Output", "W"),
        ("online", ""),
    ],
)
def test_not_certain(name: str, unit: str) -> None:
    assert meaning(name, unit) is None


@pytest.mark.parametrize(
    ("name", "field"),
    [
        ("Door 1/Open", "open"),
        ("Occupancy", "occupied"),
        ("motion", "motion"),
        ("Light/On", "on"),
        ("Leak", "leak"),
        ("Relay 1/State", "switched"),
        ("Pump/Leak Alarm", "leak"),
    ],
)
def test_states(name: str, field: str) -> None:
    found = meaning(name, "", state=True)
    assert found is not None
    assert found.field.name == field


@pytest.mark.parametrize(
    "name",
    [
        "Valve/Open",
        "Fan/On",
        "Fan/Running",
        "Contact",
        "temperature",
        "online",
        "State",
        "Door Control/Open",
        "Motion Detection/Enabled",
        "Valve/State",
    ],
)
def test_a_state_that_is_not_certain(name: str) -> None:
    assert meaning(name, "", state=True) is None


@given(st.text(max_size=300), st.sampled_from(("", "Cel", "%", "kWh", "V", "x")), st.booleans())
def test_a_meaning_can_be_stored(name: str, unit: str, state: bool) -> None:
    found = meaning(name, unit, state=state)
    if found:
        assert BY_NAME[found.field.name] is found.field
        assert not unit or state or same_dimension(unit, found.field.unit)
        assert found.channel.isprintable()


@pytest.mark.parametrize(
    ("value", "unit", "wanted", "result"),
    [
        (293.15, "K", "Cel", 20),
        (68, "degF", "Cel", 20),
        (-40, "°F", "Cel", -40),
        (3_600_000, "J", "kWh", 1),
        (1, "GJ", "kWh", 277.777777778),
        (123_456_789, "Wh", "kWh", 123_456.789),
        (101_325, "Pa", "hPa", 1013.25),
        (760, "mmHg", "hPa", 1013.25014435),
        (0.87, "/", "%", 87),
        (2, "m3/h", "l/min", 33.3333333333),
        (1500, "l", "m3", 1.5),
        (0, "dBW", "dBm", 30),
        (3062, "mV", "V", 3.062),
    ],
)
def test_conversion(value: float, unit: str, wanted: str, result: float) -> None:
    assert convert(value, unit, wanted) == result


@pytest.mark.parametrize(("unit", "wanted"), [("V", "A"), ("furlong", "mm"), ("%", "1"), ("", "V")])
def test_no_conversion(unit: str, wanted: str) -> None:
    with pytest.raises(LookupError, match="no conversion"):
        convert(1, unit, wanted)
