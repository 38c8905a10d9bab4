"""The PID file and the reload result, by which `headworks reload` finds a running gateway, without a port or a key.

Two files beside the journal, named by the system file's path, readable by their owner only: `gateway-<digest>.pid` and
`gateway-<digest>.reload`. Always true: the first is locked (`flock`) as long as its gateway lives, so a number left by
one that was killed is never taken for a process; the second is replaced whole.
"""

from __future__ import annotations

import fcntl
import os
from pathlib import Path

import msgspec

from headworks.core.digest import digest
from headworks.core.errors import Problem

LONG = 16
"""Hex digits of the path's digest: two system files share a journal's folder now and then, not thousands of them."""


class Outcome(msgspec.Struct, frozen=True, kw_only=True):
    """The result of a reload. begun_at: wall clock, before the file was read.

    config: the digest of what is served now. problems: why nothing changed. warnings: what is odd in what is served.
    """

    begun_at: float
    is_reloaded: bool
    config: str
    problems: list[Problem] = []
    warnings: list[Problem] = []


class ControlFiles:
    """The two files of the gateway that serves `file`, in the folder of its journal."""

    def __init__(self, folder: Path, file: Path) -> None:
        name = f"gateway-{digest(str(file.absolute()).encode())[:LONG]}"
        self.folder = folder
        self._pid = folder / f"{name}.pid"
        self._outcome = folder / f"{name}.reload"
        self._lock: int | None = None

    def publish_pid(self) -> bool:
        """Writes the PID file and locks it; False where another process serves the file already. Raises OSError."""
        lock = os.open(self._pid, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(lock)
            return False
        os.ftruncate(lock, 0)
        os.pwrite(lock, b"%d\n" % os.getpid(), 0)
        self._lock = lock
        return True

    def withdraw_pid(self) -> None:
        """Removes the PID file and its lock."""
        if self._lock is not None:
            self._pid.unlink(missing_ok=True)
            self._outcome.unlink(missing_ok=True)
            os.close(self._lock)
            self._lock = None

    def pid(self) -> int | None:
        """The process that serves the file now; None where there is none."""
        try:
            file = os.open(self._pid, os.O_RDONLY | os.O_CLOEXEC)
        except FileNotFoundError:
            return None
        try:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return int(os.pread(file, 32, 0) or b"0") or None
        finally:
            os.close(file)
        return None

    def report(self, outcome: Outcome) -> None:
        """Writes the result of a reload. Does nothing where this process has no PID file. Raises OSError."""
        if self._lock is None:
            return
        unfinished = self._outcome.with_suffix(".new")
        with os.fdopen(os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
            file.write(msgspec.json.encode(outcome))
        unfinished.replace(self._outcome)

    def outcome(self, since: float) -> Outcome | None:
        """The outcome of a reload that began at `since` (wall clock) or later; None where there is none yet."""
        try:
            found = msgspec.json.decode(self._outcome.read_bytes(), type=Outcome)
        except FileNotFoundError:
            return None
        return found if found.begun_at >= since else None
