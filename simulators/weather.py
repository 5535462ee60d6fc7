"""Weather at a climate station: a pure function of seed and time.

The monthly means and the daily swing are the station's (Met Office, see data/README.md). Around them runs a daily
anomaly, a first-order autoregression with a standard deviation of 3 K in winter and 2 K in summer and a memory of
0.75 a day. The sun follows from latitude and date (Cooper's declination), dimmed by cloud.
"""

from dataclasses import dataclass
from datetime import UTC, datetime
from math import acos, cos, exp, pi, radians, sin, sqrt
from typing import Final

from simulators.noise import key, smooth, spread

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
"""standard deviation of `noise.spread`"""
_WARMEST_HOUR: Final = 14.5
_SUNLIGHT_LX: Final = 110_000.0
"""illuminance of the overhead sun under a clear sky"""
_SUNLIGHT_W: Final = 950.0
"""irradiance of the same"""
_CLOUDED: Final = 0.75
"""share of the sunlight that a full overcast takes (Kasten and Czeplak 1980)"""


@dataclass(frozen=True, slots=True)
class Climate:
    """Monthly means of a station, January first: mean temperature and daily swing, °C."""

    station: str
    latitude: float
    mean_c: tuple[float, ...]
    swing_c: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class Weather:
    """The outdoors at one time."""

    temperature_c: float
    moisture_g_kg: float
    """water in a kilogram of dry air"""
    daylight_lx: float
    """on a horizontal plane outdoors"""
    sun_w_m2: float
    pressure_hpa: float


def saturation_g_kg(celsius: float) -> float:
    """Water that a kilogram of air holds at most, at sea level (Magnus, as in WMO's guide no. 8)."""
    vapour = 6.112 * exp(17.62 * celsius / (243.12 + celsius))
    return 622.0 * vapour / (1013.25 - vapour)


def day_length_h(latitude: float, day_of_year: int) -> float:
    """Hours between sunrise and sunset, refraction left aside."""
    tangent = sin(radians(latitude)) / cos(radians(latitude))
    declination = _declination(day_of_year)
    x = -tangent * sin(declination) / cos(declination)
    return 24 / pi * acos(max(-1.0, min(1.0, x)))


def weather(climate: Climate, seed: int, at: int) -> Weather:
    """The weather at `at`, seconds since 1970."""
    moment = datetime.fromtimestamp(at, UTC)
    day, hour = at // _DAY, at % _DAY / 3600
    cloud = smooth(key(seed, climate.station, "cloud"), at / 21_600)
    swing = _between_months(climate.swing_c, moment) * (1.3 - 0.6 * cloud)
    mean = _between_months(climate.mean_c, moment) + _anomaly(climate, seed, at, moment.timetuple().tm_yday)
    temperature = mean + swing / 2 * cos((hour - _WARMEST_HOUR) * pi / 12)
    humidity = 0.82 + 0.12 * smooth(key(seed, climate.station, "damp"), at / 43_200)
    sun = _sun_height(climate.latitude, moment, hour) * (1 - _CLOUDED * cloud**2)
    return Weather(
        temperature_c=temperature,
        moisture_g_kg=humidity * saturation_g_kg(mean - swing / 4),
        daylight_lx=sun * _SUNLIGHT_LX,
        sun_w_m2=sun * _SUNLIGHT_W,
        pressure_hpa=980 + 45 * smooth(key(seed, climate.station, "pressure"), day / 3 + hour / 72),
    )


def _anomaly(climate: Climate, seed: int, at: int, day_of_year: int) -> float:
    """Degrees above the normal; between two middays it runs straight."""
    of = key(seed, climate.station, "anomaly")
    sigma = 2.5 + 0.5 * cos((day_of_year - 15) * 2 * pi / 365)
    day, rest = divmod(at + _DAY // 2, _DAY)
    before = _autoregression(of, day - 1)
    return sigma * (before + (_autoregression(of, day) - before) * rest / _DAY)


def _autoregression(of: int, day: int) -> float:
    """AR(1) of unit variance on day `day`, summed from its innovations."""
    total = sum(_MEMORY**lag * spread(of, day - lag) for lag in range(_REACH))
    return total * sqrt(1 - _MEMORY**2) / _SPREAD_SD


def _between_months(means: tuple[float, ...], moment: datetime) -> float:
    """A monthly mean holds at mid-month; between two it runs straight."""
    position = moment.month - 1 + (moment.day - 1 + moment.hour / 24) / 30.44 - 0.5
    month = int(position // 1)
    return means[month % 12] + (means[(month + 1) % 12] - means[month % 12]) * (position - month)


def _declination(day_of_year: int) -> float:
    return radians(23.45) * sin(2 * pi * (284 + day_of_year) / 365)


def _sun_height(latitude: float, moment: datetime, hour: float) -> float:
    """Sine of the sun's elevation, 0 at night. Scotland's 4° west put solar noon near 12:16 UTC."""
    declination = _declination(moment.timetuple().tm_yday)
    angle = (hour - 12.27) * pi / 12
    phi = radians(latitude)
    return max(0.0, sin(phi) * sin(declination) + cos(phi) * cos(declination) * cos(angle))
