"""docs/own-json.md, done again: what is typed there gives what is shown there, with the files that stand there."""

import re
from pathlib import Path

from tests.bench.estate import write_estate
from tests.test_engineers import ROOT, matches, run

TEXT = (ROOT / "docs" / "own-json.md").read_text(encoding="utf-8")
BLOCK = re.compile(r"^```(\w+)\n(.*?)^```", re.MULTILINE | re.DOTALL)
COMMAND = re.compile(r"^\$ (.*)\n((?:(?!\$ ).*\n)*)", re.MULTILINE)


def test_the_transcript_is_what_happens(tmp_path: Path) -> None:
    write_estate(tmp_path / "estate", 1)
    (tmp_path / "messages.txt").write_text(COMMAND.findall(TEXT)[0][1])
    done = 0
    for kind, block in BLOCK.findall(TEXT):
        if kind != "console":
            head, _, text = block.partition("\n")
            (tmp_path / head.removeprefix("# ")).write_text(text)
            continue
        for command, shown in COMMAND.findall(block):
            now = run(command, tmp_path)
            assert matches(shown, now), f"$ {command}\n{now}\nis not what docs/own-json.md shows:\n{shown}"
            done += 1
    assert done == 5
