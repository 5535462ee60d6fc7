"""The command of the analysts: tables out of InfluxDB."""

import asyncio
from pathlib import Path
from typing import Annotated

import typer

from devices.command import clear_errors
from devices.rollups import Period
from devices.tables import TableFormat
from ingest.command import SettingsOption, SinceOption, UntilOption, chosen_days, running_settings

app = typer.Typer()


@app.command()
def export(
    what: Annotated[
        str, typer.Argument(help="consumption, utilisation, or a measurement of readings: climate, meter, power …")
    ],
    by: Annotated[Period, typer.Option("--by", help="Of consumption: a row for each.")] = Period.HALF_HOUR,
    building: Annotated[list[str] | None, typer.Option("--building", help="Of this one; may come again.")] = None,
    since: SinceOption = None,
    until: UntilOption = None,
    form: Annotated[TableFormat, typer.Option("--format", help="Parquet needs the extra `parquet`.")] = TableFormat.CSV,
    output: Annotated[
        Path | None, typer.Option("--output", help="The file; by default CSV goes to standard output.")
    ] = None,
    settings: SettingsOption = None,
) -> None:
    """Write consumption with its cost and carbon, utilisation of spaces, or readings, as CSV or Parquet."""
    from rich.console import Console

    from devices.tables import check_installed, table
    from ingest import terminal
    from ingest.export import export as write_rows
    from ingest.export import source
    from ingest.influx import Influx

    days = chosen_days(since, until)
    if form is TableFormat.PARQUET and output is None:
        raise typer.BadParameter("Parquet goes to a file", param_hint="--output")
    with clear_errors():
        check_installed(form)
        wanted, chosen = source(what, by), running_settings(settings)

        async def write(path: Path | None) -> int:
            with terminal.share(Console(stderr=True), what) as told, table(path, wanted.columns, form) as rows:
                async with Influx(chosen.influx) as influx:
                    return await write_rows(influx, wanted, building or (), *days, rows, told)

        if output is None:
            asyncio.run(write(None))
            return
        part = output.with_name(f"{output.name}.part")
        try:
            count = asyncio.run(write(part))
            part.replace(output)
        finally:
            part.unlink(missing_ok=True)
        typer.echo(f"{count:,} rows are in {output}")
