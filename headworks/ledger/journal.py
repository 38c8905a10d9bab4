"""The journal: append-only files. A record is written there before the caller gets the last chunk.

Always true: files of one process, a new one at each start and after every `ROTATED_AT` bytes; one record a line, one
`write` a record. A record that was appended is the kernel's: killing the process loses nothing, losing power loses at
most `sync` seconds. A torn last line (killed within the write) is nobody's acknowledged record, and a fresh file at each
start means that nothing is ever appended to it. A file is locked (`flock`) from before it has its name until it is
closed: who can lock it knows that it is complete, and may remove it once it is indexed.
A file that somebody removes while it is written is written again into a new one, within `sync` seconds.
A full disk costs no call: lines wait in memory up to `MOST_BACKLOG` bytes, then are counted as lost. What still waits at
the end may go into the store (`final_flush.py`); else it is counted as lost, too.
"""

from __future__ import annotations

import asyncio
import errno
import fcntl
import logging
import os
from collections import deque
from collections.abc import Iterable
from pathlib import Path

import msgspec

from headworks.core.errors import ConfigError, Problem
from headworks.core.private_folders import make_private
from headworks.core.record import Opened, Record
from headworks.core.throttled_log import LogEvent, ThrottledLog, log_fields
from headworks.ledger.facts import OPENED

MOST_BACKLOG = 64 * 1024 * 1024
"""Bytes of records kept in memory while the disk is full: about 100,000 calls."""

ROTATED_AT = 64 * 1024 * 1024
"""Bytes: about 100,000 calls. A file stays until it is indexed whole, so this bounds what the journal keeps on disk."""

CLOSED = -1

CARRIED = 1024 * 1024
"""Bytes that are written again at once: more than the longest record."""

log = logging.getLogger("headworks.journal")


class Journal:
    """Appends records to `folder/<started>-<pid>-<number>.jsonl`, readable by its owner only."""

    def __init__(self, folder: Path, *, started_at: float, sync: float, rotated_at: int = ROTATED_AT) -> None:
        self.folder = folder
        self.name = f"{int(started_at * 1000):013d}-{os.getpid()}"
        self.sync = sync
        self.rotated_at = rotated_at
        self._number = 0
        self._room = rotated_at
        self._full: list[int] = []
        self._paths: dict[int, Path] = {}
        self._failed: set[Path] = set()
        self.lost = 0
        self.appended = 0
        self._encode = msgspec.json.Encoder().encode
        self._backlog: deque[bytes] = deque()
        self._backlog_size = 0
        self.waiting = 0
        """Records that wait in memory."""
        self._is_dirty = False
        self._is_full = False
        self._is_unforced = False
        self._events = ThrottledLog(log)
        try:
            make_private(folder)
            self._file = self._begin()
        except OSError as error:
            raise ConfigError(
                [
                    Problem(
                        path="log.journal",
                        problem=f"the journal cannot be written in {folder}: {error.strerror}",
                        remedy="name a folder that this user may write to, e.g. `log: {journal: /var/lib/headworks}`",
                    )
                ]
            ) from error

    def append(self, record: Record) -> None:
        """Takes one record. When this returns it is in the file, or in the backlog while the disk is full."""
        line = self._encode(record) + b"\n"
        self.appended += 1
        self._is_dirty = True
        if self._backlog:
            self._keep(line)
            self.flush()
            return
        self._room -= len(line)
        if self._room < 0:
            self._rotate(len(line))
        if (rest := self._write(line)) is not None:
            self._keep(rest)

    def open(self, call: Opened) -> bool:
        """Writes that a call under a budget has begun, before its first attempt. False where the disk is full: then nothing may be spent."""
        if self._backlog and not self.flush():
            return False
        line = self._encode(call) + b"\n"
        self._is_dirty = True
        self._room -= len(line)
        if self._room < 0:
            self._rotate(len(line))
        rest = self._write(line)
        if rest is not None and len(rest) < len(line):
            self._keep(rest)  # half a line is there already: the next one must not begin in its middle
        return rest is None

    def flush(self) -> bool:
        """Writes what waits in memory; False while the disk still does not take it."""
        backlog = self._backlog
        while backlog:
            line = backlog.popleft()
            self._backlog_size -= len(line)
            if (rest := self._write(line)) is not None:
                backlog.appendleft(rest)
                self._backlog_size += len(rest)
                return False
            self.waiting -= is_record(line)
        return True

    @property
    def backlog(self) -> int:
        """Bytes that wait in memory."""
        return self._backlog_size

    async def keep_synced(self) -> None:
        """Forces the file to the disk every `sync` seconds, off the loop. Runs until cancelled."""
        loop = asyncio.get_running_loop()
        while True:
            await asyncio.sleep(self.sync)
            if (removed := self._replaced_if_removed()) is not None:
                self.lost += await loop.run_in_executor(None, carry_over, removed, os.dup(self._file))
            self._tell(bool(self._backlog) and not self.flush())
            while self._full:
                await loop.run_in_executor(None, self._force, self._full[0])
                os.close(self._full.pop(0))
            if self._is_dirty:
                self._is_dirty = False
                await loop.run_in_executor(None, self._force, self._file)

    def _tell(self, is_full: bool) -> None:
        """Logs that the disk is full, and that it takes records again: once each."""
        if is_full and not self._is_full:
            text = f"it takes no more: {self.backlog} bytes wait, {self.lost} records lost so far"
            self._events.write(LogEvent(logging.ERROR, "journal_full", "the journal's disk", text))
        elif self._is_full and not is_full:
            text = f"it takes records again; {self.lost} were lost"
            self._events.write(LogEvent(logging.INFO, "journal_back", "the journal's disk", text, {"lost": self.lost}))
        self._is_full = is_full

    def last_flush(self) -> list[bytes]:
        """Writes what waits, as far as the disk takes it, for the last time before the end. Returns the lines that it does
        not take, whole: the beginning of the first may be in the file."""
        if (removed := self._replaced_if_removed()) is not None:
            self.lost += carry_over(removed, os.dup(self._file))
        if self.flush():
            return []
        first, *others = self._backlog
        return [self._torn() + first, *others]

    def drop_backlog(self) -> None:
        """Forgets the lines that `last_flush` returned: they are somewhere else."""
        self._backlog.clear()
        self._backlog_size = self.waiting = 0

    def close(self) -> None:
        """Writes what waits, forces it to the disk and closes the files. What cannot be written is counted as lost."""
        if self._file == CLOSED:
            return
        left = self.last_flush()
        self.lost += count(left)
        self.drop_backlog()
        self._events.close()
        for file in (*self._full, self._file):
            self._finish(file)
        self._file = CLOSED  # a late record is lost, but is not written into whatever has this number next

    @property
    def unforced(self) -> list[Path]:
        """Its files that could not be forced to the disk once. That a later try succeeded does not bring back what was
        dropped."""
        return sorted(self._failed)

    def _torn(self) -> bytes:
        """The torn end of the file, which is the beginning of the first line that waits."""
        try:
            end = os.fstat(self._file).st_size
            looked = CARRIED
            while b"\n" not in (found := os.pread(self._file, min(looked, end), max(0, end - looked))) and looked < end:
                looked *= 2
        except OSError:
            return b""
        return found.rpartition(b"\n")[2]

    @property
    def path(self) -> Path:
        """The file that is being written."""
        return self.folder / f"{self.name}-{self._number:04d}.jsonl"

    def _begin(self) -> int:
        """A new file. It gets its name when it is locked: a reader could take it for one that is complete."""
        unnamed = self.path.with_suffix(".new")
        file = os.open(unnamed, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_APPEND | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            os.rename(unnamed, self.path)
        except OSError:
            os.close(file)
            os.unlink(unnamed)
            raise
        self._paths[file] = self.path
        return file

    def _rotate(self, size: int) -> None:
        """Goes on in a new file; where there can be none now, in the old one for another sixteenth."""
        self._number += 1
        try:
            file = self._begin()
        except OSError as error:
            self._number -= 1
            self._room = self.rotated_at // 16
            text = f"there can be no other file now ({error.strerror}): it goes on in this one"
            self._events.write(LogEvent(logging.ERROR, "journal_not_rotated", "the journal's file", text))
            return
        self._full.append(self._file)
        self._file = file
        self._room = self.rotated_at - size

    def _replaced_if_removed(self) -> int | None:
        """If the current file was removed, starts a new one and returns the old descriptor. None: the file is still there."""
        if os.fstat(self._file).st_nlink:
            return None
        removed = self._file
        self._number += 1
        try:
            make_private(self.folder)
            self._file = self._begin()
        except OSError as error:
            self._number -= 1
            text = f"it was removed, and there can be no other: {error.strerror}"
            self._events.write(LogEvent(logging.ERROR, "journal_removed", "the journal's file", text))
            return None
        self._room = self.rotated_at
        text = f"it was removed: its records are written again, into {self.path}"
        self._events.write(LogEvent(logging.ERROR, "journal_removed", "the journal's file", text))
        return removed

    def _finish(self, file: int) -> None:
        self._force(file)
        os.close(file)

    def _force(self, file: int) -> None:
        try:
            os.fdatasync(file)
        except OSError as error:
            self._failed.add(self._paths.get(file, self.path))
            if not self._is_unforced:  # in a thread, and once a second: the first says it
                text = "fsync of the journal failed: %s"
                log.error(text, error.strerror, extra=log_fields("journal_unforced", reason=error.strerror))
            self._is_unforced = True
        else:
            if self._is_unforced:
                log.info("fsync of the journal works again", extra=log_fields("journal_forced"))
            self._is_unforced = False

    def _write(self, line: bytes) -> bytes | None:
        """Writes a line. Returns the part that was not written, None when all was."""
        try:
            written = os.write(self._file, line)
        except OSError:
            return line
        return None if written == len(line) else line[written:]

    def _keep(self, line: bytes) -> None:
        if self._file == CLOSED:
            text = "a record arrived after the journal was closed: it is missing from %s"
            log.error(text, self.folder, extra=log_fields("records_missing", records=1, journal=str(self.folder)))
        if self._file == CLOSED or self._backlog_size + len(line) > MOST_BACKLOG:
            self.lost += 1
            return
        self._backlog.append(line)
        self._backlog_size += len(line)
        self.waiting += is_record(line)


def count(lines: Iterable[bytes]) -> int:
    """How many of these lines are records, or the ends of some: not of calls that were opened."""
    return sum(is_record(line) for line in lines if line.rstrip())


def is_record(line: bytes) -> bool:
    return not line.startswith(OPENED)


def carry_over(removed: int, file: int) -> int:
    """Appends the records of a removed file to the one that took its place, whole lines at a time; closes both descriptors.
    Says how many records could not be.

    What was indexed already comes once more: the store takes a record once.
    """
    at = 0
    try:
        while lines := os.pread(removed, CARRIED, at):
            lines = lines[: lines.rfind(b"\n") + 1] or lines
            if os.write(file, lines) < len(lines):
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            at += len(lines)
    except OSError as error:
        log.error("the records of the journal's removed file are lost: %s", error.strerror)
        return records_from(removed, at)
    else:
        return 0
    finally:
        os.close(removed)
        os.close(file)


def records_from(file: int, at: int) -> int:
    """How many records stand in a file from an offset on; 0 where it cannot be read."""
    try:
        return count(os.pread(file, max(0, os.fstat(file).st_size - at), at).split(b"\n"))
    except OSError:
        return 0


class MemoryJournal:
    """A journal that keeps its records in a list: for tests, and for systems on virtual time."""

    def __init__(self) -> None:
        self.records: list[Record] = []
        self.opened: list[Opened] = []

    def append(self, record: Record) -> None:
        self.records.append(record)

    def open(self, call: Opened) -> bool:
        self.opened.append(call)
        return True

    def lines(self) -> bytes:
        """Every record as a line: two runs were the same run when these are equal."""
        encode = msgspec.json.Encoder().encode
        return b"".join(encode(record) + b"\n" for record in self.records)
