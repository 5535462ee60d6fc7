"""Each folder of `broken-estates` is an estate with mistakes; its `expected.txt` lists every one of them."""

from pathlib import Path

import pytest

from devices.check import check
from devices.registry import RegistryError, load

CASES = sorted(each for each in (Path(__file__).parent / "broken-estates").iterdir() if each.is_dir())


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_every_mistake_is_found_in_one_pass(case: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(case)
    found = [str(problem) for problem in check(Path())]
    assert found == (case / "expected.txt").read_text(encoding="utf-8").splitlines()


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_a_broken_estate_does_not_load_and_the_error_has_every_mistake(case: Path) -> None:
    with pytest.raises(RegistryError) as caught:
        load(case)
    assert caught.value.problems == check(case)
    assert str(caught.value).splitlines() == [str(problem) for problem in check(case)]


def test_a_folder_that_is_not_there(tmp_path: Path) -> None:
    problem = check(tmp_path / "estate")[0]
    assert str(problem) == f"{tmp_path}/estate:1: there is no such folder: name the folder that holds the estate"


def test_a_folder_without_councils(tmp_path: Path) -> None:
    (tmp_path / "README.md").write_text("nothing yet")
    assert [problem.what for problem in check(tmp_path)] == ["the folder holds no council"]
