"""Snapshots of a store, for backup and restore, of either kind of store."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager
from importlib import import_module
from pathlib import Path
from typing import Literal, Protocol

from headworks.ledger.sqlite import SqliteStore
from headworks.ledger.sqlite_copy import SqliteCopy
from headworks.ledger.store import Store
from headworks.ledger.tables import Put, Rows


class Copying(Protocol):
    """Every method raises StoreTrouble."""

    @property
    def kind(self) -> Literal["sqlite", "postgresql"]: ...

    def reading(self, beside: Path) -> AbstractContextManager[Rows]:
        """The rows of each table, all of one state of the store, while others write to it. beside: a file that may be made for
        it meanwhile."""
        ...

    def filling(self, check: Callable[[], None]) -> AbstractContextManager[Put]:
        """Empties every table and takes rows into them: all of it or nothing. check: raises, inside the transaction, where that
        must not be done."""
        ...


def copying(store: Store) -> Copying:
    """PostgreSQL's client is loaded only where it is configured."""
    if isinstance(store, SqliteStore):
        return SqliteCopy(store)
    made: Copying = import_module("headworks.ledger.postgres_copy").PostgresCopy(store)
    return made


def is_empty(
    store: Store,
    tables: Iterable[str] = (
        *("calls", "records", "opened", "spent", "access", "journals"),
        *("responses", "resources", "response_items"),
    ),
) -> bool:
    """Whether nothing was ever written to a store. Raises StoreTrouble."""
    return not any(store.rows(f"SELECT 1 FROM {table} LIMIT 1") for table in tables)
