"""The project's files: what the README promises, and what must never be in the repository."""

import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
import typer

import tolbooth

ROOT = Path(__file__).parents[1]
LOCKS = ("requirements.lock", "requirements-dev.lock")
MACHINE_PATH = re.compile(r"(?<![\w.~-])/(?:root|home/\w+|Users/\w+|work|farm|tmp/\w+)(?:/|\b)")
REGISTRY = re.compile(
    r"(?i)--(?:extra-)?index-url|--find-links|https?://[^\s\"'/]*(?:pypi|pythonhosted|artifact)[^\s\"']*"
)


def commands(app: typer.Typer, path: str = "tolbooth") -> Iterator[str]:
    """Every command that does something, as it is typed."""
    for command in app.registered_commands:
        assert command.callback is not None
        yield f"{path} {command.name or command.callback.__name__}"
    for group in app.registered_groups:
        assert group.typer_instance is not None
        yield from commands(group.typer_instance, f"{path} {group.name}")


def tracked() -> list[Path]:
    """The files that git knows, or is about to."""
    told = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        check=True,
    ).stdout
    return [path for name in told.decode().split("\0") if name and (path := ROOT / name).is_file()]


def test_the_readme_lists_every_command_and_no_other() -> None:
    listed = re.findall(r"^\| `(tolbooth [a-z -]+)`", (ROOT / "README.md").read_text(), re.MULTILINE)
    assert sorted(listed) == sorted(commands(tolbooth.app))


def test_the_readme_names_only_targets_that_exist() -> None:
    makefile = (ROOT / "Makefile").read_text()
    for document in ("README.md", "CONTRIBUTING.md"):
        for target in re.findall(r"\bmake ([a-z-]+)", (ROOT / document).read_text()):
            assert re.search(rf"^{target}:", makefile, re.MULTILINE), f"{document}: make {target}"


def test_no_file_knows_this_machine() -> None:
    for path in tracked():
        if path == Path(__file__):
            continue
        text = path.read_text(errors="replace")
        found = MACHINE_PATH.search(text) or REGISTRY.search(text)
        assert not found, f"{path.relative_to(ROOT)}: {found and found[0]}"


@pytest.mark.parametrize(
    "text", ["see /root/x", "cd /work/main", "'/tmp/v/bin'", "--index-url x", "https://pypi.org/simple"]
)
def test_a_trace_of_a_machine_is_seen(text: str) -> None:
    assert MACHINE_PATH.search(text) or REGISTRY.search(text)


@pytest.mark.parametrize("name", LOCKS)
def test_a_lock_holds_exact_versions_with_hashes_and_no_address(name: str) -> None:
    text = (ROOT / name).read_text()
    assert "://" not in text
    entries = re.split(r"\n(?=\S)", text.strip())
    assert len(entries) > 20
    for entry in entries:
        assert re.match(r"[a-z0-9.-]+==\S+", entry), entry[:80]
        assert "--hash=sha256:" in entry, entry[:80]


def test_the_locks_agree_and_hold_what_is_declared() -> None:
    pins = [dict(re.findall(r"^([a-z0-9.-]+)==(\S+)", (ROOT / name).read_text(), re.MULTILINE)) for name in LOCKS]
    run_time, development = pins
    assert run_time.items() <= development.items()
    declared = re.findall(r'^  "([A-Za-z0-9-]+)[><=]', (ROOT / "pyproject.toml").read_text(), re.MULTILINE)
    assert declared
    assert {name.lower() for name in declared} <= development.keys()
