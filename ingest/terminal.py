"""Shows what goes on: redrawn in place on a terminal, as plain lines anywhere else."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final

from rich.console import Console
from rich.live import Live
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

from ingest.view import Frame, plain, render

LINE_EVERY_S: Final = 5.0


@contextmanager
def frames(console: Console) -> Iterator[Callable[[Frame], None]]:
    """Shows the frames it is given; without a terminal a line every few seconds."""
    live: Live | None = None
    last = -LINE_EVERY_S

    def redraw(frame: Frame) -> None:
        nonlocal live
        if live is None:
            live = Live(console=console, auto_refresh=False)
            live.start()
        live.update(render(frame), refresh=True)

    def line(frame: Frame) -> None:
        nonlocal last
        if time.monotonic() - last >= LINE_EVERY_S:
            last = time.monotonic()
            console.print(plain(frame), soft_wrap=True, highlight=False, markup=False)

    try:
        yield redraw if console.is_terminal else line
    finally:
        if live is not None:
            live.stop()


@contextmanager
def history(
    console: Console, start_ns: int, end_ns: int, what: str = "history"
) -> Iterator[Callable[[int, int], None]]:
    """Shows how far `what` has come from start to end: a bar, or without a terminal a line for each tenth.

    It is called with the number of messages, 0 where none are made, and the time that is reached, ns.
    """
    if not console.is_terminal:
        yield _tenths(console, start_ns, end_ns, what)
        return
    columns = (TextColumn("{task.description}"), BarColumn(), TextColumn("{task.fields[made]}"), TimeRemainingColumn())
    with Progress(*columns, console=console) as bars:
        bar = bars.add_task(what, total=end_ns - start_ns, made="")
        yield lambda count, received: bars.update(bar, completed=received - start_ns, made=_made(count))


@contextmanager
def share(console: Console, what: str) -> Iterator[Callable[[float], None]]:
    """Shows, as `history` does, which share of `what` is done; it is called with that, 0 to 1."""
    with history(console, 0, 1_000, what) as progress:
        yield lambda done: progress(0, round(done * 1_000))


def _made(count: int) -> str:
    return f"{count:,} messages" if count else ""


def _tenths(console: Console, start_ns: int, end_ns: int, what: str) -> Callable[[int, int], None]:
    shown = 0

    def progress(count: int, received_ns: int) -> None:
        nonlocal shown
        tenth = (received_ns - start_ns) * 10 // (end_ns - start_ns)
        if tenth > shown:
            shown = tenth
            made = f", {_made(count)}" if count else ""
            console.print(f"{what} {tenth * 10} %{made}", highlight=False)

    return progress
