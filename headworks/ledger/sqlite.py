"""The ledger's store in one SQLite file, and everything that writes to it. Its invariants are in `store.py`.

All errors of SQLite leave this file as `StoreTrouble`.
"""

from __future__ import annotations

import contextlib
import os
import sqlite3
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import msgspec

from headworks.core.private_folders import make_private
from headworks.ledger.erasure import tombstones, withheld
from headworks.ledger.facts import USER, Facts, facts
from headworks.ledger.lock import FileLock
from headworks.ledger.store import (
    COLUMNS,
    HOUR,
    LOCK_TIMEOUT,
    MOST_NAMES,
    PRUNED,
    SHIFT,
    Entries,
    Lock,
    Position,
    StoreTrouble,
    costs_of,
    lost,
    reserved,
    row_of,
)

VERSION = 8

SCHEMA = """
CREATE TABLE names (id INTEGER PRIMARY KEY, kind TEXT NOT NULL, name TEXT NOT NULL, UNIQUE (kind, name));
CREATE TABLE calls (
    id INTEGER PRIMARY KEY, request INTEGER NOT NULL,
    alias INTEGER NOT NULL, key INTEGER NOT NULL, targets INTEGER NOT NULL, outcome INTEGER NOT NULL,
    error INTEGER NOT NULL, is_failed INTEGER NOT NULL, status INTEGER NOT NULL,
    class INTEGER NOT NULL, duration INTEGER NOT NULL, input INTEGER NOT NULL, output INTEGER NOT NULL,
    cost INTEGER, reason TEXT
);
CREATE INDEX calls_alias ON calls (alias);
CREATE INDEX calls_key ON calls (key);
CREATE INDEX calls_targets ON calls (targets);
CREATE INDEX calls_outcome ON calls (outcome);
CREATE INDEX calls_class ON calls (class);
CREATE INDEX calls_failed ON calls (is_failed) WHERE is_failed = 1;
CREATE TABLE records (id INTEGER PRIMARY KEY, line BLOB NOT NULL);
CREATE TABLE journals (
    name TEXT PRIMARY KEY, offset INTEGER NOT NULL, records INTEGER NOT NULL, skipped INTEGER NOT NULL,
    is_done INTEGER NOT NULL
) WITHOUT ROWID;
"""
ACCESS = f"""
ALTER TABLE calls ADD COLUMN tags INTEGER NOT NULL DEFAULT 0;
CREATE INDEX calls_tags ON calls (tags) WHERE tags > 0;
CREATE TABLE opened (request TEXT PRIMARY KEY, process TEXT NOT NULL, line BLOB NOT NULL);
CREATE TABLE spent (owner TEXT NOT NULL, hour INTEGER NOT NULL, cost INTEGER NOT NULL, PRIMARY KEY (owner, hour));
INSERT INTO spent SELECT 'key/' || names.name, (calls.id >> {SHIFT}) / {HOUR * 1_000_000} AS hour, sum(calls.cost)
    FROM calls JOIN names ON names.id = calls.key WHERE names.name <> '' AND calls.cost > 0 GROUP BY names.name, hour;
CREATE TABLE access (
    kind TEXT NOT NULL, name TEXT NOT NULL, changed INTEGER NOT NULL, entry TEXT NOT NULL, PRIMARY KEY (kind, name)
);
CREATE INDEX access_changed ON access (changed);
"""
"""Keys and spending. `opened`: calls under a budget that have no record yet. `spent`: nano-dollars by key and
group and hour since 1970; no retention takes from it. `access`: keys and groups that were made at run time, numbered by
their changes (`keys.py`)."""

ENDUSERS = """
ALTER TABLE calls ADD COLUMN enduser INTEGER NOT NULL DEFAULT 0;
CREATE INDEX calls_enduser ON calls (enduser) WHERE enduser > 0;
"""
"""Whose call it was, as the caller says it. Of calls that are there already it is read off their records."""

IDENTITY = """
CREATE TABLE IF NOT EXISTS identity (id TEXT NOT NULL);
INSERT INTO identity SELECT lower(hex(randomblob(8))) WHERE NOT EXISTS (SELECT 1 FROM identity);
"""
"""Which store this is (`identity.py`)."""

SESSIONS = """
ALTER TABLE calls ADD COLUMN session INTEGER NOT NULL DEFAULT 0;
CREATE INDEX calls_session ON calls (session) WHERE session > 0;
"""
"""The run of calls that it is one of. No record from before names one."""

RESPONSES = """
CREATE TABLE responses (
    id TEXT PRIMARY KEY, key TEXT NOT NULL, enduser TEXT NOT NULL, made INTEGER NOT NULL, earlier TEXT NOT NULL,
    root TEXT NOT NULL, total INTEGER NOT NULL, line BLOB NOT NULL, head TEXT NOT NULL
);
CREATE INDEX responses_root ON responses (root, made);
CREATE INDEX responses_enduser ON responses (enduser, made) WHERE enduser <> '';
"""
"""Kept answers (`responses.py`). `made`: microseconds since 1970."""

RESOURCES = """
CREATE TABLE resources (
    id TEXT NOT NULL, provider TEXT NOT NULL, kind TEXT NOT NULL, key TEXT NOT NULL, made INTEGER NOT NULL, counted TEXT NOT NULL,
    PRIMARY KEY (id, provider)
);
"""
"""Ids of what callers made at providers (`resources.py`). `made`: microseconds since 1970."""

RESPONSE_ITEMS = """
CREATE TABLE response_items (
    key TEXT NOT NULL, item TEXT NOT NULL, response TEXT NOT NULL, position INTEGER NOT NULL, size INTEGER NOT NULL,
    PRIMARY KEY (key, item)
) WITHOUT ROWID;
CREATE INDEX response_items_response ON response_items (response);
"""
"""Where the items of kept answers stand in their `line`: bytes."""

MIGRATIONS: tuple[str, ...] = (SCHEMA, ACCESS, ENDUSERS, IDENTITY, SESSIONS, RESPONSES, RESOURCES, RESPONSE_ITEMS)
"""Step n leads from version n to n + 1. A step that was released is never changed."""


EMPTIED_WITHIN = 10.0
"""Seconds that a compaction waits for readers."""


class SqliteAt(msgspec.Struct, frozen=True):
    """A store in the SQLite file at this path."""

    path: Path
    is_shared = False

    def __str__(self) -> str:
        return str(self.path)

    def open(self, lock_timeout: float = LOCK_TIMEOUT) -> SqliteStore:
        return SqliteStore(self.path, lock_timeout=lock_timeout)

    def lock(self) -> Lock:
        path = Path(os.path.realpath(self.path))
        return FileLock(path.with_name(f"{path.name}.lock"))


class SqliteStore:
    """An open store. Opening makes the file where there is none, readable by its owner only, and brings it up to date.

    Raises StoreTrouble, as every method does.
    """

    plans_itself = False
    contains = "instr(lower(reason), ?) > 0"

    def __init__(self, path: Path, *, lock_timeout: float = LOCK_TIMEOUT) -> None:
        self.path = path
        self._names: dict[tuple[str, str], int] = {}
        self._seen = -1
        with troubles(path):
            make_private(path.parent)
            make(path)
            self._identity = identity(os.stat(path))
            self.connection = sqlite3.connect(path, timeout=lock_timeout, isolation_level=None)
            try:
                self._set_up(lock_timeout)
            except BaseException:
                self.connection.close()
                raise

    def _set_up(self, lock_timeout: float) -> None:
        run = self.connection.execute
        begin_wal(self.connection, lock_timeout)
        run("PRAGMA synchronous = NORMAL")
        run("PRAGMA cache_size = -16384")  # KiB
        run("PRAGMA wal_autocheckpoint = 4000")
        if run("PRAGMA user_version").fetchone()[0] == VERSION:
            return
        with self.transaction():  # read again: another process may have been first
            version = run("PRAGMA user_version").fetchone()[0]
            if version > VERSION:
                raise StoreTrouble(f"{self.path} was written by a newer Headworks (its version is {version})")
            for step in MIGRATIONS[version:]:
                for statement in filter(None, map(str.strip, step.split(";"))):
                    run(statement)
            if 0 < version < 3:
                self._find_endusers()
            run(f"PRAGMA user_version = {VERSION}")

    @property
    def is_there(self) -> bool:
        """Whether the path still leads to the open file. It may have been removed or replaced."""
        try:
            return identity(os.stat(self.path)) == self._identity
        except OSError:
            return False

    def close(self) -> None:
        with troubles(self.path):
            self.connection.close()

    @contextlib.contextmanager
    def transaction(self, what: str = "") -> Iterator[None]:
        """Alone among all writers: a file has one at a time."""
        with troubles(self.path):
            self.connection.execute("BEGIN IMMEDIATE")
            try:
                seen = self.connection.execute("PRAGMA data_version").fetchone()[0]
                if seen != self._seen or len(self._names) > MOST_NAMES:  # another process may have pruned names
                    self._names.clear()
                    self._seen = seen
                yield
                self.connection.execute("COMMIT")
            except BaseException:
                self._names.clear()  # some of them may just have been taken back
                if self.connection.in_transaction:
                    self.connection.execute("ROLLBACK")
                raise

    def rows(self, sql: str, values: Sequence[object] = ()) -> list[tuple[Any, ...]]:
        with troubles(self.path):
            return self.connection.execute(sql, values).fetchall()

    def run(self, sql: str, values: Sequence[object] = ()) -> int:
        with troubles(self.path):
            return self.connection.execute(sql, values).rowcount

    def stream(self, sql: str, values: Sequence[object] = ()) -> Iterator[tuple[Any, ...]]:
        with troubles(self.path):
            yield from self.connection.execute(sql, values)

    def positions(self, prefix: str = "") -> dict[str, Position]:
        rows = self.rows("SELECT name, offset, records, skipped, is_done FROM journals")
        return {
            name: Position(offset, records, skipped, bool(done))
            for name, offset, records, skipped, done in rows
            if name.startswith(prefix)
        }

    def add(self, name: str, was: Position, now: Position, entries: Entries) -> bool:
        with self.transaction():
            run = self.connection.execute
            row = run("SELECT offset, is_done FROM journals WHERE name = ?", (name,)).fetchone()
            if (row or (0, 0)) != (was.offset, int(was.is_done)):
                return False
            self.take(name, now, entries)
        return True

    def take(self, name: str, now: Position, entries: Entries) -> None:
        self._open(entries, name.rpartition("-")[0])
        self._insert(entries.records)
        self.connection.execute("INSERT OR REPLACE INTO journals VALUES (?, ?, ?, ?, ?)", (name, *now))

    def sync(self) -> None:
        with troubles(self.path):
            self.connection.execute("PRAGMA synchronous = FULL")
            try:
                with self.transaction():  # the commit forces the whole log, so it also covers what came before it
                    self.connection.execute(f"PRAGMA user_version = {VERSION}")
            finally:
                self.connection.execute("PRAGMA synchronous = NORMAL")

    def forget(self, where: str, values: Sequence[object], most: int) -> int:
        with self.transaction():
            run = self.connection.execute
            found = run(f"SELECT id FROM calls WHERE {where} ORDER BY id LIMIT ?", (*values, most)).fetchall()
            self.connection.executemany("DELETE FROM records WHERE id = ?", found)
            self.connection.executemany("DELETE FROM calls WHERE id = ?", found)
        return len(found)

    def prune(self) -> None:
        with self.transaction():
            for kind in PRUNED:
                # `> 0` is always so; SQLite uses an index over rows that have a name only where it is told.
                used = f"SELECT 1 FROM calls WHERE calls.{kind} = names.id AND calls.{kind} > 0"
                self.connection.execute(f"DELETE FROM names WHERE kind = ? AND NOT EXISTS ({used})", (kind,))
            self._names.clear()

    def compact(self) -> None:
        run = self.connection.execute
        with troubles(self.path):
            self._checkpoint()
            run("VACUUM")
            self._checkpoint()

    def _checkpoint(self) -> None:
        """Checkpoints the whole write-ahead log and truncates it. Waits for readers of older snapshots."""
        until = time.monotonic() + EMPTIED_WITHIN
        while self.connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()[0]:
            if time.monotonic() > until:
                raise StoreTrouble(
                    f"the log of the store {self.path} cannot be emptied: another process has been reading it for"
                    f" {EMPTIED_WITHIN:.0f} s; end that, and do this again"
                )
            time.sleep(0.05)

    def _find_endusers(self) -> None:
        """Reads off the records whose calls they were."""
        run = self.connection.execute
        look = "SELECT id, line FROM records WHERE id > ? AND instr(line, ?) > 0 ORDER BY id LIMIT 1000"
        at = -1
        while rows := run(look, (at, USER)).fetchall():
            known = [(key, facts(line)) for key, line in rows]
            found = [(self._name("enduser", one.user), key) for key, one in known if one is not None and one.user]
            self.connection.executemany("UPDATE calls SET enduser = ? WHERE id = ?", found)
            at = rows[-1][0]

    def _insert(self, read: Sequence[tuple[Facts, bytes]]) -> None:
        entries = withheld(read, tombstones(self)) if any(one.user for one, _ in read) else read
        added = [facts for facts, _ in entries]
        rows = [row_of(facts, self._name) for facts, _ in entries]
        lines = [(row[0], line) for row, (_, line) in zip(rows, entries, strict=True)]
        try:
            self.connection.execute("SAVEPOINT rows")
            self.connection.executemany(_CALL, rows)
            self.connection.executemany(_RECORD, lines)
        except sqlite3.IntegrityError:
            self.connection.execute("ROLLBACK TO rows")
            added = [
                facts
                for (facts, _), row, (_, line) in zip(entries, rows, lines, strict=True)
                if self._insert_one(row, line)
            ]
        self.connection.execute("RELEASE rows")
        self.connection.executemany(_SPENT, costs_of(added))
        if self.connection.execute("SELECT 1 FROM opened LIMIT 1").fetchone():
            ended = [(facts.request_id,) for facts, _ in read]
            self.connection.executemany("DELETE FROM opened WHERE request = ?", ended)

    def _open(self, entries: Entries, process: str) -> None:
        calls = [(call.opened, process, line) for call, line in entries.opened]
        self.connection.executemany("INSERT OR REPLACE INTO opened VALUES (?, ?, ?)", calls)

    def record_lost(self, prefix: str, living: Callable[[], Iterable[str]]) -> None:
        with troubles(self.path):
            run = self.connection.execute
            if not run("SELECT 1 FROM opened LIMIT 1").fetchone():
                return
            with self.transaction():
                rows = run("SELECT process, line FROM opened").fetchall()
                self._insert(lost([row for row in rows if folder_of(row[0]) == folder_of(prefix)], living()))

    def spent(self, since: int) -> dict[str, int]:
        sums = dict(self.rows("SELECT owner, sum(cost) FROM spent WHERE hour >= ? GROUP BY owner", (since // HOUR,)))
        return reserved(sums, [line for (line,) in self.rows("SELECT line FROM opened")], since)

    def _insert_one(self, row: tuple[object, ...], line: bytes) -> bool:
        """A key that is taken: by the same call, then it is there already; or by one of the same microsecond."""
        key = row[0]
        assert isinstance(key, int)
        while found := self.connection.execute("SELECT line FROM records WHERE id = ?", (key,)).fetchone():
            if found[0] == line:
                return False
            key += 1
        self.connection.execute(_CALL, (key, *row[1:]))
        self.connection.execute(_RECORD, (key, line))
        return True

    def _name(self, kind: str, name: str) -> int:
        known = self._names.get((kind, name))
        if known is None:
            run = self.connection.execute
            run("INSERT OR IGNORE INTO names (kind, name) VALUES (?, ?)", (kind, name))
            known = run("SELECT id FROM names WHERE kind = ? AND name = ?", (kind, name)).fetchone()[0]
            assert isinstance(known, int)
            self._names[kind, name] = known
        return known


_CALL = f"INSERT INTO calls VALUES ({', '.join('?' * len(COLUMNS))})"
_SPENT = "INSERT INTO spent VALUES (?, ?, ?) ON CONFLICT (owner, hour) DO UPDATE SET cost = spent.cost + excluded.cost"
_RECORD = "INSERT INTO records VALUES (?, ?)"


def folder_of(name: str) -> str:
    """What a process's journal is called, whose name stands before its files': "" where it has none."""
    return name.rpartition("/")[0]


def make(path: Path) -> None:
    """Makes the file where there is none, readable by its owner only.

    One that is there is never opened by hand: closing it would drop every lock that this process has on it (POSIX), those of
    SQLite's other connections too. Another process would then take itself for the last one, remove the log, and those
    connections would read the same for ever (sqlite.org/howtocorrupt.html, 2.2).
    """
    try:
        os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600))
    except FileExistsError:
        pass


def identity(stat: os.stat_result) -> tuple[int, int]:
    return stat.st_dev, stat.st_ino


def begin_wal(connection: sqlite3.Connection, lock_timeout: float) -> None:
    """Readers and the one writer do not wait for each other. The change itself needs the file alone, and SQLite does not
    wait for that: two processes that start at once would get an error."""
    until = time.monotonic() + lock_timeout
    while True:
        try:
            connection.execute("PRAGMA journal_mode = WAL")
            return
        except sqlite3.OperationalError as error:
            if "locked" not in str(error) or time.monotonic() > until:
                raise
        time.sleep(0.01)


@contextlib.contextmanager
def troubles(path: Path) -> Iterator[None]:
    """Turns errors of SQLite and the system into StoreTrouble."""
    try:
        yield
    except sqlite3.Error as error:
        said = str(error)
        if "locked" in said:
            said = "another process holds its lock"
        raise StoreTrouble(f"the store {path} does not work: {said}") from error
    except OSError as error:
        raise StoreTrouble(f"the store {path} does not work: {error.strerror or error}") from error
