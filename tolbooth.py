"""The command `tolbooth`: the commands of the packages, and here those that need several. Each imports late.

Exit codes: 0 done, 1 it went wrong, 2 the command, a setting or the estate is wrong.
"""

import asyncio
import os
import sys
import time
from functools import partial
from importlib.resources import files
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from dashboards import commands as dashboards
from devices import commands as devices
from devices.command import clear_errors, duration, fail
from devices.tables import TableFormat, check_installed
from ingest import commands as ingest
from ingest import commands_devices, commands_export, commands_quarantine
from ingest.command import (
    DEMO,
    SECURITY,
    FolderOption,
    SecurityOption,
    SettingsOption,
    demo_settings,
    load_estate,
    load_settings,
    reload_broker,
    until_cancelled,
    until_stopped,
)

if TYPE_CHECKING:
    from devices.model import Estate
    from simulators.scenario import Scenario

SECOND_NS = 1_000_000_000
DAY_NS = 86_400 * SECOND_NS

app = typer.Typer(no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False)
app.add_typer(ingest.app)
app.add_typer(commands_export.app)
app.add_typer(devices.app, name="devices", help="The registry of councils, buildings, spaces and devices.")
devices.app.add_typer(commands_devices.app)
app.add_typer(dashboards.app, name="dashboards", help="The boards: built from code, shown here, pushed to a Grafana.")
app.add_typer(
    commands_quarantine.app,
    name="quarantine",
    help="Messages that could not be stored: why, and how to store them yet.",
)

SeedOption = Annotated[int, typer.Option("--seed", help="The same seed makes the same estate behave the same.")]
ScenarioOption = Annotated[
    Path | None, typer.Option("--scenario", help="YAML file of what goes wrong.", show_default=False)
]
AnswersOption = Annotated[
    Path | None, typer.Option("--answer-key", help="Folder for the truth as tables.", show_default=False)
]
AnswersFormatOption = Annotated[
    TableFormat, typer.Option("--answer-key-format", help="Parquet needs the extra `parquet`.")
]
StateOption = Annotated[
    Path, typer.Option("--state", help="Where the simulators remember meters and weather between runs.")
]


@app.callback()
def tolbooth() -> None:
    """Smart-building telemetry for councils: MQTT in, InfluxDB, energy and occupancy dashboards."""


@devices.app.command("check")
def devices_check(
    folder: Annotated[Path | None, typer.Argument(help="Folder of an estate; by default the demo's.")] = None,
) -> None:
    """Find every mistake in the files of an estate, by file and line."""
    from devices.check import check

    demo = demo_settings()
    folder = folder or (load_settings(demo).registry if demo else _demo_estate())
    problems = check(folder)
    for problem in problems:
        typer.echo(problem)
    if problems:
        fail(f"{len(problems)} mistake{'s' if len(problems) > 1 else ''} in {folder}", 2)
    typer.echo(f"{folder} is sound")


@app.command()
def simulate(
    settings: SettingsOption = None,
    seed: SeedOption = 1,
    speed: Annotated[float, typer.Option(min=0.1, max=3_600, help="Simulated seconds in a real one.")] = 1.0,
    state: StateOption = DEMO / "simulators.json",
    security: Annotated[
        Path | None, typer.Option("--security", help="Security folder: each client connects with its own account.")
    ] = None,
    scenario: ScenarioOption = None,
    answer_key: AnswersOption = None,
    answer_key_format: AnswersFormatOption = TableFormat.CSV,
    plot: Annotated[
        Path | None, typer.Option(help="Publish nothing; draw --building's last day, week and --days as an .html page.")
    ] = None,
    building: Annotated[str | None, typer.Option(help="The building to draw.")] = None,
    days: Annotated[int, typer.Option(min=1, max=3_650, help="Length of the key or the picture, up to now.")] = 365,
) -> None:
    """Simulate the devices of the estate and publish what they measure, until stopped.

    With --answer-key or --plot nothing is published: the truth of so many days is written instead.
    """
    from ingest import logs
    from ingest.security.store import login
    from simulators import publish

    with clear_errors():
        chosen = load_settings(settings)
        estate = load_estate(chosen)
        wrong = _scenario(scenario, estate)
        if answer_key or plot:
            check_installed(answer_key_format)
            end = time.time_ns()
            if answer_key:
                _write_answers(answer_key, answer_key_format, estate, wrong, seed, end - days * DAY_NS, end)
            if plot:
                _draw(plot, estate, wrong, seed, building, days, end)
            return
        logs.start()
        mqtt = chosen.mqtt
        broker = publish.Broker(
            mqtt.host,
            mqtt.port,
            mqtt.username or None,
            mqtt.password.get_secret_value() or None,
            mqtt.ca_file,
            None if security is None else partial(login, security),
        )
        until_stopped(
            lambda stop: publish.simulate(
                estate, broker, seed=seed, speed=speed, state_file=state, stop=stop, scenario=wrong
            )
        )


@app.command()
def backfill(
    days: Annotated[int, typer.Option(min=1, max=3_650, help="Length of the history, up to now.")],
    settings: SettingsOption = None,
    seed: SeedOption = 1,
    state: StateOption = DEMO / "simulators.json",
    scenario: ScenarioOption = None,
    answer_key: AnswersOption = None,
    answer_key_format: AnswersFormatOption = TableFormat.CSV,
    every: Annotated[
        str, typer.Option(metavar="TIME", help="No device sends more often than this: 30m stores a year sooner.")
    ] = "5m",
) -> None:
    """Store a simulated history of the estate that ends now; with --answer-key write its truth too."""
    from rich.console import Console

    from ingest import terminal
    from ingest.load import load, roll_up
    from simulators.aside import messages_aside

    with clear_errors():
        check_installed(answer_key_format)
        chosen = load_settings(settings)
        end = time.time_ns()
        start = end - days * DAY_NS
        estate = load_estate(chosen)
        wrong = _scenario(scenario, estate)
        history = messages_aside(
            estate=estate,
            start_ns=start,
            end_ns=end,
            seed=seed,
            state_file=state,
            scenario=wrong,
            every=int(duration(every, "--every")),
        )
        with terminal.history(Console(), start, end) as progress:
            asyncio.run(load(history, chosen, progress))
        with terminal.share(Console(), "roll-ups") as done:
            asyncio.run(roll_up(chosen, done))
        if answer_key:
            _write_answers(answer_key, answer_key_format, estate, wrong, seed, start, end)


@app.command()
def scenario(
    days: Annotated[int, typer.Option(min=2, max=3_650, help="Length of the run that it is for.")] = 30,
    count: Annotated[int, typer.Option(min=1, max=500, help="How many faults.")] = 12,
    seed: SeedOption = 1,
    settings: SettingsOption = None,
) -> None:
    """Print a scenario of random faults for the estate, for `simulate` and `backfill`."""
    from devices.registry import load
    from simulators.chance import random_scenario

    with clear_errors():
        estate = load_estate(load_settings(settings)) if settings else load(_demo_estate())
        typer.echo(random_scenario(estate, seed=seed, days=days, count=count), nl=False)


@app.command()
def up(
    live: Annotated[
        str | None,
        typer.Option("--for", metavar="TIME", help="End after so much live data (30s, 5m, 1h); by default never."),
    ] = None,
    folder: FolderOption = DEMO,
    days: Annotated[int, typer.Option(min=0, max=3_650, help="History made at the first start.")] = 7,
    seed: SeedOption = 1,
) -> None:
    """Run a demo: a private broker and database, ingest, a simulated council, and a live view."""
    from rich.console import Console

    from ingest import demo, terminal
    from ingest.settings import PREFIX

    for name in [name for name in os.environ if name.startswith(PREFIX)]:
        del os.environ[name]  # an installation's settings would lead simulated readings into its own database
    seconds = None if live is None else duration(live)
    command = (sys.executable, str(Path(__file__).resolve()))
    preview = find_spec("nicegui") is not None
    plan = demo.Plan(folder.resolve(), _demo_estate(), days, seed, seconds, command, preview)
    console = Console()

    async def run() -> None:
        with terminal.frames(console) as show:
            await demo.up(plan, lambda text: console.print(text, soft_wrap=True, highlight=False, markup=False), show)

    with clear_errors():
        until_cancelled(run())


@dashboards.app.command("preview")
def dashboards_preview(
    settings: SettingsOption = None,
    host: Annotated[str, typer.Option(help="Address to listen on; the page asks for no password.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=1, max=65_535)] = 8095,
    folder: Annotated[Path | None, typer.Option(help="Boards that `dashboards build --folder` wrote.")] = None,
) -> None:
    """Serve the boards as a local web page, drawn from the generated Grafana JSON."""
    with clear_errors():
        try:
            from dashboards.build import FOLDER
            from dashboards.preview.influx import Connection
            from dashboards.preview.server import serve
        except ModuleNotFoundError as error:
            fail(f"{error.name} is not installed: pip install 'tolbooth[dashboards]'", 2)

        influx = load_settings(settings or demo_settings()).influx
        token = influx.token.get_secret_value()
        username, password = ("token", token) if token else (influx.username, influx.password.get_secret_value())
        serve(Connection(influx.url, influx.database, username, password), host, port, folder or FOLDER)


@app.command()
def init(
    folder: SecurityOption = SECURITY,
    registry: Annotated[
        Path | None, typer.Option("--registry", help="Folder of the estate; at first the demo's, then the last one.")
    ] = None,
    host: Annotated[
        list[str] | None, typer.Option(help="Name or address of the broker, for its certificate; by default loopback.")
    ] = None,
    influx: Annotated[
        str | None, typer.Option(metavar="URL", help="InfluxDB 1.x to make databases and users on.")
    ] = None,
    database: Annotated[str, typer.Option(help="Where the readings go.")] = "telemetry",
) -> None:
    """Make an installation's credentials: authority, broker, an account for each gateway and device, database users."""
    from devices.registry import load
    from ingest.security import databases, store

    with clear_errors():
        place = registry or (store.registry_of(folder) if (folder / "registry").exists() else _demo_estate())
        made = store.init(folder, load(place), time.time_ns(), registry=place, hosts=host or ())
        typer.echo(f"{len(made)} accounts made, in {folder}")
        if influx is not None:
            users = asyncio.run(databases.grant(influx, database, store.database_passwords(folder)))
            typer.echo(f"users of {influx} made or changed: {', '.join(users) or 'none'}")
        reload_broker(folder)


def _scenario(path: Path | None, estate: "Estate") -> "Scenario":
    from simulators.scenario import HEALTHY, read_scenario

    return read_scenario(path, estate) if path else HEALTHY


def _write_answers(
    folder: Path, form: TableFormat, estate: "Estate", wrong: "Scenario", seed: int, start: int, end: int
) -> None:
    from rich.console import Console

    from ingest import terminal
    from simulators.answers import write_answers

    with terminal.history(Console(), start, end, "answers") as progress:
        write_answers(
            folder, estate, wrong, seed=seed, start=start // SECOND_NS // 60 * 60, end=end // SECOND_NS, form=form,
            progress=lambda at: progress(0, at * SECOND_NS),
        )  # fmt: skip
    typer.echo(f"the answers are in {folder}")


def _draw(
    path: Path, estate: "Estate", wrong: "Scenario", seed: int, building: str | None, days: int, end: int
) -> None:
    from simulators.plot import draw_building

    draw_building(path, estate, wrong, seed=seed, building=building, days=days, end=end // SECOND_NS)
    typer.echo(f"drawn into {path}")


def _demo_estate() -> Path:
    return Path(str(files("simulators") / "estate"))


if __name__ == "__main__":
    app()
