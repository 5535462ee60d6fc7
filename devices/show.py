"""What the engineer's bench shows: an object goes in, something that Rich can print comes out. Pure."""

from collections.abc import Iterable, Mapping

from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from devices.adopt import Adopted
from devices.infer import Confidence, Proposal
from devices.propose import Draft
from devices.propose_source import Listed
from devices.replace import Replaced
from devices.schema import BY_NAME, Kind
from devices.strangers import Stranger
from devices.text import printable
from devices.timestamps import SECOND

_MISSING = Text("not known", style="dim")


def strangers(found: Iterable[Stranger], now: int) -> RenderableType:
    """The unknown devices, a panel for each."""
    panels = [_stranger(each, now) for each in found]
    return Group(*panels) if panels else Text("everybody who is talking is known")


def _stranger(one: Stranger, now: int) -> RenderableType:
    rows: list[tuple[str, str | Text]] = [
        ("model", one.model or _MISSING),
        ("source", one.source or Text("none of the registry: adopting lists one", style="yellow")),
        ("heard", _heard(one, now)),
        ("would store", ", ".join(one.fields) if one.fields else Text("nothing", style="yellow")),
        *(("but", Text(fault, style="yellow")) for fault in one.faults),
        ("topic", one.topic),
        ("payload", one.payload),
    ]
    if not one.format:
        title = Text(f"{one.address}: no format writes such a topic", style="yellow")
        rows = [("heard", _heard(one, now)), ("payload", one.payload)]
        return Panel(_table(rows), title=title, title_align="left")
    base = f" below {one.base}" if one.base else ""
    title = Text(f"{one.address}: {one.kind}, {one.format}{base}", style="bold")
    return Panel(_table(rows), title=title, title_align="left")


def _heard(one: Stranger, now: int) -> str:
    times = f"{one.messages} times" if one.messages > 1 else "once"
    rhythm = f", every {span(one.interval)}" if one.interval else ""
    since = span((now - one.first) / SECOND)
    return f"{times}{rhythm}, first {since} ago, last {span((now - one.last) / SECOND)} ago"


def span(seconds: float) -> str:
    """A length of time for people: 45 s, 12 min, 3.5 h, 2 d."""
    for size, unit in ((86_400, "d"), (3_600, "h"), (60, "min")):
        if seconds >= size:
            return f"{seconds / size:.3g} {unit}"
    return f"{max(0.0, seconds):.0f} s"


def adopted(done: Adopted, replayed: int) -> RenderableType:
    """What was written into the registry, and how many messages were stored after all."""
    files = ", ".join(str(path) for path in done.files)
    what = f"its row and its source {done.source} stand" if done.new_source else "its row stands"
    head = Text(f"{done.device} is a device of {done.council} now: {what} in {files}")
    tail = Text(
        f"{replayed:,} messages of it that quarantine kept are stored now; a running ingest takes the next ones"
    )
    account = Text(
        f"it connects by itself: where the broker asks for credentials, `tolbooth init` makes its account and "
        f"`tolbooth devices credential {done.device}` shows it"
    )
    return Group(head, _row(done.row), tail, *([account] if done.connects_itself else []))


def replaced(done: Replaced) -> RenderableType:
    """What was written into the registry."""
    return Group(Text(f"{done.row['id']} is in its place from {done.row['from']}: see {done.file}"), _row(done.row))


def proposal(found: Proposal, files: Draft | Listed | None) -> RenderableType:
    """What payloads of an unknown shape may mean, why, and what to ask."""
    parts: list[RenderableType] = [Text(f"{found.payloads} payloads", style="bold")]
    for each in found.fields:
        field = BY_NAME[each.field]
        sent = f", sent in {each.unit}" if each.unit else ""
        value = f"{each.example:g}" if field.kind is Kind.STATE else f"{each.example:g} {field.unit}"
        head = Text(f"{printable(each.key)} is {each.field}, a {field.kind}: {value}{sent}  ")
        parts.append(head.append(each.confidence, "green" if each.confidence is Confidence.SURE else "yellow"))
        states = [", ".join(f"{said} is {value}" for said, value in each.states.items())] if each.states else []
        parts.append(Padding(Text("; ".join([*each.reasons, *states]), style="dim"), (0, 0, 0, 4)))
    if found.time:
        parts.append(Text(f"time: {printable(found.time[0])}, in {found.time[1]}"))
    if found.identity:
        parts.append(Text(f"identity: {printable(found.identity)}, last {found.address}"))
    parts += [Text(f"not stored: {printable(key)}: {why}", style="dim") for key, why in found.ignored]
    parts += [
        Text(f"left out: {printable(each.key)} ({', '.join(each.values)}): {each.asks}", style="yellow")
        for each in found.questions
    ]
    if isinstance(files, Listed):
        parts += [Panel(Text(files.source.rstrip()), title="council.yaml, sources", title_align="left")]
        parts += [Panel(Text(files.rows.rstrip()), title="devices.csv", title_align="left")]
    elif files is not None:
        name = f"devices/models/{files.folder}/{files.slug}"
        parts += [Panel(Text(files.model.rstrip()), title=f"{name}.yaml", title_align="left")]
        parts += [Panel(Text(files.examples.rstrip()), title=f"{name}.examples.yaml", title_align="left")]
        parts += [Panel(Text(files.row.rstrip()), title="devices.csv", title_align="left")]
    return Group(*parts)


def _row(row: Mapping[str, str]) -> RenderableType:
    return _table([(key, value) for key, value in row.items() if value])


def _table(rows: Iterable[tuple[str, str | Text]]) -> Table:
    table = Table.grid(padding=(0, 2))
    table.add_column(style="dim", no_wrap=True)
    table.add_column(overflow="fold")
    for name, value in rows:
        table.add_row(name, value if isinstance(value, Text) else Text(value))
    return table
