"""A process in which the clock can jump and the disk can be full: `python -m headworks.drill.faulty_process CONTROL ARGUMENTS`.

Runs `headworks ARGUMENTS` with what stands in the file CONTROL, read at every SIGUSR1: `clock` is added to the calendar's
time (seconds), `file_size` bounds every file that is written (bytes; null: no bound), which fails as a full disk does.
Both need no rights and no help of the kernel's, so they work for any user on Linux and macOS. Only drills start it: the
product has no switch for either.
"""

from __future__ import annotations

import resource
import runpy
import signal
import sys
import time
from pathlib import Path
from types import FrameType

import msgspec


class ProcessFaults(msgspec.Struct, frozen=True, kw_only=True):
    """The faults of the process. clock: seconds; file_size: bytes, None where the disk has room."""

    clock: float = 0.0
    file_size: int | None = None


class FaultInjector:
    """Injects the faults that the control file names into this process."""

    def __init__(self, file: Path) -> None:
        self.file = file
        self.control = ProcessFaults()
        self._time, self._time_ns = time.time, time.time_ns

    def install(self) -> None:
        """Replaces this process's clock, and listens for changes of the control file."""
        time.time = self.time
        time.time_ns = self.time_ns
        signal.signal(signal.SIGUSR1, self.reload)

    def time(self) -> float:
        return self._time() + self.control.clock

    def time_ns(self) -> int:
        return self._time_ns() + int(self.control.clock * 1e9)

    def reload(self, number: int, frame: FrameType | None) -> None:
        """Reads the control file again."""
        self.control = msgspec.json.decode(self.file.read_bytes(), type=ProcessFaults)
        size = self.control.file_size
        _, most = resource.getrlimit(resource.RLIMIT_FSIZE)
        resource.setrlimit(resource.RLIMIT_FSIZE, (most if size is None else size, most))


def main(control: str, *arguments: str) -> None:
    FaultInjector(Path(control)).install()
    sys.argv[:] = ["headworks", *arguments]
    runpy.run_module("headworks", run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
