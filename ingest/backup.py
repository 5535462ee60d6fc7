"""Backup and restore of what only this machine has: journal and quarantine, the registry, the settings.

A backup is a tar of `manifest.json`, `journal.sqlite3` (one consistent moment of it, taken while ingest runs), the
files of the registry below `estate/`, and `settings.toml`. InfluxDB has its own tools; docs/operations.md names them.

Restoring an old journal is harmless: its lines carry their times, so lines that InfluxDB already has overwrite
themselves.
"""

import contextlib
import io
import json
import sqlite3
import tarfile
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path, PurePosixPath
from typing import IO, Any, Final

from pydantic import BaseModel, SecretStr

from devices.errors import MendableError
from devices.timestamps import SECOND
from ingest import journalfile, veil
from ingest.counts import look
from ingest.settings import Settings

FORMAT: Final = 1
MANIFEST, ESTATE, SETTINGS = "manifest.json", "estate", "settings.toml"
DATA: Final = (journalfile.FILE, veil.FILE)
"""Files of the data folder."""


class BackupError(MendableError):
    """The backup cannot be made or restored; the text says what to do."""


def backup(settings: Settings, target: Path, *, secrets: bool) -> dict[str, Any]:
    """Write a backup; the manifest. With `secrets` the settings keep their passwords, and small spaces their veil.

    Raises:
        BackupError: the target exists, or there is nothing to back up.
    """
    source = settings.data / journalfile.FILE
    if not source.exists():
        raise BackupError(f"{source} is not there: name the settings of the ingest to back up with --settings")
    made = datetime.fromtimestamp(time.time_ns() / SECOND, UTC).isoformat()
    manifest = {"format": FORMAT, "made": made, "secrets": secrets}
    try:
        with target.open("xb") as file, tempfile.TemporaryDirectory(dir=target.parent) as place:
            target.chmod(0o600)
            copied = Path(place) / journalfile.FILE
            _copy(source, copied)
            manifest |= _counts(Path(place))
            with tarfile.open(fileobj=file, mode="w") as tar:
                _add(tar, MANIFEST, json.dumps(manifest, indent=1).encode())
                _add(tar, SETTINGS, to_toml(settings, secrets=secrets).encode())
                tar.add(copied, journalfile.FILE)
                if secrets and (settings.data / veil.FILE).exists():
                    tar.add(settings.data / veil.FILE, veil.FILE)
                for path in sorted(settings.registry.rglob("*")):
                    if path.is_file():
                        tar.add(path, str(PurePosixPath(ESTATE) / path.relative_to(settings.registry).as_posix()))
    except FileExistsError as error:
        raise BackupError(f"{target} exists: name another file, or move it away") from error
    except (OSError, sqlite3.Error) as error:
        target.unlink(missing_ok=True)
        raise BackupError(f"{target} cannot be written: {error}") from error
    return manifest


def restore(archive: Path, folder: Path) -> dict[str, Any]:
    """Unpack a backup into `folder`, which must not exist or be empty; the manifest.

    There are then `data/`, `estate/` and `tolbooth.toml`, which names both.

    Raises:
        BackupError: the archive is none of ours, or the folder has something in it.
    """
    if folder.exists() and any(folder.iterdir()):
        raise BackupError(f"{folder} is not empty: name a new folder, since restoring would replace what is there")
    try:
        with archive.open("rb") as file, _opened(archive, file) as tar:
            members = _members(tar)
            _look_for_the_end(file, members[-1])
            manifest: dict[str, Any] = json.loads(_read(tar, MANIFEST))
            if manifest["format"] != FORMAT:
                raise BackupError(f"{archive} was made by another version of tolbooth: restore it with that version")
            for member in members:
                if member.name != MANIFEST:
                    _unpack(tar, member, folder / _place(PurePosixPath(member.name)))
    except tarfile.ReadError as error:
        raise BackupError(f"{archive} is cut off or damaged: copy the backup again") from error
    except OSError as error:
        raise BackupError(f"{archive} cannot be restored: {error}") from error
    except (tarfile.TarError, KeyError, ValueError, TypeError) as error:
        raise BackupError(f"{archive} is no backup of tolbooth: {error}") from error
    settings = folder / "tolbooth.toml"
    places = {"registry": folder.resolve() / ESTATE, "data": folder.resolve() / "data"}
    head = "".join(f"{name} = {json.dumps(str(path))}\n" for name, path in places.items())
    settings.write_text(head + settings.read_text(encoding="utf-8"), encoding="utf-8")
    return manifest


def to_toml(settings: Settings, *, secrets: bool) -> str:
    """The settings as TOML, without `registry` and `data`, which belong to a machine; defaults are left out."""
    lines: list[str] = []
    for name, value in _set(settings, secrets=secrets):
        if not isinstance(value, list) and name not in {"registry", "data"}:
            lines.append(f"{name} = {json.dumps(value)}")
    for name, value in _set(settings, secrets=secrets):
        if isinstance(value, list) and value:
            lines += ["", f"[{name}]", *(f"{key} = {json.dumps(each)}" for key, each in value)]
    return "\n".join(lines) + "\n"


def _set(table: BaseModel, *, secrets: bool) -> list[tuple[str, Any]]:
    """(name, value) of each setting that is not the default; a table is a list of these."""
    found: list[tuple[str, Any]] = []
    for name, field in type(table).model_fields.items():
        value = getattr(table, name)
        if isinstance(value, BaseModel):
            found.append((name, _set(value, secrets=secrets)))
        elif value == field.default or (isinstance(value, SecretStr) and not secrets):
            continue
        elif isinstance(value, SecretStr):
            found.append((name, value.get_secret_value()))
        else:
            found.append((name, str(value) if isinstance(value, Path) else value))
    return found


def _copy(source: Path, target: Path) -> None:
    """One moment of a journal that is being written: SQLite's online backup, in one transaction."""
    target.touch(mode=0o600)
    with (
        contextlib.closing(sqlite3.connect(f"file:{source}?mode=ro", uri=True)) as live,
        contextlib.closing(sqlite3.connect(target)) as copy,
    ):
        live.backup(copy)
        copy.execute("PRAGMA journal_mode = DELETE")  # one file, without a log beside it


def _counts(folder: Path) -> dict[str, int]:
    counts = look(folder)
    return {"messages": counts.messages, "quarantine": counts.quarantine, "received": counts.received}


def _add(tar: tarfile.TarFile, name: str, content: bytes) -> None:
    member = tarfile.TarInfo(name)
    member.size, member.mode, member.mtime = len(content), 0o600, int(time.time())
    tar.addfile(member, io.BytesIO(content))


def _read(tar: tarfile.TarFile, name: str) -> bytes:
    file = tar.extractfile(name)
    if file is None:
        raise KeyError(name)
    with file:
        return file.read(2**20)


def _opened(archive: Path, file: IO[bytes]) -> tarfile.TarFile:
    try:
        return tarfile.open(fileobj=file, mode="r:")
    except tarfile.TarError as error:
        why = (
            f"{archive} is no tar file, or a scrap of one: name what `tolbooth backup` wrote, whole and not compressed"
        )
        raise BackupError(why) from error


def _members(tar: tarfile.TarFile) -> list[tarfile.TarInfo]:
    """The files of a backup; anything else in the archive is refused, and nothing leaves the folder."""
    members = []
    for member in tar:
        name = PurePosixPath(member.name)
        known = member.name in {MANIFEST, SETTINGS, *DATA} or (len(name.parts) > 1 and name.parts[0] == ESTATE)
        if not member.isfile() or name.is_absolute() or ".." in name.parts or not known:
            raise ValueError(f"it holds {member.name!r}")
        members.append(member)
    if MANIFEST not in (member.name for member in members):
        raise ValueError(f"it holds no {MANIFEST}")
    return members


def _look_for_the_end(file: IO[bytes], last: tarfile.TarInfo) -> None:
    """Two blocks of zeros behind the last member mark it, and tarfile does without; raises `ReadError`."""
    file.seek(last.offset_data + -(-last.size // tarfile.BLOCKSIZE) * tarfile.BLOCKSIZE)
    if file.read(2 * tarfile.BLOCKSIZE) != bytes(2 * tarfile.BLOCKSIZE):
        raise tarfile.ReadError("the end is missing")


def _place(name: PurePosixPath) -> Path:
    if str(name) in DATA:
        return Path("data") / name
    return Path("tolbooth.toml") if str(name) == SETTINGS else Path(*name.parts)


def _unpack(tar: tarfile.TarFile, member: tarfile.TarInfo, path: Path) -> None:
    file = tar.extractfile(member)
    if file is None:
        raise KeyError(member.name)
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    path.touch(mode=0o600)
    with file, path.open("wb") as out:
        while part := file.read(2**20):
            out.write(part)
