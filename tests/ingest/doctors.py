"""Findings of the doctor, for tests."""

from collections.abc import Iterable
from pathlib import Path

from ingest.doctor.findings import (
    Finding,
    Severity,
)
from ingest.settings import Settings

SETTINGS = Settings(registry=Path("estate"))


def wrong(found: Iterable[Finding]) -> list[tuple[str, str, str]]:
    """What is not in order; each with a mend."""
    bad = [each for each in found if each.severity is not Severity.OK]
    assert all(each.mend for each in bad)
    return [(each.severity.value, each.check, each.evidence) for each in bad]
