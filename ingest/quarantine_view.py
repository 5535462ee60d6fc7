"""What `tolbooth quarantine` shows: tables for a terminal, plain data for machines. Pure."""

from base64 import b64encode
from collections.abc import Sequence
from typing import Any, Final

from rich.console import Group as Block
from rich.console import RenderableType
from rich.table import Table
from rich.text import Text

from devices.model import MEND, Reason
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
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="dim")
    for column in ("group", "messages", "reason", "where", "first", "last"):
        table.add_column(column, justify="right" if column == "messages" else "left", overflow="fold")
    for group in groups:
        where = printable(": ".join(part for part in (group.source, group.address) if part)) or "–"
        times = (to_rfc3339(group.first)[:19] + "Z", to_rfc3339(group.last)[:19] + "Z")
        table.add_row(Text(group.id, "bold"), f"{group.rows:,}", Text(group.reason, "red"), Text(where), *times)
        table.add_row("", "", "", Text(printable(group.detail), "dim"))
        table.add_row("", "", "", Text(_mend(group.reason), "green"))
    total = sum(group.rows for group in groups)
    return Block(table, Text(), Text(f"{total:,} messages with {len(groups):,} faults", "dim"))


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


def result_text(result: Result) -> Text:
    """What a replay did."""
    text = Text(f"{result.looked:,} messages decoded again: ")
    text.append(f"{result.stored:,} stored", "green" if result.stored else "dim")
    text.append(f" ({result.lines:,} lines wait in the journal for ingest), {result.refused:,} hold no reading, ")
    text.append(f"{result.left:,} stay", "red" if result.left else "dim")
    for reason, count in result.reasons.most_common():
        text.append(f"\n  {reason} {count:,}: {_mend(reason)}")
    return text


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
