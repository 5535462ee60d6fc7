"""What the commands of an installation share: its settings, its estate, and how long work is ended."""

import asyncio
import contextlib
import signal
from collections.abc import Callable, Coroutine
from datetime import date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from devices.model import Estate
    from ingest.settings import Settings

DEMO = Path(".tolbooth")
SECURITY = DEMO / "security"

SettingsOption = Annotated[
    Path | None, typer.Option("--settings", help="TOML file; TOLBOOTH_… variables override it.", show_default=False)
]
ListenOption = Annotated[
    str, typer.Option("--listen", metavar="TIME", help="How long to listen to everything on the broker; 0s for not.")
]
SecurityOption = Annotated[Path, typer.Option("--folder", help="The security folder.")]
SinceOption = Annotated[
    datetime | None, typer.Option("--since", formats=["%Y-%m-%d"], help="First local day; by default the oldest.")
]
UntilOption = Annotated[
    datetime | None, typer.Option("--until", formats=["%Y-%m-%d"], help="Last local day; by default the newest.")
]
FolderOption = Annotated[Path, typer.Option("--folder", help="Where the demo keeps all its data.")]


def chosen_days(since: datetime | None, until: datetime | None) -> tuple[date | None, date | None]:
    """The local days of `--since` and `--until`, both included.

    Raises:
        typer.BadParameter: the last is before the first.
    """
    if since and until and since > until:
        raise typer.BadParameter("the last day is before the first", param_hint="--until")
    return since and since.date(), until and until.date()


def load_settings(path: Path | None) -> "Settings":
    from ingest.settings import load

    return load(path)


def demo_settings() -> Path | None:
    """The demo's settings, where a demo has run in this folder."""
    path = DEMO / "tolbooth.toml"
    return path if path.exists() else None


def running_settings(path: Path | None) -> "Settings":
    """The settings named, else those of a demo in this folder."""
    return load_settings(path or demo_settings())


def load_estate(settings: "Settings") -> "Estate":
    from devices.registry import load

    return load(settings.registry)


def reload_broker(folder: Path) -> None:
    """Tell the demo's broker, if it runs with this folder; another one a person has to tell."""
    from ingest.processes import signal_child
    from ingest.security.layout import layout_of

    if not layout_of(folder).certificates:
        typer.echo("the container stack's broker takes it up at: docker compose kill --signal HUP mosquitto")
        return
    if signal_child(folder.parent, "mosquitto", signal.SIGHUP):
        typer.echo("the broker has taken it up")
    else:
        typer.echo("a broker that runs with this folder takes it up at a reload: systemctl reload mosquitto")


def until_stopped(work: Callable[[asyncio.Event], Coroutine[Any, Any, None]]) -> None:
    """Run `work` with an event that SIGINT and SIGTERM set."""

    async def run() -> None:
        stop = asyncio.Event()
        for number in (signal.SIGINT, signal.SIGTERM):
            asyncio.get_running_loop().add_signal_handler(number, stop.set)
        await work(stop)

    asyncio.run(run())


def until_cancelled(work: Coroutine[Any, Any, None]) -> None:
    """Run `work`, which the first SIGINT, SIGTERM or SIGHUP cancels; later ones do not disturb its clean end."""

    async def run() -> None:
        task = asyncio.ensure_future(work)
        cancelled = False

        def cancel() -> None:
            nonlocal cancelled
            if not cancelled:
                cancelled = True
                task.cancel()

        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            asyncio.get_running_loop().add_signal_handler(number, cancel)
        with contextlib.suppress(asyncio.CancelledError):
            await task

    asyncio.run(run())
