"""Where things are in a security folder: that of an installation, or that of the container stack.

In the stack each container mounts its own part of the folder and nothing else of it is kept, so what the folder itself
remembers lies in `authority`, and what Mosquitto reads is in `mosquitto`, readable whatever user its container has.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from ingest.security.accounts import INGEST, Account

OWNER, GROUP, ALL, ANYBODY = 0o600, 0o640, 0o644, 0o444
HEALTH: Final = Account("health", read=("$SYS/broker/uptime",))
"""The broker's own check in the container stack."""


@dataclass(frozen=True, slots=True)
class Place:
    """The password of an account that is not among the devices': file below the root, and its mode."""

    file: str
    mode: int = ANYBODY


@dataclass(frozen=True, slots=True)
class Layout:
    """One security folder."""

    root: Path
    broker: Path
    """what Mosquitto reads"""
    state: Path
    """holds `registry`, `revoked` and `lock`"""
    mode: int
    """of what is secret for all but Mosquitto"""
    places: Mapping[str, Place] = field(default_factory=dict)
    more: tuple[Account, ...] = ()
    """accounts beside those of the estate"""
    certificates: bool = True
    """whether the broker has a listener for client certificates"""

    @property
    def authority(self) -> Path:
        return self.root / "authority"

    @property
    def folders(self) -> tuple[tuple[Path, int], ...]:
        """Folders to make where they are missing, with their modes."""
        parts = (("", 0o711), ("authority", 0o700), ("accounts", 0o700))
        own = () if self.more else ((self.broker, 0o750), (self.root / "database", 0o700))
        return (*((self.root / part, mode) for part, mode in parts), *own)

    def account(self, name: str) -> Path:
        """The folder of an account."""
        return self.root / "accounts" / name

    def password(self, name: str) -> Path:
        """The file of an account's password."""
        place = self.places.get(name)
        return self.account(name) / "password" if place is None else self.root / place.file


def installation(root: Path) -> Layout:
    """The folder that `tolbooth init` makes."""
    return Layout(root, root / "broker", root, GROUP)


def stack(root: Path) -> Layout:
    """The folder of the container stack, `/secrets` in its containers."""
    places = {INGEST: Place("ingest/mqtt-password"), HEALTH.name: Place("mosquitto/health-password")}
    return Layout(root, root / "mosquitto", root / "authority", ANYBODY, places, (HEALTH,), certificates=False)


def layout_of(root: Path) -> Layout:
    """Which of the two a folder is."""
    return stack(root) if (root / "mosquitto").is_dir() else installation(root)
