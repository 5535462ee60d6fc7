"""Files of a security folder: written whole or not at all, and never with a wider mode."""

import os
from collections.abc import Iterable
from pathlib import Path

from ingest.security.layout import OWNER


def lines(path: Path) -> set[str]:
    return set(path.read_text(encoding="utf-8").split()) if path.exists() else set()


def write_lines(path: Path, lines: Iterable[str]) -> None:
    write(path, "".join(f"{line}\n" for line in sorted(lines)), OWNER)


def write_new(path: Path, text: str, mode: int) -> bool:
    """Write a file that is missing; whether it was."""
    if path.exists():
        return False
    write(path, text, mode)
    return True


def write(path: Path, content: str | bytes, mode: int) -> None:
    """Write a file whole or not at all; it never exists with a wider mode."""
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    partial = path.with_name(f"{path.name}.partial")
    partial.unlink(missing_ok=True)
    with os.fdopen(os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode), "wb") as file:
        file.write(content.encode() if isinstance(content, str) else content)
        os.fchmod(file.fileno(), mode)
    partial.replace(path)
