"""What `tolbooth up` shows: one frame of the live view for a terminal, and one line of it for anything else.

Pure: a frame goes in, something that Rich can print comes out.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from pydantic import BaseModel, ConfigDict
from rich.console import Group, RenderableType
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from devices.message import Fate
from devices.schema import BY_NAME, Field, Kind
from devices.text import in_short, printable

SHOWN: Final[tuple[Field, ...]] = tuple(BY_NAME[name] for name in ("temperature", "co2", "occupied"))
"""The fields of the table of spaces."""
MOST_SPACES: Final = 8
MOST_REASONS: Final = 4
MOST_ALARMS: Final = 6
RECENT: Final = "1h"
"""How old a value of the table may be, in InfluxQL."""

_SYMBOLS = {"Cel": "°C", "1": ""}
"""Unit symbols that differ from the schema's."""


class _Answer(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore")


class Values(_Answer):
    stored: int
    rejected: int


class Rewritten(_Answer):
    values: int
    """that took the place of another of the same series and time"""
    last: str
    """the last of them in words; empty where there was none since the start"""


class JournalDepth(_Answer):
    rows: int
    messages: int
    bytes: int
    oldest_s: float | None = None
    full: str = ""
    """why ingest takes no message; empty while it does"""


class RollUps(_Answer):
    pending: int
    """half-hours with new readings"""
    oldest_s: float
    """how long the one that waits longest has waited"""
    state: str = ""
    """`ok`, `off`, or why not; empty where no ingest runs"""
    ok: bool = True


class Devices(_Answer):
    registered: int
    online: int


class Alarm(_Answer):
    text: str


class Status(_Answer):
    """What ingest answers to `GET /status`."""

    received: int
    fates: Mapping[Fate, int]
    reasons: Mapping[Fate, Mapping[str, int]]
    values: Values
    rewritten: Rewritten
    residual: int
    """messages received whose fate is not counted yet; anything but a passing figure is a bug"""
    journal: JournalDepth
    lag_s: float | None
    broker: str
    """`connected` and to what, or why not"""
    database: str
    """`ok`, or why not"""
    ready: bool
    """messages are being received and stored"""
    rollups: RollUps
    devices: Devices
    registry: str
    """the mistakes for which a change of the registry is not taken up, a line each; empty while there are none"""
    canary: str
    """`ok`, `off`, or what holds ingest's own marker up"""
    alarms: tuple[Alarm, ...]


@dataclass(frozen=True, slots=True)
class Space:
    """The latest values of one space, in the order of `SHOWN`; None where there is no recent one."""

    building: str
    space: str
    values: tuple[float | None, ...]


@dataclass(frozen=True, slots=True)
class Guide:
    """Where a person reaches what is running."""

    broker_host: str
    broker_port: int
    influx_url: str
    database: str
    folder: str
    security: str
    """folder of the credentials"""
    reader: str
    """user of the database who reads; empty where it has none"""
    pages: Mapping[str, str]
    """name → address of each web page that the demo serves"""


@dataclass(frozen=True, slots=True)
class Frame:
    """All that one frame shows."""

    status: Status
    previous: Status | None
    seconds: float
    """since `previous`"""
    spaces: tuple[Space, ...]
    guide: Guide

    @property
    def rate(self) -> float:
        """Messages a second since the previous frame."""
        if self.previous is None or self.seconds <= 0:
            return 0.0
        return max(0, self.status.received - self.previous.received) / self.seconds


def render(frame: Frame) -> RenderableType:
    """One frame for a terminal."""
    parts: list[RenderableType] = [render_status(frame.status, frame.rate), Text()]
    if frame.spaces:
        parts += [_spaces(frame.spaces), Text()]
    parts.append(_guide(frame.guide))
    return Panel(Group(*parts), title="Tolbooth", title_align="left", padding=(0, 1))


def plain(frame: Frame) -> str:
    """One frame as one line, for a log."""
    status = frame.status
    words = [
        f"{frame.rate:.1f} messages/s",
        *(f"{fate} {status.fates.get(fate, 0)}" for fate in Fate),
        f"values {status.values.stored}",
        f"journal {status.journal.messages} messages",
        f"lag {_seconds(status.lag_s)}",
        f"devices {status.devices.online}/{status.devices.registered} online",
    ]
    words += [f"{name} {state}" for name, state, good in _links(status) if not good]
    if not status.rollups.ok:
        words.append(f"roll-ups {status.rollups.state}")
    return printable(", ".join(words), 1_000)


def latest_query(field: Field) -> str:
    """InfluxQL for `read_spaces`: the latest value of `field` in every space."""
    return (
        f'SELECT last("{field.key}") FROM "{field.measurement}" '  # noqa: S608 - names of the schema
        f'WHERE time > now() - {RECENT} GROUP BY "building", "space"'
    )


def read_spaces(answers: Sequence[Iterable[Mapping[str, Any]]]) -> tuple[Space, ...]:
    """The spaces in the series that InfluxDB answers to `latest_query` for each of `SHOWN`.

    The buildings take turns, each with its fullest rows first.
    """
    found: dict[tuple[str, str], list[float | None]] = {}
    for column, answer in enumerate(answers):
        for series in answer:
            tags = series["tags"]
            if tags["space"]:
                row = found.setdefault((tags["building"], tags["space"]), [None] * len(SHOWN))
                row[column] = series["values"][0][1]
    spaces = [Space(building, space, tuple(row)) for (building, space), row in found.items()]
    spaces.sort(key=lambda space: (space.values.count(None), space.building, space.space))
    seen: Counter[str] = Counter()
    ranked = []
    for space in spaces:
        ranked.append((seen[space.building], space))
        seen[space.building] += 1
    return tuple(space for _, space in sorted(ranked, key=lambda pair: pair[0]))


def render_status(status: Status, rate: float | None = None) -> Table:
    """The figures of ingest; `rate` in messages a second, where two looks at it gave one."""
    grid = Table.grid(padding=(0, 2))
    grid.add_column(style="dim")
    grid.add_column()
    for name, state, good in _links(status):
        grid.add_row(name, Text(printable(state), "green" if good else "bold red"))
    if status.registry:
        grid.add_row("registry", Text(f"its change is not taken up: {in_short(status.registry)}", "bold red"))
    grid.add_row("devices", f"{status.devices.online:,} online of {status.devices.registered:,}")
    speed = "" if rate is None else f"{rate:,.1f} a second, "
    for alarm in status.alarms[:MOST_ALARMS]:
        grid.add_row("alarm", Text(printable(alarm.text), "bold red"))
    if len(status.alarms) > MOST_ALARMS:
        grid.add_row("alarm", Text(f"and {len(status.alarms) - MOST_ALARMS:,} more", "bold red"))
    grid.add_row("messages", f"{speed}{status.received:,} received, lag {_seconds(status.lag_s)}")
    grid.add_row("fates", ", ".join(f"{fate} {status.fates.get(fate, 0):,}" for fate in Fate))
    for fate, reasons in status.reasons.items():
        if reasons:
            grid.add_row(f"  {fate}", printable(_most(reasons)))
    grid.add_row("values", f"{status.values.stored:,} stored, {status.values.rejected:,} rejected")
    journal = status.journal
    oldest = f", oldest {_seconds(journal.oldest_s)}" if journal.messages else ""
    grid.add_row("journal", f"{journal.messages:,} messages, {journal.bytes:,} bytes{oldest}")
    grid.add_row("roll-ups", _rollups(status.rollups))
    if status.rewritten.values:
        last = f", the last: {printable(status.rewritten.last)}" if status.rewritten.last else ""
        grid.add_row(
            "rewritten", Text(f"{status.rewritten.values:,} values replaced another of the same time{last}", "yellow")
        )
    if status.residual:
        grid.add_row("residual", Text(f"{status.residual:,} messages without a fate", "yellow"))
    return grid


def _rollups(rollups: RollUps) -> Text:
    waiting = ""
    if rollups.pending:
        waiting = f"{rollups.pending:,} half-hours wait, the oldest for {_seconds(rollups.oldest_s)}"
    words = [word for word in (printable(rollups.state), waiting) if word]
    return Text(", ".join(words) or "none waits", "" if rollups.ok else "bold red")


def _spaces(spaces: tuple[Space, ...]) -> Table:
    table = Table(box=None, padding=(0, 2), header_style="dim")
    table.add_column("building")
    table.add_column("space")
    for field in SHOWN:
        unit = _SYMBOLS.get(field.unit, field.unit)
        table.add_column(f"{field.name} {unit}".strip(), justify="right")
    for space in spaces[:MOST_SPACES]:
        cells = (_value(field, value) for field, value in zip(SHOWN, space.values, strict=True))
        table.add_row(Text(space.building), Text(space.space), *cells)
    if len(spaces) > MOST_SPACES:
        table.caption = f"and {len(spaces) - MOST_SPACES} more spaces"
    return table


def _guide(guide: Guide) -> Table:
    field = SHOWN[0]
    host, _, port = guide.influx_url.removeprefix("http://").partition(":")
    question = f"SELECT mean({field.key}) FROM {field.measurement} WHERE time > now() - 1d GROUP BY time(1h), building"  # noqa: S608
    grid = Table.grid(padding=(0, 2))
    grid.add_column(style="dim")
    grid.add_column(overflow="fold")
    for name, address in guide.pages.items():
        grid.add_row(name, Text(address))
    broker, accounts = f"-h {guide.broker_host} -p {guide.broker_port}", f"XDG_CONFIG_HOME={guide.security}/accounts"
    login = ""
    if guide.reader:
        login = f"INFLUX_USERNAME={guide.reader} INFLUX_PASSWORD=$(cat {guide.security}/database/grafana) "
    query = f"{login}influx -host {host} -port {port} -database {guide.database} -execute '{question}'"
    grid.add_row("query", Text(query))
    grid.add_row("listen", Text(f"{accounts}/operator mosquitto_sub {broker} -v -t '#'"))
    grid.add_row("publish", Text(f"{accounts}/<council>.<device> mosquitto_pub {broker} -q 1 -t … -m …"))
    grid.add_row("stop", Text(f"Ctrl-C; the data stays in {guide.folder}"))
    return grid


def _links(status: Status) -> tuple[tuple[str, str, bool], ...]:
    """Name, state, and whether all is well with it."""
    return (
        ("broker", status.broker, status.broker.startswith("connected")),
        *([("disk", full, False)] if (full := status.journal.full) else []),
        ("database", status.database, status.database == "ok"),
        ("canary", status.canary, status.canary in {"ok", "off"}),
    )


def _most(reasons: Mapping[str, int]) -> str:
    ranked = sorted(reasons.items(), key=lambda item: (-item[1], item[0]))
    shown = ", ".join(f"{reason} {count:,}" for reason, count in ranked[:MOST_REASONS])
    rest = sum(count for _, count in ranked[MOST_REASONS:])
    return f"{shown}, others {rest:,}" if rest else shown


def _value(field: Field, value: float | None) -> str:
    if value is None:
        return "–"
    if field.kind is Kind.STATE:
        return "yes" if value else "no"
    return f"{value:.1f}" if abs(value) < 100 else f"{value:.0f}"


def _seconds(seconds: float | None) -> str:
    return "–" if seconds is None else f"{seconds:.1f} s"
