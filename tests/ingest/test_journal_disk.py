"""The journal where the disk is full, and who may read its files."""

import asyncio
import contextlib
import subprocess
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from devices.message import Fate
from ingest import reserve
from ingest.counts import look
from ingest.drain import State, Writer, write_rows
from ingest.influx import Stored
from ingest.journal import Entry, Journal
from ingest.journalfile import FILE, FullError, JournalError
from ingest.receive import commit
from tests.ingest.journals import STORED, entry, opened


@dataclass(frozen=True, slots=True)
class Disk:
    folder: Path
    real: bool
    """a file system of its own, which root may mount; else the journal's file is bounded instead"""

    def bound(self, made: Journal) -> None:
        if not self.real:
            made._db.execute("PRAGMA max_page_count = 40")

    def grow(self, made: Journal) -> None:
        if self.real:
            subprocess.run(["mount", "-o", "remount,size=4m", str(self.folder)], check=True)
        else:
            made._db.execute("PRAGMA max_page_count = 4000")


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Disk]:
    """A disk of 1 MiB (T6)."""
    folder = tmp_path / "disk"
    folder.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(folder)]
    mounted = subprocess.run(command, capture_output=True, check=False)
    yield Disk(folder, mounted.returncode == 0)
    if mounted.returncode == 0:
        subprocess.run(["umount", "-l", str(folder)], check=True)


class Answers:
    """A database that stores everything."""

    async def write(self, body: bytes, lines: int) -> Stored:
        return Stored()

    async def ensure_database(self) -> None:
        raise AssertionError


async def test_a_full_disk_is_outlived(small_disk: Disk, monkeypatch: pytest.MonkeyPatch) -> None:
    """It stays up, takes nothing that it cannot keep, and loses and doubles nothing when there is space again."""
    monkeypatch.setattr("ingest.receive.FULL_WAIT", 0.01)
    monkeypatch.setattr("ingest.drain.FULL_WAIT", 0.01)
    async with opened(small_disk.folder) as made:
        small_disk.bound(made)
        appended = await fill(made)
        assert appended > 3
        with pytest.raises(FullError, match="is full"):
            await made.append(wide())
        counts = await made.counts()
        assert counts.received == counts.messages == 50 * appended
        receiving = asyncio.create_task(commit(made, wide()))
        await asyncio.sleep(0.1)
        assert not receiving.done()
        draining = asyncio.create_task(write_rows(await made.peek(0, 50), made, Writer(Answers(), State())))
        await asyncio.sleep(0.1)
        assert (await made.counts()).residual == 0
        await asyncio.to_thread(small_disk.grow, made)
        await asyncio.wait_for(asyncio.gather(receiving, draining), 20)
        counts = await made.counts()
        assert counts.received == 50 * (appended + 1)
        assert counts.fate(Fate.STORED) == 50
        assert counts.residual == 0


async def test_a_full_disk_is_drained_from_its_reserve_and_takes_what_that_frees(small_disk: Disk) -> None:
    async with opened(small_disk.folder) as made:
        small_disk.bound(made)
        appended = await fill(made)
        assert (small_disk.folder / reserve.FILE).exists()
        assert "is full" in made.full
        assert (await made.counts()).messages == 50 * appended
        while rows := await made.peek(0, 50):
            await made.settle(rows, Counter({STORED: 50}), [])
        counts = await made.counts()
        assert (counts.messages, counts.fate(Fate.STORED), counts.residual) == (0, 50 * appended, 0)
        await made.append(wide())
        assert not made.full
        assert (small_disk.folder / reserve.FILE).exists()


async def test_while_the_reserve_is_out_nothing_is_taken_and_all_is_drained(tmp_path: Path) -> None:
    async with opened(tmp_path) as made:
        for _ in range(20):
            await made.append(wide())
        made._file._reserve.release()
        made._file._reserve.bytes = 2**60  # more than any disk has
        with pytest.raises(FullError, match="its reserve in use"):
            await made.append(wide())
        assert "its reserve in use" in made.full
        rows = await made.peek(0, 50 * 19)
        await made.settle(rows, Counter({STORED: 50 * 19}), [])
        with pytest.raises(FullError, match="its reserve in use"):
            await made.append(wide())
        rows = await made.peek(0, 50)
        await made.settle(rows, Counter({STORED: 50}), [])
        assert (await made.counts()).fate(Fate.STORED) == 1_000
        made._file._reserve.bytes = reserve.BYTES
        await made.append(wide())
        assert (tmp_path / reserve.FILE).stat().st_size == reserve.BYTES


async def test_a_start_on_a_full_disk_uses_the_reserve(small_disk: Disk) -> None:
    async with opened(small_disk.folder) as made:
        await made.append(wide())
    ballast = small_disk.folder / "ballast"
    if small_disk.real:
        with ballast.open("wb", buffering=0) as file, contextlib.suppress(OSError):
            while True:
                file.write(bytes(512))
    async with opened(small_disk.folder) as made:
        assert (await made.counts()).messages == 50
        rows = await made.peek(0, 50)
        await made.settle(rows, Counter({STORED: 50}), [])
        assert (await made.counts()).fate(Fate.STORED) == 50


async def test_the_journals_files_are_their_owners_alone(tmp_path: Path) -> None:
    loose = tmp_path / FILE
    loose.touch()
    loose.chmod(0o644)
    async with opened(tmp_path) as made:
        await made.append(wide())
        modes = await asyncio.to_thread(lambda: {path.name: path.stat().st_mode & 0o777 for path in tmp_path.iterdir()})
    names = {FILE, f"{FILE}-wal", f"{FILE}-shm", "journal.lock", reserve.FILE}
    assert modes == dict.fromkeys(names, 0o600)


async def fill(made: Journal) -> int:
    """Append until the disk is full; how many entries it took."""
    for appended in range(1_000):
        try:
            await made.append(wide())
        except FullError:
            return appended
    raise AssertionError


def wide() -> Entry:
    """50 messages of a kilobyte each."""
    return entry(*[1] * 50, text="climate " + "x" * 1_000 + "=1 1")


async def test_a_disk_that_is_full_at_the_start_is_named(small_disk: Disk) -> None:
    ballast = small_disk.folder / "ballast"
    if small_disk.real:
        ballast.write_bytes(b"x" * (2**20 - 8_192))
        with pytest.raises(JournalError, match="is full: make space, or set data to another disk"):
            async with opened(small_disk.folder):
                pass
        ballast.unlink()
    async with opened(small_disk.folder):
        assert (await asyncio.to_thread(look, small_disk.folder)).received == 0
