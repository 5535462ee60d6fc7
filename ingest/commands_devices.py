"""The commands that change the registry of a running installation, or what its devices connect with."""

import asyncio
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from devices.command import JsonOption, as_json, clear_errors, duration
from ingest.command import (
    SECURITY,
    ListenOption,
    SecurityOption,
    SettingsOption,
    load_estate,
    reload_broker,
    running_settings,
)
from ingest.commands_quarantine import replay_chosen

if TYPE_CHECKING:
    from devices.adopt import Adopted
    from devices.strangers import Stranger
    from ingest.settings import Settings

app = typer.Typer()


@app.command("unknown")
def devices_unknown(settings: SettingsOption = None, listen: ListenOption = "2s", json: JsonOption = False) -> None:
    """Show who is talking that the registry does not know: in quarantine, and on the broker right now."""
    from rich.console import Console

    from devices import show

    with clear_errors():
        found = _strangers(running_settings(settings), listen)
        if json:
            typer.echo(as_json(found))
        else:
            Console().print(show.strangers(found, time.time_ns()))


@app.command("adopt")
def devices_adopt(
    address: Annotated[str, typer.Argument(help="Address as `devices unknown` shows it, or how it ends.")],
    building: Annotated[str, typer.Option("--building", help="Building, or council/building.")],
    space: Annotated[str, typer.Option("--space", help="Space of the building.")] = "",
    id_: Annotated[str, typer.Option("--id", help="Id of the device; by default from its address.")] = "",
    kind: Annotated[str, typer.Option("--kind", help="What it is for; by default from what it sends.")] = "",
    model: Annotated[str, typer.Option("--model", help="Make and model; by default as its messages say.")] = "",
    interval: Annotated[str, typer.Option("--interval", help="60s, 15m, 1h; by default as measured.")] = "",
    meter: Annotated[str, typer.Option("--meter", help="Metering point of the building that it measures.")] = "",
    opening_register: Annotated[str, typer.Option("--opening-register", help="Reading of a meter at --from.")] = "",
    source: Annotated[str, typer.Option("--source", help="Source, where one address is heard in several.")] = "",
    start: Annotated[str, typer.Option("--from", help="Date or time; by default when it was first heard.")] = "",
    settings: SettingsOption = None,
    listen: ListenOption = "2s",
    json: JsonOption = False,
) -> None:
    """Write an unknown device into the registry, and store what quarantine kept of it."""
    from rich.console import Console

    from devices import show
    from devices.adopt import Wish, adopt
    from devices.strangers import choose

    with clear_errors():
        chosen = running_settings(settings)
        stranger = choose(_strangers(chosen, listen), address, source)
        done = adopt(
            chosen.registry, stranger, Wish(building, space, id_, kind, model, interval, meter, opening_register, start)
        )
        stored = _replay_adopted(chosen, done)
        if json:
            typer.echo(as_json({"adopted": done, "replayed": stored}))
        else:
            Console().print(show.adopted(done, stored))


@app.command("replace")
def devices_replace(
    old: Annotated[str, typer.Argument(help="Device, or council/device.")],
    new: Annotated[str, typer.Argument(help="Id of the device that takes its place.")],
    at: Annotated[str, typer.Option("--at", help="Date or RFC 3339 time from which the new one is there.")],
    opening_register: Annotated[str, typer.Option("--opening-register", help="Reading of the new meter then.")] = "",
    model: Annotated[str, typer.Option("--model", help="Make and model, if another.")] = "",
    address: Annotated[str, typer.Option("--address", help="Address of the new device in its source.")] = "",
    source: Annotated[str, typer.Option("--source", help="Source, if another.")] = "",
    interval: Annotated[str, typer.Option("--interval", help="60s, 15m, 1h, if another.")] = "",
    folder: Annotated[Path | None, typer.Option("--estate", help="Folder of the estate.", show_default=False)] = None,
    settings: SettingsOption = None,
    json: JsonOption = False,
) -> None:
    """Let one device take another's place from a moment on, so that history neither breaks nor bends."""
    from rich.console import Console

    from devices import show
    from devices.replace import Swap, replace_device

    with clear_errors():
        estate = folder or running_settings(settings).registry
        done = replace_device(estate, Swap(old, new, at, opening_register, model, address, source, interval))
        if json:
            typer.echo(as_json(done))
        else:
            Console().print(show.replaced(done))


@app.command("credential")
def devices_credential(
    id: Annotated[str, typer.Argument(help="Id of a gateway or self-connecting device, or <council>.<id>.")],  # noqa: A002
    folder: SecurityOption = SECURITY,
    revoke: Annotated[bool, typer.Option("--revoke", help="Take it away; it is refused from now on.")] = False,
    rotate: Annotated[bool, typer.Option("--rotate", help="Make a new password; the old one is refused.")] = False,
    certificate: Annotated[bool, typer.Option("--certificate", help="Make a client certificate.")] = False,
    output: Annotated[Path | None, typer.Option(help="File for the password, instead of printing it.")] = None,
) -> None:
    """Show, change or take away what a gateway or device connects with."""
    from devices.registry import load
    from ingest.security import store

    if revoke + rotate + certificate > 1:
        raise typer.BadParameter("choose one of --revoke, --rotate and --certificate")
    with clear_errors():
        estate = load(store.registry_of(folder))
        account = store.find(estate, id)
        if revoke:
            store.revoke(folder, estate, account, time.time_ns())
            typer.echo(f"{account} is revoked")
        elif certificate:
            place = store.certify(folder, estate, account, time.time_ns())
            typer.echo(f"client.crt and client.key of {account} are in {place}")
        else:
            secret = store.issue(folder, estate, account) if rotate else store.password(folder, account)
            if output is not None:
                store.hand_out(output, secret)
            typer.echo(f"user name {account}, password {secret if output is None else f'in {output}'}")
        if revoke or certificate or rotate:
            reload_broker(folder)


def _strangers(settings: "Settings", listen: str) -> "list[Stranger]":
    from devices.strangers import find
    from ingest.unknown import collect

    collected = asyncio.run(collect(settings, duration(listen, "--listen")))
    for trouble in collected.troubles:
        typer.echo(f"tolbooth: {trouble}", err=True)
    return find(load_estate(settings), collected.messages, collected.states)


def _replay_adopted(settings: "Settings", done: "Adopted") -> int:
    """Messages of an adopted device that quarantine kept and that are stored now."""
    from devices.message import Reason
    from ingest.journalfile import FILE
    from ingest.quarantine import Choice

    if not (settings.data / FILE).exists():
        return 0
    stored = replay_chosen(settings, Choice(device=done.row["address"])).stored
    if done.new_source:
        stored += replay_chosen(settings, Choice(Reason.UNKNOWN_TOPIC.value)).stored
    return stored
