"""Child processes with a folder of their own: free ports that are remembered, logs in files, a clean end.

Each child runs in its own session, so that Ctrl-C in a terminal reaches only the parent, which stops its children in
order. What an earlier parent left behind (killed before it could clean up) `end_leftover` ends.
"""

import asyncio
import contextlib
import json
import os
import signal
import socket
import subprocess
import time
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from devices.errors import MendableError

HOST = "127.0.0.1"
POLL_S = 0.05
LOG_LINES = 12


class ProcessError(MendableError):
    """A process is missing, did not start, or ended; the text says which, and shows the end of its log."""


@dataclass(slots=True)
class Process:
    """One child: `start`, `stop` or `kill`, and `start` again with the same command, port and data."""

    name: str
    command: Sequence[str]
    folder: Path
    """holds `<name>.log` and `<name>.pid`"""
    ready: Callable[[], Awaitable[bool]]
    """whether it serves; asked until it does"""
    port: int = 0
    environment: Mapping[str, str] = field(default_factory=dict)
    host: str = HOST
    _child: subprocess.Popen[bytes] | None = None

    @property
    def log(self) -> Path:
        return self.folder / f"{self.name}.log"

    @property
    def pid(self) -> int | None:
        """Its process id while it runs."""
        return self._child.pid if self._child is not None and self._child.poll() is None else None

    async def start(self, *, timeout_s: float = 30) -> None:
        """Start it and wait until it serves; raises `ProcessError` if it ends first or takes longer."""
        with self.log.open("ab") as log:
            self._child = subprocess.Popen(  # noqa: S603, ASYNC220 - our own command, and starting does not block
                self.command,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
                env={**os.environ, **self.environment},
            )
        self._pid_file.write_text(json.dumps({"pid": self._child.pid, "argument": self.command[-1]}))
        try:
            await self._serves(timeout_s)
        except BaseException:
            await self.kill()
            raise

    async def _serves(self, timeout_s: float) -> None:
        deadline = time.monotonic() + timeout_s
        while not await self.ready():
            self.check()
            if time.monotonic() > deadline:
                raise ProcessError(f"{self.name} did not answer within {timeout_s:.0f} s.{self._end_of_log()}")
            await asyncio.sleep(POLL_S)
        self.check()

    def check(self) -> None:
        """Raise `ProcessError` if it has ended."""
        if self._child is None or self._child.poll() is not None:
            code = None if self._child is None else self._child.returncode
            raise ProcessError(f"{self.name} ended with exit code {code}.{self._end_of_log()}")

    async def stop(self, *, timeout_s: float = 10) -> None:
        """Ask it to end (SIGTERM); kill it if it has not done so in time."""
        await self._end(signal.SIGTERM, timeout_s)
        await self.kill()

    async def kill(self) -> None:
        """End it at once (SIGKILL), as a crash would."""
        await self._end(signal.SIGKILL, 10)
        self._pid_file.unlink(missing_ok=True)

    async def _end(self, with_signal: signal.Signals, timeout_s: float) -> None:
        if self._child is None or self._child.poll() is not None:
            return
        self._child.send_signal(with_signal)
        with contextlib.suppress(subprocess.TimeoutExpired):
            await asyncio.to_thread(self._child.wait, timeout_s)

    @property
    def _pid_file(self) -> Path:
        return self.folder / f"{self.name}.pid"

    def _end_of_log(self) -> str:
        return f" The end of {self.log}:\n{tail(self.log)}"


def tail(log: Path, lines: int = LOG_LINES) -> str:
    """The last lines of a log, without control characters; empty where there is none."""
    if not log.exists():
        return ""
    text = log.read_bytes()[-16_384:].decode("utf-8", "replace")
    return "\n".join("".join(c for c in line if c.isprintable()) for line in text.splitlines()[-lines:])


@contextlib.contextmanager
def held_ports(folder: Path, *names: str) -> Iterator[list[int]]:
    """A port for each name: the one it had the last time, if that is free, else a new one, which is remembered.

    Until the end nobody else is given them: they are bound here as well, without being listened to, which a server
    that sets SO_REUSEADDR does not mind.
    """
    path = folder / "ports.json"
    ports: dict[str, int] = json.loads(path.read_text()) if path.exists() else {}
    with contextlib.ExitStack() as held:
        for name in names:
            holder = _holder(ports.get(name, 0))
            while holder is None:
                port = free_port()
                if port not in ports.values() and (holder := _holder(port)) is not None:
                    ports[name] = port
                    path.write_text(json.dumps(ports, indent=1) + "\n")
            held.enter_context(holder)
        yield [ports[name] for name in names]


def _holder(port: int) -> socket.socket | None:
    """A socket that holds a loopback port, if it can be had; 0 is no port."""
    holder = socket.socket()
    holder.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        if port:
            holder.bind((HOST, port))
            return holder
    except OSError:
        pass
    holder.close()
    return None


def free_port() -> int:
    """A TCP port on loopback that nobody listens on."""
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        port: int = probe.getsockname()[1]
        return port


def end_leftover(folder: Path, name: str) -> None:
    """End the child `name` of an earlier parent that could not; waits until it has ended and its port is free.

    A process counts as that child only if the last argument of its command line is still the one it was started with.
    """
    path = folder / f"{name}.pid"
    if not path.exists():
        return
    known = json.loads(path.read_text())
    path.unlink()
    pid, argument = int(known["pid"]), str(known["argument"])
    if not _runs(pid, argument):
        return
    os.kill(pid, signal.SIGTERM)
    deadline = time.monotonic() + 10
    while _runs(pid, argument):
        if time.monotonic() > deadline:
            os.kill(pid, signal.SIGKILL)
        time.sleep(POLL_S)


def signal_child(folder: Path, name: str, number: signal.Signals) -> bool:
    """Send a signal to the child `name` that another process runs with this folder; whether there is one."""
    path = folder / f"{name}.pid"
    if not path.exists():
        return False
    known = json.loads(path.read_text())
    pid, argument = int(known["pid"]), str(known["argument"])
    if not _runs(pid, argument):
        return False
    os.kill(pid, number)
    return True


def _runs(pid: int, argument: str) -> bool:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().rstrip(b"\0").split(b"\0")[-1] == argument.encode()
    except OSError:
        return False
