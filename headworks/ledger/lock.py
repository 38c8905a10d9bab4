"""File locks on a store or a journal's folder. The kernel releases the lock of a process that dies.

Always true: an exclusive lock has one holder; a shared lock may have several, and never beside an exclusive one. The lock's file
lies beside what it locks. It is never the store's own file (closing that would drop SQLite's locks), and it is never removed:
another process may be about to lock it. The lock is on the file, not on its name, so a holder checks that the name still leads to
its file.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
from pathlib import Path
from typing import Final

from headworks.core.private_folders import make_private
from headworks.ledger.store import StoreTrouble

MOST_NAME: Final = 1000
"""Bytes of the holder's name in the file."""


class FileLock:
    """A lock by `flock`, on a file of its own."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._file: int | None = None

    def acquire(self, holder: str, *, shared: bool) -> str | None:
        self.release()
        try:
            make_private(self.path.parent)
            while True:
                file = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
                try:
                    fcntl.flock(file, (fcntl.LOCK_SH if shared else fcntl.LOCK_EX) | fcntl.LOCK_NB)
                except BlockingIOError:
                    said = os.pread(file, MOST_NAME, 0).decode(errors="replace").strip()
                    os.close(file)
                    return said
                except OSError:
                    os.close(file)
                    raise
                if leads_to(self.path, file):
                    break
                os.close(file)  # somebody removed it in between
        except OSError as error:
            raise StoreTrouble(f"{self.path} cannot be locked: {error.strerror or error}") from error
        with contextlib.suppress(OSError):  # a full disk: the lock is ours all the same, and does not say whose
            os.ftruncate(file, 0)
            os.pwrite(file, holder.encode()[:MOST_NAME], 0)
        self._file = file
        return None

    def is_held(self) -> bool:
        return self._file is not None and leads_to(self.path, self._file)

    def release(self) -> None:
        file, self._file = self._file, None
        if file is not None:
            with contextlib.suppress(OSError):
                os.close(file)


def leads_to(path: Path, file: int) -> bool:
    """Whether a path still leads to an open file."""
    try:
        return os.path.samestat(os.stat(path), os.fstat(file))
    except OSError:
        return False
