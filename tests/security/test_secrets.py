"""A whole demo: what is secret shows nowhere but in the files that are for it, and what it runs with is revocable."""

import asyncio
import os
import re
import stat
import subprocess
import sys
import time
import urllib.request
from collections.abc import Awaitable, Callable, Iterable, Iterator
from pathlib import Path

import pytest

from ingest.security import store
from ingest.settings import load
from tests.security.clients import ACCEPTED, NOT_AUTHORISED, Client

ROOT = Path(__file__).parents[2]
TOLBOOTH = (sys.executable, str(ROOT / "tolbooth.py"))
GATEWAY = "sim-kirkbrae.z2m-library"
CLEAN = {name: value for name, value in os.environ.items() if not name.startswith("TOLBOOTH_")}


class Demo:
    """A demo in the background; its terminal is a file."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.security = folder / "demo", folder / "demo" / "security"
        self.terminal = folder / "terminal"
        with self.terminal.open("wb") as terminal:
            command = (*TOLBOOTH, "up", "--folder", str(self.folder), "--days", "0")
            self.process = subprocess.Popen(command, env=CLEAN, stdout=terminal, stderr=terminal)

    def wait(self, words: str) -> None:
        deadline = time.monotonic() + 60
        while words not in self.terminal.read_text():
            assert self.process.poll() is None, self.terminal.read_text()
            assert time.monotonic() < deadline, self.terminal.read_text()
            time.sleep(0.1)

    @property
    def port(self) -> int:
        return load(self.folder / "tolbooth.toml", {}).mqtt.port


@pytest.fixture
def demo(tmp_path: Path) -> Iterator[Demo]:
    running = Demo(tmp_path)
    yield running
    running.process.terminate()
    running.process.wait(30)


def secrets_of(security: Path) -> set[bytes]:
    """Passwords, and a line in the middle of each private key."""
    passwords = {
        path.read_bytes().strip() for name in ("accounts/*/password", "database/*") for path in security.glob(name)
    }
    keys = {path.read_bytes().splitlines()[1] for path in security.rglob("*.key")}
    return passwords | keys


def holding(secrets: Iterable[bytes], texts: Iterable[tuple[str, bytes]]) -> list[str]:
    """The names of the texts in which one of the secrets stands."""
    pattern = re.compile(b"|".join(map(re.escape, secrets)))
    return [name for name, text in texts if pattern.search(text)]


def files(folder: Path) -> Iterator[tuple[str, bytes]]:
    for path in folder.rglob("*"):
        if path.is_file():
            yield str(path), path.read_bytes()


def commands() -> Iterator[tuple[str, bytes]]:
    """The arguments of every process of this machine."""
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            yield str(path), path.read_bytes()
        except OSError:
            continue


def answers(demo: Demo) -> Iterator[tuple[str, bytes]]:
    """All that ingest says of itself."""
    port = load(demo.folder / "tolbooth.toml", {}).health.port
    for name in ("metrics", "status", "healthz", "readyz"):
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/{name}", timeout=10) as answer:
            yield name, answer.read()


def tracked() -> Iterator[tuple[str, bytes]]:
    told = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=True).stdout
    for name in told.decode().split("\0"):
        if name and (ROOT / name).is_file():
            yield name, (ROOT / name).read_bytes()


def test_no_secret_shows_where_it_should_not(demo: Demo) -> None:
    demo.wait("messages/s")
    secrets = secrets_of(demo.security)
    assert len(secrets) > 50
    assert stat.S_IMODE(demo.folder.stat().st_mode) == stat.S_IMODE((demo.folder / "ingest").stat().st_mode) == 0o700
    assert holding(secrets, commands()) == []
    assert holding(secrets, answers(demo)) == []
    assert holding(secrets, tracked()) == []
    demo.process.terminate()
    assert demo.process.wait(30) == 0
    assert holding(secrets, [("terminal", demo.terminal.read_bytes())]) == []
    found = [Path(name) for name in holding(secrets, files(demo.folder))]
    meant = {demo.folder / "tolbooth.toml", demo.folder / "reading.toml"}
    assert {path for path in found if not path.is_relative_to(demo.security)} == meant
    for path in found:
        assert stat.S_IMODE(path.stat().st_mode) in {0o600, 0o640}, path


def test_the_search_finds_a_planted_secret(tmp_path: Path) -> None:
    (tmp_path / "x.log").write_bytes(b"login hunter2-hunter2 refused")
    assert holding({b"hunter2-hunter2"}, files(tmp_path)) == [str(tmp_path / "x.log")]
    sleeper = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(30)", "hunter2-hunter2"])
    try:
        assert holding({b"hunter2-hunter2"}, commands()) == [f"/proc/{sleeper.pid}/cmdline"]
    finally:
        sleeper.kill()
        sleeper.wait()


def credential(demo: Demo, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = (*TOLBOOTH, "devices", "credential", *arguments, "--folder", str(demo.security))
    return subprocess.run(command, env=CLEAN, capture_output=True, text=True, timeout=60, check=False)


async def test_a_running_demo_takes_up_what_the_command_revokes_and_rotates(demo: Demo) -> None:
    await asyncio.to_thread(demo.wait, "messages/s")

    async def code(login: tuple[str, str] | None) -> int | None:
        client = await asyncio.to_thread(Client, "127.0.0.1", demo.port, login)
        client.close()
        return client.code

    old = store.login(demo.security, GATEWAY)
    assert old
    assert await code(None) == NOT_AUTHORISED
    assert await code(old) == ACCEPTED
    shown = await asyncio.to_thread(credential, demo, "z2m-library")
    assert f"user name {GATEWAY}, password {old[1]}" in shown.stdout

    done = await asyncio.to_thread(credential, demo, "z2m-library", "--revoke")
    assert "the broker has taken it up" in done.stdout, done.stderr
    assert await _becomes(lambda: code(old), NOT_AUTHORISED)
    output = demo.folder / "handed-out"
    done = await asyncio.to_thread(credential, demo, "z2m-library", "--rotate", "--output", str(output))
    new = (GATEWAY, output.read_text().strip())
    assert new[1] not in done.stdout
    assert stat.S_IMODE(output.stat().st_mode) == 0o600
    assert await _becomes(lambda: code(new), ACCEPTED)
    assert await code(old) == NOT_AUTHORISED
    again = await asyncio.to_thread(credential, demo, "z2m-library", "--output", str(output))
    assert again.returncode == 2
    assert "exists" in again.stderr
    unknown = await asyncio.to_thread(credential, demo, "nothing")
    assert unknown.returncode == 2
    assert "device with a connection of its own is called nothing" in unknown.stderr


async def _becomes(code: Callable[[], Awaitable[int | None]], wanted: int) -> bool:
    deadline = time.monotonic() + 5
    while await code() != wanted:
        if time.monotonic() > deadline:
            return False
        await asyncio.sleep(0.1)
    return True


def blocks(title: str) -> list[str]:
    """The shell commands of a section of the README."""
    section = (ROOT / "README.md").read_text(encoding="utf-8").split(f"\n## {title}\n")[1].split("\n## ")[0]
    return re.findall(r"```sh\n(.*?)```", section, re.DOTALL)


def shell(demo: Demo, command: str) -> str:
    """Run a command of the README as it stands, but for folder, ports and the device; what it prints."""
    settings = load(demo.folder / "tolbooth.toml", {})
    device = "sim-kirkbrae/sim-town-hall/sim-weather-station"
    for written, real in (
        (".tolbooth/", f"{demo.folder}/"),
        ("1883", str(settings.mqtt.port)),
        ("8086", settings.influx.url.rpartition(":")[2]),
        ("<council>/<building>/<device>", device),
        ("<council>.<device>", "sim-kirkbrae.sim-weather-station"),
    ):
        command = command.replace(written, real)
    done = subprocess.run(["bash", "-ec", command], env=CLEAN, capture_output=True, text=True, timeout=30, check=False)
    assert (done.returncode, done.stderr) == (0, ""), done.stderr
    return done.stdout


def test_the_commands_of_the_readme_run_against_a_demo(demo: Demo) -> None:
    demo.wait("messages/s")
    (publish,) = blocks("Point a device at it")
    query, _ = blocks("Query it")  # the other needs a history: tests/ingest/test_export.py
    assert shell(demo, publish) == ""
    deadline = time.monotonic() + 30
    while "mean" not in (told := shell(demo, query)):
        assert time.monotonic() < deadline, told
        time.sleep(0.5)
    assert "building=sim-" in told
