"""Weather against the station's own means and published day lengths."""

from statistics import fmean, pstdev

import numpy as np
import pytest

from simulators.data import climate
from simulators.weather import Recorded, day_length_h, saturation_g_kg, weather

DAY = 86_400
JANUARY_2026 = 1_767_225_600


EDINBURGH = climate("edinburgh_rbge")


def test_many_januaries_have_the_mean_of_the_station() -> None:
    hours = JANUARY_2026 + 14 * DAY + 3 * 3600 * np.arange(8)
    days = [float(weather(EDINBURGH, seed, hours).temperature_c.mean()) for seed in range(200)]
    assert fmean(days) == pytest.approx(4.2, abs=0.6)  # Royal Botanic Garden Edinburgh, 1981 to 2010
    assert 2.0 < pstdev(days) < 3.6


def test_one_day_remembers_the_day_before() -> None:
    noons = JANUARY_2026 + DAY // 2 + DAY * np.arange(2)
    pairs = np.array([weather(EDINBURGH, seed, noons).temperature_c for seed in range(300)])
    assert 0.5 < np.corrcoef(pairs.T)[0, 1] < 0.9


def test_temperature_runs_smoothly_and_the_rest_stays_in_its_bounds() -> None:
    year = weather(climate("braemar"), 7, JANUARY_2026 + 600 * np.arange(365 * 144))
    assert np.abs(np.diff(year.temperature_c)).max() < 0.7
    assert year.wind_m_s.min() > 0
    assert year.wind_m_s.mean() == pytest.approx(4.5, abs=0.6)
    assert (year.moisture_g_kg > 0).all()
    assert 970 < year.pressure_hpa.min() < year.pressure_hpa.max() < 1_030


@pytest.mark.parametrize(
    ("station", "degree_days"), [("edinburgh_rbge", 2_395), ("paisley", 2_247), ("lerwick", 2_886)]
)
def test_degree_days_are_the_stations(station: str, degree_days: float) -> None:
    """To base 15.5 °C; a single year is 5 % off the mean, and these years' means agree to that."""
    hours = JANUARY_2026 + 3600 * np.arange(365 * 24)
    years = [
        float(np.maximum(0, 15.5 - weather(climate(station), seed, hours).temperature_c).sum() / 24)
        for seed in range(8)
    ]
    assert fmean(years) == pytest.approx(degree_days, rel=0.07)


def test_a_recorded_weather_is_followed() -> None:
    rows = np.array([0, 3_600])
    recorded = Recorded(rows, np.array([4.0, 6.0]), np.array([100.0, 100.0]), np.zeros(2), np.array([3.0, 5.0]))
    half = weather(recorded, 1, np.array([1_800]))
    assert half.temperature_c[0] == 5.0
    assert half.wind_m_s[0] == 4.0
    assert half.moisture_g_kg[0] == pytest.approx(5.4, rel=0.02)  # psychrometric chart


@pytest.mark.parametrize(("day", "hours"), [(15, 7.7), (105, 14.1), (166, 17.5), (349, 7.1)])
def test_day_length_in_edinburgh(day: int, hours: float) -> None:
    """Published lengths count refraction and the sun's width, some 20 minutes."""
    assert day_length_h(55.95, day) == pytest.approx(hours - 0.3, abs=0.25)


def test_night_is_dark_and_june_noon_is_bright() -> None:
    daylight = weather(EDINBURGH, 1, JANUARY_2026 + np.array([2 * 3600, 171 * DAY + 12 * 3600])).daylight_lx
    assert daylight[0] == 0
    assert 20_000 < daylight[1] < 100_000


@pytest.mark.parametrize(("celsius", "grams"), [(0.0, 3.8), (20.0, 14.7), (28.0, 24.2)])
def test_saturation_is_the_psychrometric_chart(celsius: float, grams: float) -> None:
    assert float(saturation_g_kg(np.array(celsius))) == pytest.approx(grams, rel=0.01)


def test_an_unknown_station_names_the_known_ones() -> None:
    with pytest.raises(LookupError, match="eskdalemuir"):
        climate("atlantis")
