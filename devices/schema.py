"""The schema: every field that Tolbooth stores, in one table.

Everything else that needs a name, a unit or a range (validation, line protocol, simulators, dashboards, the page
in the docs) derives it from here. Renaming a field is one edit and a diff in golden files.

`name` is the key in a native payload, `key` the field key in InfluxDB, `unit` is SenML's (RFC 8428, RFC 8798) or
UCUM's where SenML has none, `brick` the nearest point class of Brick 1.4 (`Sensor`, `Status` or `Alarm` where it has
none nearer), `display` a unit id of Grafana. `low` and `high` are physical plausibility in that unit, inclusive: what lies outside is a fault of the sensor or of
the decoding, not weather. Every field is stored as a float; a state is 0.0 or 1.0, so that its mean is a share of time.
"""

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import Final


class Kind(StrEnum):
    """How the values of a field behave in time."""

    GAUGE = "gauge"
    """a level at an instant: mean, minimum and maximum make sense"""
    REGISTER = "register"
    """a cumulative index: only differences make sense, and it may roll over, reset or be swapped"""
    STATE = "state"
    """0.0 or 1.0: the mean is the share of time"""


@dataclass(frozen=True, slots=True, eq=False)
class Field:
    """One row of the schema; the module's docstring says what each column means. A field equals itself alone."""

    name: str
    measurement: str
    key: str
    unit: str
    kind: Kind
    low: float
    high: float
    brick: str
    display: str
    meaning: str

    def __reduce__(self) -> tuple[Callable[[str], "Field"], tuple[str]]:
        """A copy of a field, in another process too, is the field."""
        return _named, (self.name,)


def _named(name: str) -> Field:
    return BY_NAME[name]


CLIMATE, AIR, LIGHT, POWER = "climate", "air", "light", "power"
METER, OCCUPANCY, OPENING, WATER, DEVICE, INGEST = "meter", "occupancy", "opening", "water", "device", "ingest"

TAGS: Final = ("building", "channel", "council", "device", "level", "meter", "model", "part", "role", "space", "use")
"""Every tag, in the order in which a line carries them. All but `channel` come from the registry; a tag that has no
value is absent. `meter`, `role` and `use` stand on the lines of meters only, `channel` on those of a device that
measures one quantity more than once. `part` keeps apart, without naming them, spaces that are stored together."""
SMALL_SPACES: Final = "small spaces"
"""The tag `space` of spaces that are too small to be shown alone; no id has a blank."""

_G, _R, _S = Kind.GAUGE, Kind.REGISTER, Kind.STATE

_ROWS: Final = (
    # climate
    ("temperature", CLIMATE, "temperature_c", "Cel", _G, -40, 60, "Zone_Air_Temperature_Sensor", "celsius", "air temperature of the space"),
    ("humidity", CLIMATE, "humidity_pct", "%RH", _G, 0, 100, "Zone_Air_Humidity_Sensor", "humidity", "relative humidity of the space"),
    ("heating_setpoint", CLIMATE, "heating_setpoint_c", "Cel", _G, 0, 40, "Heating_Temperature_Setpoint", "celsius", "temperature that the thermostat holds"),
    ("valve_position", CLIMATE, "valve_pct", "%", _G, 0, 100, "Valve_Position_Sensor", "percent", "opening of the heating valve, or the heat demanded of it"),
    ("heating", CLIMATE, "heating", "1", _S, 0, 1, "On_Off_Status", "bool_on_off", "the thermostat calls for heat"),
    ("outdoor_temperature", CLIMATE, "outdoor_temperature_c", "Cel", _G, -50, 50, "Outside_Air_Temperature_Sensor", "celsius", "air temperature outside the building"),
    ("probe_temperature", CLIMATE, "probe_temperature_c", "Cel", _G, -80, 250, "Temperature_Sensor", "celsius", "temperature of an external probe"),
    # air
    ("co2", AIR, "co2_ppm", "ppm", _G, 250, 40_000, "CO2_Level_Sensor", "ppm", "carbon dioxide, measured"),
    ("eco2", AIR, "eco2_ppm", "ppm", _G, 250, 65_000, "CO2_Level_Sensor", "ppm", "carbon dioxide estimated from volatile compounds"),
    ("pm1", AIR, "pm1_ugm3", "ug/m3", _G, 0, 20_000, "PM1_Level_Sensor", "conμgm3", "particles up to 1 µm"),
    ("pm2_5", AIR, "pm2_5_ugm3", "ug/m3", _G, 0, 20_000, "PM2.5_Level_Sensor", "conμgm3", "particles up to 2.5 µm"),
    ("pm4", AIR, "pm4_ugm3", "ug/m3", _G, 0, 20_000, "Particulate_Matter_Sensor", "conμgm3", "particles up to 4 µm"),
    ("pm10", AIR, "pm10_ugm3", "ug/m3", _G, 0, 20_000, "PM10_Level_Sensor", "conμgm3", "particles up to 10 µm"),
    ("tvoc", AIR, "tvoc_ppb", "ppb", _G, 0, 65_000, "TVOC_Level_Sensor", "conppb", "volatile organic compounds, by volume"),
    ("tvoc_mass", AIR, "tvoc_ugm3", "ug/m3", _G, 0, 100_000, "TVOC_Level_Sensor", "conμgm3", "volatile organic compounds, by mass"),
    ("voc_index", AIR, "voc_index", "1", _G, 0, 1_000, "TVOC_Level_Sensor", "none", "index of volatile compounds, by the maker's scale"),
    ("formaldehyde", AIR, "formaldehyde_mgm3", "mg/m3", _G, 0, 100, "Formaldehyde_Level_Sensor", "conmgm3", "formaldehyde"),
    ("pressure", AIR, "pressure_hpa", "hPa", _G, 850, 1_100, "Air_Pressure_Sensor", "pressurehpa", "atmospheric pressure, not reduced to sea level"),
    ("sound_level", AIR, "sound_level_db", "dB", _G, 0, 150, "Sensor", "dB", "sound pressure level"),
    ("smoke", AIR, "smoke", "1", _S, 0, 1, "Smoke_Detection_Alarm", "bool_yes_no", "smoke detected"),
    # light
    ("on", LIGHT, "lit", "1", _S, 0, 1, "On_Off_Status", "bool_on_off", "the light is on"),
    ("brightness", LIGHT, "brightness_pct", "%", _G, 0, 100, "Luminance_Command", "percent", "brightness set"),
    ("color_temperature", LIGHT, "color_temperature_k", "K", _G, 1_000, 20_000, "Lighting_Correlated_Color_Temperature_Command", "kelvin", "colour temperature set"),
    ("illuminance", LIGHT, "illuminance_lx", "lx", _G, 0, 200_000, "Illuminance_Sensor", "lux", "illuminance of the space"),
    # power
    ("power", POWER, "power_w", "W", _G, -1_000_000, 1_000_000, "Electric_Power_Sensor", "watt", "active power; negative is export"),
    ("apparent_power", POWER, "apparent_power_va", "VA", _G, 0, 1_000_000, "Apparent_Power_Sensor", "voltamp", "apparent power"),
    ("reactive_power", POWER, "reactive_power_var", "var", _G, -1_000_000, 1_000_000, "Reactive_Power_Sensor", "voltampreact", "reactive power"),
    ("voltage", POWER, "voltage_v", "V", _G, 0, 1_000, "Voltage_Sensor", "volt", "mains voltage"),
    ("current", POWER, "current_a", "A", _G, -3_000, 3_000, "Current_Sensor", "amp", "current"),
    ("power_factor", POWER, "power_factor", "/", _G, -1, 1, "Power_Factor_Sensor", "none", "power factor"),
    ("frequency", POWER, "frequency_hz", "Hz", _G, 40, 70, "Frequency_Sensor", "hertz", "mains frequency"),
    ("switched", POWER, "switched_on", "1", _S, 0, 1, "On_Off_Status", "bool_on_off", "the plug or relay is on"),
    # meter
    ("electricity_import", METER, "electricity_import_kwh", "kWh", _R, 0, 1e10, "Electrical_Energy_Usage_Sensor", "kwatth", "register of electricity taken"),
    ("electricity_export", METER, "electricity_export_kwh", "kWh", _R, 0, 1e10, "Electrical_Energy_Usage_Sensor", "kwatth", "register of electricity given back"),
    ("gas", METER, "gas_m3", "m3", _R, 0, 1e9, "Natural_Gas_Usage_Sensor", "m3", "register of gas volume, not corrected"),
    ("gas_energy", METER, "gas_kwh", "kWh", _R, 0, 1e10, "Natural_Gas_Usage_Sensor", "kwatth", "register of gas energy"),
    ("heat", METER, "heat_kwh", "kWh", _R, 0, 1e10, "Thermal_Energy_Usage_Sensor", "kwatth", "register of heat"),
    ("water", METER, "water_m3", "m3", _R, 0, 1e9, "Water_Usage_Sensor", "m3", "register of water volume"),
    ("pulses", METER, "pulses", "1", _R, 0, 1e12, "Usage_Sensor", "none", "register of pulses whose weight the registry does not know"),
    # occupancy
    ("occupied", OCCUPANCY, "occupied", "1", _S, 0, 1, "Occupancy_Status", "bool_yes_no", "somebody is in the space"),
    ("motion", OCCUPANCY, "motion", "1", _S, 0, 1, "Motion_Sensor", "bool_yes_no", "movement seen"),
    ("motion_count", OCCUPANCY, "motion_count", "1", _G, 0, 65_535, "Motion_Sensor", "none", "movements since the last message"),
    ("people", OCCUPANCY, "people", "1", _G, 0, 10_000, "Occupancy_Count_Sensor", "none", "people in the space"),
    ("people_in", OCCUPANCY, "people_in", "1", _R, 0, 1e9, "Occupancy_Count_Sensor", "none", "register of people who went in"),
    ("people_out", OCCUPANCY, "people_out", "1", _R, 0, 1e9, "Occupancy_Count_Sensor", "none", "register of people who went out"),
    ("desks_in_use", OCCUPANCY, "desks_in_use", "1", _G, 0, 10_000, "Occupancy_Count_Sensor", "none", "desks in use in the space"),
    ("distance", OCCUPANCY, "distance_mm", "mm", _G, 0, 100_000, "Sensor", "lengthmm", "distance to the nearest object"),
    # opening
    ("open", OPENING, "open", "1", _S, 0, 1, "Open_Close_Status", "bool_yes_no", "the door or window is open"),
    ("openings", OPENING, "openings", "1", _R, 0, 1e9, "Open_Close_Status", "none", "register of openings"),
    ("tamper", OPENING, "tamper", "1", _S, 0, 1, "Alarm", "bool_yes_no", "the device was tampered with"),
    # water
    ("water_temperature", WATER, "water_temperature_c", "Cel", _G, -10, 120, "Water_Temperature_Sensor", "celsius", "temperature of the water or its pipe"),
    ("flow", WATER, "flow_lpm", "l/min", _G, 0, 100_000, "Water_Flow_Sensor", "flowlpm", "flow of water"),
    ("leak", WATER, "leak", "1", _S, 0, 1, "Leak_Alarm", "bool_yes_no", "water where it should not be"),
    # device
    ("battery", DEVICE, "battery_pct", "%EL", _G, 0, 100, "Sensor", "percent", "charge left in the battery"),
    ("battery_voltage", DEVICE, "battery_v", "V", _G, 0, 60, "Battery_Voltage_Sensor", "volt", "voltage of the battery or the supply"),
    ("battery_low", DEVICE, "battery_low", "1", _S, 0, 1, "Low_Battery_Alarm", "bool_yes_no", "the device says that its battery is low"),
    ("rssi", DEVICE, "rssi_dbm", "dBm", _G, -200, 30, "Sensor", "dBm", "strength of the received signal"),
    ("snr", DEVICE, "snr_db", "dB", _G, -50, 60, "Sensor", "dB", "signal to noise ratio"),
    ("link_quality", DEVICE, "link_quality", "1", _G, 0, 255, "Sensor", "none", "Zigbee link quality, 0 to 255"),
    ("device_temperature", DEVICE, "device_temperature_c", "Cel", _G, -60, 150, "Temperature_Sensor", "celsius", "temperature of the device itself, not of the space"),
    ("online", DEVICE, "online", "1", _S, 0, 1, "Status", "bool_yes_no", "heard within its expected interval; written by ingest"),
    ("age", DEVICE, "age_s", "s", _G, 0, 1e10, "Duration_Sensor", "s", "time since the device was last heard; written by ingest"),
    ("own_time", DEVICE, "own_time", "1", _S, 0, 1, "Status", "bool_yes_no", "the last message told its time; 0 is time of arrival; written by ingest"),
    ("silent", DEVICE, "silent", "1", _S, 0, 1, "Fault_Status", "bool_yes_no", "an alarm holds for the silence of the device or its gateway; written by ingest"),
    # ingest
    ("canary", INGEST, "canary_s", "s", _G, 0, 1e10, "Duration_Sensor", "s", "time that ingest's own marker took through the broker; written by ingest"),
)  # fmt: skip

FIELDS: Final[tuple[Field, ...]] = tuple(Field(*row) for row in _ROWS)
BY_NAME: Final[dict[str, Field]] = {field.name: field for field in FIELDS}
WRITTEN_BY_INGEST: Final = frozenset({"online", "age", "own_time", "silent", "canary"})
"""Names that no device may send: they are ingest's own verdict on the device, and on itself."""
