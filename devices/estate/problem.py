"""What is wrong in an estate's files."""

from collections.abc import Iterable
from dataclasses import dataclass
from difflib import get_close_matches


@dataclass(frozen=True, slots=True, order=True)
class Problem:
    """One mistake; prints as `file:line: what: mend`."""

    file: str
    line: int
    """from 1"""
    what: str
    mend: str
    """what to do next"""

    def __str__(self) -> str:
        return f"{self.file}:{self.line}: {self.what}: {self.mend}"


def shown(value: object) -> str:
    """A value from a file, short and safe to print on a terminal."""
    text = repr(value) if isinstance(value, str) else repr(value)[:200]
    return text if len(text) <= 60 else f"{text[:57]}…"


def nearest(name: str, known: Iterable[str]) -> str:
    """The known name that `name` was probably meant to be; empty where none is near."""
    return next(iter(get_close_matches(name, list(known), n=1, cutoff=0.6)), "")


def suggest(name: str, known: Iterable[str], otherwise: str) -> str:
    """A mend for an unknown name: the nearest known one, or `otherwise`."""
    near = nearest(name, known)
    return f"did you mean {near!r}?" if near else otherwise
