"""Reads a journal file: whole lines from an offset, and whether the file is still being written.

Always true: what is returned ends where a line ends, so an offset never stands inside a record. The writer holds a lock
(`flock`) on its file as long as it lives; the kernel lets go of it whatever the writer dies of. So a file that can be
locked is final, and then a last line without its end is torn.
"""

from __future__ import annotations

import fcntl
import os
from pathlib import Path

import msgspec

CHUNK = 1024 * 1024
"""Bytes that are read at once. No record is near that long (about 600 bytes): a longer line is no record."""

SUFFIX = ".jsonl"


def files(folder: Path) -> list[Path]:
    """The journal's files, oldest first; none where there is no folder. Raises OSError where it cannot be read."""
    try:
        with os.scandir(folder) as entries:
            return [folder / name for name in sorted(entry.name for entry in entries if entry.name.endswith(SUFFIX))]
    except FileNotFoundError:
        return []


def is_final(file: int) -> bool:
    """Whether no process writes this file any more. Ask before reading: then what is read is all there will be."""
    try:
        fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    fcntl.flock(file, fcntl.LOCK_UN)
    return True


class Lines(msgspec.Struct, frozen=True):
    """Lines of a file without their ends, the offset behind them, and whether more is known to follow."""

    lines: list[bytes]
    end: int
    has_more: bool


def read(file: int, start: int, *, final: bool) -> Lines:
    """The whole lines from `start`, about `CHUNK` bytes of them. Of a final file also a last line without an end."""
    data = os.pread(file, CHUNK, start)
    cut = data.rfind(b"\n") + 1
    if cut == 0 and len(data) == CHUNK:
        return Lines([data], start + CHUNK, True)  # no record, and not kept waiting for an end that may never come
    if cut < len(data) < CHUNK and final:
        cut = len(data)
    lines = data[:cut].split(b"\n")
    if lines and not lines[-1]:
        lines.pop()
    return Lines(lines, start + cut, len(data) == CHUNK)
