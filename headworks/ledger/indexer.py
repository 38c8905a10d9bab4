"""Indexes the journal into the store: each record exactly once, also across kills, locks, outages and full disks.

Always true: rows and the offset behind them are one transaction; a journal file is removed only when it is final, indexed
to its end, and its rows are forced to the disk; lines that are no records are counted and stop nothing. Memory is
bounded by one chunk. Knows no thread: `ledger.py` runs it beside a gateway, `headworks logs` by itself.
"""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Sequence
from pathlib import Path

from headworks.ledger.facts import facts, opened
from headworks.ledger.lines import files, is_final, read
from headworks.ledger.origin import ORIGIN, origin
from headworks.ledger.store import Entries, Position, Store, StoreAt, StoreTrouble

SLICE = 64
"""Lines that are decoded between two pauses: about half a millisecond, which a call beside it does not notice."""

AT_ONCE = 1000
"""Lines that are taken in one transaction."""


class Indexer:
    """Indexes the journal in a folder into a store, pass by pass."""

    def __init__(self, journal: Path, store: StoreAt, *, pause: float = 0.0, lock_timeout: float = 2.0) -> None:
        self.journal = journal
        self.at = store
        self.pause = pause
        self.lock_timeout = lock_timeout
        self.behind = 0
        self.indexed = 0
        self.indexed_bytes = 0
        self.skipped = 0
        self._store: Store | None = None
        self._offsets: dict[str, int] = {}

    def store(self) -> Store:
        """The open store; opened again where it was removed, replaced or cut off. Raises StoreTrouble."""
        if self._store is not None and not self._store.is_there:
            self.close()
        if self._store is None:
            self._store = self.at.open(self.lock_timeout)
        return self._store

    def close(self) -> None:
        """Closes the store; the next pass opens it again."""
        store, self._store = self._store, None
        if store is not None:
            with contextlib.suppress(StoreTrouble):
                store.close()

    def catch_up(self) -> None:
        """Indexes all that is in the journal now. Raises StoreTrouble."""
        while self.advance():
            pass

    def advance(self) -> bool:
        """One chunk of each file; True where there is more to do. Raises StoreTrouble, and then nothing is lost."""
        try:
            self.measure()
            store = self.store()
            prefix = self.prefix()
            positions = store.positions(prefix)
            self._offsets = {name.removeprefix(prefix): position.offset for name, position in positions.items()}
            has_more = False
            for file in files(self.journal):
                has_more |= self._file(store, file, prefix, positions.get(prefix + file.name, Position()))
            if not has_more:
                store.record_lost(prefix, lambda: {prefix + process_of(file.name) for file in files(self.journal)})
            self.measure()
            return has_more
        except StoreTrouble:
            self.close()  # a connection that failed once may be in any state
            raise
        except OSError as error:
            raise StoreTrouble(f"the journal in {self.journal} cannot be read: {error.strerror or error}") from error

    def take(self, name: str, lines: Sequence[bytes]) -> None:
        """Adds lines that are in no file of the journal, under a file name of their own. Raises StoreTrouble."""
        prefix, store = self.prefix(), self.store()
        for start in range(0, len(lines), AT_ONCE):
            batch = lines[start : start + AT_ONCE]
            was = store.positions(prefix + name).get(prefix + name, Position())
            entries = self.decoded([line.rstrip(b"\n") for line in batch])
            is_last = start + AT_ONCE >= len(lines)
            end = was.offset + sum(map(len, batch))
            now = Position(end, was.records + len(entries.records), was.skipped, is_last)
            if not store.add(prefix + name, was, now, entries):
                raise StoreTrouble(f"the store {self.at} has {name} already")

    def offsets(self) -> dict[str, int]:
        """How far each file of the journal is in the store. Raises StoreTrouble."""
        prefix = self.prefix()
        return {name.removeprefix(prefix): one.offset for name, one in self.store().positions(prefix).items()}

    def others(self) -> int:
        """How many journals of other folders, which may be on other machines, go into the store and are not indexed to their
        end. Raises StoreTrouble."""
        prefix = self.prefix()
        theirs = {name.rpartition("/")[0] for name, one in self.store().positions().items() if not one.is_done}
        return len(theirs - {prefix.removesuffix("/")})

    def measure(self) -> None:
        """Notes how many bytes of the journal are not in the store, as far as that is known while the store is away."""
        behind = 0
        for file in files(self.journal):
            with contextlib.suppress(FileNotFoundError):
                behind += max(0, file.stat().st_size - self._offsets.get(file.name, 0))
        self.behind = behind

    def prefix(self) -> str:
        """What a store calls this folder, where several go there: from other machines, or of other system files (a folder that has
        a name already)."""
        if not self.journal.is_dir() or not (self.at.is_shared or (self.journal / ORIGIN).exists()):
            return ""
        return f"{origin(self.journal)}/"

    def _file(self, store: Store, path: Path, prefix: str, was: Position) -> bool:
        try:
            file = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        except FileNotFoundError:  # another process has just indexed and removed it
            return False
        try:
            final = is_final(file)
            if was.is_done:
                self._remove(store, path)
                return False
            found = read(file, was.offset, final=final)
            entries = self.decoded(found.lines)
            skipped = len(found.lines) - len(entries.records) - len(entries.opened)
            if skipped:
                skipped -= sum(line.isspace() for line in found.lines)  # what was purged (`overwrite.py`)
            done = final and not found.has_more
            if found.end == was.offset and not done:
                return False
            now = Position(found.end, was.records + len(entries.records), was.skipped + skipped, done)
            if store.add(prefix + path.name, was, now, entries):
                self._offsets[path.name] = now.offset
                self.indexed += len(entries.records)
                self.indexed_bytes += found.end - was.offset
                self.skipped += skipped
                if done:
                    self._remove(store, path)
            return found.has_more
        finally:
            os.close(file)

    def decoded(self, lines: Sequence[bytes]) -> Entries:
        """Decodes lines of a journal."""
        entries = Entries([], [])
        for start in range(0, len(lines), SLICE):
            for line in lines[start : start + SLICE]:
                if (known := facts(line)) is not None:
                    if known.erased:  # where it was overwritten, blanks fill the place of what it was
                        line = line.rstrip()
                    entries.records.append((known, line))
                elif (call := opened(line)) is not None:
                    entries.opened.append((call, line))
            if self.pause:
                time.sleep(self.pause)
        return entries

    def _remove(self, store: Store, path: Path) -> None:
        """Removes a file that is indexed to its end, where it is certain that its rows are on the disk."""
        store.sync()
        if store.is_there:
            with contextlib.suppress(FileNotFoundError):
                path.unlink()


def process_of(name: str) -> str:
    """The part of a journal file's name that all files of one process share."""
    return name.rpartition("-")[0]
