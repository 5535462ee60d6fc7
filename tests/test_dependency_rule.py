"""Who may import whom: `devices` none of ours, the other packages only `devices`, and only tolbooth.py all.

Commands import late, so that each starts with what it needs and no more.
"""

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
OURS = {"devices", "ingest", "simulators", "dashboards", "tolbooth"}
MAY_IMPORT: dict[str, set[str]] = {
    "devices": {"devices"},
    "ingest": {"ingest", "devices"},
    "simulators": {"simulators", "devices"},
    "dashboards": {"dashboards", "devices"},
}


def imports(source: str) -> Iterator[tuple[int, str]]:
    """Line and top-level package of each import, wherever it stands, those by name included."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield node.lineno, alias.name.split(".")[0]
        elif isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
            yield node.lineno, node.module.split(".")[0]
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute | ast.Name):
            name = node.func.attr if isinstance(node.func, ast.Attribute) else node.func.id
            first = node.args[0] if node.args else None
            if name in {"import_module", "__import__"} and isinstance(first, ast.Constant):
                yield node.lineno, str(first.value).split(".")[0]


def breaches(package: str, source: str) -> list[tuple[int, str]]:
    """The imports in `source`, a module of `package`, that the rule forbids."""
    return [(line, name) for line, name in imports(source) if name in OURS - MAY_IMPORT[package]]


@pytest.mark.parametrize("package", sorted(MAY_IMPORT))
def test_packages_import_only_what_they_may(package: str) -> None:
    modules = list((ROOT / package).rglob("*.py"))
    assert modules
    for path in modules:
        found = breaches(package, path.read_text())
        assert not found, f"{path.relative_to(ROOT)} imports {found}"


def test_the_command_imports_late() -> None:
    started = subprocess.run(
        (sys.executable, "-c", "import sys, tolbooth; print(*sys.modules)"),
        cwd=ROOT, capture_output=True, text=True, check=True,
    ).stdout.split()  # fmt: skip
    early = {name for name in started if name.split(".")[0] in OURS and "command" not in name.rpartition(".")[2]}
    needed = {"dashboards.sources", "devices.errors", "devices.rollups", "devices.schema", "devices.tables"}
    assert early == (OURS - {"simulators"}) | needed, "beside commands, only what options and errors need"
    assert {"numpy", "orjson", "pydantic", "aiohttp", "nicegui"}.isdisjoint(started)


@pytest.mark.parametrize(
    ("package", "source"),
    [
        ("devices", "from ingest.settings import load"),
        ("ingest", "def late():\n    import simulators.weather"),
        ("simulators", "from dashboards import boards"),
        ("dashboards", "importlib.import_module('ingest.view')"),
        ("ingest", "import tolbooth"),
    ],
)
def test_a_breach_is_seen(package: str, source: str) -> None:
    assert breaches(package, source)


def test_what_is_allowed_is_no_breach() -> None:
    assert not breaches("ingest", "import devices.schema, json\nfrom ingest import view\nfrom . import view")
