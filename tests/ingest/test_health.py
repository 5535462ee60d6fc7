"""What ingest says of itself over HTTP, and that it says the truth."""

from array import array
from collections import Counter
from pathlib import Path

import pytest
from aiohttp import ClientSession, web
from prometheus_client.parser import text_string_to_metric_families

from devices.decode import Decoder
from devices.timestamps import SECOND
from ingest import drain, health, session
from ingest.counts import RECEIVED
from ingest.fleet import Fleet
from ingest.journal import Entry, Journal
from ingest.lineprotocol import Tags
from ingest.processes import HOST, free_port
from ingest.quarantine import Kept
from ingest.receive import Kit
from ingest.rollup import service as rollups
from ingest.silence import Due
from tests.ingest.estates import NOW, device, estate


@pytest.mark.parametrize(("broker", "database", "ready"), [(1, 1, 200), (0, 1, 503), (1, 0, 503), (0, 0, 503)])
async def test_what_it_says(tmp_path: Path, broker: int, database: int, ready: int) -> None:
    known = estate(device("a"), device("b"))
    made = Journal(tmp_path, max_bytes=2**20, keep_packets=9, quarantine_bytes=2**20, quarantine_age=2**62)
    async with made:
        entry = Entry(received=NOW, lines=["x y=1 1"] * 3, sizes=array("I", [1, 2]))
        entry.tally = Counter(
            {
                (RECEIVED, ""): 7,
                ("quarantined", "malformed"): 1,
                ("refused", "presence"): 2,
                ("duplicate", ""): 1,
                ("stored", ""): 1,
                ("values", ""): 11,
                ("rejected", ""): 4,
                ("rewritten", ""): 3,
            }
        )
        entry.kept = [Kept(NOW, "t", b"p", False, "malformed", "d", "", "", True)]
        await made.append(entry)
        await made.settle([], Counter(), [], [NOW])
        kit = Kit(Decoder(known), Tags(known), Fleet(known), made)
        due = [Due("sim-moor", "native", name, 60 * SECOND, NOW - age * SECOND) for name, age in (("a", 0), ("b", 200))]
        kit.rewrites.last = "said of a rewrite"
        kit.watch.look(due, {}, NOW, listening=True)
        parts = health.Parts(
            kit,
            session.State(bool(broker), "said of the broker"),
            drain.State("said of the database", bool(database)),
            rollups.State("said of the roll-ups", False),
        )
        runner = web.AppRunner(health.application(parts))
        await runner.setup()
        port = free_port()
        await web.TCPSite(runner, HOST, port).start()
        try:
            async with ClientSession(f"http://{HOST}:{port}") as http:
                async with http.get("/healthz") as answer:
                    assert (answer.status, await answer.text()) == (200, "ok\n")
                async with http.get("/readyz") as answer:
                    assert answer.status == ready
                    assert await answer.text() == (
                        "broker: said of the broker\njournal: ok\ndatabase: said of the database\ncanary: off\n"
                    )
                async with http.get("/status") as answer:
                    said = await answer.json()
                async with http.get("/metrics") as answer:
                    assert answer.content_type == "text/plain"
                    metrics = {
                        (sample.name, *sample.labels.values()): sample.value
                        for family in text_string_to_metric_families(await answer.text())
                        for sample in family.samples
                    }
                async with http.post("/status") as answer:
                    assert answer.status == 405
        finally:
            await runner.cleanup()
    assert said["received"] == 7
    assert said["fates"] == {"stored": 1, "journalled": 2, "duplicate": 1, "quarantined": 1, "refused": 2}
    assert said["residual"] == 0
    assert said["reasons"] == {"quarantined": {"malformed": 1}, "refused": {"presence": 2}}
    assert said["values"] == {"stored": 11, "rejected": 4}
    assert said["rewritten"] == {"values": 3, "last": "said of a rewrite"}
    assert metrics["tolbooth_values_rewritten_total",] == 3
    assert {key: said["rollups"][key] for key in ("pending", "state", "ok")} == {
        "pending": 1,
        "state": "said of the roll-ups",
        "ok": False,
    }
    assert metrics["tolbooth_rollups_pending",] == 1
    assert metrics["tolbooth_rollups_age_seconds",] == pytest.approx(said["rollups"]["oldest_s"], abs=5)
    assert said["rollups"]["oldest_s"] > 0
    assert metrics["tolbooth_rollups_ok",] == 0
    assert {key: said["journal"][key] for key in ("rows", "messages", "bytes")} == {
        "rows": 1,
        "messages": 2,
        "bytes": 23,
    }
    assert said["quarantine"] == {"rows": 1, "aged_out": 0}
    assert (said["ready"], said["broker"], said["devices"]) == (
        ready == 200,
        "said of the broker",
        {"registered": 2, "online": 0},
    )
    (alarm,) = said["alarms"]
    assert (alarm["council"], alarm["device"], alarm["devices"]) == ("sim-moor", "b", 1)
    assert alarm["text"].startswith("sim-moor/b is silent since 2026-05-28 20:23:20 UTC")
    assert (metrics["tolbooth_alarms", "device"], metrics["tolbooth_alarms", "source"]) == (1, 0)
    assert metrics["tolbooth_messages_received_total",] == 7
    assert metrics["tolbooth_messages_total", "quarantined", "malformed"] == 1
    assert metrics["tolbooth_messages_total", "duplicate", ""] == 1
    assert metrics["tolbooth_values_total", "stored"] == 11
    assert metrics["tolbooth_residual_messages",] == 0
    assert metrics["tolbooth_journal_bytes",] == 23
    assert metrics["tolbooth_ready",] == (ready == 200)
    assert all(name[0].startswith("tolbooth_") for name in metrics)
