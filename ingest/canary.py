"""The canary: ingest's own marker, published to the broker, received, journalled, stored and read back, all the time.

It goes the way of every message, behind those that came before it, so its age is the answer to "would a reading sent
now be in the database soon?". It is no device's message: it is not among the messages received, and has no fate.
"""

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from devices.estate.shapes import NATIVE
from devices.message import Message
from devices.model import Estate
from devices.schema import BY_NAME
from devices.timestamps import SECOND
from ingest.influx import DatabaseError, Influx
from ingest.lineprotocol import escape_tag
from ingest.session import Session

LATE: Final = 3
"""Periods after which a canary that did not come back means that the path is broken."""
OLDEST: Final = 3_600 * SECOND
MAX_DIGITS: Final = 20
FIRST_LOOK, LAST_LOOK = 0.05, 1.0
"""Seconds between looks into the database for it; doubled each time."""
_FIELD: Final = BY_NAME["canary"]


def own_topics(estate: Estate) -> str:
    """Below this ingest may publish: in its first council's topic tree, where no building can be."""
    council = min(estate.councils.values(), key=lambda each: each.id)
    return f"{council.sources[NATIVE].topic}/{council.id}/_ingest"


@dataclass(slots=True)
class Canary:
    """What is known of it. Its line carries the client id in the tag `device`, so that two ingests have two series."""

    root: str
    """see `own_topics`"""
    client_id: str
    period_s: float
    """0: there is none, and nothing depends on it"""
    returned: int = 0
    """when the last one that was read back had been published, ns"""
    sent: int = 0
    """when the last one was published, ns"""

    @property
    def topic(self) -> str:
        """Where it is published; empty where there is none."""
        return f"{self.root}/{self.client_id}/canary" if self.period_s else ""

    def line(self, message: Message) -> str | None:
        """The line of a canary that arrived, empty for a forged or very old one; None for any other message."""
        if not self.period_s or message.topic != self.topic:
            return None
        payload = message.payload
        mark = int(payload) if len(payload) < MAX_DIGITS and payload.isdigit() else 0
        if not 0 <= message.received - mark <= OLDEST:
            return ""
        took = (message.received - mark) / SECOND
        return f"{_FIELD.measurement},device={escape_tag(self.client_id)} {_FIELD.key}={took!r} {mark}"

    def age_s(self, now: int) -> float | None:
        """Seconds since the youngest that made the whole way was published; None before the first."""
        return round((now - self.returned) / SECOND, 3) if self.returned else None

    def well(self, now: int) -> bool:
        """Whether the whole path works."""
        age = self.age_s(now)
        return not self.period_s or (age is not None and age <= LATE * self.period_s)

    def text(self, now: int) -> str:
        """How it is, for a person."""
        if not self.period_s:
            return "off"
        age = self.age_s(now)
        if age is None:
            return f"none has come back yet: let its account write and read {self.topic}"
        return "ok" if self.well(now) else f"the last one came back {age:.0f} s ago: the way to the database is held up"


async def fly(canary: Canary, session: Session, influx: Influx, clock: Callable[[], int] = time.time_ns) -> None:
    """Publish one each period, and look for it in the database, until cancelled."""
    while True:
        started = clock()
        if session.publish(canary.topic, str(started).encode()):
            canary.sent = started
            await _look(canary, influx, clock)
            await asyncio.sleep(max(0.0, canary.period_s - (clock() - started) / SECOND))
        else:
            await asyncio.sleep(0.1)


async def _look(canary: Canary, influx: Influx, clock: Callable[[], int]) -> None:
    """Look until it is there, or the period is over."""
    wait = FIRST_LOOK
    client = canary.client_id.replace("\\", "\\\\").replace("'", "\\'")
    question = (
        f'SELECT "{_FIELD.key}" FROM "{_FIELD.measurement}" '  # noqa: S608  the schema's names
        f"WHERE \"device\" = '{client}' AND time >= {canary.sent - OLDEST} ORDER BY time DESC LIMIT 1"
    )
    while clock() - canary.sent < canary.period_s * SECOND:
        await asyncio.sleep(wait)
        wait = min(2 * wait, LAST_LOOK)
        try:
            found = await influx.query(question)
        except DatabaseError:
            continue
        canary.returned = max(canary.returned, _time(found))
        if canary.returned >= canary.sent:
            return


def _time(found: list[dict[str, Any]]) -> int:
    """The time in an answer; 0 where there is none, or what answers is no InfluxDB."""
    match found:
        case [{"values": [[int(at), *_], *_]}, *_]:
            return at
    return 0
