"""What every command shares: options, lengths of time, JSON, and the end of a command that went wrong."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, NoReturn

import typer

from devices.errors import MendableError

RegistryOption = Annotated[
    Path | None, typer.Option("--registry", help="Folder of an estate; without it the source is guessed.")
]
JsonOption = Annotated[bool, typer.Option("--json", help="For machines.")]


def fail(text: str, code: int) -> NoReturn:
    typer.echo(f"tolbooth: {text}", err=True)
    raise typer.Exit(code)


@contextmanager
def clear_errors() -> Iterator[None]:
    """What a person can mend ends in a sentence; a bug keeps its traceback."""
    try:
        yield
    except MendableError as error:
        fail(str(error), error.exit_code)


def duration(text: str, option: str = "--for") -> float:
    """Seconds of `30s`, `5m` or `1h`."""
    found = re.fullmatch(r"(\d{1,6})([smh])", text)
    if found is None:
        raise typer.BadParameter(f"{text!r} is no length of time: write 30s, 5m or 1h", param_hint=option)
    return int(found[1]) * {"s": 1.0, "m": 60.0, "h": 3_600.0}[found[2]]


def as_json(value: object) -> str:
    import orjson

    return orjson.dumps(value, default=str, option=orjson.OPT_INDENT_2).decode()
