"""How occupancy of small spaces is stored: together, and so that a line tells neither its space nor its moment.

Lines of several spaces must not overwrite each other, the same message must make the same line again, and sums and
means over a quarter of an hour must stay right. So a line has a tag `part`, a keyed hash of its space, and its time is
moved within its quarter of an hour by a keyed hash of device and time: an unmoved time would be that of the same
message's temperature, which names the space. Who has the key can find both by trying: it is the installation's secret.
"""

import secrets
from collections.abc import Iterable
from hashlib import blake2b
from pathlib import Path
from typing import Final

from devices.model import Assignment, Device, Estate
from devices.privacy import Group, veils
from devices.schema import SMALL_SPACES
from devices.timestamps import SECOND
from ingest.security import store
from ingest.settings import SettingsError

BUCKET: Final = 900 * SECOND
"""Quarter of an hour, ns: no figure of small spaces is finer."""
FILE: Final = "veil.key"
KEY_BYTES: Final = 32


def key_of(folder: Path, estate: Estate) -> bytes:
    """The key in the data folder, made where it is missing and a council wants it; empty where none does.

    Raises:
        SettingsError: it cannot be read or made, or is none.
    """
    if not any(council.privacy.smallest_space for council in estate.councils.values()):
        return b""
    path = folder / FILE
    try:
        if not path.exists():
            store.put(path, secrets.token_hex(KEY_BYTES))
        key = path.read_bytes().strip()
    except OSError as error:
        raise SettingsError(f"{path} cannot be used ({error.strerror}): let ingest's user read and write it") from error
    if len(key) != 2 * KEY_BYTES:
        raise SettingsError(f"{path} is no key of {KEY_BYTES} bytes in hexadecimal: restore it from a backup")
    return key


class Veil:
    """The small spaces of an estate, and what stands for them."""

    def __init__(self, estate: Estate, key: bytes) -> None:
        self._known = {council.id: veils(council) for council in estate.councils.values()}
        self._key = key

    def group(self, device: Device, assignment: Assignment) -> Group | None:
        """The group with which the occupancy of a device is stored; None where it is stored by its own name."""
        return self._known[device.council].get((assignment.building, assignment.space))

    def tags(self, device: Device, assignment: Assignment, group: Group) -> dict[str, str]:
        """The tags of a line but `channel`."""
        part = self._hash(device.council, assignment.building, assignment.space).to_bytes(8, "big").hex()
        return {
            "building": group.building,
            "council": device.council,
            "level": group.level,
            "part": part,
            "space": SMALL_SPACES,
        }

    def moved(self, device: Device, time: int) -> int:
        """Another time in the same quarter of an hour, always the same one; ns."""
        return time - time % BUCKET + self._hash(device.council, device.id, str(time)) % BUCKET

    def _hash(self, *words: str) -> int:
        return int.from_bytes(blake2b(_said(words), key=self._key, digest_size=8).digest(), "big")


def _said(words: Iterable[str]) -> bytes:
    return "\0".join(words).encode()
