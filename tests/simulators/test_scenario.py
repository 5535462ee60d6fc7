"""Scenarios: what may stand in their files, and what is said of what may not."""

from itertools import pairwise
from pathlib import Path

import pytest

import simulators
from devices.registry import load
from simulators.chance import random_scenario
from simulators.faults import KINDS
from simulators.scenario import ScenarioError, read_scenario
from tests.simulators.estates import DAY, TERM_MONDAY, estate

HOME = Path(simulators.__file__).parent
EXAMPLES = sorted((HOME / "scenarios").glob("*.yaml"))


def _write(folder: Path, faults: str, head: str = "name: test\n") -> Path:
    path = folder / "scenario.yaml"
    path.write_text(f"{head}faults:\n{faults}", encoding="utf-8")
    return path


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_the_examples_fit_the_demo_council(path: Path) -> None:
    assert read_scenario(path, load(HOME / "estate")).faults(TERM_MONDAY)


def test_times_count_from_the_beginning_or_name_a_date(tmp_path: Path) -> None:
    path = _write(
        tmp_path,
        "  - {kind: leaking_tap, building: school, from: 2d 06:30, to: 3d}\n"
        "  - {kind: leaking_tap, building: pool, from: 2026-07-01}\n",
    )
    first, second = read_scenario(path, estate()).faults(TERM_MONDAY)
    assert (first.start, first.end) == (TERM_MONDAY + 2 * DAY + 23_400, TERM_MONDAY + 3 * DAY)
    assert second.start == 1_782_860_400  # midnight of 1 July 2026 in Scotland is 23:00 UTC
    assert second.severity == KINDS["leaking_tap"].severity
    assert (first.id, second.id) == ("f01", "f02")


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        (
            "{kind: leaking_tapp, building: school, from: 1d}",
            "unknown fault 'leaking_tapp': did you mean 'leaking_tap'?",
        ),
        ("{kind: leaking_tap, building: schol, from: 1d}", "unknown building 'schol': did you mean 'school'?"),
        ("{kind: leaking_tap, from: 1d}", "strikes a building, and 'building' is missing: add it"),
        ("{kind: leaking_tap, building: school, space: room-1, from: 1d}", "'space' has no meaning: remove it"),
        ("{kind: window_open, building: school, space: room-9, from: 1d}", "unknown space 'room-9': did you mean"),
        ("{kind: flatline, device: airr, from: 1d}", "unknown device 'airr': did you mean 'air'?"),
        ("{kind: loss, from: 1d}", "'source or device' is missing"),
        ("{kind: swapped_sensors, device: trv, other: spirit, from: 1d}", "another model"),
        ("{kind: swapped_sensors, device: trv, from: 1d}", "needs a second device"),
        ("{kind: pool_uncovered, building: school, from: 1d}", "has no pool"),
        ("{kind: heating_and_cooling, building: school, from: 1d}", "has no coolers"),
        ("{kind: heating_at_night, building: pool, from: 1d}", "is always heated"),
        ("{kind: leaking_tap, building: school, from: soon}", "'soon' is no time of a scenario: write 3d"),
        ("{kind: leaking_tap, building: school, from: 3d, to: 2d}", "ends before it begins"),
        ("{kind: leaking_tap, building: school, from: 1d, severity: .nan}", "severity"),
        ("{kind: leaking_tap, building: school, from: 1d, colour: red}", "unknown key 'colour'"),
        ("{kind: leaking_tap, council: nowhere, building: school, from: 1d}", "unknown council 'nowhere'"),
    ],
)
def test_a_mistake_is_named_with_file_line_and_mend(tmp_path: Path, line: str, problem: str) -> None:
    path = _write(tmp_path, f"  - {{kind: leaking_tap, building: school, from: 1d}}\n  - {line}\n")
    with pytest.raises(ScenarioError) as error:
        read_scenario(path, estate())
    assert str(error.value).startswith(f"{path}:4: ")
    assert problem in str(error.value)


def test_all_mistakes_come_at_once_and_a_missing_file_is_one(tmp_path: Path) -> None:
    path = _write(tmp_path, "  - {kind: nonsense, from: 1d}\n  - {kind: loss, source: nowhere, from: 1d}\n")
    with pytest.raises(ScenarioError) as error:
        read_scenario(path, estate())
    assert len(error.value.problems) == 2
    with pytest.raises(ScenarioError, match="no such file"):
        read_scenario(tmp_path / "none.yaml", estate())


def test_weather_comes_from_a_file_beside_the_scenario(tmp_path: Path) -> None:
    rows = "time,temperature_c,humidity_pct,sun_w_m2,wind_m_s\n"
    rows += "2026-01-12T00:00:00Z,3,90,0,4\n2026-01-13T00:00:00Z,5,90,0,4\n"
    (tmp_path / "weather.csv").write_text(rows, encoding="utf-8")
    path = _write(tmp_path, "  []\n", head="name: test\nweather: weather.csv\n")
    weather = read_scenario(path, estate()).weather
    assert weather is not None
    assert weather.temperature_c.tolist() == [3.0, 5.0]
    (tmp_path / "weather.csv").write_text(rows + "later,x,1,1,1\n", encoding="utf-8")
    with pytest.raises(ScenarioError, match=r"weather\.csv:4: no row of weather"):
        read_scenario(path, estate())


@pytest.mark.parametrize("seed", range(5))
def test_a_random_scenario_is_sound_and_holds_every_kind(tmp_path: Path, seed: int) -> None:
    demo, path = load(HOME / "estate"), tmp_path / "random.yaml"
    path.write_text(random_scenario(demo, seed=seed, days=30, count=60), encoding="utf-8")
    faults = read_scenario(path, demo).faults(TERM_MONDAY)
    assert len(faults) == 60
    assert {fault.kind for fault in faults} == KINDS.keys()
    assert all(TERM_MONDAY <= fault.start < fault.end <= TERM_MONDAY + 31 * DAY for fault in faults)
    assert random_scenario(demo, seed=seed, days=30, count=60) == path.read_text(encoding="utf-8")
    assert random_scenario(demo, seed=seed + 1, days=30, count=60) != path.read_text(encoding="utf-8")


def test_gateways_are_off_now_and_then_where_a_scenario_says_so(tmp_path: Path) -> None:
    path = _write(tmp_path, "  []\n", "name: rough\noutages_a_year: 50\n")
    found = read_scenario(path, estate()).faults(TERM_MONDAY)
    assert found == read_scenario(path, estate()).faults(TERM_MONDAY)
    assert {(fault.kind, fault.source) for fault in found} == {("gateway_silence", "z2m")}
    assert 25 <= len(found) <= 75
    assert all(120 <= fault.end - fault.start <= 4 * 3_600 for fault in found)
    assert all(a.end < b.start for a, b in pairwise(found))
    assert len({fault.id for fault in found}) == len(found)
    other = _write(tmp_path, "  []\n", "name: another\noutages_a_year: 50\n")
    assert read_scenario(other, estate()).faults(TERM_MONDAY) != found
    assert read_scenario(_write(tmp_path, "  []\n"), estate()).faults(TERM_MONDAY) == ()
