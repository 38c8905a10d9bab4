"""Snapshots of an SQLite store, by its online backup. Writers are not blocked, and later writes are not in it."""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Final, Literal

from headworks.ledger.sqlite import SqliteStore, make, troubles
from headworks.ledger.tables import TABLES, Put, Row, Rows


class SqliteCopy:
    kind: Final[Literal["sqlite"]] = "sqlite"

    def __init__(self, store: SqliteStore) -> None:
        self.store = store

    @contextlib.contextmanager
    def reading(self, beside: Path) -> Iterator[Rows]:
        remove(beside)  # a backup that was killed may have left it
        with troubles(beside):
            make(beside)
            snapshot = sqlite3.connect(beside, isolation_level=None)
        try:
            with troubles(self.store.path):
                # All pages in one step: in steps it would begin anew whenever somebody writes, under load for ever.
                self.store.connection.backup(snapshot, pages=-1)

            def rows(table: str) -> Iterator[Row]:
                with troubles(beside):
                    yield from snapshot.execute(f"SELECT {columns(table)} FROM {table}")

            yield rows
        finally:
            snapshot.close()
            remove(beside)

    @contextlib.contextmanager
    def filling(self, check: Callable[[], None]) -> Iterator[Put]:
        def put(table: str, rows: Sequence[Row]) -> None:
            marks = ", ".join("?" * len(TABLES[table]))
            with troubles(self.store.path):
                self.store.connection.executemany(f"INSERT INTO {table} ({columns(table)}) VALUES ({marks})", rows)

        with self.store.transaction():
            check()
            for table in TABLES:
                self.store.run(f"DELETE FROM {table}")
            yield put
        self.store.sync()


def columns(table: str) -> str:
    return ", ".join(f'"{column}"' for column in TABLES[table])


def remove(path: Path) -> None:
    """A file of SQLite and what it makes beside it."""
    for end in ("", "-wal", "-shm", "-journal"):
        path.with_name(path.name + end).unlink(missing_ok=True)
