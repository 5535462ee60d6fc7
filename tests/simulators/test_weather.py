"""Weather against the station's own means and published day lengths."""

from itertools import pairwise
from statistics import fmean, pstdev

import pytest

from simulators.data import bank_holidays, climate
from simulators.weather import day_length_h, saturation_g_kg, weather

DAY = 86_400
JANUARY_2026 = 1_767_225_600


def test_many_januaries_have_the_mean_of_the_station() -> None:
    edinburgh = climate("edinburgh_rbge")
    mid_january = JANUARY_2026 + 14 * DAY
    days = [
        fmean(weather(edinburgh, seed, mid_january + hour * 3600).temperature_c for hour in range(0, 24, 3))
        for seed in range(200)
    ]
    assert fmean(days) == pytest.approx(4.2, abs=0.6)  # Royal Botanic Garden Edinburgh, 1981 to 2010
    assert 2.0 < pstdev(days) < 3.6


def test_one_day_remembers_the_day_before() -> None:
    edinburgh = climate("edinburgh_rbge")
    noon = JANUARY_2026 + DAY // 2
    today = [weather(edinburgh, seed, noon).temperature_c for seed in range(300)]
    tomorrow = [weather(edinburgh, seed, noon + DAY).temperature_c for seed in range(300)]
    mean_a, mean_b = fmean(today), fmean(tomorrow)
    covariance = fmean((a - mean_a) * (b - mean_b) for a, b in zip(today, tomorrow, strict=True))
    assert 0.5 < covariance / pstdev(today) / pstdev(tomorrow) < 0.9


def test_temperature_runs_smoothly() -> None:
    braemar = climate("braemar")
    series = [weather(braemar, 7, JANUARY_2026 + minute * 600).temperature_c for minute in range(30 * 144)]
    assert max(abs(b - a) for a, b in pairwise(series)) < 0.6


@pytest.mark.parametrize(("day", "hours"), [(15, 7.7), (105, 14.1), (166, 17.5), (349, 7.1)])
def test_day_length_in_edinburgh(day: int, hours: float) -> None:
    """Published lengths count refraction and the sun's width, some 20 minutes."""
    assert day_length_h(55.95, day) == pytest.approx(hours - 0.3, abs=0.25)


def test_night_is_dark_and_june_noon_is_bright() -> None:
    edinburgh = climate("edinburgh_rbge")
    assert weather(edinburgh, 1, JANUARY_2026 + 2 * 3600).daylight_lx == 0
    june_noon = JANUARY_2026 + 171 * DAY + 12 * 3600
    assert 20_000 < weather(edinburgh, 1, june_noon).daylight_lx < 100_000


@pytest.mark.parametrize(("celsius", "grams"), [(0.0, 3.8), (20.0, 14.7), (28.0, 24.2)])
def test_saturation_is_the_psychrometric_chart(celsius: float, grams: float) -> None:
    assert saturation_g_kg(celsius) == pytest.approx(grams, rel=0.01)


def test_an_unknown_station_names_the_known_ones() -> None:
    with pytest.raises(LookupError, match="eskdalemuir"):
        climate("atlantis")


def test_bank_holidays_are_scotlands() -> None:
    days = {day.isoformat() for day in bank_holidays()}
    assert {"2026-01-02", "2026-11-30", "2026-06-15", "2026-08-03"} <= days
    assert "2026-04-06" not in days  # Easter Monday is none in Scotland
