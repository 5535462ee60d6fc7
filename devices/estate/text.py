"""Reads the YAML and CSV files of an estate and remembers on which line each thing stands.

YAML is read as YAML 1.2 would: `16:30`, `2026-09-01` and `no` stay text, and `017` is seventeen. Line numbers come
from the parser's own node tree, which is searched only when there is a problem to report.
"""

import csv
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import yaml

from devices.estate.problem import Problem, shown, suggest

try:
    from yaml import CSafeLoader as _Loader
except ImportError:  # PyYAML was built without libyaml
    from yaml import SafeLoader as _Loader  # type: ignore[assignment]

_CORE_SCHEMA: Final = (
    ("null", r"~|null|Null|NULL|", ("~", "n", "N", "")),
    ("bool", r"true|True|TRUE|false|False|FALSE", tuple("tTfF")),
    ("int", r"[-+]?[0-9]+", tuple("-+0123456789")),
    ("float", r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?|[-+]?\.inf|\.nan", tuple("-+.0123456789")),
)


@dataclass(frozen=True, slots=True)
class Place:
    """A line of a file, and for YAML the node that begins there."""

    file: str
    line: int
    node: yaml.Node | None = None

    def at(self, *path: int | str) -> "Place":
        """The place of a key or item below; of its nearest ancestor where there is no such thing."""
        node, line = self.node, self.line
        for step in path:
            found = _child(node, step)
            if found is None:
                break
            line, node = found
        return Place(self.file, line, node)

    def problem(self, what: str, mend: str) -> Problem:
        return Problem(self.file, self.line, what, mend)


def _child(node: yaml.Node | None, step: int | str) -> tuple[int, yaml.Node] | None:
    if isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            if isinstance(key, yaml.ScalarNode) and key.value == str(step):
                return key.start_mark.line + 1, value
    if isinstance(node, yaml.SequenceNode) and isinstance(step, int) and step < len(node.value):
        item = node.value[step]
        return item.start_mark.line + 1, item
    return None


class _EstateLoader(_Loader):
    """Constructs plain Python values; remembers keys that stand twice in one mapping."""

    yaml_implicit_resolvers: dict[str, list[tuple[str, re.Pattern[str]]]] = {}  # noqa: RUF012 (PyYAML's own attribute)

    def __init__(self, text: str) -> None:
        super().__init__(text)
        self.repeated: list[tuple[int, str]] = []

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        mapping = super().construct_mapping(node, deep=deep)
        if len(mapping) != len(node.value):
            seen: set[str] = set()
            for key, _ in node.value:
                if key.value in seen:
                    self.repeated.append((key.start_mark.line + 1, str(key.value)))
                seen.add(key.value)
        return mapping


def _integer(loader: _EstateLoader, node: yaml.ScalarNode) -> int:
    return int(loader.construct_scalar(node))


for _name, _pattern, _first in _CORE_SCHEMA:
    _EstateLoader.add_implicit_resolver(f"tag:yaml.org,2002:{_name}", re.compile(f"^(?:{_pattern})$"), list(_first))
_EstateLoader.add_constructor("tag:yaml.org,2002:int", _integer)


def _text(path: Path, name: str, problems: list[Problem]) -> str | None:
    data = path.read_bytes()
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        problems.append(Problem(name, line, "the file is not UTF-8", "save it as UTF-8"))
        return None


def read_yaml(path: Path, name: str, problems: list[Problem]) -> tuple[Place, dict[str, Any]] | None:
    """The mapping in a YAML file and its place; None after a problem that hides the rest of the file."""
    text = _text(path, name, problems)
    if text is None:
        return None
    try:
        loader = _EstateLoader(text)
        node = loader.get_single_node()
        value = loader.construct_document(node) if node is not None else None
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        what = f"no valid YAML, {error.problem or error.context}"
        problems.append(Problem(name, line, what, "mend the syntax; the rest of the file was not checked"))
        return None
    except (yaml.YAMLError, ValueError) as error:
        line = text.count("\n", 0, getattr(error, "position", 0)) + 1
        what = "no valid YAML, a character or value that YAML does not allow"
        problems.append(Problem(name, line, what, "remove it; the rest of the file was not checked"))
        return None
    place = Place(name, 1, node)
    if not isinstance(value, dict):
        problems.append(place.problem("the file holds no keys", "write it as 'key: value' lines"))
        return None
    problems.extend(
        Problem(name, line, f"the key {shown(key)} stands twice", "keep one") for line, key in loader.repeated
    )
    return place, value


def read_csv(
    path: Path, name: str, columns: list[str], needed: list[str], problems: list[Problem]
) -> list[tuple[Place, dict[str, str]]] | None:
    """The rows of a CSV file with a header line; empty cells are left out of a row.

    None after a problem that hides the rest of the file.
    """
    text = _text(path, name, problems)
    if text is None:
        return None
    reader = csv.reader(text.splitlines(keepends=True), strict=True)
    rows: list[tuple[Place, dict[str, str]]] = []
    header: list[str] | None = None
    line = 1
    try:
        for cells in reader:
            place, line = Place(name, line), reader.line_num + 1
            cells = [cell.strip() for cell in cells]
            if not any(cells):
                continue
            if header is None:
                header = cells
                if not _header_fits(place, header, columns, needed, problems):
                    return None
            elif len(cells) != len(header):
                what = f"the row has {len(cells)} cells, the header {len(header)}"
                problems.append(place.problem(what, "give each column one cell; quote a cell that holds a comma"))
                rows.append((place, {}))
            else:
                rows.append((place, {key: cell for key, cell in zip(header, cells, strict=True) if cell}))
    except csv.Error as error:
        problems.append(Problem(name, line, f"no valid CSV, {error}", "mend it; the rest of the file was not checked"))
        return None
    if header is None:
        problems.append(Problem(name, 1, "the file is empty", f"begin with a header line: {','.join(needed)}"))
    return rows


def _header_fits(
    place: Place, header: list[str], columns: list[str], needed: list[str], problems: list[Problem]
) -> bool:
    if len(header) == 1 and (";" in header[0] or "\t" in header[0]):
        problems.append(
            place.problem("the cells are not separated by commas", "save the file with commas between cells")
        )
        return False
    known = f"the columns are {', '.join(columns)}"
    unknown, repeated = set(header) - set(columns), {column for column in header if header.count(column) > 1}
    found = [(f"unknown column {shown(column)}", suggest(column, columns, known)) for column in sorted(unknown)]
    found += [(f"the column {shown(column)} stands twice", "keep one") for column in sorted(repeated)]
    mend = "add it to the header and to every row"
    found += [(f"the column {column!r} is missing", mend) for column in needed if column not in header]
    problems.extend(place.problem(what, mend) for what, mend in found)
    return not found


def plain(raw: Mapping[str, object], key: str) -> str:
    """The text under `key`, a number as its text; empty where there is neither."""
    value = raw.get(key)
    return str(value) if isinstance(value, str | int | float) else ""
