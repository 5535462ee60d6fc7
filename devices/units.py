"""Units as senders write them, converted to the schema's.

SenML's registries (RFC 8428, RFC 8798), the engineering units of Sparkplug gateways and what makers' decoders print
meet here. Conversion is linear; a unit that is not in the table is not guessed.
"""

from typing import Final, NamedTuple


class _Unit(NamedTuple):
    dimension: str
    factor: float
    """times this, plus `offset`, is the dimension's base unit"""
    offset: float = 0.0


def _table() -> dict[str, _Unit]:
    kelvin, percent, energy = "temperature", "ratio", "energy"
    rows: dict[_Unit, str] = {
        _Unit(kelvin, 1): "K kelvin",
        _Unit(kelvin, 1, 273.15): "Cel °C ℃ degC deg_C C celsius ºC",
        _Unit(kelvin, 5 / 9, 459.67 * 5 / 9): "°F ℉ degF deg_F F fahrenheit [degF]",
        _Unit(percent, 1): "/",
        _Unit(percent, 0.01): "% %RH %EL %rh RH% %r.H. percent pct",
        _Unit("number", 1): "1 # count counts pulses",
        _Unit("potential", 1): "V volt volts",
        _Unit("potential", 0.001): "mV",
        _Unit("potential", 1000): "kV",
        _Unit("current", 1): "A amp amps",
        _Unit("current", 0.001): "mA",
        _Unit("power", 1): "W watt watts",
        _Unit("power", 0.001): "mW",
        _Unit("power", 1000): "kW",
        _Unit("power", 1e6): "MW",
        _Unit("apparent", 1): "VA",
        _Unit("apparent", 1000): "kVA",
        _Unit("reactive", 1): "var VAR",
        _Unit("reactive", 1000): "kvar kVAR",
        _Unit(energy, 1): "kWh kwh",
        _Unit(energy, 1000): "MWh",
        _Unit(energy, 0.001): "Wh",
        _Unit(energy, 1e-6): "mWh",
        _Unit(energy, 1 / 60_000): "Wmin",
        _Unit(energy, 1 / 3.6e6): "J Ws",
        _Unit(energy, 1 / 3600): "kJ",
        _Unit(energy, 1 / 3.6): "MJ",
        _Unit(energy, 1000 / 3.6): "GJ",
        _Unit("volume", 1): "m3 m³ m^3 cubic_metre",
        _Unit("volume", 0.001): "l L litre litres dm3 dm³",
        _Unit("volume", 0.028316846592): "ft3 ft³ CF",
        _Unit("flow", 1): "l/min L/min lpm",
        _Unit("flow", 60): "l/s L/s",
        _Unit("flow", 1 / 60): "l/h L/h",
        _Unit("flow", 1000 / 60): "m3/h m³/h",
        _Unit("flow", 60_000): "m3/s m³/s",
        _Unit("pressure", 1): "hPa mbar mBar millibar",
        _Unit("pressure", 0.01): "Pa",
        _Unit("pressure", 10): "kPa",
        _Unit("pressure", 1000): "bar",
        _Unit("pressure", 1.33322387415): "mmHg",
        _Unit("pressure", 33.8638866667): "inHg",
        _Unit("pressure", 68.9475729): "psi",
        _Unit("fraction", 1): "ppm",
        _Unit("fraction", 0.001): "ppb",
        _Unit("concentration", 1): "ug/m3 µg/m3 μg/m3 µg/m³ μg/m³ ug/m³ µg⋅m⁻³ μg⋅m⁻³",
        _Unit("concentration", 1000): "mg/m3 mg/m³ mg⋅m⁻³",
        _Unit("illuminance", 1): "lx lux Lux",
        _Unit("illuminance", 1000): "klx",
        _Unit("level", 1): "dB dB(A) dBA dBSPL",
        _Unit("radio", 1): "dBm",
        _Unit("radio", 1, 30): "dBW",
        _Unit("frequency", 1): "Hz",
        _Unit("length", 1): "mm",
        _Unit("length", 10): "cm",
        _Unit("length", 1000): "m",
        _Unit("time", 1): "s sec seconds",
        _Unit("time", 0.001): "ms",
        _Unit("time", 60): "min",
        _Unit("time", 3600): "h",
    }
    return {name: unit for unit, names in rows.items() for name in names.split()}


_UNITS: Final = _table()


def same_dimension(unit: str, wanted: str) -> bool:
    """Whether a value in `unit` can be expressed in `wanted`."""
    return unit in _UNITS and wanted in _UNITS and _UNITS[unit].dimension == _UNITS[wanted].dimension


def convert(value: float, unit: str, wanted: str) -> float:
    """`value` in `unit`, expressed in `wanted`.

    Raises:
        LookupError: one of the units is unknown, or they measure different things.
    """
    if unit == wanted:
        return value
    if not same_dimension(unit, wanted):
        raise LookupError(f"no conversion from {unit!r} to {wanted!r}")
    given, goal = _UNITS[unit], _UNITS[wanted]
    result = (value * given.factor + given.offset - goal.offset) / goal.factor
    return float(f"{result:.12g}")
