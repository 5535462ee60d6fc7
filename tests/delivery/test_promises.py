"""The table of promises names tests, proofs and reports that exist, and misses none."""

import ast
import re
from pathlib import Path

from tests.delivery.prove import PROOFS

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "prove" / "README.md"
ROWS = {
    number: cells
    for number, *cells in re.findall(r"^\| (T\d+) \| (.*) \| (.*) \| (.*) ?\|$", PAGE.read_text(), re.MULTILINE)
}


def names_in(path: Path) -> set[str]:
    """The names of the tests in a file."""
    kinds = (ast.FunctionDef, ast.AsyncFunctionDef)
    return {node.name for node in ast.parse(path.read_text()).body if isinstance(node, kinds)}


def test_every_promise_has_a_test_that_exists() -> None:
    assert list(ROWS) == [f"T{number}" for number in range(1, 21)]
    for number, (_, tests, _) in ROWS.items():
        named = re.findall(r"`(tests/[\w/]+\.py)::(\w+)`", tests)
        assert named, number
        for file, name in named:
            assert name in names_in(ROOT / file), f"{number}: {file} has no {name}"


def test_every_proof_is_named_and_its_report_is_there() -> None:
    named = {name for _, _, proofs in ROWS.values() for name in re.findall(r"`prove (\w+)`", proofs)}
    assert named == set(PROOFS)
    linked = set(re.findall(r"\]\(([\w-]+\.md)\)", PAGE.read_text()))
    assert linked == {f"{report}.md" for report, *_ in PROOFS.values()}
    for report in linked:
        assert (PAGE.parent / report).is_file(), report
