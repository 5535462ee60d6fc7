"""Decentlab protocol version 2: 02, device id, flags, then 16-bit words for each sensor whose flag is set.

Source: Decentlab's data sheets ("Decoding") of each device. The layout names the device's table: `table: dl-iam`.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from devices.codecs import Frame, Values

Words = Sequence[int]
Sensor = tuple[int, Callable[[Words], Values]]
"""how many words, and what they say"""

_HALF: Final = 32_768


def _battery(x: Words) -> Values:
    return {"battery_voltage": x[0] / 1000}


def _sht(x: Words) -> Values:
    return {"air_temperature": 175 * x[0] / 65_535 - 45, "air_humidity": 100 * x[1] / 65_535}


def _sht21(x: Words) -> Values:
    return {"air_temperature": 175.72 * x[0] / 65_536 - 46.85, "air_humidity": 125 * x[1] / 65_536 - 6}


def _pascal(x: Words) -> Values:
    return {"barometric_pressure": x[0] * 2}


def _light(x: Words) -> Values:
    both, infrared = x
    lux = max(both - 1.64 * infrared, 0.59 * both - 0.86 * infrared, 0) * 1.5504
    return {"ambient_light_visible_infrared": both, "ambient_light_infrared": infrared, "illuminance": lux}


def _co2(x: Words) -> Values:
    return {"co2_concentration": x[0] - _HALF, "co2_sensor_status": x[1], "raw_ir_reading": x[2]}


def _activity(x: Words) -> Values:
    return {"activity_counter": x[0]}


def _voc(x: Words) -> Values:
    return {"total_voc": x[0]}


def _lp8(x: Words) -> Values:
    return {
        "co2_concentration": x[0] - _HALF,
        "co2_concentration_lpf": x[1] - _HALF,
        "co2_sensor_temperature": (x[2] - _HALF) / 100,
        "co2_sensor_status": x[5],
    }


def _barometer(x: Words) -> Values:
    return {"barometer_temperature": (x[0] - 5000) / 100, "barometric_pressure": x[1] * 2}


def _particles(x: Words) -> Values:
    names = ("pm1_0", "pm2_5", "pm4", "pm10")
    return {f"{name}_mass_concentration": word / 10 for name, word in zip(names, x, strict=False)}


def _ds18(x: Words) -> Values:
    return {"temperature": (x[0] - _HALF) / 16}


def _rhc(x: Words) -> Values:
    return {"air_humidity": x[2] / 100, "air_temperature": (x[3] - _HALF) / 100}


def _gmm(x: Words) -> Values:
    return {
        "photosynthetically_active_radiation": (x[0] - _HALF) / 10,
        "air_temperature": (x[1] - _HALF) / 100,
        "air_humidity": (x[2] - _HALF) / 10,
        "co2_concentration": x[3] - _HALF,
        "atmospheric_pressure": (x[4] - _HALF) / 100,
        "vapor_pressure_deficit": (x[5] - _HALF) / 100,
        "dew_point": (x[6] - _HALF) / 100,
    }


def _pulses(prefix: str) -> Callable[[Words], Values]:
    def read(x: Words) -> Values:
        return {f"{prefix}cumulative_pulse_count": x[2] + x[3] * 65_536, f"{prefix}pulse_count": x[0]}

    return read


def _loop_current(x: Words) -> Values:
    return {"loop_current_ma": (x[0] - _HALF) * 150 / _HALF}


def _distance(x: Words) -> Values:
    return {"distance": x[0], "number_of_valid_samples": x[1]}


TABLES: Final[Mapping[str, tuple[Sensor, ...]]] = {
    "dl-dlr2-002": ((4, _pulses("")), (1, _battery)),
    "dl-dlr2-004": ((1, _loop_current), (1, _battery)),
    "dl-dlr2-010": ((4, _pulses("ch0_")), (4, _pulses("ch1_")), (1, _battery)),
    "dl-ds18": ((1, _ds18), (1, _battery)),
    "dl-gmm": ((7, _gmm), (1, _battery)),
    "dl-iam": ((1, _battery), (2, _sht), (1, _pascal), (2, _light), (3, _co2), (1, _activity),
               (1, _voc)),
    "dl-lp8p": ((2, _sht21), (2, _barometer), (8, _lp8), (1, _battery)),
    "dl-mbx": ((2, _distance), (1, _battery)),
    "dl-pm": ((1, _battery), (10, _particles), (2, _sht21), (1, _pascal)),
    "dl-rhc": ((4, _rhc), (1, _battery)),
    "dl-sht35": ((2, _sht), (1, _battery)),
}  # fmt: skip

_VERSION, _HEADER = 2, 5


def decode(data: bytes, port: int, layout: Mapping[str, Any]) -> Frame:
    """Read the sensors whose flags are set, in the order of the device's table."""
    del port
    sensors = TABLES.get(str(layout.get("table")))
    if sensors is None:
        return Frame(complaint=f"no table {layout.get('table')!r}: known are {', '.join(TABLES)}")
    if len(data) < _HEADER or data[0] != _VERSION:
        return Frame(complaint="no frame of Decentlab's protocol version 2")
    flags = int.from_bytes(data[3:5], "big")
    wanted = [sensor for bit, sensor in enumerate(sensors) if flags >> bit & 1]
    words = [int.from_bytes(data[at : at + 2], "big") for at in range(_HEADER, len(data) - 1, 2)]
    needed = sum(count for count, _ in wanted)
    if flags >> len(sensors) or len(words) != needed or len(data) % 2 != _HEADER % 2:
        return Frame(complaint=f"flags {flags:04x} ask for {needed} words, the frame has {len(words)}: another model?")
    values: Values = {}
    for count, read in wanted:
        values.update(read(words[:count]))
        words = words[count:]
    return Frame(values)
