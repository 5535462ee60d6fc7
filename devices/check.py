"""Finds every mistake in the files of an estate."""

from pathlib import Path

from devices.estate.draft import read_estate
from devices.estate.problem import Problem
from devices.estate.rules import disagreements

__all__ = ["Problem", "check"]


def check(folder: Path) -> list[Problem]:
    """All problems of the estate in `folder` (see `devices.registry.load`), by file and line."""
    problems: list[Problem] = []
    drafts = read_estate(folder, problems)
    problems.extend(disagreements(drafts))
    return sorted(problems)
