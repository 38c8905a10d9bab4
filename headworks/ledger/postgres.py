"""The ledger's store in PostgreSQL, for several replicas. Its invariants are in `store.py`.

Theory. Everything is in one schema. Each transaction sets what it needs for itself (`SET LOCAL`) and nothing is prepared,
so a pooler between may hand out another connection after every transaction. Commits are forced to the disk before they
return. What must not happen twice at once takes an advisory lock, which a killed process gives back: making and changing
tables, deleting, and names: who adds rows holds `NAMES` shared, who prunes names holds it alone and counts up, and a
count that is another makes a writer forget which numbers it knew.

All errors of psycopg leave this file as `StoreTrouble`, without the URL.
"""

from __future__ import annotations

import contextlib
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from hashlib import blake2b
from typing import Any, Final
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

import psycopg
from psycopg.conninfo import conninfo_to_dict
from psycopg.sql import SQL, Identifier, Literal

from headworks.ledger.erasure import tombstones, withheld
from headworks.ledger.facts import USER, Facts, facts
from headworks.ledger.postgres_lock import PostgresLock
from headworks.ledger.store import (
    COLUMNS,
    HOUR,
    INTERNED,
    LOCK_TIMEOUT,
    MOST_NAMES,
    PRUNED,
    Entries,
    Lock,
    Position,
    StoreTrouble,
    costs_of,
    lost,
    names_of,
    reserved,
    row_of,
)

VERSION: Final = 7
TABLES: Final = """
CREATE TABLE names (
    id BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY, kind TEXT NOT NULL, name TEXT NOT NULL, digest BYTEA NOT NULL,
    UNIQUE (kind, digest)
);
CREATE TABLE calls (
    id BIGINT PRIMARY KEY, request BIGINT NOT NULL,
    alias BIGINT NOT NULL, key BIGINT NOT NULL, targets BIGINT NOT NULL, outcome BIGINT NOT NULL, error BIGINT NOT NULL,
    is_failed SMALLINT NOT NULL, status INTEGER NOT NULL,
    class INTEGER NOT NULL, duration BIGINT NOT NULL, input BIGINT NOT NULL, output BIGINT NOT NULL,
    cost BIGINT, reason TEXT, tags BIGINT NOT NULL
);
CREATE INDEX calls_alias ON calls (alias, id);
CREATE INDEX calls_key ON calls (key, id);
CREATE INDEX calls_targets ON calls (targets, id);
CREATE INDEX calls_outcome ON calls (outcome, id);
CREATE INDEX calls_class ON calls (class, duration, id);
CREATE INDEX calls_tags ON calls (tags, id) WHERE tags > 0;
CREATE INDEX calls_failed ON calls (id) WHERE is_failed = 1;
CREATE TABLE records (id BIGINT PRIMARY KEY, line BYTEA NOT NULL);
CREATE TABLE journals (
    name TEXT PRIMARY KEY, "offset" BIGINT NOT NULL, records BIGINT NOT NULL, skipped BIGINT NOT NULL,
    is_done BOOLEAN NOT NULL
);
CREATE TABLE opened (request TEXT PRIMARY KEY, process TEXT NOT NULL, line BYTEA NOT NULL);
CREATE TABLE spent (owner TEXT NOT NULL, hour BIGINT NOT NULL, cost BIGINT NOT NULL, PRIMARY KEY (owner, hour));
CREATE TABLE access (
    kind TEXT NOT NULL, name TEXT NOT NULL, changed BIGINT NOT NULL, entry TEXT NOT NULL, PRIMARY KEY (kind, name)
);
CREATE INDEX access_changed ON access (changed);
CREATE TABLE prunings (count BIGINT NOT NULL);
INSERT INTO prunings VALUES (0);
CREATE TABLE version (number INTEGER NOT NULL);
INSERT INTO version VALUES (0)
"""
ENDUSERS: Final = """
ALTER TABLE calls ADD COLUMN enduser BIGINT NOT NULL DEFAULT 0;
CREATE INDEX calls_enduser ON calls (enduser, id) WHERE enduser > 0
"""
"""Whose call it was, as the caller says it. Of calls that are there already it is read off their records."""

IDENTITY: Final = """
CREATE TABLE IF NOT EXISTS identity (id TEXT NOT NULL);
INSERT INTO identity
    SELECT left(encode(sha256((random()::text || clock_timestamp()::text)::bytea), 'hex'), 16) WHERE NOT EXISTS (SELECT 1 FROM identity)
"""
"""Which store this is (`identity.py`)."""

SESSIONS: Final = """
ALTER TABLE calls ADD COLUMN session BIGINT NOT NULL DEFAULT 0;
CREATE INDEX calls_session ON calls (session, id) WHERE session > 0
"""
"""The run of calls that it is one of. No record from before names one."""

RESPONSES: Final = """
CREATE TABLE responses (
    id TEXT PRIMARY KEY, key TEXT NOT NULL, enduser TEXT NOT NULL, made BIGINT NOT NULL, earlier TEXT NOT NULL,
    root TEXT NOT NULL, total BIGINT NOT NULL, line BYTEA NOT NULL, head TEXT NOT NULL
);
CREATE INDEX responses_root ON responses (root, made);
CREATE INDEX responses_enduser ON responses (enduser, made) WHERE enduser <> ''
"""
"""Kept answers (`responses.py`). `made`: microseconds since 1970."""

RESOURCES: Final = """
CREATE TABLE resources (
    id TEXT NOT NULL, provider TEXT NOT NULL, kind TEXT NOT NULL, key TEXT NOT NULL, made BIGINT NOT NULL, counted TEXT NOT NULL,
    PRIMARY KEY (id, provider)
)
"""
"""Ids of what callers made at providers (`resources.py`). `made`: microseconds since 1970."""

RESPONSE_ITEMS: Final = """
CREATE TABLE response_items (
    key TEXT NOT NULL, item TEXT NOT NULL, response TEXT NOT NULL, position INTEGER NOT NULL, size INTEGER NOT NULL,
    PRIMARY KEY (key, item)
);
CREATE INDEX response_items_response ON response_items (response)
"""
"""Where the items of kept answers stand in their `line`: bytes."""

MIGRATIONS: tuple[str, ...] = (TABLES, ENDUSERS, IDENTITY, SESSIONS, RESPONSES, RESOURCES, RESPONSE_ITEMS)
"""Step n leads from version n to n + 1. A step that was released is never changed."""

TYPES: Final = {"is_failed": "smallint", "status": "int", "class": "int", "reason": "text"}
"""The types of columns of `calls`; the others are bigint."""

CONNECTED: Final[Mapping[str, str]] = {
    "application_name": "headworks",
    "connect_timeout": "5",
    "keepalives_idle": "10",
    "keepalives_interval": "5",
    "keepalives_count": "3",
    "tcp_user_timeout": "15000",
}
"""What the URL may say otherwise: a server that is gone without a word is noticed within half a minute."""

SCHEMA: Final = "headworks"
WRITTEN_ANEW: Final = ("names", "calls", "records", "opened", "access", "responses")
"""Tables that have words of callers, or had."""

FETCHED: Final = 500
"""Rows of a stream that are in memory at once."""

LONGEST: Final = 60
"""Seconds of one statement that writes. A batch takes a tenth of one."""


class PostgresAt:
    """A store in a PostgreSQL, in the schema that `?schema=` in the URL names."""

    is_shared = True

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        query = dict(parse_qsl(parts.query))
        self.schema = query.pop("schema", SCHEMA)
        self._url = urlunsplit(parts._replace(query=urlencode(query)))
        # Without user, password and parameters, any of which may be a secret.
        self._shown = f"postgresql://{parts.netloc.rpartition('@')[2]}{parts.path}"

    def __str__(self) -> str:
        return self._shown

    __repr__ = __str__

    def open(self, lock_timeout: float = LOCK_TIMEOUT) -> PostgresStore:
        return PostgresStore(self, lock_timeout)

    def lock(self) -> Lock:
        return PostgresLock(self.connect, self.schema, str(self))

    def connect(self) -> psycopg.Connection:
        """A connection. Raises psycopg.Error."""
        try:
            asked = conninfo_to_dict(self._url)
        except psycopg.ProgrammingError:
            # Its text quotes the URL, and so does its traceback.
            raise StoreTrouble("the URL of the store in `log.store` cannot be read") from None
        options: dict[str, Any] = {**CONNECTED, **asked}
        return psycopg.connect(**options, autocommit=True, prepare_threshold=None)


class PostgresStore:
    """An open store. Opening makes the tables where there are none and brings them up to date, one process at a time."""

    plans_itself = True
    contains = 'strpos(lower(reason COLLATE "C"), ?) > 0'

    def __init__(self, at: PostgresAt, lock_timeout: float = LOCK_TIMEOUT) -> None:
        self.at = at
        self._names: dict[tuple[str, str], int] = {}
        self._prunings = -1
        lock = max(1, round(lock_timeout * 1000))
        self._settings = SQL(
            "SET LOCAL search_path = {}; SET LOCAL lock_timeout = {}; SET LOCAL synchronous_commit = on"
        ).format(Identifier(at.schema), Literal(lock))
        with troubles(at):
            self.connection = at.connect()
            try:
                self._set_up()
            except BaseException:
                self.connection.close()
                raise

    def _set_up(self) -> None:
        if self._version() == VERSION:
            return
        with self._transaction():
            run = self.connection.execute
            self._lock("tables")
            version = self._version()  # read again: another process may have been first
            if version > VERSION:
                raise StoreTrouble(f"{self.at} was written by a newer Headworks (its version is {version})")
            schema = Identifier(self.at.schema)
            if not run("SELECT 1 FROM pg_namespace WHERE nspname = %s", (self.at.schema,)).fetchone():
                run(SQL("CREATE SCHEMA {}").format(schema))
            for step in MIGRATIONS[version:]:
                run(step.encode())
            if 0 < version < 2:
                self._find_endusers()
            run("UPDATE version SET number = %s", (len(MIGRATIONS),))

    def _version(self) -> int:
        """0 where there are no tables."""
        # Read off the catalog's tables: what another session made while this one waited is not in every cache yet.
        query = (
            "SELECT 1 FROM pg_class JOIN pg_namespace ON relnamespace = pg_namespace.oid"
            " WHERE nspname = %s AND relname = 'version'"
        )
        if self.connection.execute(query, (self.at.schema,)).fetchone() is None:
            return 0
        table = Identifier(self.at.schema, "version")
        row = self.connection.execute(SQL("SELECT number FROM {}").format(table)).fetchone()
        return int(row[0]) if row is not None else 0

    @property
    def is_there(self) -> bool:
        return not self.connection.closed

    def close(self) -> None:
        with troubles(self.at):
            self.connection.close()

    @contextlib.contextmanager
    def _transaction(self) -> Iterator[None]:
        with self.connection.transaction():
            self.connection.execute(self._settings)
            yield

    @contextlib.contextmanager
    def writing(self) -> Iterator[None]:
        """All of it or nothing."""
        with troubles(self.at):
            try:
                with self._transaction():
                    self.connection.execute(f"SET LOCAL statement_timeout = {LONGEST * 1000}".encode())
                    yield
            except BaseException:
                self._names.clear()  # some of them may just have been taken back
                raise

    def rows(self, sql: str, values: Sequence[object] = ()) -> list[tuple[Any, ...]]:
        with troubles(self.at), self._transaction():
            return self.connection.execute(marked(sql), sendable(values)).fetchall()

    @contextlib.contextmanager
    def transaction(self, what: str = "") -> Iterator[None]:
        with self.writing():
            if what:
                self._lock(what)
            yield

    def run(self, sql: str, values: Sequence[object] = ()) -> int:
        with troubles(self.at):
            return self.connection.execute(marked(sql), sendable(values)).rowcount

    def stream(self, sql: str, values: Sequence[object] = ()) -> Iterator[tuple[Any, ...]]:
        with troubles(self.at), self._transaction(), self.connection.cursor(name="stream") as cursor:
            cursor.itersize = FETCHED
            yield from cursor.execute(marked(sql), sendable(values))

    def positions(self, prefix: str = "") -> dict[str, Position]:
        query = 'SELECT name, "offset", records, skipped, is_done FROM journals WHERE starts_with(name, ?)'
        return {name: Position(*rest) for name, *rest in self.rows(query, (prefix,))}

    def add(self, name: str, was: Position, now: Position, entries: Entries) -> bool:
        with self.writing():
            run = self.connection.execute
            run("INSERT INTO journals VALUES (%s, 0, 0, 0, false) ON CONFLICT DO NOTHING", (name,))
            held = run('SELECT "offset", is_done FROM journals WHERE name = %s FOR UPDATE', (name,)).fetchone()
            if held != (was.offset, was.is_done):
                return False
            self.take(name, now, entries)
        return True

    def take(self, name: str, now: Position, entries: Entries) -> None:
        self._open(entries, name.rpartition("-")[0])
        self._insert(entries.records)
        self.connection.execute(_JOURNAL, (name, *now))

    def sync(self) -> None:
        """Every commit was forced before it returned."""

    def forget(self, where: str, values: Sequence[object], most: int) -> int:
        with self.writing():
            self._lock("deleting")
            run = self.connection.execute
            query = (
                f"DELETE FROM calls WHERE id IN (SELECT id FROM calls WHERE {where} ORDER BY id LIMIT ?) RETURNING id"
            )
            found = [key for (key,) in run(marked(query), sendable((*values, most))).fetchall()]
            run("DELETE FROM records WHERE id = ANY(%s)", (found,))
        return len(found)

    def prune(self) -> None:
        with self.writing():
            self._lock("names")
            self.connection.execute("UPDATE prunings SET count = count + 1")
            for kind in PRUNED:
                query = f"NOT EXISTS (SELECT 1 FROM calls WHERE calls.{kind} = names.id)"
                self.connection.execute(f"DELETE FROM names WHERE kind = '{kind}' AND {query}".encode())
            self._names.clear()

    def compact(self) -> None:
        # Also the statistics: they have samples of what stood in the columns.
        with troubles(self.at):
            for table in WRITTEN_ANEW:
                name = Identifier(self.at.schema, table)
                self.connection.execute(SQL("VACUUM (FULL, ANALYZE) {}").format(name))

    def _find_endusers(self) -> None:
        """Reads off the records whose calls they were."""
        run = self.connection.execute
        look = b"SELECT id, line FROM records WHERE id > %s AND position(%s::bytea in line) > 0 ORDER BY id LIMIT 1000"
        at = -1
        while rows := run(look, (at, USER)).fetchall():
            found = [(key, one) for key, line in rows if (one := facts(line)) is not None and one.user]
            self._learn([one for _, one in found])
            numbers = [self._number("enduser", one.user) for _, one in found]
            changed = (
                "UPDATE calls SET enduser = found.enduser"
                " FROM unnest(%s::bigint[], %s::bigint[]) AS found (id, enduser) WHERE calls.id = found.id"
            )
            run(changed.encode(), ([key for key, _ in found], numbers))
            at = rows[-1][0]

    def _lock(self, what: str, *, shared: bool = False) -> None:
        """Takes an advisory lock until the end of the transaction. One number for each schema and purpose."""
        taken = "pg_advisory_xact_lock_shared" if shared else "pg_advisory_xact_lock"
        key = f"headworks {self.at.schema} {what}"
        self.connection.execute(f"SELECT {taken}(hashtextextended(%s, 0))".encode(), (key,))

    def _learn(self, calls: Sequence[Facts]) -> None:
        """Knows the numbers of all these calls' names: new ones are added together and in order, so that two who do it at
        once never wait for each other in a circle."""
        self._lock("names", shared=True)
        run = self.connection.execute
        row = run("SELECT count FROM prunings").fetchone()
        prunings = row[0] if row is not None else 0
        if prunings != self._prunings or len(self._names) > MOST_NAMES:
            self._names.clear()
            self._prunings = prunings
        named = {pair for facts in calls for pair in zip(INTERNED, names_of(facts), strict=True)}
        named |= {("tags", " ".join(facts.tags)) for facts in calls if facts.tags}
        named |= {("enduser", facts.user) for facts in calls if facts.user}
        named |= {("session", facts.session) for facts in calls if facts.session}
        missing = sorted(pair for pair in named if pair not in self._names)
        if not missing:
            return
        kinds, names = [kind for kind, _ in missing], [sendable_text(name) for _, name in missing]
        digests = [digest_of(name) for _, name in missing]
        given = "unnest(%s::text[], %s::text[], %s::bytea[])"
        added = f"INSERT INTO names (kind, name, digest) SELECT * FROM {given} ON CONFLICT DO NOTHING"
        run(added.encode(), (kinds, names, digests))
        query = "SELECT kind, digest, id FROM names JOIN unnest(%s::text[], %s::bytea[]) AS a (kind, digest) USING (kind, digest)"
        found = {(kind, digest): number for kind, digest, number in run(query.encode(), (kinds, digests))}
        for (kind, name), digest in zip(missing, digests, strict=True):
            self._names[kind, name] = found[kind, digest]

    def _insert(self, read: Sequence[tuple[Facts, bytes]]) -> None:
        """Inserts calls. A primary key that is taken belongs to the same call, or to another one of the same microsecond."""
        if not read:
            return
        self._lock("names", shared=True)  # before the marks are read: a purge takes this lock exclusively
        entries = withheld(read, tombstones(self)) if any(one.user for one, _ in read) else read
        self._learn([facts for facts, _ in entries])
        left = [(row_of(facts, self._number), facts, line) for facts, line in entries]
        added: list[Facts] = []
        while left:
            placed = self._place([row for row, _, _ in left])
            lines: dict[int, bytes] = {}
            others = []
            for row, known, line in left:
                if row[0] in placed and row[0] not in lines:
                    lines[row[0]] = line
                    added.append(known)
                else:
                    others.append((row, known, line))
            self._write_lines(lines)
            taken = self._lines([row[0] for row, _, _ in others])
            left = [((row[0] + 1, *row[1:]), facts, line) for row, facts, line in others if taken.get(row[0]) != line]
        run = self.connection.execute
        if costs := costs_of(added):  # in order: two who do it at once never wait for each other in a circle
            run(_SPENT, [list(column) for column in zip(*costs, strict=True)])
        run("DELETE FROM opened WHERE request = ANY(%s)", ([sendable_text(facts.request_id) for facts, _ in read],))

    def _open(self, entries: Entries, process: str) -> None:
        for call, line in entries.opened:
            self.connection.execute(_OPENED, (sendable_text(call.opened), process, line))

    def record_lost(self, prefix: str, living: Callable[[], Iterable[str]]) -> None:
        query = "SELECT process, line FROM opened WHERE starts_with(process, ?)"
        if not self.rows(f"{query} LIMIT 1", (prefix,)):
            return
        with self.writing():
            rows = self.connection.execute(marked(f"{query} FOR UPDATE"), (prefix,)).fetchall()
            self._insert(lost(rows, living()))

    def spent(self, since: int) -> dict[str, int]:
        query = "SELECT owner, CAST(sum(cost) AS BIGINT) FROM spent WHERE hour >= ? GROUP BY owner"
        sums = dict(self.rows(query, (since // HOUR,)))
        return reserved(sums, [line for (line,) in self.rows("SELECT line FROM opened")], since)

    def _lines(self, keys: Sequence[int]) -> dict[int, bytes]:
        if not keys:
            return {}
        return dict(
            self.connection.execute("SELECT id, line FROM records WHERE id = ANY(%s)", (list(keys),)).fetchall()
        )

    def _place(self, rows: Sequence[tuple[Any, ...]]) -> set[int]:
        """Adds rows of calls, and says the keys of those whose key was free."""
        columns = [list(column) for column in zip(*rows, strict=True)]
        columns[_REASON] = [None if reason is None else sendable_text(reason) for reason in columns[_REASON]]
        return {key for (key,) in self.connection.execute(_CALLS, columns)}

    def _write_lines(self, lines: Mapping[int, bytes]) -> None:
        self.connection.execute(
            "INSERT INTO records SELECT * FROM unnest(%s::bigint[], %s::bytea[])", (list(lines), list(lines.values()))
        )

    def _number(self, kind: str, name: str) -> int:
        return self._names[kind, name]


_CALLS = (
    f"INSERT INTO calls ({', '.join(COLUMNS)}) SELECT * FROM"
    f" unnest({', '.join('%s::' + TYPES.get(column, 'bigint') + '[]' for column in COLUMNS)})"
    " ON CONFLICT DO NOTHING RETURNING id"
).encode()


_JOURNAL = (
    b"INSERT INTO journals VALUES (%s, %s, %s, %s, %s) ON CONFLICT (name) DO UPDATE SET"
    b' ("offset", records, skipped, is_done) = (excluded."offset", excluded.records, excluded.skipped, excluded.is_done)'
)
_REASON = COLUMNS.index("reason")
_OPENED = b"INSERT INTO opened VALUES (%s, %s, %s) ON CONFLICT (request) DO UPDATE SET (process, line) = (excluded.process, excluded.line)"
_SPENT = (
    b"INSERT INTO spent SELECT * FROM unnest(%s::text[], %s::bigint[], %s::bigint[])"
    b" ON CONFLICT (owner, hour) DO UPDATE SET cost = spent.cost + excluded.cost"
)


def marked(question: str) -> bytes:
    """A question with psycopg's marks. None of ours has a `?` or a `%` of its own."""
    return question.replace("?", "%s").encode()


def sendable(values: Sequence[object]) -> list[object]:
    return [sendable_text(value) if isinstance(value, str) else value for value in values]


def sendable_text(text: str) -> str:
    """A text as PostgreSQL takes it: without NUL, which a caller may put into a model's name."""
    return text.replace("\0", "\ufffd") if "\0" in text else text


def digest_of(name: str) -> bytes:
    """Stands for a name in its index, which takes no more than 2,700 bytes of one; nobody can make two that collide."""
    return blake2b(name.encode("utf-8", "surrogatepass"), digest_size=16).digest()


@contextlib.contextmanager
def troubles(at: PostgresAt) -> Iterator[None]:
    """Turns errors of psycopg into StoreTrouble."""
    try:
        yield
    except psycopg.errors.LockNotAvailable as error:
        raise StoreTrouble(f"the store {at} does not work: another session holds its lock") from error
    except psycopg.Error as error:
        said = re.sub(r"\s+", " ", str(error)).strip()[:300] or type(error).__name__
        raise StoreTrouble(f"the store {at} does not work: {said}") from error
