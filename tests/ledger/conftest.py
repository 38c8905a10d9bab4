"""Both stores, for the tests that hold for either."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path
from secrets import token_hex

import pytest

from headworks.ledger.store import LOCK_TIMEOUT, Lock, Store, StoreAt, StoreTrouble
from headworks.ledger.store_url import store_at
from tests.servers import PostgresServer


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """Where a store of its own can be made, as the system file writes it."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path}/ledger.db"
    server: PostgresServer = request.getfixturevalue("postgres_server")
    return server.url(f"test_{token_hex(6)}")


class Closing:
    """Closes at the end what a test has opened: the collector says aloud where a connection was left open."""

    def __init__(self, at: StoreAt) -> None:
        self.at = at
        self.is_shared = at.is_shared
        self.opened: list[Store] = []

    def open(self, lock_timeout: float = LOCK_TIMEOUT) -> Store:
        store = self.at.open(lock_timeout)
        self.opened.append(store)
        return store

    def lock(self) -> Lock:
        return self.at.lock()

    def close(self) -> None:
        for store in self.opened:
            with contextlib.suppress(StoreTrouble):  # of another thread, which has closed it
                store.close()


@pytest.fixture
def at(url: str) -> Iterator[StoreAt]:
    """The same, to be opened."""
    with contextlib.closing(Closing(store_at(url, Path()))) as found:
        yield found
