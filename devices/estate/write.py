"""Changes to the text of an estate's files that leave every other line as it stands: comments, order and style stay.

Pure: text in, text out. Nobody should trust a textual change that was not read back: see `devices.estate.change`.
"""

import csv
import io
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final, NamedTuple

import yaml

Item = Mapping[str, object]
"""Key → text, number, or a list of items; keys whose value is None or empty are left out."""

_PLAIN: Final = re.compile(r"[A-Za-z0-9_.][A-Za-z0-9_./@+-]*(?: [A-Za-z0-9_./@+-]+)*")
_NUMBER: Final = re.compile(r"[-+.]?[0-9][0-9._eE+-]*|[-+]?\.(?:inf|nan)")
_TIME: Final = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}(?:T[0-9:.]+(?:Z|[+-][0-9]{2}:[0-9]{2}))?")
_WORDS: Final = frozenset({"true", "false", "null", "yes", "no", "on", "off", "y", "n", "~"})


class _Record(NamedTuple):
    """One record of a CSV file: its physical lines, from 0, end exclusive."""

    start: int
    end: int
    cells: list[str]


def _records(lines: Sequence[str]) -> Iterator[_Record]:
    reader = csv.reader(iter(lines), strict=True)
    start = 0
    for cells in reader:
        if any(cell.strip() for cell in cells):
            yield _Record(start, reader.line_num, cells)
        start = reader.line_num


def _csv_line(cells: Sequence[str], like: str) -> str:
    """`cells` as a line that quotes as the line `like` does."""
    out = io.StringIO()
    quoted = like.lstrip("\ufeff").startswith('"')
    csv.writer(out, quoting=csv.QUOTE_ALL if quoted else csv.QUOTE_MINIMAL, lineterminator="\r\n").writerow(cells)
    return out.getvalue().removesuffix("\r\n")


def insert_row(text: str, row: Mapping[str, str], after: int | None = None) -> str:
    """A CSV file with one more row, at the end or below the record that begins on line `after` (from 1).

    Columns that the header lacks and the row needs are added to every line.
    """
    text = _with_columns(text, [key for key, cell in row.items() if cell])
    lines, newline = text.splitlines(keepends=True), _newline(text)
    records = list(_records(lines))
    header = [cell.strip().lstrip("\ufeff") for cell in records[0].cells]
    end = records[-1].end if after is None else next(each.end for each in records if each.start == after - 1)
    if not lines[end - 1].endswith(("\n", "\r")):
        lines[end - 1] += newline
    added = _csv_line([row.get(column, "") for column in header], lines[records[0].start])
    return "".join([*lines[:end], added + newline, *lines[end:]])


def set_cell(text: str, line: int, column: str, value: str) -> str:
    """A CSV file whose record that begins on `line` (from 1) has `value` in `column`."""
    text = _with_columns(text, [column])
    lines = text.splitlines(keepends=True)
    records = list(_records(lines))
    header = [cell.strip().lstrip("\ufeff") for cell in records[0].cells]
    record = next(each for each in records if each.start == line - 1)
    cells = [*record.cells]
    cells[header.index(column)] = value
    old = "".join(lines[record.start : record.end])
    ending = old[len(old.rstrip("\r\n")) :]
    lines[record.start : record.end] = [_csv_line(cells, lines[records[0].start]) + ending]
    return "".join(lines)


def _with_columns(text: str, wanted: Sequence[str]) -> str:
    lines = text.splitlines(keepends=True)
    records = list(_records(lines))
    header = [cell.strip().lstrip("\ufeff") for cell in records[0].cells]
    for column in wanted:
        if column in header:
            continue
        header.append(column)
        for number, record in enumerate(records):
            line = lines[record.end - 1]
            body = line.rstrip("\r\n")
            lines[record.end - 1] = f"{body},{column if number == 0 else ''}{line[len(body) :]}"
    return "".join(lines)


def append_item(text: str, key: str, item: Item, after: int | None = None) -> str:
    """A YAML file whose list `key` has one more item, at the end or below the item numbered `after` (from 0)."""
    root = yaml.compose(text, Loader=yaml.SafeLoader)
    if not isinstance(root, yaml.MappingNode):
        raise TypeError("the file holds no keys")
    node = next((value for name, value in root.value if name.value == key), None)
    newline = _newline(text)
    if node is None or not isinstance(node, yaml.SequenceNode):
        if node is not None and node.value:
            raise TypeError(f"{key} is no list")
        at = len(text) if node is None else node.end_mark.index
        head = f"{'' if text.endswith(newline) or not text else newline}{key}:" if node is None else ""
        return text[:at] + head + f"{newline}  - {_flow(item)}{newline if node is None else ''}" + text[at:]
    if not node.value:
        return text[: node.start_mark.index] + f"{newline}  - {_flow(item)}" + text[node.end_mark.index :]
    neighbour = node.value[-1 if after is None else after]
    end = _end(neighbour)
    if node.flow_style:
        return f"{text[:end]}, {_flow(item)}{text[end:]}"
    margin = " " * node.start_mark.column
    body = [f"- {_flow(item)}"] if neighbour.flow_style else _block(item, neighbour)
    return _below(text, end, "".join(f"{margin}{line}{newline}" for line in body), newline)


def set_key(text: str, path: Sequence[str | int], key: str, value: object) -> str:
    """A YAML file whose mapping at `path` has `value` (text or number) under `key`."""
    node: Any = yaml.compose(text, Loader=yaml.SafeLoader)
    for step in path:
        if isinstance(step, int):
            node = node.value[step]
        else:
            node = next(inner for name, inner in node.value if name.value == step)
    for name, inner in node.value:
        if name.value == key:
            return text[: inner.start_mark.index] + _scalar(value) + text[inner.end_mark.index :]
    end = _end(node.value[-1][1])
    if node.flow_style:
        return f"{text[:end]}, {key}: {_scalar(value)}{text[end:]}"
    newline = _newline(text)
    return _below(text, end, f"{' ' * node.start_mark.column}{key}: {_scalar(value)}{newline}", newline)


def _end(node: yaml.Node) -> int:
    """Where the text of a node ends; a block's own mark lies behind the comments that follow it."""
    if isinstance(node, yaml.CollectionNode) and not node.flow_style and node.value:
        last = node.value[-1]
        return _end(last[1] if isinstance(last, tuple) else last)
    return int(node.end_mark.index)


def _below(text: str, end: int, added: str, newline: str) -> str:
    """`text` with `added` below the line on which `end` lies."""
    at = text.find("\n", max(0, end - 1))
    if at < 0:
        return f"{text}{newline}{added}"
    return text[: at + 1] + added + text[at + 1 :]


def _block(item: Item, like: yaml.Node) -> list[str]:
    """An item as lines, one for each key; a list in it is written as `like` writes its own."""
    lines: list[str] = []
    for key, value in _filled(item):
        if isinstance(value, list):
            lines.append(f"{key}:")
            lines += _list(key, value, like)
        else:
            lines.append(f"{key}: {_scalar(value)}")
    return [f"{'- ' if number == 0 else '  '}{line}" for number, line in enumerate(lines)]


def _list(key: str, items: Sequence[Item], like: yaml.Node) -> Iterator[str]:
    node = next((inner for name, inner in like.value if name.value == key), None)
    listed = isinstance(node, yaml.SequenceNode) and not node.flow_style and bool(node.value)
    margin = " " * (node.start_mark.column - like.start_mark.column if listed and node is not None else 2)
    block = listed and node is not None and not node.value[0].flow_style
    for item in items:
        if not block:
            yield f"{margin}- {_flow(item)}"
            continue
        for number, (name, value) in enumerate(_filled(item)):
            yield f"{margin}{'- ' if number == 0 else '  '}{name}: {_scalar(value)}"


def _filled(item: Item) -> list[tuple[str, object]]:
    return [(key, value) for key, value in item.items() if value is not None and value not in ("", [], {})]


def _flow(item: Item) -> str:
    return "{" + ", ".join(f"{key}: {_flow_value(value)}" for key, value in _filled(item)) + "}"


def _flow_value(value: object) -> str:
    if isinstance(value, list):
        return f"[{', '.join(_flow(each) for each in value)}]"
    return _flow({str(k): v for k, v in value.items()}) if isinstance(value, Mapping) else _scalar(value)


def _scalar(value: object) -> str:
    if isinstance(value, int | float):
        return repr(value)
    text = str(value)
    if _TIME.fullmatch(text):
        return text
    bare = _PLAIN.fullmatch(text) and not _NUMBER.fullmatch(text) and text.lower() not in _WORDS
    return text if bare else json.dumps(text, ensure_ascii=False)


def _newline(text: str) -> str:
    return "\r\n" if "\r\n" in text else "\n"
