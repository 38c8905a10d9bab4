"""Snapshots of a store in PostgreSQL, by COPY in one repeatable-read transaction. Writers are not blocked."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Final, Literal

from psycopg.sql import SQL, Composable, Identifier

from headworks.ledger.postgres import PostgresStore, digest_of, sendable, troubles
from headworks.ledger.tables import TABLES, Put, Row, Rows

WIRE: Final = {"whole": "int8", "whole or null": "int8", "text": "text", "text or null": "text", "line": "bytea"}


class PostgresCopy:
    kind: Final[Literal["postgresql"]] = "postgresql"

    def __init__(self, store: PostgresStore) -> None:
        self.store = store

    @contextlib.contextmanager
    def reading(self, beside: Path) -> Iterator[Rows]:
        at, connection = self.store.at, self.store.connection

        def rows(table: str) -> Iterator[Row]:
            asked = SQL("COPY (SELECT {} FROM {}) TO STDOUT (FORMAT BINARY)").format(
                SQL(", ").join(read_as(table, column) for column in TABLES[table]), Identifier(at.schema, table)
            )
            with troubles(at), connection.cursor() as cursor, cursor.copy(asked) as copy:
                copy.set_types([WIRE[kind] for kind in TABLES[table].values()])
                yield from copy.rows()

        with troubles(at), connection.transaction():
            connection.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
            unhurried(self.store)
            yield rows

    @contextlib.contextmanager
    def filling(self, check: Callable[[], None]) -> Iterator[Put]:
        at, connection = self.store.at, self.store.connection

        def put(table: str, rows: Sequence[Row]) -> None:
            columns = [Identifier(column) for column in TABLES[table]]
            if table == "names":
                columns.append(Identifier("digest"))
            asked = SQL("COPY {} ({}) FROM STDIN").format(Identifier(at.schema, table), SQL(", ").join(columns))
            with troubles(at), connection.cursor() as cursor, cursor.copy(asked) as copy:
                for row in rows:
                    sent = sendable(row)
                    copy.write_row([*sent, digest_of(row[-1])] if table == "names" else sent)
            if table == "names":
                self.store.rows("SELECT setval(pg_get_serial_sequence('names', 'id'), max(id)) FROM names")

        with self.store.transaction("names"):  # nobody adds a record meanwhile
            check()
            unhurried(self.store)
            connection.execute(SQL("TRUNCATE {}").format(SQL(", ").join(Identifier(at.schema, one) for one in TABLES)))
            self.store.run("UPDATE prunings SET count = count + 1")  # every writer forgets which numbers it knew
            yield put


def unhurried(store: PostgresStore) -> None:
    """No bound of the server's on this transaction: a large ledger takes minutes. Each version knows some of them."""
    for bound in ("statement_timeout", "idle_in_transaction_session_timeout", "transaction_timeout"):
        store.connection.execute(
            "SELECT set_config(%s, '0', true) WHERE current_setting(%s, true) IS NOT NULL", (bound, bound)
        )


def read_as(table: str, column: str) -> Composable:
    """A column in the type in which a backup has it."""
    kind = WIRE[TABLES[table][column]]
    is_boolean = column == "is_done"
    return SQL("{}{}::{}").format(Identifier(column), SQL("::int" if is_boolean else ""), SQL(kind))
