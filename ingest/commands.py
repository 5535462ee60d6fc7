"""The commands of the operator on call: run ingest, ask how it is, watch messages, save and restore."""

import asyncio
import shlex
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from devices.command import JsonOption, RegistryOption, as_json, clear_errors
from ingest.command import (
    DEMO,
    SECURITY,
    FolderOption,
    SettingsOption,
    SinceOption,
    UntilOption,
    chosen_days,
    demo_settings,
    load_estate,
    load_settings,
    running_settings,
    until_cancelled,
    until_stopped,
)

if TYPE_CHECKING:
    from ingest.settings import Settings

app = typer.Typer()


@app.command()
def ingest(settings: SettingsOption = None) -> None:
    """Take messages from the broker and store them in InfluxDB, until stopped."""
    from ingest import logs, service

    with clear_errors():
        logs.start()
        chosen = load_settings(settings)
        until_stopped(lambda stop: service.run(chosen, stop))


@app.command()
def status(
    settings: SettingsOption = None,
    json: Annotated[bool, typer.Option("--json", help="As ingest answers it, for machines.")] = False,
) -> None:
    """Show where every message went; from the journal where no ingest runs."""
    from rich.console import Console

    from ingest.journalfile import JournalError
    from ingest.view import render_status
    from ingest.watch import WatchError, fetch_status, journal_status

    with clear_errors():
        chosen = running_settings(settings)
        try:
            answer = asyncio.run(fetch_status(chosen))
        except WatchError as absent:
            try:
                answer = journal_status(chosen)
            except JournalError:
                raise absent from None
        if json:
            typer.echo(answer.model_dump_json(indent=2))
        else:
            Console().print(render_status(answer))


@app.command()
def doctor(
    settings: SettingsOption = None,
    security: Annotated[
        Path | None, typer.Option("--security", help="Folder of `tolbooth init`: its certificates and modes too.")
    ] = None,
    json: JsonOption = False,
) -> None:
    """Test broker, database, disk, clock, registry and files, and say what loses data and how to mend it."""
    import logging

    from rich.console import Console

    from ingest.doctor.examine import examine
    from ingest.doctor.findings import Severity, text

    with clear_errors():
        logging.getLogger().addHandler(logging.NullHandler())  # the findings say it all
        path = settings or demo_settings()
        folder = security or (SECURITY if settings is None and SECURITY.exists() else None)
        chosen = load_settings(path)
        waiting = Console(stderr=True)
        with waiting.status("") as status:

            def say(what: str) -> None:
                status.update(f"{what} …")

            found = asyncio.run(examine(chosen, path, folder, say))
    typer.echo(as_json(found) if json else text(found))
    if any(finding.severity is Severity.FAIL for finding in found):
        raise typer.Exit(1)


@app.command()
def rollup(
    settings: SettingsOption = None,
    since: SinceOption = None,
    until: UntilOption = None,
) -> None:
    """Work out the roll-ups of past days again: after a restore, a change of rules, or for an older database."""
    from rich.console import Console

    from ingest import terminal
    from ingest.rollup.span import roll_up

    days = chosen_days(since, until)
    with clear_errors():
        chosen = running_settings(settings)
        with terminal.share(Console(), "roll-ups") as told:
            work = roll_up(chosen.influx, *days, told)
            points = asyncio.run(work)
    typer.echo(f"{points:,} points of roll-ups are written")


@app.command()
def explain(
    topic: Annotated[str, typer.Argument(help="The topic that the message came on.")],
    payload: Annotated[str, typer.Argument(help="Its body as text; - reads it from standard input.")],
    registry: RegistryOption = None,
    model: Annotated[str, typer.Option("--model", help="The device's model, where no registry names it.")] = "",
    retained: Annotated[bool, typer.Option("--retained", help="The broker had kept the message.")] = False,
    base64: Annotated[bool, typer.Option("--base64", help="PAYLOAD is base64 of binary.")] = False,
    settings: SettingsOption = None,
    json: JsonOption = False,
) -> None:
    """Show every step that a message takes, and why a value of it is stored or is not."""
    from dataclasses import asdict

    from rich.console import Console

    from devices import registry as registries
    from devices.bench import OpenBench
    from devices.decode import Decoder
    from devices.lines import answer
    from devices.message import Message
    from ingest import explain as explaining
    from ingest.lineprotocol import Tags
    from ingest.replay import descriptions_in
    from ingest.service import make_decoder
    from ingest.veil import FILE, key_of

    with clear_errors():
        message = Message(topic, _payload(payload, base64=base64), time.time_ns(), retained)
        chosen = None if settings is None else load_settings(settings)
        registry = registry or (chosen.registry if chosen else None)
        if registry is None:
            explanation = explaining.explain_openly(message, OpenBench(), model=model)
        else:
            estate = registries.load(registry)
            decoder = make_decoder(estate, chosen) if chosen else Decoder(estate)
            decoder.restore(descriptions_in(chosen.data) if chosen else [])
            key = key_of(chosen.data, estate) if chosen and (chosen.data / FILE).exists() else b""
            explanation = explaining.explain(message, decoder, Tags(estate, key))
        if json:
            steps = {"topic": topic, "steps": [asdict(step) for step in explanation.steps], "lines": explanation.lines}
            typer.echo(as_json(steps | answer(explanation.verdict, dated=True)))
        else:
            Console().print(explaining.render(explanation), crop=False)


@app.command()
def tail(
    settings: SettingsOption = None,
    filters: Annotated[
        list[str] | None, typer.Option("--filter", help="MQTT topic filter; by default those of the registry.")
    ] = None,
    format_: Annotated[
        str, typer.Option("--format", help="Only this format, or this source.", show_default=False)
    ] = "",
    device: Annotated[str, typer.Option("--device", help="Only devices whose id holds this.", show_default=False)] = "",
    fate: Annotated[str, typer.Option("--fate", help="Only stored, ignored or quarantined.", show_default=False)] = "",
    count: Annotated[int, typer.Option("--count", min=0, help="End after so many messages; 0 is never.")] = 0,
    json: JsonOption = False,
) -> None:
    """Show the messages on the broker as they come, each with what ingest makes of it."""
    import orjson
    from rich.console import Console

    from devices.lines import answer
    from ingest import tail as listening
    from ingest.replay import descriptions_in
    from ingest.service import make_decoder

    if fate not in ("", *listening.STYLES):
        raise typer.BadParameter(f"{fate!r} is no fate: write {', '.join(listening.STYLES)}", param_hint="--fate")
    console = Console()

    async def run(chosen: "Settings") -> None:
        estate = load_estate(chosen)
        decoder = make_decoder(estate, chosen)
        decoder.restore(descriptions_in(chosen.data))
        wanted = listening.Wanted(format_, device, fate, listening.formats(estate))
        left = count
        async with listening.messages(chosen.mqtt, filters or decoder.filters, decoder) as heard:
            async for message, verdict in heard:
                if not wanted.takes(verdict):
                    continue
                if json:
                    typer.echo(orjson.dumps({"topic": message.topic, **answer(verdict, dated=True)}))
                else:
                    console.print(listening.line(message, verdict), soft_wrap=True)
                left -= 1
                if left == 0:
                    return

    with clear_errors():
        until_cancelled(run(running_settings(settings)))


@app.command()
def backup(
    target: Annotated[Path, typer.Argument(metavar="TARGET.tar", help="File to make.")],
    settings: SettingsOption = None,
    secrets: Annotated[bool, typer.Option("--with-secrets", help="Passwords and tokens too.")] = False,
) -> None:
    """Save journal, quarantine, registry and settings in one file, while ingest runs."""
    from ingest.backup import backup

    with clear_errors():
        made = backup(load_settings(settings or demo_settings()), target, secrets=secrets)
    typer.echo(f"{target}: {made['messages']:,} messages in the journal, {made['quarantine']:,} rows in quarantine")


@app.command()
def restore(
    archive: Annotated[Path, typer.Argument(metavar="SOURCE.tar", help="A file that `tolbooth backup` made.")],
    folder: Annotated[Path, typer.Argument(help="New folder for data, estate and settings.")],
) -> None:
    """Unpack a backup into a new folder, with settings to start ingest from it."""
    from ingest.backup import restore

    with clear_errors():
        made = restore(archive, folder)
    settings = shlex.quote(str(folder / "tolbooth.toml"))
    if not made.get("secrets"):
        typer.echo(f"the backup holds no passwords and tokens: put those you use into {settings} before you start")
    typer.echo(f"restored as of {made['made']}: start it with `tolbooth ingest --settings {settings}`")


@app.command()
def clean(
    folder: FolderOption = DEMO,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
) -> None:
    """Remove all data of a demo."""
    from ingest.demo import remove

    if not folder.exists():
        typer.echo(f"{folder} is not there: nothing to remove")
        return
    if not yes:
        typer.confirm(f"Remove {folder.resolve()} with all readings in it?", abort=True)
    with clear_errors():
        remove(folder)


def _payload(text: str, *, base64: bool) -> bytes:
    from base64 import b64decode

    payload = sys.stdin.buffer.read() if text == "-" else text.encode(errors="surrogateescape")
    if not base64:
        return payload
    try:
        return b64decode(b"".join(payload.split()), validate=True)
    except ValueError:
        raise typer.BadParameter("the payload is not base64", param_hint="--base64") from None
