"""A past that another process makes."""

import multiprocessing
import os
import signal
import time
from concurrent.futures import ThreadPoolExecutor
from itertools import islice
from pathlib import Path
from typing import Any

import pytest

from devices.message import Message
from devices.timestamps import SECOND
from simulators.aside import messages_aside
from simulators.backfill import messages
from tests.simulators.estates import TERM_MONDAY, estate

HOUR = 3_600 * SECOND


def _wanted(**more: Any) -> dict[str, Any]:
    start = TERM_MONDAY * SECOND
    return {"estate": estate(), "start_ns": start, "end_ns": start + 6 * HOUR, "seed": 3} | more


def test_it_is_the_same_past_and_the_same_state(tmp_path: Path) -> None:
    here, there = tmp_path / "here.json", tmp_path / "there.json"
    ours = list(messages(**_wanted(state_file=here)))
    assert list(messages_aside(**_wanted(state_file=there))) == ours
    assert len(ours) > 500
    assert there.read_bytes() == here.read_bytes()


def test_its_errors_are_ours() -> None:
    with pytest.raises(TypeError, match="seeds"):
        list(messages_aside(**_wanted(seeds=1)))


def test_an_interrupt_from_the_keyboard_is_left_to_us() -> None:
    """The terminal sends it to both processes, at any moment: while the other still starts, and while it makes."""
    history = messages_aside(**_wanted(end_ns=(TERM_MONDAY + 40 * 86_400) * SECOND))
    with ThreadPoolExecutor() as pool:
        first = pool.submit(next, history)
        while not (makers := multiprocessing.active_children()):
            time.sleep(0.001)
        _interrupt(makers[0].pid)
        assert isinstance(first.result(60), Message)
    _interrupt(makers[0].pid)
    assert len(list(islice(history, 12_000))) == 12_000
    history.close()


def _interrupt(pid: int | None) -> None:
    assert pid is not None
    os.kill(pid, signal.SIGINT)


def test_it_may_be_left_early(tmp_path: Path) -> None:
    state = tmp_path / "state.json"
    end = (TERM_MONDAY + 40 * 86_400) * SECOND
    history = messages_aside(**_wanted(state_file=state, end_ns=end))
    assert isinstance(next(history), Message)
    history.close()
    assert not state.exists()
