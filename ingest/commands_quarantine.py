"""The commands of quarantine: what could not be stored, why, and how to store it yet."""

import sys
import time
from typing import TYPE_CHECKING, Annotated

import typer

from devices.command import JsonOption, as_json, clear_errors, fail
from ingest.command import SettingsOption, load_estate, running_settings

if TYPE_CHECKING:
    from ingest.quarantine import Choice
    from ingest.replay import Result
    from ingest.settings import Settings

app = typer.Typer(no_args_is_help=True)

ReasonOption = Annotated[str, typer.Option("--reason", help="Only messages with this reason.", show_default=False)]
DeviceOption = Annotated[
    str, typer.Option("--device", help="Only messages of this address, or `source: address`.", show_default=False)
]


@app.command("list")
def quarantine_list(
    settings: SettingsOption = None, reason: ReasonOption = "", device: DeviceOption = "", json: JsonOption = False
) -> None:
    """List the faults: how many messages each has, since when, and what mends it."""
    from rich.console import Console

    from ingest import quarantine as kept
    from ingest import quarantine_view as view
    from ingest.replay import opened

    with clear_errors(), opened(running_settings(settings).data) as db:
        groups = kept.groups(db, kept.Choice(reason, device))
        if json:
            typer.echo(as_json([view.group_data(group) for group in groups]))
        else:
            Console().print(view.group_table(groups))


@app.command("show")
def quarantine_show(
    which: Annotated[str, typer.Argument(help="Id of a message, or of a group as `list` shows it.")],
    settings: SettingsOption = None,
    json: JsonOption = False,
) -> None:
    """Show a message, or those of a group, with payload, reason and mend."""
    from rich.console import Console

    from ingest import quarantine as kept
    from ingest import quarantine_view as view
    from ingest.replay import opened

    with clear_errors(), opened(running_settings(settings).data) as db:
        rows = kept.find(db, which)
        if not rows:
            fail(f"nothing in quarantine is called {which}: `tolbooth quarantine list` shows what is there", 1)
        if json:
            typer.echo(as_json([view.row_data(row) for row in rows]))
        else:
            Console().print(view.row_table(rows))


@app.command("export")
def quarantine_export(settings: SettingsOption = None, reason: ReasonOption = "", device: DeviceOption = "") -> None:
    """Write messages as JSON Lines with their original bytes; `tolbooth devices decode` reads them."""
    import orjson

    from ingest import quarantine as kept
    from ingest import quarantine_view as view
    from ingest.replay import opened

    with clear_errors(), opened(running_settings(settings).data) as db:
        for row in kept.read(db, kept.Choice(reason, device)):
            sys.stdout.buffer.write(orjson.dumps(view.row_data(row)) + b"\n")


@app.command("replay")
def quarantine_replay(
    settings: SettingsOption = None,
    reason: ReasonOption = "",
    device: DeviceOption = "",
    group: Annotated[str, typer.Option("--group", help="Only the messages of this group.", show_default=False)] = "",
    everything: Annotated[bool, typer.Option("--all", help="Every message in quarantine.")] = False,
    json: JsonOption = False,
) -> None:
    """Decode messages again with today's registry, and store what passes; the rest stays, with its reason."""
    from rich.console import Console

    from ingest import quarantine_view as view
    from ingest.quarantine import Choice

    if not everything and not (reason or device or group):
        raise typer.BadParameter("say which messages: --reason, --device, --group, or --all")
    with clear_errors():
        result = replay_chosen(running_settings(settings), Choice(reason, device, group))
        if json:
            typer.echo(as_json(view.result_data(result)))
        else:
            Console().print(view.result_table(result))


def replay_chosen(settings: "Settings", choice: "Choice") -> "Result":
    from ingest.replay import descriptions, opened, replay
    from ingest.service import make_decoder, make_tags

    estate = load_estate(settings)
    decoder = make_decoder(estate, settings)
    with opened(settings.data) as db:
        decoder.restore(descriptions(db))
        tags = make_tags(estate, settings)
        return replay(db, decoder, tags, choice, now=time.time_ns(), max_bytes=settings.journal.max_bytes)
