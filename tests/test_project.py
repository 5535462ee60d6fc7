"""The project's files: what the README promises, and what must never be in the repository."""

import json
import re
import subprocess
import sys
import time
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest
import typer
from pydantic import BaseModel, SecretStr

import tolbooth
from devices.schema import BY_NAME
from ingest import influx
from ingest.servers import Database
from ingest.settings import Influx, Settings
from tests.test_dependency_rule import imports

ROOT = Path(__file__).parents[1]
OURS = {"devices", "ingest", "simulators", "dashboards", "tests", "tolbooth"}
PROJECT_OF = {"yaml": "pyyaml", "paho": "paho-mqtt", "pydantic_core": "pydantic", "fastapi": "nicegui"}
"""Import names that are not the name of the project that brings them."""
LOCKS = ("requirements.lock", "requirements-dev.lock")
MACHINE_PATH = re.compile(r"(?<![\w.~-])/(?:root|home/\w+|Users/\w+|work|tmp/\w+)(?:/|\b)")
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
        yield from commands(group.typer_instance, f"{path} {group.name}" if isinstance(group.name, str) else path)


def tracked() -> list[Path]:
    """The files that git knows, or is about to."""
    told = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        check=True,
    ).stdout
    return [path for name in told.decode().split("\0") if name and (path := ROOT / name).is_file()]


def third_party(path: Path) -> set[str]:
    """The declared names of the projects that a module imports."""
    names = {name for _, name in imports(path.read_text())} - OURS - sys.stdlib_module_names
    return {PROJECT_OF.get(name, name).replace("_", "-") for name in names}


def test_every_import_is_declared_where_it_is_needed() -> None:
    with (ROOT / "pyproject.toml").open("rb") as file:
        project = tomllib.load(file)["project"]
    extras = project["optional-dependencies"]
    run_time, page, tables, development = (
        {re.split(r"[><=]", line)[0].lower() for line in lines}
        for lines in (project["dependencies"], extras["dashboards"], extras["parquet"], extras["dev"])
    )
    for path in (path for path in tracked() if path.suffix == ".py"):
        package = path.relative_to(ROOT).parts[0]
        allowed = run_time | (page if package in {"dashboards", "tests"} else set())
        allowed |= tables if package in {"devices", "tests"} else set()
        missing = third_party(path) - (allowed | development if package == "tests" else allowed)
        assert not missing, f"{path.relative_to(ROOT)} imports {missing}: declare it in pyproject.toml, then make lock"


def test_the_readme_lists_every_command_and_no_other() -> None:
    listed = re.findall(r"^\| `(tolbooth [a-z -]+)`", (ROOT / "README.md").read_text(), re.MULTILINE)
    assert sorted(listed) == sorted(commands(tolbooth.app))


def section(title: str) -> str:
    """The text of a section of the README."""
    return (ROOT / "README.md").read_text().split(f"\n## {title}\n")[1].split("\n## ")[0]


def settings_by_name(model: type[BaseModel], prefix: str = "") -> Iterator[tuple[str, object]]:
    """Every setting with its default."""
    for name, field in model.model_fields.items():
        if isinstance(field.default, BaseModel):
            yield from settings_by_name(type(field.default), f"{prefix}{name}.")
        else:
            default = field.default
            yield prefix + name, default.get_secret_value() if isinstance(default, SecretStr) else default


def test_the_settings_of_the_readme_exist_with_these_defaults() -> None:
    known = dict(settings_by_name(Settings))
    written = {"''": "empty", "False": "false", "True": "true", "None": "none", repr(4 * 2**30): "4 GiB"}
    rows = re.findall(r"^\| (`[^|]*) \| ([^|]*) \|", section("Settings"), re.MULTILINE)
    assert len(rows) > 10
    for names, defaults in rows:
        found = [known[name] for name in re.findall(r"`([a-z_.]+)`", names)]
        told = [text.strip("` ") for text in defaults.split(",")] if "must be set" not in defaults else []
        if told:
            expected = [
                written.get(repr(value), f"{value:g}" if isinstance(value, float) else str(value)) for value in found
            ]
            assert told == list(dict.fromkeys(expected)), names


def test_the_operations_page_names_only_commands_and_settings_that_exist() -> None:
    page = (ROOT / "docs" / "operations.md").read_text()
    known = set(commands(tolbooth.app))
    groups = {command.rsplit(" ", 1)[0] for command in known}
    named = re.findall(r"(?:`|^)(tolbooth [a-z]+(?: (?!tolbooth)[a-z]+\b)?)", page, re.MULTILINE)
    assert len(named) > 8
    for name in named:
        first = " ".join(name.split()[:2])
        assert name in known or (first in known and first not in groups), name
    settings = dict(settings_by_name(Settings))
    tables = {name.split(".")[0] for name in settings if "." in name}
    told = [name for name in re.findall(r"`([a-z]+\.[a-z_]+)`", page) if name.split(".")[0] in tables]
    assert len(told) > 5
    assert set(told) <= settings.keys()


def test_the_message_of_the_readme_is_understood() -> None:
    payload = re.search(r"-m '(\{.*\})'", section("Point a device at it"))
    assert payload
    for name in json.loads(payload[1]).keys() - {"time"}:
        assert name in BY_NAME


async def test_the_query_of_the_readme_is_understood(database: Database) -> None:
    statement = re.search(r'"(SELECT .*)"', section("Query it"))
    assert statement
    settings = Influx(url=database.url, database="readme", token=SecretStr(database.token))
    async with influx.Influx(settings) as connection:
        await connection.ensure_database()
        line = f"climate,building=b temperature_c=20.5 {time.time_ns()}"
        assert await connection.write(line.encode(), 1) == influx.Stored()
        (series,) = await connection.query(statement[1])
        assert [row[1] for row in series["values"] if row[1] is not None] == [20.5]


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


@pytest.mark.parametrize("parts", [("see ", "root/x"), ("cd ", "home/me/x"), ("'", "tmp/v/bin'")])
def test_a_trace_of_a_machine_is_seen(parts: tuple[str, str]) -> None:
    assert MACHINE_PATH.search("/".join(parts))


@pytest.mark.parametrize("parts", [("--index", "url x"), ("https://pypi", "mirror.example/simple")])
def test_a_trace_of_a_registry_is_seen(parts: tuple[str, str]) -> None:
    assert REGISTRY.search("-".join(parts))


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
