"""Weather at a climate station: a pure function of seed and time, or what a file recorded.

The monthly means and the daily swing are the station's (Met Office, see data/README.md). Around them runs a daily
anomaly, a first-order autoregression with a standard deviation of 3 K in winter and 2 K in summer and a memory of
0.75 a day. The sun follows from latitude and date (Cooper's declination), dimmed by cloud. The wind is the usual
breeze of lowland Scotland, a third stronger in January than in July.
"""

from dataclasses import dataclass
from math import acos, cos, pi, radians, sin, sqrt
from typing import Final

import numpy as np

from simulators.noise import Floats, Ints, key, keys, smooths, spreads

LATITUDE: Final = {
    "braemar": 57.01,
    "dunstaffnage": 56.45,
    "edinburgh_rbge": 55.97,
    "eskdalemuir": 55.31,
    "lerwick": 60.14,
    "leuchars": 56.38,
    "nairn": 57.59,
    "paisley": 55.85,
    "stornoway": 58.21,
    "tiree": 56.50,
    "wickairport": 58.45,
}
_DAY: Final = 86_400
_MEMORY: Final = 0.75
_REACH: Final = 16
_SPREAD_SD: Final = 1 / sqrt(6)
"""standard deviation of `noise.spreads`"""
_WARMEST_HOUR: Final = 14.5
_SUNLIGHT_LX: Final = 110_000.0
"""illuminance of the overhead sun under a clear sky"""
_SUNLIGHT_W: Final = 950.0
"""irradiance of the same"""
_CLOUDED: Final = 0.75
"""share of the sunlight that a full overcast takes (Kasten and Czeplak 1980)"""
_LUMINOUS_LM_W: Final = _SUNLIGHT_LX / _SUNLIGHT_W
_BREEZE_M_S: Final = 4.5


@dataclass(frozen=True, slots=True)
class Climate:
    """Monthly means of a station, January first: mean temperature and daily swing, °C."""

    station: str
    latitude: float
    mean_c: tuple[float, ...]
    swing_c: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class Recorded:
    """Weather that a file tells, hour by hour or so; between two rows it runs straight."""

    at: Ints
    """seconds since 1970, rising"""
    temperature_c: Floats
    humidity_pct: Floats
    sun_w_m2: Floats
    wind_m_s: Floats


@dataclass(frozen=True, slots=True)
class Weather:
    """The outdoors at some times, one value for each."""

    temperature_c: Floats
    moisture_g_kg: Floats
    """water in a kilogram of dry air"""
    daylight_lx: Floats
    """on a horizontal plane outdoors"""
    sun_w_m2: Floats
    wind_m_s: Floats
    pressure_hpa: Floats


def saturation_g_kg(celsius: Floats) -> Floats:
    """Water that a kilogram of air holds at most, at sea level (Magnus, as in WMO's guide no. 8)."""
    vapour = 6.112 * np.exp(17.62 * celsius / (243.12 + celsius))
    answer: Floats = 622.0 * vapour / (1013.25 - vapour)
    return answer


def day_length_h(latitude: float, day_of_year: int) -> float:
    """Hours between sunrise and sunset, refraction left aside."""
    declination = radians(23.45) * sin(2 * pi * (284 + day_of_year) / 365)
    x = -sin(radians(latitude)) / cos(radians(latitude)) * sin(declination) / cos(declination)
    return 24 / pi * acos(max(-1.0, min(1.0, x)))


def weather(climate: Climate | Recorded, seed: int, at: Ints) -> Weather:
    """The weather at `at`, seconds since 1970."""
    return _recorded(climate, at) if isinstance(climate, Recorded) else _seeded(climate, seed, at)


def _seeded(climate: Climate, seed: int, at: Ints) -> Weather:
    hour = at % _DAY / 3600.0
    moments = at.astype("datetime64[s]")
    months = moments.astype("datetime64[M]")
    day_of_year = (moments.astype("datetime64[D]") - moments.astype("datetime64[Y]")).astype(np.int64) + 1
    position = (
        months.astype(np.int64) % 12
        + ((moments - months.astype("datetime64[s]")).astype(np.int64) / _DAY) / 30.44
        - 0.5
    )

    def chance(name: str, seconds: float) -> Floats:
        return smooths(keys([key(seed, climate.station, name)]), at / seconds)

    cloud = chance("cloud", 21_600)
    swing = _between_months(climate.swing_c, position) * (1.3 - 0.6 * cloud)
    mean = _between_months(climate.mean_c, position) + _anomaly(climate, seed, at, day_of_year)
    humidity = 0.82 + 0.12 * chance("damp", 43_200)
    sun = _sun_height(climate.latitude, day_of_year, hour) * (1 - _CLOUDED * cloud**2)
    season = 1 + 0.14 * np.cos((day_of_year - 15) * 2 * pi / 365)
    return Weather(
        temperature_c=mean + swing / 2 * np.cos((hour - _WARMEST_HOUR) * pi / 12),
        moisture_g_kg=humidity * saturation_g_kg(mean - swing / 4),
        daylight_lx=sun * _SUNLIGHT_LX,
        sun_w_m2=sun * _SUNLIGHT_W,
        wind_m_s=_BREEZE_M_S * season * (0.3 + 1.4 * chance("wind", 28_800) * (0.7 + 0.6 * chance("gusts", 3_600))),
        pressure_hpa=980 + 45 * chance("pressure", 3 * _DAY),
    )


def _recorded(file: Recorded, at: Ints) -> Weather:
    def value(column: Floats) -> Floats:
        answer: Floats = np.interp(at, file.at, column)
        return answer

    temperature, sun = value(file.temperature_c), value(file.sun_w_m2)
    return Weather(
        temperature_c=temperature,
        moisture_g_kg=value(file.humidity_pct) / 100 * saturation_g_kg(temperature),
        daylight_lx=sun * _LUMINOUS_LM_W,
        sun_w_m2=sun,
        wind_m_s=value(file.wind_m_s),
        pressure_hpa=np.full(len(at), 1013.0),
    )


def _anomaly(climate: Climate, seed: int, at: Ints, day_of_year: Ints) -> Floats:
    """Degrees above the normal; between two middays it runs straight."""
    of = key(seed, climate.station, "anomaly")
    sigma = 2.5 + 0.5 * np.cos((day_of_year - 15) * 2 * pi / 365)
    day, rest = np.divmod(at + _DAY // 2, _DAY)
    before = _autoregression(of, day - 1)
    answer: Floats = sigma * (before + (_autoregression(of, day) - before) * rest / _DAY)
    return answer


def _autoregression(of: int, day: Ints) -> Floats:
    """AR(1) of unit variance on each day, summed from its innovations."""
    total = np.zeros(len(day))
    for lag in range(_REACH):
        total += _MEMORY**lag * spreads(keys([of]), day - lag)
    return total * (sqrt(1 - _MEMORY**2) / _SPREAD_SD)


def _between_months(means: tuple[float, ...], position: Floats) -> Floats:
    """A monthly mean holds at mid-month; between two it runs straight."""
    table = np.array(means)
    month = np.floor(position).astype(np.int64)
    answer: Floats = table[month % 12] + (table[(month + 1) % 12] - table[month % 12]) * (position - month)
    return answer


def _sun_height(latitude: float, day_of_year: Ints, hour: Floats) -> Floats:
    """Sine of the sun's elevation, 0 at night. Scotland's 4° west put solar noon near 12:16 UTC."""
    declination = radians(23.45) * np.sin(2 * pi * (284 + day_of_year) / 365)
    angle = (hour - 12.27) * pi / 12
    phi = radians(latitude)
    answer: Floats = np.maximum(0.0, sin(phi) * np.sin(declination) + cos(phi) * np.cos(declination) * np.cos(angle))
    return answer
