"""A past made in a process of its own, so that making and storing it each have a core."""

import multiprocessing
import signal
from collections.abc import Generator
from itertools import islice
from multiprocessing import resource_tracker
from multiprocessing.connection import Connection
from typing import Any, Final

from devices.message import Message
from simulators.backfill import messages

_TOGETHER: Final = 2_000
"""messages that cross at once; the pipe holds the next few while they are stored"""


def messages_aside(**wanted: Any) -> Generator[Message]:
    """`backfill.messages` with the same arguments, the same messages in the same order; another process makes them.

    Raises:
        what `backfill.messages` raises, and RuntimeError where the process died.
    """
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe(duplex=False)
    maker = context.Process(target=_make, args=(theirs, wanted), daemon=True, name="tolbooth-history")
    resource_tracker.ensure_running()  # its own start would unblock what is blocked next
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})  # inherited: Ctrl-C reaches both, ours decides
    try:
        maker.start()
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
    theirs.close()
    try:
        while batch := _next(ours):
            if isinstance(batch, Exception):
                raise batch
            yield from (Message(*fields) for fields in batch)
        maker.join()
    finally:
        ours.close()
        maker.terminate()
        maker.join()


def _next(ours: Connection) -> list[tuple[Any, ...]] | Exception:
    try:
        answer: list[tuple[Any, ...]] | Exception = ours.recv()
    except EOFError:
        raise RuntimeError("the process that makes the history ended early: is there memory enough?") from None
    return answer


def _make(theirs: Connection, wanted: dict[str, Any]) -> None:
    try:
        source = messages(**wanted)
        while batch := [tuple(message) for message in islice(source, _TOGETHER)]:
            theirs.send(batch)
        theirs.send([])
    except BrokenPipeError:
        return
    except Exception as error:
        theirs.send(error)
