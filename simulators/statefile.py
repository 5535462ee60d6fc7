"""The state of a simulation on disk, so that registers go on where they ended."""

import json
import os
from pathlib import Path

from devices.errors import ConfigurationError
from simulators.simulation import Simulation


class StateError(ConfigurationError):
    """The state file is none, or is of another simulation; the text says what to do."""


def save(simulation: Simulation, path: Path) -> None:
    """Write the state; the file is whole or not there, whatever happens meanwhile."""
    beside = path.with_name(path.name + ".new")
    with beside.open("w", encoding="utf-8") as file:
        json.dump(simulation.state(), file)
        file.flush()
        os.fsync(file.fileno())
    beside.replace(path)


def load(simulation: Simulation, path: Path) -> bool:
    """Take the state back; False where there is no file yet.

    Raises:
        StateError: the file is no state of this seed.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        return False
    try:
        simulation.restore(json.loads(text))
    except (KeyError, TypeError, AttributeError, json.JSONDecodeError) as error:
        raise StateError(f"{path} is no state of a simulation ({error}): delete it") from error
    except ValueError as error:
        raise StateError(f"{path}: {error}") from error
    return True
