"""Fixtures of the delivery tests: an estate of many equal devices."""

from pathlib import Path

import pytest

from tests.bench.estate import write_estate


@pytest.fixture
def estate(tmp_path: Path) -> Path:
    """The bench estate, with 200 devices."""
    return write_estate(tmp_path / "estate", 200)
