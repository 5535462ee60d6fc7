"""The simulators' sub-commands, as somebody types them."""

import csv
import re
from pathlib import Path
from xml.etree import ElementTree

import pytest
from typer.testing import CliRunner, Result

import simulators
import tolbooth

HOME = Path(simulators.__file__).parent


@pytest.fixture
def settings(tmp_path: Path) -> Path:
    path = tmp_path / "tolbooth.toml"
    path.write_text(f'registry = "{HOME / "estate"}"\n', encoding="utf-8")
    return path


def _run(*arguments: str | Path) -> Result:
    return CliRunner().invoke(tolbooth.app, [str(argument) for argument in arguments])


def test_a_random_scenario_goes_straight_into_an_answer_key(settings: Path, tmp_path: Path) -> None:
    printed = _run("scenario", "--seed", "4", "--days", "2", "--count", "6", "--settings", settings)
    assert printed.exit_code == 0, printed.output
    wrong, answers = tmp_path / "wrong.yaml", tmp_path / "answers"
    wrong.write_text(printed.output, encoding="utf-8")
    done = _run("simulate", "--settings", settings, "--scenario", wrong, "--answer-key", answers, "--days", "2")
    assert done.exit_code == 0, done.output
    with (answers / "faults.csv").open(encoding="utf-8", newline="") as file:
        assert len(list(csv.DictReader(file))) == 6
    assert {path.name for path in answers.iterdir()} == {
        "energy.csv", "occupancy.csv", "climate.csv", "remainders.csv", "faults.csv", "registers.csv",
    }  # fmt: skip


def test_an_answer_key_is_parquet_where_that_is_wanted(settings: Path, tmp_path: Path) -> None:
    answers, form = tmp_path / "answers", ("--answer-key-format", "parquet")
    done = _run("simulate", "--settings", settings, "--answer-key", answers, *form, "--days", "1")
    assert done.exit_code == 0, done.output
    assert {path.name for path in answers.iterdir()} == {
        "energy.parquet", "occupancy.parquet", "climate.parquet", "remainders.parquet", "faults.parquet",
        "registers.parquet",
    }  # fmt: skip


def test_a_building_is_a_page_that_needs_nothing_else(settings: Path, tmp_path: Path) -> None:
    wrong = tmp_path / "wrong.yaml"
    wrong.write_text(
        "name: x\nfaults:\n  - {kind: lights_left_on, building: sim-library, from: 4d, to: 6d}\n", encoding="utf-8"
    )
    file, chosen = tmp_path / "library.html", ("--building", "sim-library", "--days", "8", "--scenario", wrong)
    done = _run("simulate", "--settings", settings, "--plot", file, *chosen)
    assert done.exit_code == 0, done.output
    text = file.read_text(encoding="utf-8")
    assert all(word in text for word in ("The last day", "The last week", "8 days", "lighting", "outdoors", "ppm"))
    assert text.count("<title>lights left on</title>") == text.count(">The last week<") * 2, "not on the last day"
    assert "prefers-color-scheme: dark" in text
    assert "viewport" in text
    assert len(text) < 400_000
    assert not re.search(r"https?://|<script|<link|@import|url\(| src=", text)
    drawn = ElementTree.fromstring(re.findall(r"<svg.*?</svg>", text)[0])
    assert drawn.attrib["aria-label"] == "Electricity by use, kW: The last day"


@pytest.mark.parametrize(
    ("name", "building", "mend"),
    [
        ("a.png", "sim-library", "name it a.html"),
        ("a.svg", "sim-library", "name it a.html"),
        ("a.html", "sim-nowhere", "sim-library"),
        ("a.html", None, "--building"),
    ],
)
def test_what_cannot_be_drawn_ends_in_a_sentence(
    settings: Path, tmp_path: Path, name: str, building: str, mend: str
) -> None:
    chosen = ("--building", building) if building else ()
    done = _run("simulate", "--settings", settings, "--plot", tmp_path / name, *chosen)
    assert done.exit_code == 2
    assert mend in done.output


def test_a_mistaken_scenario_starts_nothing(settings: Path, tmp_path: Path) -> None:
    wrong = tmp_path / "wrong.yaml"
    wrong.write_text("name: x\nfaults:\n  - {kind: gremlins, from: 1d}\n", encoding="utf-8")
    for command in (("simulate",), ("backfill", "--days", "1")):
        done = _run(*command, "--settings", settings, "--scenario", wrong)
        assert done.exit_code == 2
        assert f"{wrong}:3: unknown fault 'gremlins'" in done.output
