"""Restores a backup into a ledger that is empty or may be overwritten: all of it or nothing.

Always true: nobody counts on the store meanwhile, and no gateway writes the journal; the offsets of the backup go with it, so a
journal that is still there is gone on with where the backup ended; what was revoked or purged before, and is not any more, is
said.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from itertools import groupby
from pathlib import Path
from typing import BinaryIO

import msgspec

from headworks.core.errors import HeadworksError
from headworks.core.private_folders import make_private
from headworks.ledger.backup import LOCK_TIMEOUT, open_files
from headworks.ledger.backup_contents import Contents
from headworks.ledger.backup_file import Broken, Reader, verified
from headworks.ledger.copies import copying, is_empty
from headworks.ledger.identity import Identity, departure, noted
from headworks.ledger.indexer import Indexer
from headworks.ledger.keys import Keys, Kind
from headworks.ledger.lines import is_final
from headworks.ledger.store import Position, Store, StoreAt
from headworks.ledger.tables import WAITING, Row

PAUSES = (0.1, 0.4, 0.0)
"""Seconds after each try to have a store locked: PostgreSQL gives back the lock of one that has just ended in a moment."""


class NotRestored(HeadworksError):
    """A restore would do what was not asked for. The text says what, and what to do."""


class Restored(msgspec.Struct, frozen=True):
    """valid: keys that were revoked in what was there before, and are not in this. purged: how many users likewise."""

    contents: Contents
    valid: list[str]
    purged: int


def restore(source: BinaryIO, journal: Path, at: StoreAt, *, may_replace: bool = False) -> Restored:
    """Puts a backup into the store of a journal's folder, all of it or nothing.

    Raises Broken where the backup is not whole, NotRestored where the store has something and may not be replaced, or a gateway
    writes the journal; StoreTrouble, OSError.
    """
    whole_one = verified(source)
    if at.is_shared:
        make_private(journal)  # its name in the store is in it
    index = Indexer(journal, at, lock_timeout=LOCK_TIMEOUT)
    with locked(at), closing(index):
        store = index.store()
        prefix = index.prefix()

        before = RevokedBefore()

        def check() -> None:
            if writers(journal):
                raise NotRestored(f"a gateway writes the journal {journal}: end it first")
            if not may_replace and not is_empty(store):
                raise NotRestored(
                    f"the store {at} is not empty: --overwrite deletes what is in it (make a backup of that first)"
                )

            before.note(store)

        source.seek(0)
        reader = Reader(source)
        moving = RowRewriter(prefix)
        with copying(store).filling(check) as put:
            for table, rows in reader.batches():
                if table == WAITING:
                    take(store, index, [(journal_name(name, prefix), end, line) for name, end, line in rows])
                else:
                    put(table, moving.moved(table, rows))
            if reader.digest != whole_one.digest:
                raise Broken("it was changed while it was read")
            valid, purged = before.undone(store)
        return Restored(reader.contents, valid, purged)


class RevokedBefore:
    """What was revoked and purged in a store before the restore."""

    def __init__(self) -> None:
        self._revoked: set[tuple[Kind, str]] = set()
        self._purged: set[str] = set()

    def note(self, store: Store) -> None:
        self._revoked = {(row.kind, row.name) for row in Keys(store).rows() if row.entry.revoked_at}
        self._purged = set(Keys(store).purged())

    def undone(self, store: Store) -> tuple[list[str], int]:
        """The keys of them that are valid now, and how many of the users may be there again."""
        rows = {(row.kind, row.name): row.entry for row in Keys(store).rows()}
        valid = set()
        for kind, name in self._revoked:
            now = rows.get((kind, name))
            # A key of the system file is valid where no row says otherwise; one that was made, where there is a row.
            if kind == "revoked" if now is None else not now.revoked_at:
                valid.add(name)
        return sorted(valid), len(self._purged - set(Keys(store).purged()))


@contextmanager
def locked(at: StoreAt) -> Iterator[None]:
    """Holds the store's lock, so that no gateway starts on it. Raises NotRestored where one has it."""
    claim = at.lock()
    holder: str | None = ""
    try:
        for pause in PAUSES:
            holder = claim.acquire(f"headworks ledger restore, process {os.getpid()}", shared=False)
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
    """The journal's files that a process is writing."""
    with open_files(journal) as there:
        return [name for name, (file, _) in there.items() if not is_final(file)]


def journal_name(name: str, prefix: str) -> str:
    """A journal file as this store calls it: of a store that one folder alone went into, it has no folder's name."""
    return name if "/" in name else prefix + name


class RowRewriter:
    """Rewrites rows for another store."""

    def __init__(self, prefix: str) -> None:
        self.prefix = prefix
        self._replaced: set[tuple[str, str]] = set()

    def moved(self, table: str, rows: list[Row]) -> list[Row]:
        if table == "journals":
            return [(journal_name(row[0], self.prefix), *row[1:]) for row in rows]
        if table == "opened":
            return [(request, journal_name(process, self.prefix), line) for request, process, line in rows]
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
