"""Write the boards as Grafana JSON files, or check that the committed files are fresh."""

import json
from pathlib import Path
from typing import Final

from dashboards.board import Board, to_json
from dashboards.boards import BOARDS, WITHOUT_SMALL_NUMBERS
from dashboards.panels import Json
from devices.errors import ConfigurationError

FOLDER: Final = Path(__file__).parent / "grafana"
"""Where the generated files are committed."""


def rendered(board: Board) -> str:
    """The text of a board's file."""
    return json.dumps(to_json(board), indent=2, ensure_ascii=False) + "\n"


def build(folder: Path = FOLDER, *, check: bool = False, small_numbers: bool = False) -> list[Path]:
    """Write every board to `<folder>/<uid>.json` and remove files of boards that are no more.

    Returns the files that differed from what the code says; with `check` nothing is written, with `small_numbers`
    counts of 1 to 4 people are hidden.
    """
    boards = WITHOUT_SMALL_NUMBERS if small_numbers else BOARDS
    wanted = {folder / f"{board.uid}.json": rendered(board) for board in boards}
    stale = [path for path in sorted(folder.glob("*.json")) if path not in wanted]
    changed = [path for path, text in wanted.items() if not path.exists() or path.read_text(encoding="utf-8") != text]
    if not check:
        folder.mkdir(parents=True, exist_ok=True)
        for path in changed:
            path.write_text(wanted[path], encoding="utf-8")
        for path in stale:
            path.unlink()
    return changed + stale


def committed(folder: Path = FOLDER) -> list[Json]:
    """The boards as the generated files of a folder have them, in the order of `BOARDS`."""
    paths = [folder / f"{board.uid}.json" for board in BOARDS]
    for path in paths:
        if not path.exists():
            raise ConfigurationError(f"{path} is missing: tolbooth dashboards build --folder {folder} makes it")
    return [json.loads(path.read_text(encoding="utf-8")) for path in paths]
