"""The promises of delivery in short; `make soak` is the long form of the same."""

import xml.etree.ElementTree as ElementTree
from pathlib import Path

import pytest

from tests.bench.pipe import fast_broker
from tests.conftest import StartBroker, StartDatabase
from tests.delivery import crash_proof, proofs
from tests.delivery.report import Proof, Sample, markdown, svg


async def test_crashes_of_all_three(
    tmp_path: Path, estate: Path, start_broker: StartBroker, start_database: StartDatabase
) -> None:
    """T1, T2 and T3, with the broker as it is shipped."""
    broker, database = await start_broker(), await start_database()
    kills = crash_proof.Kills(ingest=4, database=2, broker=2)
    proof = await crash_proof.crashes(
        tmp_path / "ingest", estate, broker, database, readings=24_000, kills=kills, seconds=14
    )
    assert proof.holds, markdown(proof)
    assert len(proof.kills) == 8


async def test_a_long_outage(
    tmp_path: Path, estate: Path, start_broker: StartBroker, start_database: StartDatabase
) -> None:
    broker, database = await start_broker(config=fast_broker()), await start_database()
    proof = await proofs.outage(tmp_path / "ingest", estate, broker, database, readings=40_000)
    assert proof.holds, markdown(proof)


async def test_poison(tmp_path: Path, estate: Path, start_broker: StartBroker, start_database: StartDatabase) -> None:
    broker, database = await start_broker(config=fast_broker()), await start_database()
    # few short drains beside other tests tell less than the long form: rewriting each batch left 0.4
    proof = await proofs.poison(tmp_path / "ingest", estate, broker, database, readings=270_000, rounds=3, pace=0.7)
    assert proof.holds, markdown(proof)


async def test_back_pressure(
    tmp_path: Path, estate: Path, start_broker: StartBroker, start_database: StartDatabase
) -> None:
    broker, database = await start_broker(config=fast_broker()), await start_database()
    proof = await proofs.back_pressure(tmp_path / "ingest", estate, broker, database, seconds=2)
    assert proof.holds, markdown(proof)


async def test_strangers_and_garbage(
    tmp_path: Path, estate: Path, start_broker: StartBroker, start_database: StartDatabase
) -> None:
    broker, database = await start_broker(config=fast_broker()), await start_database()
    proof = await proofs.strangers(tmp_path / "ingest", estate, broker, database, devices=3_000)
    assert proof.holds, markdown(proof)


@pytest.mark.parametrize("good", [True, False])
def test_a_report_says_what_holds(good: bool) -> None:
    samples = [Sample(float(n), n * 9, n, 0, 0.0, 50.0) for n in range(5)]
    proof = Proof("T1", "killed.", [("0 lost", "0", True), ("0 wrong", "3", good)], samples, [(2.0, "broker")])
    text = markdown(proof, "t1.svg")
    assert proof.holds is good
    assert ("does not hold" in text) is not good
    assert "| 0 wrong | 3 | yes |" in text or "| 0 wrong | 3 | **no** |" in text
    root = ElementTree.fromstring(svg(proof))
    assert root.tag == "{http://www.w3.org/2000/svg}svg"
    assert len(list(root.iter("{http://www.w3.org/2000/svg}polyline"))) == 3
