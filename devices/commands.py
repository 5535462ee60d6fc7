"""The commands that need nothing but messages and a registry."""

import sys
import time
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from devices.command import JsonOption, RegistryOption, as_json, clear_errors

if TYPE_CHECKING:
    from devices.bench import Bench

app = typer.Typer(no_args_is_help=True)


@app.command("decode")
def devices_decode(registry: RegistryOption = None) -> None:
    """Decode messages given as JSON Lines: one line in, one line out, with fate, reason and readings."""
    import orjson

    from devices.bench import OpenBench
    from devices.lines import answers

    with clear_errors():
        bench = OpenBench() if registry is None else _registry_bench(registry)
        for answer in answers(sys.stdin.buffer, bench, time.time_ns):
            sys.stdout.buffer.write(orjson.dumps(answer) + b"\n")
            sys.stdout.buffer.flush()


@app.command("infer")
def devices_infer(
    file: Annotated[
        typer.FileBinaryRead, typer.Argument(help="JSON Lines of payloads, or lines of topic and payload; - reads.")
    ],
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

    from devices import propose, propose_source, show
    from devices.estate.change import ChangeError
    from devices.infer import infer

    with clear_errors():
        text = file.read()
        if propose_source.is_lines(text):
            if write:
                raise ChangeError("a source is not written: put what is proposed into council.yaml, once it is right")
            found, listed = propose_source.propose(propose_source.read_lines(text))
            if json:
                typer.echo(as_json({"proposal": found, "files": listed}))
            else:
                Console().print(show.proposal(found, listed))
            return
        payloads = propose.read_payloads(text)
        found = infer(payloads)
        draft = None
        if found.fields or write:
            source = "payloads given to `tolbooth devices infer`"
            draft = propose.draft(found, payloads, maker=maker, model=model, source=source)
        if json:
            typer.echo(as_json({"proposal": found, "files": draft}))
        else:
            Console().print(show.proposal(found, draft))
        if draft is None or not write:
            return
        folder = into or Path(str(files("devices"))) / "models"
        if not yes:
            typer.confirm(f"Write {maker} {model} into {folder}?", abort=True, err=True)
        for path in propose.write(draft, folder):
            typer.echo(f"wrote {path}", err=True)


def _registry_bench(folder: Path) -> "Bench":
    from devices import registry
    from devices.bench import RegistryBench
    from devices.decode import Decoder

    return RegistryBench(Decoder(registry.load(folder)))
