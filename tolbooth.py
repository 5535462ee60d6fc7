"""The command `tolbooth`: one sub-command a function. The only module that knows all packages; it imports them late.

Exit codes: 0 done, 1 it went wrong, 2 the command, a setting or the estate is wrong.
"""

import asyncio
import contextlib
import re
import signal
import sys
import time
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from functools import partial
from importlib.resources import files
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NoReturn

import typer

if TYPE_CHECKING:
    from devices.adopt import Adopted
    from devices.bench import Bench
    from devices.model import Estate
    from devices.strangers import Stranger
    from ingest.quarantine import Choice
    from ingest.replay import Result
    from ingest.settings import Settings
    from simulators.scenario import Scenario

SECOND_NS = 1_000_000_000
DAY_NS = 86_400 * SECOND_NS
DEMO = Path(".tolbooth")
SECURITY = DEMO / "security"

app = typer.Typer(no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False)
devices = typer.Typer(no_args_is_help=True)
app.add_typer(devices, name="devices", help="The registry of councils, buildings, spaces and devices.")
dashboards = typer.Typer(no_args_is_help=True)
app.add_typer(dashboards, name="dashboards", help="The boards: built from code, shown here, pushed to a Grafana.")
quarantine = typer.Typer(no_args_is_help=True)
app.add_typer(quarantine, name="quarantine", help="Messages that could not be stored: why, and how to store them yet.")

SettingsOption = Annotated[
    Path | None, typer.Option("--settings", help="TOML file; TOLBOOTH_… variables override it.", show_default=False)
]
ListenOption = Annotated[
    str, typer.Option("--listen", metavar="TIME", help="How long to listen to everything on the broker; 0s for not.")
]
SecurityOption = Annotated[Path, typer.Option("--folder", help="The security folder.")]
FolderOption = Annotated[Path, typer.Option("--folder", help="Where the demo keeps all its data.")]
SeedOption = Annotated[int, typer.Option("--seed", help="The same seed makes the same estate behave the same.")]
ScenarioOption = Annotated[
    Path | None, typer.Option("--scenario", help="YAML file of what goes wrong.", show_default=False)
]
AnswersOption = Annotated[
    Path | None, typer.Option("--answer-key", help="Folder for the truth as CSV files.", show_default=False)
]
StateOption = Annotated[
    Path, typer.Option("--state", help="Where the simulators remember meters and weather between runs.")
]

RegistryOption = Annotated[
    Path | None, typer.Option("--registry", help="Folder of an estate; without it the source is guessed.")
]
JsonOption = Annotated[bool, typer.Option("--json", help="For machines.")]
ReasonOption = Annotated[str, typer.Option("--reason", help="Only messages with this reason.", show_default=False)]
DeviceOption = Annotated[
    str, typer.Option("--device", help="Only messages of this address, or `source: address`.", show_default=False)
]


@app.callback()
def tolbooth() -> None:
    """Smart-building telemetry for councils: MQTT in, InfluxDB, energy and occupancy dashboards."""


@devices.command("check")
def devices_check(
    folder: Annotated[Path | None, typer.Argument(help="Folder of an estate; by default the demo's.")] = None,
) -> None:
    """Find every mistake in the files of an estate, by file and line."""
    from devices.check import check

    folder = folder or _demo_estate()
    problems = check(folder)
    for problem in problems:
        typer.echo(problem)
    if problems:
        _fail(f"{len(problems)} mistakes in {folder}", 2)
    typer.echo(f"{folder} is sound")


@devices.command("decode")
def devices_decode(registry: RegistryOption = None) -> None:
    """Decode messages given as JSON Lines: one line in, one line out, with fate, reason and readings."""
    import orjson

    from devices.bench import OpenBench
    from devices.lines import answers

    with _clear_errors():
        bench = OpenBench() if registry is None else _registry_bench(registry)
        for answer in answers(sys.stdin.buffer, bench, time.time_ns):
            sys.stdout.buffer.write(orjson.dumps(answer) + b"\n")
            sys.stdout.buffer.flush()


@devices.command("unknown")
def devices_unknown(settings: SettingsOption = None, listen: ListenOption = "2s", json: JsonOption = False) -> None:
    """Show who is talking that the registry does not know: in quarantine, and on the broker right now."""
    from rich.console import Console

    from devices import show

    with _clear_errors():
        found = _strangers(_running_settings(settings), listen)
        if json:
            typer.echo(_as_json(found))
        else:
            Console().print(show.strangers(found, time.time_ns()))


@devices.command("adopt")
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

    with _clear_errors():
        chosen = _running_settings(settings)
        stranger = choose(_strangers(chosen, listen), address, source)
        done = adopt(
            chosen.registry, stranger, Wish(building, space, id_, kind, model, interval, meter, opening_register, start)
        )
        stored = _replay_adopted(chosen, done)
        if json:
            typer.echo(_as_json({"adopted": done, "replayed": stored}))
        else:
            Console().print(show.adopted(done, stored))


@devices.command("replace")
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

    with _clear_errors():
        estate = folder or _running_settings(settings).registry
        done = replace_device(estate, Swap(old, new, at, opening_register, model, address, source, interval))
        if json:
            typer.echo(_as_json(done))
        else:
            Console().print(show.replaced(done))


@devices.command("infer")
def devices_infer(
    file: Annotated[typer.FileBinaryRead, typer.Argument(help="JSON Lines: payloads, or topic and payload; - reads.")],
    maker: Annotated[str, typer.Option("--maker", help="Who makes the device.")] = "Unknown maker",
    model: Annotated[str, typer.Option("--model", help="What the maker calls it.")] = "unknown model",
    write: Annotated[bool, typer.Option("--write", help="Write the model's files, after a question.")] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    into: Annotated[
        Path | None, typer.Option("--into", help="Folder of models; by default Tolbooth's own.", show_default=False)
    ] = None,
    json: JsonOption = False,
) -> None:
    """Propose what a few payloads of an unknown shape mean, why, and what is left to ask."""
    from rich.console import Console

    from devices import propose, show
    from devices.infer import infer

    with _clear_errors():
        payloads = propose.read_payloads(file.read())
        found = infer(payloads)
        draft = None
        if found.fields or write:
            source = "payloads given to `tolbooth devices infer`"
            draft = propose.draft(found, payloads, maker=maker, model=model, source=source)
        if json:
            typer.echo(_as_json({"proposal": found, "files": draft}))
        else:
            Console().print(show.proposal(found, draft))
        if draft is None or not write:
            return
        folder = into or Path(str(files("devices"))) / "models"
        if not yes:
            typer.confirm(f"Write {maker} {model} into {folder}?", abort=True, err=True)
        for path in propose.write(draft, folder):
            typer.echo(f"wrote {path}", err=True)


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

    import orjson
    from rich.console import Console

    from devices import registry as registries
    from devices.bench import OpenBench
    from devices.decode import Decoder
    from devices.lines import answer
    from devices.model import Message
    from ingest import explain as explaining
    from ingest.lineprotocol import Tags
    from ingest.replay import descriptions_in

    with _clear_errors():
        message = Message(topic, _payload(payload, base64=base64), time.time_ns(), retained)
        chosen = None if settings is None else _settings(settings)
        registry = registry or (chosen.registry if chosen else None)
        if registry is None:
            explanation = explaining.explain_openly(message, OpenBench(), model=model)
        else:
            estate = registries.load(registry)
            decoder = Decoder(estate)
            decoder.restore(descriptions_in(chosen.data) if chosen else [])
            explanation = explaining.explain(message, decoder, Tags(estate))
        if json:
            steps = {"topic": topic, "steps": [asdict(step) for step in explanation.steps], "lines": explanation.lines}
            typer.echo(orjson.dumps(steps | answer(explanation.verdict, dated=True), option=orjson.OPT_INDENT_2))
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
        estate = _estate(chosen)
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

    with _clear_errors():
        _until_cancelled(run(_running_settings(settings)))


@quarantine.command("list")
def quarantine_list(
    settings: SettingsOption = None, reason: ReasonOption = "", device: DeviceOption = "", json: JsonOption = False
) -> None:
    """List the faults: how many messages each has, since when, and what mends it."""
    import orjson
    from rich.console import Console

    from ingest import quarantine as kept
    from ingest import quarantine_view as view
    from ingest.replay import opened

    with _clear_errors(), opened(_running_settings(settings).data) as db:
        groups = kept.groups(db, kept.Choice(reason, device))
        if json:
            typer.echo(orjson.dumps([view.group_data(group) for group in groups], option=orjson.OPT_INDENT_2))
        else:
            Console().print(view.group_table(groups))


@quarantine.command("show")
def quarantine_show(
    which: Annotated[str, typer.Argument(help="Id of a message, or of a group as `list` shows it.")],
    settings: SettingsOption = None,
    json: JsonOption = False,
) -> None:
    """Show a message, or those of a group, with payload, reason and mend."""
    import orjson
    from rich.console import Console

    from ingest import quarantine as kept
    from ingest import quarantine_view as view
    from ingest.replay import opened

    with _clear_errors(), opened(_running_settings(settings).data) as db:
        rows = kept.find(db, which)
        if not rows:
            _fail(f"nothing in quarantine is called {which}: `tolbooth quarantine list` shows what is there", 1)
        if json:
            typer.echo(orjson.dumps([view.row_data(row) for row in rows], option=orjson.OPT_INDENT_2))
        else:
            Console().print(view.row_table(rows))


@quarantine.command("export")
def quarantine_export(settings: SettingsOption = None, reason: ReasonOption = "", device: DeviceOption = "") -> None:
    """Write messages as JSON Lines with their original bytes; `tolbooth devices decode` reads them."""
    import orjson

    from ingest import quarantine as kept
    from ingest import quarantine_view as view
    from ingest.replay import opened

    with _clear_errors(), opened(_running_settings(settings).data) as db:
        for row in kept.read(db, kept.Choice(reason, device)):
            sys.stdout.buffer.write(orjson.dumps(view.row_data(row)) + b"\n")


@quarantine.command("replay")
def quarantine_replay(
    settings: SettingsOption = None,
    reason: ReasonOption = "",
    device: DeviceOption = "",
    group: Annotated[str, typer.Option("--group", help="Only the messages of this group.", show_default=False)] = "",
    everything: Annotated[bool, typer.Option("--all", help="Every message in quarantine.")] = False,
    json: JsonOption = False,
) -> None:
    """Decode messages again with today's registry, and store what passes; the rest stays, with its reason."""
    import orjson
    from rich.console import Console

    from ingest import quarantine_view as view
    from ingest.quarantine import Choice

    if not everything and not (reason or device or group):
        raise typer.BadParameter("say which messages: --reason, --device, --group, or --all")
    with _clear_errors():
        result = _replay(_running_settings(settings), Choice(reason, device, group))
        if json:
            typer.echo(orjson.dumps(view.result_data(result), option=orjson.OPT_INDENT_2))
        else:
            Console().print(view.result_table(result))


@app.command()
def ingest(settings: SettingsOption = None) -> None:
    """Take messages from the broker and store them in InfluxDB, until stopped."""
    from ingest import logs, service

    with _clear_errors():
        logs.start()
        chosen = _settings(settings)
        _until_stopped(lambda stop: service.run(chosen, stop))


@app.command()
def status(
    settings: SettingsOption = None,
    json: Annotated[bool, typer.Option("--json", help="As ingest answers it, for machines.")] = False,
) -> None:
    """Show where every message went; from the journal where no ingest runs."""
    from rich.console import Console

    from ingest.journal import JournalError
    from ingest.view import render_status
    from ingest.watch import WatchError, fetch_status, journal_status

    with _clear_errors():
        chosen = _running_settings(settings)
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
    json: Annotated[bool, typer.Option("--json", help="For machines.")] = False,
) -> None:
    """Test broker, database, disk, clock, registry and files, and say what loses data and how to mend it."""
    import logging
    from dataclasses import asdict
    from json import dumps

    from ingest.doctor.examine import examine
    from ingest.doctor.findings import Severity, text

    with _clear_errors():
        logging.getLogger().addHandler(logging.NullHandler())  # the findings say it all
        path = settings or _demo_settings()
        folder = security or (SECURITY if settings is None and SECURITY.exists() else None)
        found = asyncio.run(examine(_settings(path), path, folder))
    typer.echo(dumps([asdict(finding) for finding in found], indent=2) if json else text(found))
    if any(finding.severity is Severity.FAIL for finding in found):
        raise typer.Exit(1)


@app.command()
def backup(
    target: Annotated[Path, typer.Argument(metavar="TARGET.tar", help="File to make.")],
    settings: SettingsOption = None,
    secrets: Annotated[bool, typer.Option("--with-secrets", help="Passwords and tokens too.")] = False,
) -> None:
    """Save journal, quarantine, registry and settings in one file, while ingest runs."""
    from ingest.backup import backup

    with _clear_errors():
        made = backup(_settings(settings or _demo_settings()), target, secrets=secrets)
    typer.echo(f"{target}: {made['messages']:,} messages in the journal, {made['quarantine']:,} rows in quarantine")


@app.command()
def restore(
    archive: Annotated[Path, typer.Argument(metavar="SOURCE.tar", help="A file that `tolbooth backup` made.")],
    folder: Annotated[Path, typer.Argument(help="New folder for data, estate and settings.")],
) -> None:
    """Unpack a backup into a new folder, with settings to start ingest from it."""
    from ingest.backup import restore

    with _clear_errors():
        made = restore(archive, folder)
    typer.echo(f"restored as of {made['made']}: start it with `tolbooth ingest --settings {folder / 'tolbooth.toml'}`")


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
    plot: Annotated[
        Path | None, typer.Option(help="Publish nothing; draw --building's last day, week and --days into this SVG.")
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

    with _clear_errors():
        chosen = _settings(settings)
        estate = _estate(chosen)
        wrong = _scenario(scenario, estate)
        if answer_key or plot:
            end = time.time_ns()
            if answer_key:
                _write_answers(answer_key, estate, wrong, seed, end - days * DAY_NS, end)
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
        _until_stopped(
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
) -> None:
    """Store a simulated history of the estate that ends now; with --answer-key write its truth too."""
    from rich.console import Console

    from ingest import terminal
    from ingest.load import load
    from simulators.backfill import messages

    with _clear_errors():
        chosen = _settings(settings)
        end = time.time_ns()
        start = end - days * DAY_NS
        estate = _estate(chosen)
        wrong = _scenario(scenario, estate)
        history = messages(estate, start_ns=start, end_ns=end, seed=seed, state_file=state, scenario=wrong)
        with terminal.history(Console(), start, end) as progress:
            asyncio.run(load(history, chosen, progress))
        if answer_key:
            _write_answers(answer_key, estate, wrong, seed, start, end)


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

    with _clear_errors():
        estate = _estate(_settings(settings)) if settings else load(_demo_estate())
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

    seconds = None if live is None else _duration(live)
    command = (sys.executable, str(Path(__file__).resolve()))
    preview = find_spec("nicegui") is not None
    plan = demo.Plan(folder.resolve(), _demo_estate(), days, seed, seconds, command, preview)
    console = Console()

    async def run() -> None:
        with terminal.frames(console) as show:
            await demo.up(plan, lambda text: console.print(text, soft_wrap=True, highlight=False, markup=False), show)

    with _clear_errors():
        _until_cancelled(run())


@dashboards.command("build")
def dashboards_build(
    check: Annotated[bool, typer.Option("--check", help="Write nothing; fail where a file is not fresh.")] = False,
) -> None:
    """Write the boards as Grafana JSON from their code."""
    from dashboards.build import build

    changed = build(check=check)
    for path in changed:
        typer.echo(f"{path.name} {'is not fresh' if check else 'written'}")
    if check and changed:
        _fail("the boards' files differ from their code: run tolbooth dashboards build", 1)
    typer.echo("the boards are fresh")


@dashboards.command("preview")
def dashboards_preview(
    settings: SettingsOption = None,
    host: Annotated[str, typer.Option(help="Address to listen on; the page asks for no password.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=1, max=65_535)] = 8095,
) -> None:
    """Serve the boards as a local web page, drawn from the generated Grafana JSON."""
    with _clear_errors():
        try:
            from dashboards.preview.influx import Connection
            from dashboards.preview.server import serve
        except ModuleNotFoundError as error:
            _fail(f"{error.name} is not installed: pip install 'tolbooth[dashboards]'", 2)

        influx = _settings(settings or _demo_settings()).influx
        token = influx.token.get_secret_value()
        username, password = ("token", token) if token else (influx.username, influx.password.get_secret_value())
        serve(Connection(influx.url, influx.database, username, password), host, port)


@dashboards.command("push")
def dashboards_push(
    url: Annotated[str, typer.Argument(help="Address of the Grafana, for example https://grafana.example.org")],
    token_file: Annotated[Path, typer.Option("--token-file", help="File with a service account's token.")],
    datasource: Annotated[str, typer.Option(help="UID of its InfluxDB data source.")] = "tolbooth-telemetry",
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would change.")] = False,
) -> None:
    """Create or update the boards in a Grafana that others run; twice changes nothing."""
    with _clear_errors():
        try:
            from dashboards.push import PushError, push
        except ModuleNotFoundError as error:
            _fail(f"{error.name} is not installed: pip install 'tolbooth[dashboards]'", 2)

        try:
            changes = push(url, _secret(token_file), datasource=datasource, dry_run=dry_run)
        except PushError as error:
            _fail(str(error), 1)
        for change in changes:
            typer.echo(f"{'would ' if dry_run else ''}{change.action} {change.what} ({change.uid})")


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

    with _clear_errors():
        place = registry or (store.registry_of(folder) if (folder / "registry").exists() else _demo_estate())
        made = store.init(folder, load(place), time.time_ns(), registry=place, hosts=host or ())
        typer.echo(f"{len(made)} accounts made, in {folder}")
        if influx is not None:
            users = asyncio.run(databases.grant(influx, database, store.database_passwords(folder)))
            typer.echo(f"users of {influx} made or changed: {', '.join(users) or 'none'}")
        _reload_broker(folder)


@devices.command("credential")
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
    with _clear_errors():
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
            _reload_broker(folder)


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
    with _clear_errors():
        remove(folder)


def _strangers(settings: "Settings", listen: str) -> "list[Stranger]":
    from devices.strangers import find
    from ingest.unknown import collect

    collected = asyncio.run(collect(settings, _duration(listen, "--listen")))
    for trouble in collected.troubles:
        typer.echo(f"tolbooth: {trouble}", err=True)
    return find(_estate(settings), collected.messages, collected.states)


def _replay(settings: "Settings", choice: "Choice") -> "Result":
    from ingest.lineprotocol import Tags
    from ingest.replay import descriptions, opened, replay
    from ingest.service import make_decoder

    estate = _estate(settings)
    decoder = make_decoder(estate, settings)
    with opened(settings.data) as db:
        decoder.restore(descriptions(db))
        return replay(db, decoder, Tags(estate), choice, now=time.time_ns(), max_bytes=settings.journal.max_bytes)


def _replay_adopted(settings: "Settings", done: "Adopted") -> int:
    """Messages of an adopted device that quarantine kept and that are stored now."""
    from devices.model import Reason
    from ingest.journal import FILE
    from ingest.quarantine import Choice

    if not (settings.data / FILE).exists():
        return 0
    stored = _replay(settings, Choice(device=done.row["address"])).stored
    if done.new_source:
        stored += _replay(settings, Choice(Reason.UNKNOWN_TOPIC.value)).stored
    return stored


def _as_json(value: object) -> str:
    import orjson

    return orjson.dumps(value, default=str, option=orjson.OPT_INDENT_2).decode()


def _settings(path: Path | None) -> "Settings":
    from ingest.settings import load

    return load(path)


def _demo_settings() -> Path | None:
    """The demo's settings, where a demo has run in this folder."""
    path = DEMO / "tolbooth.toml"
    return path if path.exists() else None


def _secret(path: Path) -> str:
    from ingest.settings import SettingsError

    try:
        return path.read_text(encoding="utf-8").strip()
    except OSError as error:
        raise SettingsError(f"{path}: cannot be read: {error.strerror}") from error


def _running_settings(path: Path | None) -> "Settings":
    """The settings named, else those of a demo in this folder."""
    return _settings(path or _demo_settings())


def _registry_bench(folder: Path) -> "Bench":
    from devices import registry
    from devices.bench import RegistryBench
    from devices.decode import Decoder

    return RegistryBench(Decoder(registry.load(folder)))


def _payload(text: str, *, base64: bool) -> bytes:
    from base64 import b64decode

    payload = sys.stdin.buffer.read() if text == "-" else text.encode(errors="surrogateescape")
    if not base64:
        return payload
    try:
        return b64decode(b"".join(payload.split()), validate=True)
    except ValueError:
        raise typer.BadParameter("the payload is not base64", param_hint="--base64") from None


def _estate(settings: "Settings") -> "Estate":
    from devices.registry import load

    return load(settings.registry)


def _scenario(path: Path | None, estate: "Estate") -> "Scenario":
    from simulators.scenario import HEALTHY, read_scenario

    return read_scenario(path, estate) if path else HEALTHY


def _write_answers(folder: Path, estate: "Estate", wrong: "Scenario", seed: int, start: int, end: int) -> None:
    from rich.console import Console

    from ingest import terminal
    from simulators.answers import write_answers

    with terminal.history(Console(), start, end) as progress:
        write_answers(
            folder, estate, wrong, seed=seed, start=start // SECOND_NS // 60 * 60, end=end // SECOND_NS,
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


def _reload_broker(folder: Path) -> None:
    """Tell the demo's broker, if it runs with this folder; another one a person has to tell."""
    from ingest.processes import signal_child

    if signal_child(folder.parent, "mosquitto", signal.SIGHUP):
        typer.echo("the broker has taken it up")
    else:
        typer.echo("a broker that runs with this folder takes it up at a reload: systemctl reload mosquitto")


def _duration(text: str, option: str = "--for") -> float:
    """Seconds of `30s`, `5m` or `1h`."""
    found = re.fullmatch(r"(\d{1,6})([smh])", text)
    if found is None:
        raise typer.BadParameter(f"{text!r} is no length of time: write 30s, 5m or 1h", param_hint=option)
    return int(found[1]) * {"s": 1.0, "m": 60.0, "h": 3_600.0}[found[2]]


def _fail(text: str, code: int) -> NoReturn:
    typer.echo(f"tolbooth: {text}", err=True)
    raise typer.Exit(code)


@contextmanager
def _clear_errors() -> Iterator[None]:
    """What a person can mend ends in a sentence; a bug keeps its traceback."""
    try:
        yield
    except Exception as error:
        code = _exit_code(error)
        if code is None:
            raise
        _fail(str(error), code)


def _exit_code(error: Exception) -> int | None:
    from devices.estate.change import ChangeError
    from devices.registry import RegistryError
    from ingest.backup import BackupError
    from ingest.demo import DemoError
    from ingest.influx import DatabaseError
    from ingest.journal import JournalError
    from ingest.processes import ProcessError
    from ingest.security.accounts import AccountError
    from ingest.security.databases import GrantError
    from ingest.security.store import SecurityError
    from ingest.settings import SettingsError
    from ingest.stack import StackError
    from ingest.tail import TailError
    from ingest.watch import WatchError
    from simulators.plot import PlotError
    from simulators.scenario import ScenarioError
    from simulators.statefile import StateError
    from simulators.unplayable import UnplayableError

    of_the_estate = ChangeError | RegistryError | AccountError | SecurityError
    of_the_simulators = ScenarioError | PlotError | UnplayableError | StateError
    if isinstance(error, of_the_estate | of_the_simulators | SettingsError):
        return 2
    servers = DatabaseError | GrantError | ProcessError | StackError
    mendable = servers | BackupError | DemoError | JournalError | TailError | WatchError
    return 1 if isinstance(error, mendable) else None


def _until_stopped(work: Callable[[asyncio.Event], Coroutine[Any, Any, None]]) -> None:
    """Run `work` with an event that SIGINT and SIGTERM set."""

    async def run() -> None:
        stop = asyncio.Event()
        for number in (signal.SIGINT, signal.SIGTERM):
            asyncio.get_running_loop().add_signal_handler(number, stop.set)
        await work(stop)

    asyncio.run(run())


def _until_cancelled(work: Coroutine[Any, Any, None]) -> None:
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


if __name__ == "__main__":
    app()
