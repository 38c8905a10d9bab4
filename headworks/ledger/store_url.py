"""Opens the store that a URL names. PostgreSQL's client is loaded only where it is configured."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path
from typing import Final

from headworks.core.errors import ConfigError, Problem
from headworks.core.extras import install
from headworks.ledger.sqlite import SqliteAt
from headworks.ledger.store import StoreAt

SQLITE: Final = "sqlite:///"
POSTGRES: Final = "postgresql://"


def store_at(url: str, folder: Path) -> StoreAt:
    """The store that a URL names. folder: what relative paths start from. Raises ConfigError."""
    if url.startswith(SQLITE):
        return SqliteAt(folder / url.removeprefix(SQLITE))
    try:
        module = import_module("headworks.ledger.postgres")
    except ImportError as error:
        problem = "PostgreSQL's client is not installed here"
        raise ConfigError([Problem(path="log.store", problem=problem, remedy=install("postgres"))]) from error
    at: StoreAt = module.PostgresAt(url)
    return at
