"""A backup of the ledger in one file, made while a gateway serves.

Theory. What was acknowledged is in the journal or in the store. So the journal's files are opened first, then one state of the
store is read, and then what stands in those files beyond the offsets of that state: a file that the indexer removes meanwhile
is still open here, and what it has indexed since is in the files, so nothing falls between. Nothing is written to the
store. What is restored takes the same offsets with it: a journal that is still there is gone on with where the backup ended,
and no record comes twice.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from pathlib import Path

import msgspec

from headworks import __version__
from headworks.core.atomic_write import atomic_write
from headworks.ledger.backup_contents import Contents
from headworks.ledger.backup_file import Head, Writer
from headworks.ledger.copies import copying
from headworks.ledger.indexer import Indexer
from headworks.ledger.lines import files, read
from headworks.ledger.store import StoreAt
from headworks.ledger.tables import TABLES, WAITING, Row

LOCK_TIMEOUT = 20.0
"""Seconds to wait for the lock of another writer."""


class BackedUp(msgspec.Struct, frozen=True):
    """digest: of the whole file. others: journals of other folders that go into the store and may have records of their own."""

    contents: Contents
    digest: str
    others: int


def back_up(journal: Path, at: StoreAt, target: Path, *, made_at: float, may_replace: bool = False) -> BackedUp:
    """Writes the ledger of a journal's folder into a file. Raises StoreTrouble, OSError."""
    index = Indexer(journal, at, lock_timeout=LOCK_TIMEOUT)
    with atomic_write(target, may_replace=may_replace) as file, closing(index), open_files(journal) as there:
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
def open_files(journal: Path) -> Iterator[Mapping[str, tuple[int, int]]]:
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
