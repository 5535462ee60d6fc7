"""The journal: nothing half written, nothing uncounted, and honest when there is no space."""

import asyncio
import os
import shutil
import signal
import sqlite3
import subprocess
import sys
from array import array
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from devices.message import Fate
from ingest.counts import AGED, look
from ingest.heard import Heard
from ingest.journal import Entry, Journal
from ingest.journalfile import FILE, FullError, JournalError
from tests.ingest.journals import DAY, STORED, entry, opened, refused


async def test_what_is_appended_is_there_after_a_new_start(tmp_path: Path) -> None:
    async with opened(tmp_path) as first:
        await first.append(entry(2, 1))
        await first.append(entry(1, text="air y=2 2"))
    async with opened(tmp_path) as second:
        rows = await second.peek(0, 100)
        assert [(row.received, row.messages, row.count, list(array("I", row.sizes))) for row in rows] == [
            (5, 2, 3, [2, 1]),
            (5, 1, 1, [1]),
        ]
        assert rows[0].lines == b"climate x=1 1\nclimate x=1 1\nclimate x=1 1"
        assert rows[1].lines == b"air y=2 2"
        assert second.bytes == sum(len(row.lines) for row in rows)
        assert second.grown.is_set()


async def test_peek_gives_the_oldest_first_and_stops_at_about_so_many_lines(tmp_path: Path) -> None:
    async with opened(tmp_path) as made:
        for _ in range(5):
            await made.append(entry(4))
        assert len(await made.peek(0, 1)) == 1
        assert len(await made.peek(0, 5)) == 2
        first, *_ = await made.peek(0, 100)
        assert len(await made.peek(first.id, 100)) == 4


async def test_settled_rows_are_gone_and_counted(tmp_path: Path) -> None:
    async with opened(tmp_path) as made:
        await made.append(entry(1, 1, 1))
        await made.append(entry(1))
        rows = await made.peek(0, 1)
        await made.settle(rows, Counter({STORED: 3}), [])
        counts = await made.counts()
        assert (counts.received, counts.fate(Fate.STORED), counts.fate(Fate.JOURNALLED)) == (4, 3, 1)
        assert counts.residual == 0
        assert made.bytes == counts.bytes == len("climate x=1 1")


@settings(max_examples=30, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=st.lists(st.sampled_from(["good", "bad", "settle", "reopen", "full"]), max_size=20))
def test_the_counts_add_up_whatever_happens(tmp_path: Path, steps: list[str]) -> None:
    async def play() -> None:
        shutil.rmtree(tmp_path / "j", ignore_errors=True)
        remaining = list(steps)
        while True:
            async with opened(tmp_path / "j", max_bytes=100, quarantine=500) as made:
                while remaining:
                    step = remaining.pop()
                    if step == "reopen":
                        break
                    if step == "settle" and (rows := await made.peek(0, 1)):
                        await made.settle(rows, Counter({STORED: sum(row.messages for row in rows)}), [])
                    elif step == "good":
                        await append_if_space(made, entry(1, 1))
                    elif step == "bad":
                        await made.append(refused(b"x" * 100))
                    elif step == "full":
                        await append_if_space(made, entry(*[1] * 20))
                    counts = await made.counts()
                    assert counts.residual == 0
                    assert counts.bytes == made.bytes
                    assert counts == look(tmp_path / "j")
                if not remaining:
                    return

    asyncio.run(play())


async def append_if_space(made: Journal, wanted: Entry) -> None:
    before = await made.counts()
    try:
        await made.append(wanted)
    except FullError:
        assert await made.counts() == before


async def test_a_full_journal_refuses_whole_entries_and_takes_them_when_there_is_space(tmp_path: Path) -> None:
    async with opened(tmp_path, max_bytes=30) as made:
        await made.append(entry(1, 1))
        with pytest.raises(FullError, match="the journal holds 27 bytes, at most 30 are allowed"):
            await made.append(entry(1, packets=(7,)))
        assert made.packets == {}
        await made.settle(await made.peek(0, 1), Counter({STORED: 2}), [])
        await made.append(entry(1, packets=(7,)))
        assert made.packets == {1: 7}


async def test_an_entry_larger_than_the_bound_does_not_wait_for_ever(tmp_path: Path) -> None:
    async with opened(tmp_path, max_bytes=30) as made:
        await made.append(entry(10))
        with pytest.raises(FullError):
            await made.append(entry(1))


async def test_packets_survive_a_start_and_only_the_last_are_kept(tmp_path: Path) -> None:
    async with opened(tmp_path, keep=3) as made:
        for crc in range(1, 8):
            await made.append(entry(1, 1, packets=(crc, crc + 100)))
        assert made.packets == {1: 7, 2: 107}
        made_of_many = entry(*[1] * 5, packets=(11, 12, 13, 14, 15))
        await made.append(made_of_many)
        assert made.packets == {3: 13, 4: 14, 5: 15}
    async with opened(tmp_path, keep=3) as again:
        assert again.packets == {3: 13, 4: 14, 5: 15}
    with sqlite3.connect(tmp_path / FILE) as db:
        assert db.execute("SELECT COUNT(*) FROM handed").fetchone() == (1,)


async def test_quarantine_ages_out_by_size_and_is_counted(tmp_path: Path) -> None:
    async with opened(tmp_path, quarantine=1_000) as made:
        for _ in range(20):
            await made.append(refused(b"x" * 100))
        counts = await made.counts()
        assert counts.tally[AGED, ""] + counts.quarantine == 20
        assert 0 < counts.quarantine < 6
        assert counts.fate(Fate.QUARANTINED) == 20
        assert counts.residual == 0


async def test_quarantine_ages_out_by_age(tmp_path: Path) -> None:
    async with opened(tmp_path, now=10 * DAY) as made:
        await made.append(refused(received=8 * DAY))
        await made.append(refused(received=9 * DAY))
        await made.tidy()
        counts = await made.counts()
        assert (counts.quarantine, counts.tally[AGED, ""]) == (1, 1)


async def test_what_formats_and_the_fleet_remember(tmp_path: Path) -> None:
    async with opened(tmp_path) as made:
        first = Entry(states=[("s", "a", b"1"), ("s", "b", b"2")])
        await made.append(first)
        await made.remember("s", "a", b"3")
        await made.save_heard([Heard("c", "d", 5, True, None), Heard("c", "e", 6, False, False)])
    async with opened(tmp_path) as again:
        assert sorted(await again.states()) == [("s", "a", b"3"), ("s", "b", b"2")]
        assert set(await again.heard()) == {Heard("c", "d", 5, True, None), Heard("c", "e", 6, False, False)}


async def test_a_second_process_is_told_so(tmp_path: Path) -> None:
    async with opened(tmp_path):
        script = (
            "import asyncio, sys, pathlib\nfrom ingest.journal import Journal\n"
            "async def main():\n"
            "    async with Journal(pathlib.Path(sys.argv[1]), max_bytes=1, keep_packets=1, quarantine_bytes=1,"
            " quarantine_age=1):\n        pass\n"
            "asyncio.run(main())\n"
        )
        other = await asyncio.to_thread(
            subprocess.run, [sys.executable, "-c", script, str(tmp_path)], capture_output=True, text=True, check=False
        )
        assert f"{tmp_path} is in use by another tolbooth: stop it, or set another data folder" in other.stderr
    async with opened(tmp_path):
        pass


async def test_after_a_refusal_the_folder_is_free_again(tmp_path: Path) -> None:
    (tmp_path / FILE).write_bytes(b"this is not a database, and it is long enough to be read as one" * 20)
    refused_one = Journal(tmp_path, max_bytes=1, keep_packets=1, quarantine_bytes=1, quarantine_age=1)
    with pytest.raises(JournalError, match="restore it from a backup, or move it away to start anew"):
        await refused_one.__aenter__()
    (tmp_path / FILE).unlink()
    async with opened(tmp_path) as made:
        assert made.bytes == 0


async def test_a_folder_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(JournalError, match="set data to a folder that can"):
        async with opened(tmp_path / "file" / "data"):
            pass


async def test_a_journal_of_a_later_version_is_not_touched(tmp_path: Path) -> None:
    with sqlite3.connect(tmp_path / FILE) as db:
        db.execute("PRAGMA user_version = 99")
    with pytest.raises(JournalError, match=r"was written by another version of tolbooth \(99\)"):
        async with opened(tmp_path):
            pass


def test_no_journal_no_look(tmp_path: Path) -> None:
    with pytest.raises(JournalError, match="ingest has not run with this data folder"):
        look(tmp_path)


async def test_a_crash_leaves_whole_entries_only(tmp_path: Path) -> None:
    """A process appends as fast as it can and is killed; what it says it committed is there, and all adds up."""
    script = (
        "import asyncio, sys, pathlib\nfrom tests.ingest.test_journal import entry, opened\n"
        "async def main():\n"
        "    async with opened(pathlib.Path(sys.argv[1])) as made:\n"
        "        while True:\n"
        "            await made.append(entry(2, 1, 3))\n"
        "            print(flush=True)\n"
        "asyncio.run(main())\n"
    )
    said = 0
    for wait in (0.05, 0.11, 0.2):
        child = subprocess.Popen([sys.executable, "-c", script, str(tmp_path)], stdout=subprocess.PIPE)
        assert child.stdout is not None
        assert child.stdout.readline()
        await asyncio.sleep(wait)
        os.kill(child.pid, signal.SIGKILL)
        said += 1 + len(child.stdout.readlines())
        child.wait()
        counts = await asyncio.to_thread(look, tmp_path)
        assert counts.residual == 0
        assert counts.received == counts.messages == 3 * counts.rows
        assert counts.rows >= said
