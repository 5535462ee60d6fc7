"""The command as a person uses it: the demo with all its processes, and the sentences that errors end in."""

import asyncio
import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import typer

from devices.command import duration
from ingest import demo
from ingest.demo import DemoError

ROOT = Path(__file__).parents[1]
TOLBOOTH = (sys.executable, str(ROOT / "tolbooth.py"))
CLEAN = {name: value for name, value in os.environ.items() if not name.startswith("TOLBOOTH_")}


def run(*arguments: str, folder: Path, environment: dict[str, str] | None = None) -> subprocess.CompletedProcess[str]:
    """Run the command to its end in `folder`."""
    return subprocess.run(
        (*TOLBOOTH, *arguments),
        cwd=folder,
        env=CLEAN | (environment or {}),
        capture_output=True,
        text=True,
        timeout=90,
        check=False,
    )


def processes_of(folder: Path) -> list[str]:
    """The command lines of running processes that name `folder`."""
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            line = path.read_bytes().replace(b"\0", b" ").decode(errors="replace")
        except OSError:
            continue
        if str(folder) in line:
            found.append(line)
    return found


class Up:
    """A demo in the background, without history."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.lines: list[str] = []
        self.process = subprocess.Popen(
            (*TOLBOOTH, "up", "--folder", str(folder), "--days", "0"),
            env=CLEAN,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def until(self, words: str) -> None:
        """Read its output up to a line with `words`."""
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self.lines.append(line)
            if words in line:
                return
        raise AssertionError("".join(self.lines))


@pytest.fixture
def up(tmp_path: Path) -> Iterator[Up]:
    running = Up(tmp_path / "demo")
    yield running
    running.process.terminate()
    running.process.wait(30)


def test_up_stores_live_readings_ends_by_itself_and_leaves_nothing_running(tmp_path: Path) -> None:
    folder = tmp_path / "demo"
    done = run("up", "--folder", str(folder), "--days", "0", "--for", "3s", folder=tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
    assert re.search(r"messages/s, stored \d", done.stdout)
    assert processes_of(folder) == []
    assert run("clean", "--yes", "--folder", str(folder), folder=tmp_path).returncode == 0
    assert not folder.exists()


def test_up_holds_its_folder_answers_status_and_stops_in_order(up: Up, tmp_path: Path) -> None:
    up.until("messages/s")
    second = run("up", "--folder", str(up.folder), folder=tmp_path)
    assert second.returncode == 1
    assert "another `tolbooth up` runs in" in second.stderr
    assert run("clean", "--yes", "--folder", str(up.folder), folder=tmp_path).returncode == 1
    status = run("status", "--json", "--settings", str(up.folder / "tolbooth.toml"), folder=tmp_path)
    assert json.loads(status.stdout)["devices"]["registered"] > 0
    up.process.send_signal(signal.SIGINT)
    assert up.process.wait(30) == 0
    up.until("stopped; the data stays in")
    assert processes_of(up.folder) == []
    assert "ingest stopped" in (up.folder / "ingest.log").read_text()
    status = run("status", "--settings", str(up.folder / "tolbooth.toml"), folder=tmp_path)
    assert "ingest is not running" in status.stdout
    assert "received" in status.stdout


def test_a_demo_has_an_estate_of_its_own_which_a_later_start_keeps(up: Up, tmp_path: Path) -> None:
    shipped = ROOT / "simulators" / "estate" / "sim-kirkbrae" / "devices.csv"
    before = shipped.read_text()
    up.until("messages/s")
    own = up.folder / "estate" / "sim-kirkbrae" / "devices.csv"
    row = "new-trv,room_sensor,Sonoff TRVZB,z2m-library,new/trv,5m,sim-library,lending,,,2026-11-24,\n"
    own.write_text(own.read_text() + row)
    deadline = time.monotonic() + 30
    while "600 devices" not in (up.folder / "ingest.log").read_text():
        assert time.monotonic() < deadline, "ingest did not take the change up"
        time.sleep(0.2)
    up.process.send_signal(signal.SIGINT)
    assert up.process.wait(30) == 0

    again = run("up", "--folder", str(up.folder), "--days", "0", "--for", "1s", folder=tmp_path)
    assert again.returncode == 0, again.stdout + again.stderr
    assert "new-trv" in own.read_text()
    assert shipped.read_text() == before


def test_settings_of_an_installation_never_reach_the_demo(tmp_path: Path) -> None:
    theirs = {"TOLBOOTH_INFLUX__URL": "http://127.0.0.1:9", "TOLBOOTH_DATA": str(tmp_path / "theirs")}
    done = run("up", "--folder", "demo", "--days", "0", "--for", "1s", folder=tmp_path, environment=theirs)
    assert done.returncode == 0, done.stdout + done.stderr
    assert not (tmp_path / "theirs").exists()


def test_a_killed_demo_resumes_on_the_same_ports(up: Up, tmp_path: Path) -> None:
    up.until("messages/s")
    ports = (up.folder / "ports.json").read_text()
    up.process.kill()
    up.process.wait()
    assert processes_of(up.folder)
    started = time.monotonic()
    again = Up(up.folder)
    again.until("messages/s")
    assert time.monotonic() - started < 20
    assert (up.folder / "ports.json").read_text() == ports
    again.process.terminate()
    assert again.process.wait(30) == 0
    assert processes_of(up.folder) == []


def test_a_part_that_dies_ends_the_demo(up: Up) -> None:
    up.until("messages/s")
    os.kill(json.loads((up.folder / "simulators.pid").read_text())["pid"], signal.SIGKILL)
    up.until("simulators ended with exit code -9")
    assert up.process.wait(30) == 1
    assert processes_of(up.folder) == []


@pytest.mark.parametrize(
    ("arguments", "environment", "code", "says"),
    [
        (("ingest",), {}, 2, "registry is missing"),
        (("ingest",), {"TOLBOOTH_MQQT__HOST": "x"}, 2, "did you mean mqtt.host"),
        (("ingest", "--settings", "none.toml"), {}, 2, "none.toml"),
        (("status",), {"TOLBOOTH_REGISTRY": "x", "TOLBOOTH_HEALTH__PORT": "1"}, 1, "no ingest answers at"),
        (("devices", "check", "none"), {}, 2, "none:1: there is no such folder"),
        (("up", "--for", "5 minutes"), {}, 2, "is no length of time"),
        (("up", "--folder", "/dev/null/demo"), {}, 1, "/dev/null/demo cannot be written (Not a directory)"),
        (("clean", "--yes", "--folder", "."), {}, 1, "not the folder of a demo"),
        (("simulate",), {"TOLBOOTH_REGISTRY": "none"}, 2, "none"),
    ],
)
def test_a_mistake_ends_in_a_sentence(
    arguments: tuple[str, ...], environment: dict[str, str], code: int, says: str, tmp_path: Path
) -> None:
    done = run(*arguments, folder=tmp_path, environment=environment)
    assert done.returncode == code, done.stderr
    assert says in " ".join((done.stdout + done.stderr).split())
    assert "Traceback" not in done.stderr


def test_a_state_of_another_simulation_is_refused(tmp_path: Path) -> None:
    (tmp_path / "state.json").write_text("{}")
    registry = {"TOLBOOTH_REGISTRY": str(ROOT / "simulators" / "estate")}
    done = run("simulate", "--state", "state.json", folder=tmp_path, environment=registry)
    assert done.returncode == 2, done.stderr
    assert "state.json" in done.stderr
    assert "Traceback" not in done.stderr


def test_the_demo_estate_is_sound(tmp_path: Path) -> None:
    assert run("devices", "check", folder=tmp_path).returncode == 0


@pytest.mark.parametrize(("text", "seconds"), [("30s", 30.0), ("5m", 300.0), ("1h", 3_600.0)])
def test_lengths_of_time(text: str, seconds: float) -> None:
    assert duration(text) == seconds


@pytest.mark.parametrize("text", ["", "30", "s", "-1s", "1.5h", "9999999s"])
def test_no_lengths_of_time(text: str) -> None:
    with pytest.raises(typer.BadParameter):
        duration(text)


def test_a_folder_that_is_no_demo_is_not_removed(tmp_path: Path) -> None:
    (tmp_path / "precious").touch()
    with pytest.raises(DemoError, match="Nothing was removed"):
        demo.remove(tmp_path)
    assert (tmp_path / "precious").exists()


async def test_both_witnesses_must_have_seen_live_readings() -> None:
    class Empty:
        async def query(self, _question: str) -> list[dict[str, object]]:
            return []

    with pytest.raises(DemoError, match="ingest counted 5 live values"):
        await asyncio.wait_for(demo._prove(Empty(), 5, 0), 5)  # type: ignore[arg-type]
