"""What `make corpus` prints, asserted."""

from pathlib import Path

import pytest

from tests.devices.corpus_table import LEAST, Score, score
from tests.devices.vocabulary import CORPUS

FOLDERS = sorted(path.name for path in CORPUS.iterdir() if path.is_dir())


@pytest.mark.parametrize("folder", FOLDERS)
def test_a_format_reads_its_recorded_messages(folder: str) -> None:
    found = score(folder)
    assert found.rows > 0
    assert found.share >= LEAST, found.missing
    assert found.stored_rejects == ()
    assert found.crashes == ()


def test_most_of_the_corpus_says_what_to_expect() -> None:
    assert sum(score(folder).expected for folder in FOLDERS) > 1_500


def test_a_share_counts_what_is_missing() -> None:
    assert Score("x", 3, 4, (), (), ()).share == 1
    assert Score("x", 3, 0, (), (), ()).share == 1


def test_the_table_is_a_target() -> None:
    assert "tests.devices.corpus_table" in (Path(__file__).parents[2] / "Makefile").read_text()
