"""The promises of delivery in short; `make soak` is the long form of the same."""

import xml.etree.ElementTree as ElementTree
from pathlib import Path

import pytest

from tests.bench.pipe import fast_broker
from tests.conftest import StartBroker, StartDatabase
from tests.delivery import crash_proof, proofs, soak_proof, together_proof
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


async def test_crashes_at_random(
    tmp_path: Path, estate: Path, start_broker: StartBroker, start_database: StartDatabase
) -> None:
    """T4 for a quarter of a minute; whether memory grows takes longer to tell."""
    broker, database = await start_broker(), await start_database()
    proof = await soak_proof.soak(tmp_path / "ingest", estate, broker, database, seconds=15, seed=3)
    assert proof.holds, markdown(proof)


async def test_broker_and_ingest_crash_together(
    tmp_path: Path, estate: Path, start_broker: StartBroker, start_database: StartDatabase
) -> None:
    """T3, twice in each order."""
    broker, database = await start_broker(), await start_database()
    proof = await together_proof.together(tmp_path / "ingest", estate, broker, database, crashes=2)
    assert proof.holds, markdown(proof)


def test_growth_of_memory_is_told_within_the_longest_life() -> None:
    """Two lives: of 100 s at 50 MB, and of 900 s that grows by 1 MB in each 100 s, or by 1 MB alone."""
    for each, good in ((0.01, False), (0.001, True)):
        samples = [Sample(float(n), n, 0, 0, 0.0, 50.0) for n in range(100)]
        samples += [Sample(100.0 + n, n, 0, 0, 0.0, 50.0 + each * n) for n in range(1, 900)]
        found = soak_proof.lives(samples, [(100.0, "ingest"), (300.0, "broker")])
        assert [round(life.seconds) for life in found] == [98, 898]
        (within, _, holds), _ = soak_proof.memory_bars(found)
        assert holds is good, within
    assert soak_proof.memory_bars(found[:1]) == []


async def test_a_long_outage(
    tmp_path: Path, estate: Path, start_broker: StartBroker, start_database: StartDatabase
) -> None:
    broker, database = await start_broker(config=fast_broker()), await start_database()
    proof = await proofs.outage(tmp_path / "ingest", estate, broker, database, readings=40_000)
    assert proof.holds, markdown(proof)


async def test_poison(tmp_path: Path, estate: Path, start_broker: StartBroker, start_database: StartDatabase) -> None:
    broker, database = await start_broker(config=fast_broker()), await start_database()
    # few short drains beside other tests tell less than the long form: rewriting each batch left 0.4
    proof = await proofs.poison(tmp_path / "ingest", estate, broker, database, readings=270_000, rounds=4, pace=0.6)
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
    proof = await proofs.strangers(tmp_path / "ingest", estate, broker, database, devices=3_000, garbage=3_000)
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
