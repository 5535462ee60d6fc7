"""Changes files of an estate, if the estate is sound afterwards: tried on a copy first, so nobody sees a broken one."""

import shutil
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path

from devices.check import check
from devices.errors import ConfigurationError
from devices.model import Estate
from devices.registry import RegistryError, load


class ChangeError(ConfigurationError):
    """The change was not made; the text says why, and what to do."""


def apply(folder: Path, texts: Mapping[Path, str], as_meant: Callable[[Estate], bool]) -> None:
    """Write `texts` (file → its new text, in the order in which they may be seen) into the estate in `folder`.

    Args:
        as_meant: whether the estate as read back is what was meant.

    Raises:
        RegistryError: the estate would hold mistakes; nothing was written.
        ChangeError: it would read otherwise than meant; nothing was written.
    """
    with tempfile.TemporaryDirectory(prefix="tolbooth-") as name:
        trial = Path(name) / "estate"
        shutil.copytree(folder, trial, ignore=_not_of_an_estate)
        for path, text in texts.items():
            _write(trial / path.relative_to(folder), text)
        problems = check(trial)
        if problems:
            here, there = str(trial), str(folder)
            raise RegistryError(
                [
                    replace(each, file=each.file.replace(here, there), what=each.what.replace(here, there))
                    for each in problems
                ]
            )
        if not as_meant(load(trial)):
            files = ", ".join(str(path) for path in texts)
            raise ChangeError(f"{files} is written in a way that cannot be changed safely: make the change by hand")
    for path, text in texts.items():
        beside = path.with_name(f".{path.name}.new")
        _write(beside, text)
        if path.exists():
            shutil.copymode(path, beside)
        beside.replace(path)


def read(path: Path) -> str:
    """The text of a file, its line ends and byte order mark included."""
    return path.read_bytes().decode("utf-8")


def _write(path: Path, text: str) -> None:
    path.write_bytes(text.encode("utf-8"))


def _not_of_an_estate(folder: str, names: list[str]) -> list[str]:
    inside = Path(folder)
    return [
        name
        for name in names
        if name.startswith(".") or not ((inside / name).is_dir() or name.endswith((".yaml", ".yml", ".csv")))
    ]
