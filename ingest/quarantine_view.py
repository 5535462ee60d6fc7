"""What `tolbooth quarantine` shows: tables for a terminal, plain data for machines. Pure."""

from base64 import b64encode
from collections.abc import Sequence
from typing import Any, Final

from rich.console import Group as Block
from rich.console import RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from devices.message import MEND, Reason
from devices.text import printable
from devices.timestamps import to_rfc3339
from ingest.quarantine import Group, Row, group_id
from ingest.replay import Result

MOST_SHOWN: Final = 20
MOST_PAYLOAD: Final = 2_000
"""Characters of a payload on a terminal."""


def group_table(groups: Sequence[Group]) -> RenderableType:
    """The faults, each with its mend."""
    if not groups:
        return Text("quarantine is empty", "green")
    blocks: list[RenderableType] = []
    for group in groups:
        where = ": ".join(part for part in (group.source, group.address) if part)
        head = Text(f"{group.id}  ", "bold")
        head.append(f"{group.rows:,} × {group.reason}  ", "red").append(printable(where))
        first, last = (to_rfc3339(time)[:19] for time in (group.first, group.last))
        about = (f"{first}Z to {last}Z", printable(group.detail), f"mend: {_mend(group.reason)}")
        blocks += [head, *(Padding(Text(line), (0, 0, 0, 10)) for line in about)]
    total = sum(group.rows for group in groups)
    return Block(*blocks, Text(), Text(f"messages {total:,}, faults {len(groups):,}", "dim"))


def group_data(group: Group) -> dict[str, Any]:
    """One fault as plain data."""
    return {
        "group": group.id,
        "count": group.rows,
        "reason": group.reason,
        "source": group.source,
        "address": group.address,
        "detail": group.detail,
        "first": to_rfc3339(group.first),
        "last": to_rfc3339(group.last),
        "mend": _mend(group.reason),
    }


def row_table(rows: Sequence[Row]) -> RenderableType:
    """Whole messages, with what is wrong and what mends it."""
    blocks: list[RenderableType] = []
    for row in rows[:MOST_SHOWN]:
        kept = row.kept
        grid = Table.grid(padding=(0, 2))
        grid.add_column(style="dim")
        grid.add_column(overflow="fold")
        retained = ", retained" if kept.retained else ""
        stored = "" if kept.whole else "; the rest of it is stored"
        for name, text in (
            ("id", f"{row.id}, group {group_id(kept)}"),
            ("arrived", to_rfc3339(kept.received) + retained),
            ("topic", kept.topic or "none: a line that the database refused"),
            ("source", kept.source or "none"),
            ("address", kept.address or "none"),
            ("reason", kept.reason + stored),
            ("detail", kept.detail),
            ("mend", _mend(kept.reason)),
            ("payload", kept.payload[:MOST_PAYLOAD].decode(errors="backslashreplace")),
        ):
            grid.add_row(name, Text(printable(text, MOST_PAYLOAD)))
        blocks += [grid, Text()]
    if len(rows) > MOST_SHOWN:
        blocks.append(Text(f"and {len(rows) - MOST_SHOWN:,} more: `tolbooth quarantine export` writes them all", "dim"))
    return Block(*blocks)


def row_data(row: Row) -> dict[str, Any]:
    """One message as plain data, which `tolbooth devices decode` reads."""
    kept = row.kept
    return {
        "id": row.id,
        "group": group_id(kept),
        "received": to_rfc3339(kept.received),
        "topic": kept.topic,
        "payload": b64encode(kept.payload).decode(),
        "payload_encoding": "base64",
        "retained": kept.retained,
        "reason": kept.reason,
        "detail": kept.detail,
        "mend": _mend(kept.reason),
        "source": kept.source,
        "address": kept.address,
        "whole": kept.whole,
    }


def result_table(result: Result) -> RenderableType:
    """What a replay did."""
    grid = Table.grid(padding=(0, 2))
    for style in ("dim", "", ""):
        grid.add_column(style=style, justify="right" if not style and len(grid.columns) == 1 else "left")
    waiting = f"lines {result.lines:,}, which ingest takes from the journal" if result.lines else ""
    grid.add_row("decoded again", f"{result.looked:,}")
    grid.add_row("stored", Text(f"{result.stored:,}", "green" if result.stored else ""), waiting)
    grid.add_row("hold no reading", f"{result.refused:,}")
    grid.add_row("stay", Text(f"{result.left:,}", "red" if result.left else ""))
    for reason, count in result.reasons.most_common():
        grid.add_row(f"  {reason}", f"{count:,}", _mend(reason))
    return grid


def result_data(result: Result) -> dict[str, Any]:
    """What a replay did, as plain data."""
    return {
        "decoded": result.looked,
        "stored": result.stored,
        "lines": result.lines,
        "refused": result.refused,
        "left": result.left,
        "reasons": dict(result.reasons),
    }


def _mend(reason: str) -> str:
    return MEND.get(Reason(reason), "")
