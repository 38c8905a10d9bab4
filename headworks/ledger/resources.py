"""The table `resources` of the store: ids that vendors gave to what callers made through the gateway, and whose they are.

A row lives as long as the thing it is about: it goes when that is deleted through the gateway. No retention takes it, for a file without
its row would be nobody's. Of a user a row says nothing.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from headworks.core.passage import OwnedId
from headworks.ledger.store import Store

LOCK: Final = "resources"
AT_ONCE: Final = 200
"""Ids of one question."""

_MICRO: Final = 1_000_000


class Resources:
    """Reads and changes the noted ids of a store. Every method raises StoreTrouble. Each may be done twice."""

    def __init__(self, store: Store) -> None:
        self.store = store

    def find(self, provider: str, ids: Sequence[str]) -> Mapping[str, OwnedId]:
        """Those of these ids that are known. With none the store is asked all the same."""
        found: dict[str, OwnedId] = {}
        for start in range(0, max(len(ids), 1), AT_ONCE):
            some = ids[start : start + AT_ONCE]
            marks = ", ".join("?" * len(some)) or "NULL"
            sql = f"SELECT id, key, kind, counted FROM resources WHERE provider = ? AND id IN ({marks})"
            found.update({row[0]: OwnedId(*row) for row in self.store.rows(sql, (provider, *some))})
        return found

    def note(self, provider: str, ids: Sequence[OwnedId], at: float) -> None:
        """Adds ids; one that is there stays as it is."""
        with self.store.transaction(LOCK):
            for one in ids:
                self.store.run(
                    "INSERT INTO resources (id, provider, kind, key, made, counted) VALUES (?, ?, ?, ?, ?, '')"
                    " ON CONFLICT (id, provider) DO NOTHING",
                    (one.id, provider, one.kind, one.key, int(at * _MICRO)),
                )

    def count(self, provider: str, id: str, call: str) -> bool:
        """Notes which call's record has the cost; False where another's has it."""
        with self.store.transaction(LOCK):
            sql = "UPDATE resources SET counted = ? WHERE id = ? AND provider = ? AND counted IN ('', ?)"
            return self.store.run(sql, (call, id, provider, call)) > 0

    def forget(self, provider: str, id: str) -> None:
        with self.store.transaction(LOCK):
            self.store.run("DELETE FROM resources WHERE id = ? AND provider = ?", (id, provider))
