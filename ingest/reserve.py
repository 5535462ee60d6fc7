"""Space on the disk that is kept for the hour when there is none: a file of real blocks beside the journal.

On a full disk even forgetting needs space: settling what InfluxDB has writes to SQLite's log before the journal's own
pages are free. The first such need releases the file; it is made again when the disk has room for it.
"""

import contextlib
import errno
import logging
import os
import shutil
from pathlib import Path
from typing import Final

log = logging.getLogger(__name__)

FILE: Final = "reserve"
BYTES: Final = 32 * 2**20
"""A quarter of a disk that is too small for it."""
LOG_SHARE: Final = 4
"""SQLite's log grows to this part of it before its pages go to the journal: then that growth, the log itself and a
transaction on top of each find room in the reserve."""
_SCALE: Final = 4
_MARGIN: Final = 1.25
"""Free space, as a multiple of the reserve, from which it is made again: so it does not take the last of a disk."""
_NO_SPACE: Final = (errno.ENOSPC, errno.EDQUOT)


class Reserve:
    """The reserve of one data folder.

    Args:
        folder: must exist.
    """

    def __init__(self, folder: Path) -> None:
        self._path = folder / FILE
        self.bytes = min(BYTES, shutil.disk_usage(folder).total // _SCALE)
        self.held = self._path.exists() and self._path.stat().st_size >= self.bytes

    def make(self) -> bool:
        """Make it, if it is not there and the disk has room; whether it is there."""
        if not self.held and shutil.disk_usage(self._path.parent).free >= self.bytes * _MARGIN:
            try:
                self._allocate()
            except OSError as error:
                if error.errno not in _NO_SPACE:
                    raise
                self._path.unlink(missing_ok=True)
            else:
                self.held = True
                log.info("%d bytes of disk are kept in reserve", self.bytes)
        return self.held

    def release(self) -> bool:
        """Give its space back to the disk; whether there was any."""
        held, self.held = self.held, False
        with contextlib.suppress(FileNotFoundError):
            self._path.unlink()
        if held:
            log.warning(
                "the disk of %s is full: its reserve of %d bytes is used to write the journal to InfluxDB; make space",
                self._path.parent, self.bytes,
            )  # fmt: skip
        return held

    def _allocate(self) -> None:
        descriptor = os.open(self._path, os.O_CREAT | os.O_RDWR, 0o600)
        try:
            os.posix_fallocate(descriptor, 0, self.bytes)
        finally:
            os.close(descriptor)
