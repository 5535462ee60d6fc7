"""A healthy year with coarse steps and no devices, and the page that `make council-year` writes of it."""

import re
from dataclasses import replace

import pytest

from devices.model import Estate, Utility
from devices.timestamps import SECOND
from simulators.moments import DAY_S
from simulators.simulation import Simulation
from tests.simulators.bands import NIGHT, OUT_OF_HOURS, WEEKEND
from tests.simulators.council_year import DT, REPORT, SEED, run
from tests.simulators.parts import parts
from tests.simulators.reference import council
from tests.simulators.report import table
from tests.simulators.year import JANUARY_2026, Result, year


@pytest.fixture(scope="module")
def results() -> list[Result]:
    return year(SEED, DT)


def test_electricity_and_gas_are_within_a_tenth_of_tm46(results: list[Result]) -> None:
    for one in results:
        assert one.electricity == pytest.approx(one.expected_electricity, rel=0.1), one
        assert one.gas == pytest.approx(one.expected_gas, rel=0.1), one


def test_the_weekly_gas_follows_the_degree_days(results: list[Result]) -> None:
    for one in results:
        assert one.weekly_r2 > 0.9, one


def test_nights_and_weekends_are_in_the_band_of_measured_buildings(results: list[Result]) -> None:
    by = {one.tm46: one for one in results}
    for tm46, band in WEEKEND.items():
        assert band.low <= by[tm46].weekend <= band.high, by[tm46]
    for tm46, band in NIGHT.items():
        assert band.low <= by[tm46].night <= band.high, by[tm46]
    assert OUT_OF_HOURS.low <= by[17].out_of_hours <= OUT_OF_HOURS.high


def test_what_shuts_falls_at_weekends_and_what_stays_open_does_not(results: list[Result]) -> None:
    """Where nothing is published, the hours alone say so much."""
    by = {one.tm46: one for one in results}
    for tm46 in (19, 27, 28):
        assert by[tm46].weekend < 0.8, by[tm46]
        assert by[tm46].night < 0.65, by[tm46]
    for tm46 in (7, 11, 21, 22, 23):
        assert 0.9 < by[tm46].weekend < 1.1, by[tm46]
    assert by[12].night > by[14].night, "a pool's pumps run by night"


def test_the_page_is_fresh(results: list[Result]) -> None:
    assert table(results) in REPORT.read_text(encoding="utf-8"), "run: make council-year"


def _told(estate: Estate) -> dict[tuple[str, int], list[float]]:
    simulation = Simulation(estate, seed=1, start=JANUARY_2026, every=1_800)
    simulation.step(DAY_S // 2)
    return {
        (due.device.id, due.time): [reading.value for reading in due.readings] for due in simulation.due(simulation.now)
    }


def test_parts_tell_what_the_whole_estate_tells() -> None:
    whole = council(10, 120)
    shares = parts(whole, 3)
    assert len(shares) == 3
    told = [_told(share) for share in shares]
    assert all(told)
    assert {key: value for one in told for key, value in one.items()} == _told(whole)


def test_processes_count_what_one_counts_and_say_how_far_they_are() -> None:
    estate = council(4, 40)
    both, one = run(estate, 2, 2, lambda text: None), run(estate, 2, 1, lambda text: None)
    assert both.readings == one.readings > 0
    assert sorted(both.balances) == sorted(one.balances)


def test_registers_physics_and_key_are_one_over_two_days() -> None:
    """A register moves in steps: over two days it may be one of them off at each end. One runs over meanwhile."""
    town = council(4, 40)
    meters = town.councils["ref"].devices
    place = replace(meters["d3"].assignments[0], start=JANUARY_2026 * SECOND, opening_register=999_980.0)
    near = replace(meters["d3"], assignments=(place,))
    estate = Estate({"ref": replace(town.councils["ref"], devices={**meters, "d3": near})})
    kept = run(estate, 2, 1, lambda text: None).balances
    assert {one.seen.utility for one in kept if one.seen.physics} == set(Utility)
    assert [one.seen.building for one in kept if one.seen.turns] == ["b3"]
    for balance in kept:
        seen = balance.seen
        assert seen.register == pytest.approx(seen.physics, abs=1.01 * seen.step), seen
        assert balance.key == pytest.approx(seen.physics, rel=1e-9), seen


def test_the_page_says_that_the_year_is_conserved_to_a_thousandth() -> None:
    page = REPORT.read_text(encoding="utf-8")
    assert "over 365 days" in page
    shares = [float(share) for share in re.findall(r"\| ([\d.]+)% \|$", page, re.MULTILINE)]
    assert len(shares) == len(Utility)
    assert max(shares) < 0.1
