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
def history(console: Console, start_ns: int, end_ns: int) -> Iterator[Callable[[int, int], None]]:
    """Shows how far a history from start to end has come: a bar, or without a terminal a line for each tenth."""
    if not console.is_terminal:
        yield _tenths(console, start_ns, end_ns)
        return
    columns = (TextColumn("history"), BarColumn(), TextColumn("{task.fields[count]:,} messages"), TimeRemainingColumn())
    with Progress(*columns, console=console) as bars:
        bar = bars.add_task("history", total=end_ns - start_ns, count=0)
        yield lambda count, received: bars.update(bar, completed=received - start_ns, count=count)


def _tenths(console: Console, start_ns: int, end_ns: int) -> Callable[[int, int], None]:
    shown = 0

    def progress(count: int, received_ns: int) -> None:
        nonlocal shown
        tenth = (received_ns - start_ns) * 10 // (end_ns - start_ns)
        if tenth > shown:
            shown = tenth
            console.print(f"history {tenth * 10} %, {count:,} messages", highlight=False)

    return progress
