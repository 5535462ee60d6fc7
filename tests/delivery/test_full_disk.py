"""A full disk (T6), for real: ingest stays up, stops acknowledging, says so, drains all the same, and loses nothing."""

import asyncio
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import aiohttp
import pytest

from ingest.reserve import FILE as RESERVE
from tests.bench.estate import BUILDING, COUNCIL
from tests.bench.pipe import fast_broker
from tests.conftest import StartBroker, StartDatabase
from tests.delivery.harness import Ingest, assert_stored, ingest_for, numbered, publisher, running

MIB = 2**20
FITS, MORE = 2_000, 20_000


@pytest.fixture
def data(tmp_path: Path) -> Iterator[Path | None]:
    """A data folder on a disk of 8 MiB, mounted by root, or by sudo without a password; None where neither is there."""
    root = rights()
    if root is None:
        yield None
        return
    folder = tmp_path / "ingest" / "data"
    folder.mkdir(parents=True)
    options = f"size=8m,mode=700,uid={os.getuid()},gid={os.getgid()}"
    subprocess.run([*root, "mount", "-t", "tmpfs", "-o", options, "tmpfs", str(folder)], check=True)
    yield folder
    subprocess.run([*root, "umount", "-l", str(folder)], check=True)


def rights() -> list[str] | None:
    """What a command needs before it to mount; None where this user may not."""
    if os.geteuid() == 0:
        return []
    sudo = shutil.which("sudo")
    allowed = sudo and subprocess.run([sudo, "-n", "true"], check=False, capture_output=True).returncode == 0
    return ["sudo", "-n"] if allowed else None


async def test_a_full_disk_drains_and_loses_nothing(
    request: pytest.FixtureRequest,
    tmp_path: Path,
    data: Path | None,
    estate: Path,
    start_broker: StartBroker,
    start_database: StartDatabase,
) -> None:
    if data is None:
        await again_as_root_of_a_namespace(request, tmp_path)
        return
    broker, database = await start_broker(config=fast_broker()), await start_database()
    messages = list(numbered(FITS + MORE, devices=200, council=COUNCIL, building=BUILDING, timed=lambda n: n % 2 == 0))
    ingest = ingest_for(tmp_path / "ingest", estate, broker=broker.port, database=database.url)
    async with running(ingest), publisher(broker) as client:
        assert (data / RESERVE).stat().st_blocks * 512 >= 2 * MIB
        await database.process.kill()
        await client.publish(messages[:FITS], 2_000)
        await ingest.until(lambda said: said["fates"]["journalled"] == FITS)
        ballast(data / "ballast")
        await client.publish(messages[FITS:], 5_000)
        said = await ingest.until(lambda said: "is full" in said["journal"]["full"])
        await asyncio.sleep(1.5)
        assert (await ingest.status())["received"] == said["received"] < len(messages), "it acknowledged more"
        await says_not_ready(ingest)
        assert (data / RESERVE).exists(), "the reserve is for draining alone"

        await database.process.start()
        drained = await ingest.until(lambda now: now["fates"]["stored"] >= said["received"], 60)
        assert (data / "ballast").exists()
        assert drained["residual"] == 0
        assert "its reserve of 2097152 bytes is used" in ingest.log

        (data / "ballast").unlink()
        said = await ingest.settled(len(messages))
        assert said["fates"]["stored"] == len(messages)
        await ingest.until(lambda said: said["ready"] and not said["journal"]["full"])
        assert (data / RESERVE).stat().st_size == 2 * MIB
        assert ingest.process.pid is not None
        assert ingest.log.count("ingest started") == 1
        await assert_stored(database, client.ledger)


async def again_as_root_of_a_namespace(request: pytest.FixtureRequest, tmp_path: Path) -> None:
    """Run this test where an ordinary user may mount: in namespaces of its own for users and mounts."""
    pytest_again = ("-m", "pytest", "-q", "-p", "no:cacheprovider", f"--basetemp={tmp_path / 'inside'}")
    child = await asyncio.create_subprocess_exec(
        "unshare", "-Urm", sys.executable, *pytest_again, request.node.nodeid,
        cwd=request.config.rootpath, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
    )  # fmt: skip
    said, _ = await child.communicate()
    assert child.returncode == 0, said.decode(errors="replace")


def ballast(path: Path) -> None:
    """Fill the disk to its last byte."""
    with path.open("wb", buffering=0) as file:
        for size in (MIB, 4_096, 1):
            try:
                while True:
                    file.write(bytes(size))
            except OSError:
                continue


async def says_not_ready(ingest: Ingest) -> None:
    """`/readyz` and the log say why nothing is taken; the process lives."""
    async with aiohttp.ClientSession() as http:
        async with http.get(f"{ingest.url}/readyz") as answer:
            assert answer.status == 503
            assert "is full" in await answer.text()
        async with http.get(f"{ingest.url}/healthz") as answer:
            assert answer.status == 200
    assert "messages wait at the broker until there is space" in ingest.log
