"""The commands of the boards: built from code, pushed to a Grafana."""

from pathlib import Path
from typing import Annotated

import typer

from dashboards.sources import Source
from devices.command import clear_errors, fail
from devices.errors import ConfigurationError

app = typer.Typer(no_args_is_help=True)


@app.command("build")
def dashboards_build(
    check: Annotated[bool, typer.Option("--check", help="Write nothing; fail where a file is not fresh.")] = False,
    folder: Annotated[Path | None, typer.Option(help="Where to; by default the boards' own folder.")] = None,
    small_numbers: Annotated[
        bool,
        typer.Option("--small-numbers", help='Show counts of 1 to 4 people as "< 5", and no finer than 15 minutes.'),
    ] = False,
) -> None:
    """Write the boards as Grafana JSON from their code."""
    from dashboards.build import FOLDER, build

    changed = build(folder or FOLDER, check=check, small_numbers=small_numbers)
    for path in changed:
        typer.echo(f"{path.name} {'is not fresh' if check else 'written'}")
    if check and changed:
        fail("the boards' files differ from their code: run tolbooth dashboards build", 1)
    typer.echo("the boards are fresh")


@app.command("push")
def dashboards_push(
    url: Annotated[str, typer.Argument(help="Address of the Grafana, for example https://grafana.example.org")],
    token_file: Annotated[Path, typer.Option("--token-file", help="File with a service account's token.")],
    readings: Annotated[str, typer.Option(help="UID of its data source of the readings.")] = Source.READINGS.value,
    rollups: Annotated[str, typer.Option(help="UID of its data source of the roll-ups.")] = Source.ROLLUPS.value,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would change.")] = False,
) -> None:
    """Create or update the boards in a Grafana that others run; twice changes nothing."""
    with clear_errors():
        try:
            from dashboards.push import push
        except ModuleNotFoundError as error:
            fail(f"{error.name} is not installed: pip install 'tolbooth[dashboards]'", 2)

        for change in push(url, _secret(token_file), readings=readings, rollups=rollups, dry_run=dry_run):
            typer.echo(f"{'would ' if dry_run else ''}{change.action} {change.what} ({change.uid})")


def _secret(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8").strip()
    except OSError as error:
        raise ConfigurationError(f"{path}: cannot be read: {error.strerror}") from error
