"""Grafana's transformations on frames: those that the boards use."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, Final
from zoneinfo import ZoneInfo

from dashboards.preview.frames import Column, Frame, Value

Frames = list[Frame]
Options = Mapping[str, Any]


def transformed(frames: Frames, steps: Iterable[Mapping[str, Any]]) -> Frames:
    """The frames after each step in turn.

    Raises:
        ValueError: a step is none of those that the preview knows.
    """
    for step in steps:
        if step["id"] not in _STEPS:
            raise ValueError(f"the preview knows no transformation {step['id']!r}: add it to preview/transform.py")
        frames = _STEPS[step["id"]](frames, step["options"])
    return frames


def _merge(frames: Frames, options: Options) -> Frames:
    if len(frames) < 2:
        return frames
    names = list(dict.fromkeys(column.name for frame in frames for column in frame.columns))
    shared = [name for name in names if all(frame.column(name) for frame in frames)]
    rows: dict[tuple[Value, ...], dict[str, Value]] = {}
    for frame in frames:
        for row in _rows(frame):
            rows.setdefault(tuple(row[name] for name in shared), {}).update(row)
    times = {column.name for frame in frames for column in frame.columns if column.time}
    return [_frame("", rows.values(), names, times)]


def _filter_by_value(frames: Frames, options: Options) -> Frames:
    names = [one["fieldName"] for one in options["filters"]]
    kept = []
    for frame in frames:
        rows = [row for row in _rows(frame) if all(row.get(name) is not None for name in names)]
        kept.append(_frame(frame.ref, rows, _names(frame), _times(frame)))
    return kept


def _group_by(frames: Frames, options: Options) -> Frames:
    fields: Mapping[str, Any] = options["fields"]
    by = [name for name, how in fields.items() if how["operation"] == "groupby"]
    wanted = [(name, reducer) for name, how in fields.items() for reducer in how["aggregations"]]
    grouped = []
    for frame in frames:
        groups: dict[tuple[Value, ...], list[dict[str, Value]]] = {}
        for row in _rows(frame):
            groups.setdefault(tuple(row.get(name) for name in by), []).append(row)
        rows = []
        for key, members in groups.items():
            row = dict(zip(by, key, strict=True))
            for name, reducer in wanted:
                numbers = [value for member in members if isinstance(value := member.get(name), int | float)]
                row[f"{name} ({reducer})"] = _REDUCERS[reducer](numbers) if numbers else None
            rows.append(row)
        grouped.append(_frame(frame.ref, rows, [*by, *(f"{name} ({reducer})" for name, reducer in wanted)], set()))
    return grouped


def _format_time(frames: Frames, options: Options) -> Frames:
    zone, output = ZoneInfo(options["timezone"]), options["outputFormat"]

    def text(value: Value) -> Value:
        return None if value is None else _moment(datetime.fromtimestamp(float(value) / 1_000, zone), output)

    def changed(column: Column) -> Column:
        return Column(column.name, tuple(map(text, column.values))) if column.name == options["timeField"] else column

    return [Frame(frame.ref, tuple(map(changed, frame.columns))) for frame in frames]


def _extract_fields(frames: Frames, options: Options) -> Frames:
    extracted = []
    for frame in frames:
        source = frame.column(options["source"])
        pairs = [dict(part.split("=", 1) for part in str(value).split()) for value in source.values] if source else []
        names = list(dict.fromkeys(name for pair in pairs for name in pair))
        more = tuple(Column(name, tuple(pair.get(name) for pair in pairs)) for name in names)
        extracted.append(Frame(frame.ref, frame.columns + more))
    return extracted


def _matrix(frames: Frames, options: Options) -> Frames:
    if len(frames) != 1:
        return frames
    across, down, value = options["columnField"], options["rowField"], options["valueField"]
    if not all(frames[0].column(name) for name in (across, down, value)):
        return frames
    corner = f"{down}\\{across}"
    rows: dict[Value, dict[str, Value]] = {}
    headings: dict[str, None] = {corner: None}
    for row in _rows(frames[0]):
        heading = str(row[across])
        headings[heading] = None
        rows.setdefault(row[down], {corner: row[down]})[heading] = row[value]
    return [_frame(frames[0].ref, rows.values(), list(headings), set())]


def _sort_by(frames: Frames, options: Options) -> Frames:
    field = options["sort"][0]["field"]
    ordered = []
    for frame in frames:
        rows = sorted(_rows(frame), key=lambda row: str(row.get(field) or ""))
        ordered.append(_frame(frame.ref, rows, _names(frame), _times(frame)))
    return ordered


def _organize(frames: Frames, options: Options) -> Frames:
    order, names = options["indexByName"], options["renameByName"]
    organized = []
    for frame in frames:
        kept = [column for column in frame.columns if not options["excludeByName"].get(column.name)]
        kept.sort(key=lambda column: order.get(column.name, len(order)))
        renamed = (Column(names.get(column.name) or column.name, column.values, column.time) for column in kept)
        organized.append(Frame(frame.ref, tuple(renamed)))
    return organized


def _moment(at: datetime, output: str) -> str:
    """A time as moment.js writes it with `[literal]`, `E` (ISO weekday) and `HH`."""
    text, rest = "", output
    while rest:
        if rest.startswith("["):
            literal, _, rest = rest[1:].partition("]")
            text += literal
        elif rest.startswith("HH"):
            text, rest = text + f"{at.hour:02}", rest[2:]
        elif rest.startswith("E"):
            text, rest = text + str(at.isoweekday()), rest[1:]
        else:
            text, rest = text + rest[0], rest[1:]
    return text


def _rows(frame: Frame) -> Iterable[dict[str, Value]]:
    names = _names(frame)
    return (
        dict(zip(names, row, strict=True)) for row in zip(*(column.values for column in frame.columns), strict=True)
    )


def _names(frame: Frame) -> list[str]:
    return [column.name for column in frame.columns]


def _times(frame: Frame) -> set[str]:
    return {column.name for column in frame.columns if column.time}


def _frame(ref: str, rows: Iterable[Mapping[str, Value]], names: Sequence[str], times: set[str]) -> Frame:
    listed = list(rows)
    return Frame(ref, tuple(Column(name, tuple(row.get(name) for row in listed), name in times) for name in names))


_REDUCERS: Final[Mapping[str, Callable[[Sequence[float]], float]]] = {
    "mean": lambda numbers: sum(numbers) / len(numbers),
    "max": max,
    "min": min,
    "sum": sum,
}

_STEPS: Final[Mapping[str, Callable[[Frames, Options], Frames]]] = {
    "merge": _merge,
    "filterByValue": _filter_by_value,
    "groupBy": _group_by,
    "formatTime": _format_time,
    "extractFields": _extract_fields,
    "groupingToMatrix": _matrix,
    "sortBy": _sort_by,
    "organize": _organize,
}
