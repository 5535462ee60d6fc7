"""SECURITY.md and the privacy of the schema: what is said is so."""

import re
from pathlib import Path

import pytest

import tolbooth
from devices.schema import BY_NAME
from tests.test_project import commands

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "SECURITY.md").read_text(encoding="utf-8")


def test_every_test_that_the_security_page_names_exists() -> None:
    known = set(re.findall(r"def (test_\w+)\(", "".join(path.read_text() for path in (ROOT / "tests").rglob("*.py"))))
    named = set(re.findall(r"`(test_\w+)`", PAGE))
    assert len(named) > 20
    assert named - known == set()


def test_the_security_page_says_what_it_must() -> None:
    for title in ("Report a weakness", "Support period", "Threat model"):
        assert f"## {title}\n" in PAGE
    assert re.findall(r"^\| (5\.\d+|6) ", PAGE, re.MULTILINE) == [*(f"5.{n}" for n in range(1, 14)), "6"]


@pytest.mark.parametrize("name", ["SECURITY.md", "docs/security.md", "docs/dpia-template.md"])
def test_what_the_pages_link_to_and_run_exists(name: str) -> None:
    text = (ROOT / name).read_text(encoding="utf-8")
    for target in re.findall(r"\]\(([^)#:]+)\)", text):
        assert ((ROOT / name).parent / target).exists(), target
    for command in re.findall(r"^tolbooth ((?:[a-z]+ ?)+)", text, re.MULTILINE):
        assert any(f"tolbooth {command}".startswith(known) for known in commands(tolbooth.app)), command


def test_the_schema_knows_no_person() -> None:
    words = {word for name, field in BY_NAME.items() for word in (*name.split("_"), *field.meaning.split())}
    forbidden = {"name", "badge", "card", "mac", "imei", "imsi", "face", "plate", "user", "employee", "email", "phone"}
    assert words & forbidden == set()


def test_the_assessment_names_fields_that_exist() -> None:
    text = (ROOT / "docs/dpia-template.md").read_text(encoding="utf-8")
    rows = text.split("## 2.")[1].split("## 3.")[0]
    fields = re.findall(r"`(\w+)`", rows)
    assert len(fields) == 10
    assert [name for name in fields if name not in BY_NAME] == []
