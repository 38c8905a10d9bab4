"""The lock on a store in PostgreSQL: an advisory lock, held by an idle open transaction.

Theory. A lock of the session would be lost, or left behind, where a pooler in transaction mode stands between; a transaction
keeps its connection there. This one has read no table and changed nothing, so it holds back no vacuum and no lock but its own.
The server ends it with its connection; so that it notices within half a minute that a machine is gone, the keepalives
are set on its side too.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from typing import Final

import psycopg

from headworks.ledger.store import StoreTrouble

SETTINGS: Final = {
    "idle_in_transaction_session_timeout": "0",
    "transaction_timeout": "0",
    "tcp_keepalives_idle": "10",
    "tcp_keepalives_interval": "5",
    "tcp_keepalives_count": "3",
}
"""Those that the server knows: not every version has each."""

_SET = b"SELECT set_config(%s, %s, true) WHERE current_setting(%s, true) IS NOT NULL"
_KEY = b"SELECT hashtextextended(%s, 0)"
_HOLDER = b"""
SELECT application_name FROM pg_stat_activity JOIN pg_locks USING (pid) WHERE locktype = 'advisory' AND granted
AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
AND objsubid = 1 AND ((classid::bigint << 32) | objid::bigint) = %s LIMIT 1
"""

MOST_NAME: Final = 63
"""Bytes of an application's name."""


class PostgresLock:
    """The lock on a schema. connect: opens a connection in autocommit, and raises psycopg.Error or StoreTrouble."""

    def __init__(self, connect: Callable[[], psycopg.Connection], schema: str, shown: str) -> None:
        self._connect = connect
        self._name = f"headworks {schema} gateway"  # as the store names its own (`postgres.py`)
        self._shown = shown
        self._connection: psycopg.Connection | None = None

    def acquire(self, holder: str, *, shared: bool) -> str | None:
        self.release()
        try:
            connection = self._connect()
            try:
                found = self._asked(connection, holder, shared)
            except BaseException:
                connection.close()
                raise
        except psycopg.Error as error:
            raise StoreTrouble(f"the store {self._shown} cannot be locked: {type(error).__name__}") from error
        if found is None:
            self._connection = connection
        else:
            connection.close()
        return found

    def is_held(self) -> bool:
        if self._connection is None:
            return False
        try:
            self._connection.execute(b"SELECT 1")
        except psycopg.Error:
            return False
        return True

    def release(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            with contextlib.suppress(psycopg.Error):
                # Waits for the server: after `close` alone the lock is held a moment longer.
                connection.execute(b"ROLLBACK")
            with contextlib.suppress(psycopg.Error):
                connection.close()

    def _asked(self, connection: psycopg.Connection, holder: str, shared: bool) -> str | None:
        run = connection.execute
        run(b"BEGIN")
        for setting, value in SETTINGS.items():
            run(_SET, (setting, value, setting))
        run(_SET, ("application_name", holder.encode()[:MOST_NAME].decode(errors="ignore"), "application_name"))
        key = one(run(_KEY, (self._name,)))
        taken = b"SELECT pg_try_advisory_xact_lock_shared(%s)" if shared else b"SELECT pg_try_advisory_xact_lock(%s)"
        return None if one(run(taken, (key,))) else str(one(run(_HOLDER, (key,))) or "")


def one(cursor: psycopg.Cursor) -> object:
    """The first value of the first row; None where there is no row."""
    row = cursor.fetchone()
    return row[0] if row else None
