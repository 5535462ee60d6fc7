"""What ingest says of itself over HTTP: `/healthz`, `/readyz`, `/metrics` (Prometheus) and `/status` (JSON).

Health is "the process works"; readiness is "messages are being received and stored".
"""

import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

import orjson
from aiohttp import web
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.exposition import CONTENT_TYPE_LATEST
from prometheus_client.registry import Collector

from devices.message import Fate
from ingest import drain, session
from ingest.counts import AGED, REJECTED, REWRITTEN, VALUES, Counts
from ingest.receive import Kit
from ingest.rollup import service as rollups
from ingest.silence import Alarm

_IN_FLIGHT: Final = (Fate.STORED, Fate.JOURNALLED, Fate.DUPLICATE, Fate.QUARANTINED, Fate.REFUSED)


@dataclass(frozen=True, slots=True)
class Parts:
    """What there is to look at."""

    kit: Kit
    broker: session.State
    database: drain.State
    rollups: rollups.State


def report(counts: Counts, now: int) -> dict[str, Any]:
    """The accounting as plain data; `tolbooth status` shows the same."""
    reasons: dict[str, dict[str, int]] = {Fate.QUARANTINED.value: {}, Fate.REFUSED.value: {}}
    for (name, reason), n in sorted(counts.tally.items()):
        if name in reasons:
            reasons[name][reason] = n
    return {
        "received": counts.received,
        "fates": {fate.value: counts.fate(fate) for fate in _IN_FLIGHT},
        "residual": counts.residual,
        "reasons": reasons,
        "values": {
            "stored": counts.tally.get((VALUES, ""), 0),
            "rejected": counts.tally.get((REJECTED, ""), 0),
        },
        "rewritten": {"values": counts.tally.get((REWRITTEN, ""), 0), "last": ""},
        "journal": {
            "rows": counts.rows,
            "messages": counts.messages,
            "bytes": counts.bytes,
            "oldest_s": round((now - counts.oldest) / 1e9, 3) if counts.oldest else 0.0,
        },
        "quarantine": {"rows": counts.quarantine, "aged_out": counts.tally.get((AGED, ""), 0)},
        "rollups": {
            "pending": counts.touched,
            "oldest_s": round((now - counts.touched_since) / 1e9, 3) if counts.touched_since else 0.0,
        },
    }


async def live_report(parts: Parts) -> dict[str, Any]:
    """The accounting, with what only the running process knows."""
    now = time.time_ns()
    said = report(await parts.kit.journal.counts(), now)
    said["journal"]["full"] = parts.kit.journal.full
    said["rewritten"]["last"] = parts.kit.rewrites.last
    said["rollups"] |= {"state": parts.rollups.text, "ok": parts.rollups.ok}
    return said | {
        "lag_s": parts.database.lag,
        "broker": parts.broker.text,
        "database": parts.database.look(time.monotonic())[0],
        "canary": parts.kit.canary.text(now),
        "canary_age_s": parts.kit.canary.age_s(now),
        "ready": _ready(parts, now),
        "registry": parts.kit.mistakes,
        "devices": {"registered": len(parts.kit.fleet), "online": parts.kit.fleet.online(now)},
        "alarms": [_alarm(alarm, now) for alarm in parts.kit.watch.alarms],
    }


def _alarm(alarm: Alarm, now: int) -> dict[str, Any]:
    return {
        "council": alarm.council,
        "source": alarm.source,
        "device": alarm.device,
        "devices": len(alarm.covers),
        "since_s": round((now - alarm.since) / 1e9, 3),
        "text": alarm.text,
    }


def _ready(parts: Parts, now: int) -> bool:
    taking = parts.broker.connected and not parts.kit.journal.full
    _, storing = parts.database.look(time.monotonic())
    return taking and storing and parts.kit.canary.well(now)


def application(parts: Parts) -> web.Application:
    """The HTTP application; it changes nothing."""

    async def healthz(_: web.Request) -> web.Response:
        return web.Response(text="ok\n")

    async def readyz(_: web.Request) -> web.Response:
        now = time.time_ns()
        lines = {
            "broker": parts.broker.text,
            "journal": parts.kit.journal.full or "ok",
            "database": parts.database.look(time.monotonic())[0],
            "canary": parts.kit.canary.text(now),
        }
        text = "".join(f"{name}: {said}\n" for name, said in lines.items())
        return web.Response(text=text, status=200 if _ready(parts, now) else 503)

    async def status(_: web.Request) -> web.Response:
        return web.Response(body=orjson.dumps(await live_report(parts)), content_type="application/json")

    async def metrics(_: web.Request) -> web.Response:
        registry = CollectorRegistry()
        registry.register(_Once(await live_report(parts)))
        return web.Response(body=generate_latest(registry), headers={"Content-Type": CONTENT_TYPE_LATEST})

    app = web.Application()
    app.add_routes(
        [
            web.get("/healthz", healthz),
            web.get("/readyz", readyz),
            web.get("/status", status),
            web.get("/metrics", metrics),
        ]
    )
    return app


class _Once(Collector):
    """The metrics of one scrape."""

    def __init__(self, said: dict[str, Any]) -> None:
        self._said = said

    def collect(self) -> Iterator[Metric]:
        said = self._said
        yield CounterMetricFamily("tolbooth_messages_received", "Messages received.", said["received"])
        fates = CounterMetricFamily("tolbooth_messages", "Messages by fate.", labels=["fate", "reason"])
        for fate in (Fate.STORED.value, Fate.DUPLICATE.value):
            fates.add_metric([fate, ""], said["fates"][fate])
        for fate, reasons in said["reasons"].items():
            for reason, n in reasons.items():
                fates.add_metric([fate, reason], n)
        yield fates
        values = CounterMetricFamily("tolbooth_values", "Values by what became of them.", labels=["fate"])
        for fate, n in said["values"].items():
            values.add_metric([fate], n)
        yield values
        text = "Values that took the place of another of the same series and time."
        yield CounterMetricFamily("tolbooth_values_rewritten", text, said["rewritten"]["values"])
        gauges = {
            "journal_messages": ("Messages in the journal.", said["journal"]["messages"]),
            "journal_bytes": ("Bytes of lines in the journal.", said["journal"]["bytes"]),
            "journal_age_seconds": ("Age of the oldest message in the journal.", said["journal"]["oldest_s"]),
            "quarantine_rows": ("Messages and lines in quarantine.", said["quarantine"]["rows"]),
            "lag_seconds": ("Arrival to confirmation, last batch.", said["lag_s"] or 0.0),
            "residual_messages": ("Messages without a fate; 0, or the accounting is broken.", said["residual"]),
            "devices_registered": ("Devices in the registry.", said["devices"]["registered"]),
            "devices_online": ("Devices heard within three intervals.", said["devices"]["online"]),
            "rollups_pending": ("Half-hours that wait to be rolled up.", said["rollups"]["pending"]),
            "rollups_age_seconds": ("How long the oldest of them has waited.", said["rollups"]["oldest_s"]),
            "rollups_ok": ("0 while the last attempt to roll up failed.", float(said["rollups"]["ok"])),
            "ready": ("1 while messages are received and stored.", float(said["ready"])),
        }
        if said["canary_age_s"] is not None:
            gauges["canary_age_seconds"] = ("Age of the last marker that came the whole way.", said["canary_age_s"])
        alarms = GaugeMetricFamily("tolbooth_alarms", "Alarms that hold, by what is silent.", labels=["silent"])
        devices = sum(bool(alarm["device"]) for alarm in said["alarms"])
        alarms.add_metric(["device"], devices)
        alarms.add_metric(["source"], len(said["alarms"]) - devices)
        yield alarms
        for name, (text, value) in gauges.items():
            yield GaugeMetricFamily(f"tolbooth_{name}", text, value)
        aged = said["quarantine"]["aged_out"]
        yield CounterMetricFamily("tolbooth_quarantine_aged_out", "Quarantine rows deleted by age or size.", aged)
