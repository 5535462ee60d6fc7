"""From evidence to findings: do roll-ups keep up, and do they reach as far back as the readings? Pure."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from devices.rollups import database_of
from devices.text import printable
from ingest.doctor.findings import DataEvidence, Finding, Severity
from ingest.settings import Settings

LATE_S: Final = 3_600.0
"""How long a half-hour may wait for its roll-ups."""
BEHIND_DAYS: Final = 1.0
"""How much longer there may be readings than roll-ups: the first reading of a register shows no consumption."""


@dataclass(frozen=True, slots=True)
class RollUpsEvidence:
    """What the database of roll-ups answers."""

    writable: str = ""
    """`yes`, `missing` where the database itself is, or what it said"""
    behind_days: float | None = None
    """how much older the oldest reading of a register is than the oldest consumption; None where it was not told"""


def of_rollups(found: RollUpsEvidence | None, data: DataEvidence, settings: Settings) -> Iterator[Finding]:
    """The roll-ups, `found` None where the database does not answer at all."""
    if not settings.rollup.period:
        evidence = "they are off: the boards of consumption show nothing new"
        yield Finding("roll-ups", Severity.WARN, evidence, "set rollup.period to 60")
        return
    if found is not None:
        yield from _of_database(found, not data.touched, database_of(settings.influx.database))
    if data.touched and data.touched_s > LATE_S:
        evidence = f"{data.touched:,} half-hours wait, the oldest for {data.touched_s:.0f} s"
        mend = "start ingest where it does not run; `tolbooth status` says what holds the roll-ups up"
        yield Finding("roll-ups waiting", Severity.WARN, evidence, mend)
    elif not data.fault:
        yield Finding("roll-ups waiting", Severity.OK, f"{data.touched:,} half-hours wait, none for an hour")


def _of_database(found: RollUpsEvidence, caught_up: bool, name: str) -> Iterator[Finding]:
    if found.writable == "missing":
        mend = "start ingest, which makes it where its account may; or create it"
        yield Finding("roll-ups", Severity.WARN, f"there is no database {name}", mend)
        return
    if found.writable != "yes":
        mend = f"give the account of ingest the right to read and write {name}"
        yield Finding("roll-ups", Severity.WARN, f"{name} may not be written: {printable(found.writable, 300)}", mend)
        return
    if found.behind_days is not None and found.behind_days > BEHIND_DAYS and caught_up:
        evidence = f"they begin {found.behind_days:,.0f} days after the readings of meters"
        yield Finding("roll-ups", Severity.WARN, evidence, "run `tolbooth rollup` once: it works out all there are")
        return
    yield Finding("roll-ups", Severity.OK, f"allowed in {name}")
