"""The SQLite file of the journal: one process has it, its owner alone may read it, and a full disk is outlived.

A transaction either grows the file or frees room in it. On a full disk the former waits, and the latter gets what it
needs from a reserve, so that what is journalled still goes to InfluxDB.
"""

import contextlib
import fcntl
import sqlite3
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final, TextIO

from devices.errors import MendableError
from ingest.reserve import LOG_SHARE, Reserve

FILE: Final = "journal.sqlite3"
PAGE: Final = 16_384
WORTH: Final = 16
"""Free pages from which the file is made smaller."""
BUSY_MS: Final = 60_000
"""A replay may write meanwhile."""


class FullError(Exception):
    """The journal may not grow: the disk is full, or its bound is reached. Nothing was written."""


class JournalError(MendableError):
    """The journal cannot be used; the text says what to do."""


class JournalFile:
    """The file, opened and locked.

    Args:
        folder: made if missing.
        version: of `tables`; another one in the file is refused.
        tables: statements that make what is missing.

    Raises:
        JournalError: with the mend.
    """

    def __init__(self, folder: Path, version: int, tables: Sequence[str]) -> None:
        self._folder = folder
        path = folder / FILE
        with contextlib.ExitStack() as exits:
            try:
                folder.mkdir(parents=True, exist_ok=True, mode=0o700)
                self._lock = exits.enter_context(_locked(folder / "journal.lock"))
                self._reserve = Reserve(folder)
                _make_private(path)
            except OSError as error:
                raise JournalError(
                    f"{folder} cannot be written ({error.strerror}): set data to a folder that can"
                ) from error
            try:
                self.db = self._opened(path, version, tables)
            except sqlite3.DatabaseError as error:
                raise broken(path, error) from error
            exits.callback(self.db.close)
            self._reserve.make()
            exits.pop_all()

    def _opened(self, path: Path, version: int, tables: Sequence[str]) -> sqlite3.Connection:
        log_pages = max(8, self._reserve.bytes // LOG_SHARE // PAGE)
        try:
            return _connected(path, version, tables, log_pages)
        except sqlite3.DatabaseError as error:
            if not no_space(error) or not self._reserve.release():
                raise
            return _connected(path, version, tables, log_pages)

    def close(self) -> None:
        self.db.close()
        self._lock.close()

    @property
    def spare(self) -> bool:
        """Whether the reserve is there, and not in use."""
        return self._reserve.held

    def grow(self, work: Callable[[], object]) -> None:
        """A transaction that takes room; none while the reserve is out, which is for freeing alone.

        Raises:
            FullError: nothing was written.
        """
        if not self._reserve.make():
            raise FullError(f"the disk of {self._folder} is full, and its reserve in use")
        self._transaction(work)

    def free(self, work: Callable[[], object]) -> None:
        """A transaction that makes room, from the reserve where there is none for it.

        Raises:
            FullError: nothing was written, the reserve is used up too.
        """
        try:
            self._transaction(work)
        except FullError:
            if not self._reserve.release():
                raise
            self._transaction(work)

    def shrink(self) -> None:
        """Give free pages back to a full disk, where there is room to do that."""
        (free,) = self.db.execute("PRAGMA freelist_count").fetchone()
        if free < WORTH or self._reserve.make():
            return
        with contextlib.suppress(sqlite3.OperationalError):
            self.db.execute("PRAGMA busy_timeout = 1000")
            self.db.execute("VACUUM")
            self.db.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
        self.db.execute(f"PRAGMA busy_timeout = {BUSY_MS}")
        self._reserve.make()

    def _transaction(self, work: Callable[[], object]) -> None:
        try:
            self.db.execute("BEGIN IMMEDIATE")
            try:
                work()
                self.db.execute("COMMIT")
            except BaseException:
                if self.db.in_transaction:
                    self.db.execute("ROLLBACK")
                raise
        except sqlite3.OperationalError as error:
            if no_space(error):
                raise FullError(f"the disk of {self._folder} is full: {error}") from error
            raise


def _connected(path: Path, version: int, tables: Sequence[str], log_pages: int) -> sqlite3.Connection:
    with contextlib.ExitStack() as exits:
        db = sqlite3.connect(path, timeout=BUSY_MS / 1_000, isolation_level=None)
        exits.callback(db.close)
        db.execute(f"PRAGMA page_size = {PAGE}")
        db.execute("PRAGMA journal_mode = WAL")
        db.execute("PRAGMA synchronous = FULL")
        db.execute(f"PRAGMA wal_autocheckpoint = {log_pages}")
        (found,) = db.execute("PRAGMA user_version").fetchone()
        if found not in (0, version):
            raise JournalError(f"{path} was written by another version of tolbooth ({found}): use that version")
        for table in tables:
            db.execute(table)
        db.execute(f"PRAGMA user_version = {version}")
        exits.pop_all()
    return db


def broken(path: Path, error: sqlite3.DatabaseError) -> JournalError:
    """What to say of a file that cannot be read."""
    if no_space(error):
        return JournalError(f"the disk of {path.parent} is full: make space, or set data to another disk")
    return JournalError(f"{path}: {error}: restore it from a backup, or move it away to start anew")


def no_space(error: sqlite3.DatabaseError) -> bool:
    """Whether it is the disk that is full."""
    return isinstance(error, sqlite3.OperationalError) and error.sqlite_errorcode in (
        sqlite3.SQLITE_FULL,
        sqlite3.SQLITE_IOERR_WRITE,
        sqlite3.SQLITE_IOERR_SHMSIZE,
    )


def _make_private(path: Path) -> None:
    """Let its owner alone read the file; SQLite gives those that it puts beside it the same mode."""
    path.touch(mode=0o600)
    for each in path.parent.glob(f"{path.name}*"):
        with contextlib.suppress(PermissionError):  # somebody else's, who lets us write it
            each.chmod(0o600)


def _locked(path: Path) -> TextIO:
    path.touch(mode=0o600)
    lock = path.open("a")
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        lock.close()
        raise JournalError(
            f"{path.parent} is in use by another tolbooth: stop it, or set another data folder"
        ) from error
    return lock
