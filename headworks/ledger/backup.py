"""A ledger in one file, and out of it: while a gateway serves, from either store and into either.

Theory. What was acknowledged is in the journal or in the store. So the journal's files are opened first, then one state of the
store is read, and then what stands in those files beyond the offsets of that state: a file that the indexer removes meanwhile
is still open here, and what it has indexed since is in the files, so nothing falls between. Nothing is written to the
store. What is restored takes the same offsets with it: a journal that is still there is gone on with where the backup ended,
and no record comes twice.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from itertools import groupby
from pathlib import Path
from typing import BinaryIO

import msgspec

from headworks import __version__
from headworks.core.errors import HeadworksError
from headworks.core.private_folders import private
from headworks.core.whole_files import whole
from headworks.ledger.backup_contents import Contents
from headworks.ledger.backup_file import Broken, Head, Reader, Writer, verified
from headworks.ledger.copies import copying, is_empty
from headworks.ledger.identity import Identity, departure, noted
from headworks.ledger.indexer import Indexer
from headworks.ledger.lines import files, is_final, read
from headworks.ledger.store import Position, Store, StoreAt
from headworks.ledger.tables import TABLES, WAITING, Row

PATIENCE = 20.0
"""Seconds that another who writes is waited for."""


PAUSES = (0.1, 0.4, 0.0)
"""Seconds after each try to have a store alone: PostgreSQL gives back the lock of one that has just ended in a moment."""


class NotRestored(HeadworksError):
    """A restore would do what was not asked for. The text says what, and what to do."""


class BackedUp(msgspec.Struct, frozen=True):
    """digest: of the whole file. others: journals of other folders that go into the store and may have records of their own."""

    contents: Contents
    digest: str
    others: int


def back_up(journal: Path, at: StoreAt, target: Path, *, made_at: float, may_replace: bool = False) -> BackedUp:
    """Writes the ledger of a journal's folder into a file. Raises StoreTrouble, OSError."""
    index = Indexer(journal, at, patience=PATIENCE)
    with whole(target, may_replace=may_replace) as file, closing(index), held(journal) as there:
        prefix = index.prefix()
        copier = copying(index.store())
        with copier.reading(target.with_name(f"{target.name}.snapshot")) as rows:
            writer = Writer(file, Head(made_at=made_at, version=__version__, store=copier.kind))
            offsets: dict[str, int] = {}
            for table in TABLES:
                found = rows(table)
                if table == "journals":
                    kept = list(found)
                    offsets = {name: offset for name, offset, *_ in kept}
                    found = iter(kept)
                writer.table(table, found)
            writer.table(WAITING, waiting(there, prefix, offsets))
            digest = writer.end()
        return BackedUp(writer.contents, digest, index.others())


@contextmanager
def held(journal: Path) -> Iterator[Mapping[str, tuple[int, int]]]:
    """The journal's files, open, and how long they are now."""
    found: dict[str, tuple[int, int]] = {}
    try:
        for path in files(journal):
            try:
                file = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
            except FileNotFoundError:  # it was indexed to its end: the store has it
                continue
            found[path.name] = file, os.fstat(file).st_size
        yield found
    finally:
        for file, _ in found.values():
            os.close(file)


def waiting(there: Mapping[str, tuple[int, int]], prefix: str, offsets: Mapping[str, int]) -> Iterator[Row]:
    """The lines of the journal beyond these offsets."""
    for name, (file, size) in there.items():
        at = offsets.get(prefix + name, 0)
        while at < size:
            found = read(file, at, final=False)
            if found.end == at:
                break  # half a line, which nobody had acknowledged
            for line in found.lines:
                at = min(at + len(line) + 1, found.end)
                yield prefix + name, at, line


def restore(source: BinaryIO, journal: Path, at: StoreAt, *, may_replace: bool = False) -> Contents:
    """Puts a backup into the store of a journal's folder, all of it or nothing.

    Raises Broken where the backup is not whole, NotRestored where the store has something and may not be replaced, or a gateway
    writes the journal; StoreTrouble, OSError.
    """
    whole_one = verified(source)
    if at.is_shared:
        private(journal)  # its name in the store is in it
    index = Indexer(journal, at, patience=PATIENCE)
    with alone(at), closing(index):
        store = index.store()
        prefix = index.prefix()

        def check() -> None:
            if writers(journal):
                raise NotRestored(f"a gateway writes the journal {journal}: end it first")
            if not may_replace and not is_empty(store):
                raise NotRestored(
                    f"the store {at} is not empty: --overwrite deletes what is in it (make a backup of that first)"
                )

        source.seek(0)
        reader = Reader(source)
        moving = Moving(prefix)
        with copying(store).filling(check) as put:
            for table, rows in reader.batches():
                if table == WAITING:
                    take(store, index, [(placed(name, prefix), end, line) for name, end, line in rows])
                else:
                    put(table, moving.moved(table, rows))
            if reader.digest != whole_one.digest:
                raise Broken("it was changed while it was read")
        return reader.contents


@contextmanager
def alone(at: StoreAt) -> Iterator[None]:
    """No gateway begins on the store meanwhile. Raises NotRestored where one has it."""
    claim = at.claim()
    holder: str | None = ""
    try:
        for pause in PAUSES:
            holder = claim.take(f"headworks ledger restore, process {os.getpid()}", shared=False)
            if holder is None:
                break
            time.sleep(pause)
        else:
            raise NotRestored(f"the store {at} is in use by {holder or 'a gateway'}: end that first")
        yield
    finally:
        claim.release()


def departed(journal: Path, contents: Contents) -> str:
    """Why a ledger with these contents is not the one that the gateway of a journal's folder knew last; "" where it is."""
    return departure(Identity(contents.identity, contents.changes), noted(journal))


def writers(journal: Path) -> list[str]:
    """The journal's files that somebody writes."""
    with held(journal) as there:
        return [name for name, (file, _) in there.items() if not is_final(file)]


def placed(name: str, prefix: str) -> str:
    """A journal file as this store calls it: of a store that one folder alone went into, it has no folder's name."""
    return name if "/" in name else prefix + name


class Moving:
    """Rows as another store takes them."""

    def __init__(self, prefix: str) -> None:
        self.prefix = prefix
        self._replaced: set[tuple[str, str]] = set()

    def moved(self, table: str, rows: list[Row]) -> list[Row]:
        if table == "journals":
            return [(placed(row[0], self.prefix), *row[1:]) for row in rows]
        if table == "opened":
            return [(request, placed(process, self.prefix), line) for request, process, line in rows]
        if table == "names":
            return [(number, kind, self._name(number, kind, name)) for number, kind, name in rows]
        return rows

    def _name(self, number: int, kind: str, name: str) -> str:
        """PostgreSQL has U+FFFD for a NUL, so there two names may read alike, which a caller can bring about."""
        if "\ufffd" not in name:
            return name
        while (kind, name) in self._replaced:
            name = f"{name}#{number}"
        self._replaced.add((kind, name))
        return name


def take(store: Store, index: Indexer, rows: list[Row]) -> None:
    """Adds lines of the journal as the indexer would have, and moves the offsets of their files with them."""
    for name, group in groupby(rows, key=lambda row: row[0]):
        lines = list(group)
        was = store.positions(name).get(name, Position())
        entries = index.decoded([line for _, _, line in lines])
        skipped = len(lines) - len(entries.records) - len(entries.opened)
        skipped -= sum(line.isspace() for _, _, line in lines)
        now = Position(lines[-1][1], was.records + len(entries.records), was.skipped + max(0, skipped))
        store.take(name, now, entries)
