"""T20: what an older ingest left in its journal is stored by this one, and its counts go on.

`journal-v1.sql` is a journal of version 1 as text. It never changes; a new version brings a new file beside it.
"""

import sqlite3
from pathlib import Path

from ingest.journal import VERSION
from ingest.journalfile import FILE
from tests.conftest import StartBroker, StartDatabase
from tests.delivery.harness import Ledger, Reading, assert_stored, ingest_for, native, publisher, running

FIXTURE = Path(__file__).parent / "journal-v1.sql"
LEFT = (
    Reading("sim-00000", "temperature", 20.5, 1_795_532_400_000_000_000),
    Reading("sim-00000", "co2", 612.0, 1_795_532_400_000_000_000),
    Reading("sim-00001", "temperature", 19.0, 1_795_532_399_000_000_000),
    Reading("sim-00002", "temperature", 18.25, 1_795_532_400_000_000_002),
)


async def test_a_journal_of_version_1_is_taken_over(
    tmp_path: Path, estate: Path, start_broker: StartBroker, start_database: StartDatabase
) -> None:
    broker, database = await start_broker(), await start_database()
    ingest = ingest_for(tmp_path / "ingest", estate, broker=broker.port, database=database.url)
    ingest.data.mkdir()
    with sqlite3.connect(ingest.data / FILE) as old:
        old.executescript(FIXTURE.read_text())
    async with running(ingest), publisher(broker) as client:
        await client.publish([native("sim-00001", {"humidity": 45.0}, None, council="sim-bench", building="sim-hall")])
        said = await ingest.settled(6)
        assert said["fates"] == {"stored": 4, "journalled": 0, "duplicate": 0, "quarantined": 1, "refused": 1}
        assert said["reasons"] == {"quarantined": {"malformed": 1}, "refused": {"presence": 1}}
        assert [(payload, reason) for _, payload, reason, _ in ingest.quarantine()] == [
            (b'{"temperature":', "malformed")
        ]
        ledger = Ledger()
        ledger.add(LEFT)
        ledger.readings += client.ledger.readings
        await assert_stored(database, ledger)


def test_the_fixture_is_of_this_version() -> None:
    """When the version rises, keep this file and add one of the new version with a test of its own."""
    assert f"user_version = {VERSION};" in FIXTURE.read_text()
