"""The ledger's store: one SQLite file, and everything that writes to it.

Theory. `calls` is narrow: whole numbers only, names interned in `names`, so that reading all of five million rows takes
half a second, and no combination of filters is slower than that. `records` has the journal's own line, for showing. The
key of both is the arrival: microseconds since 1970, shifted, with a digest of the request id below. So rows lie in
order of time, a time range is a range of keys, every index is in order of time too, and a line that is indexed twice
finds itself there. The offset of a journal file moves in the transaction that adds its rows, by compare and swap: who
indexes the same lines at the same time adds nothing. Measurements: docs/adr/0020.

Whatever SQLite raises leaves here as `StoreTrouble`. A store belongs to the thread that opened it.
"""

from __future__ import annotations

import contextlib
import math
import os
import sqlite3
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from hashlib import blake2b
from pathlib import Path
from typing import NamedTuple

import msgspec

from headworks.core.errors import HeadworksError
from headworks.core.record import Opened
from headworks.core.request_id import BEGINNING
from headworks.ledger.facts import Facts, facts, opened

VERSION = 2
SHIFT = 11
"""Bits below the microseconds: in 2112 the key reaches 63 bits, which is what SQLite has."""

MOST_KEY = 2**63 - 1
PER_OCTAVE = 16
"""Steps of a duration's class per doubling: a percentile read off the classes is right within 2.2%."""

PATIENCE = 2.0
"""Seconds that a locked store is waited for, before that is said."""

_DIGITS = 15

HOUR = 3600

MOST_NAMES = 20_000
"""Names kept in memory; a caller may make up as many models as it likes."""

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
"""Who may call and what they spent. `opened`: calls under a budget that have no record yet. `spent`: nano-dollars by key and
group and hour since 1970; no retention takes from it. `access`: keys and groups that were made at run time, numbered by
their changes (`keys.py`)."""

MIGRATIONS: tuple[str, ...] = (SCHEMA, ACCESS)
"""Step n leads from version n to n + 1. A step that was released is never changed."""


class StoreTrouble(HeadworksError):
    """The store cannot be read or written now: locked, gone, full, not ours. The text says which."""


class Entries(NamedTuple):
    """What lines of a journal say: calls that ended, and calls under a budget that began."""

    records: list[tuple[Facts, bytes]]
    opened: list[tuple[Opened, bytes]]


class Position(NamedTuple):
    """How far a journal file is indexed: bytes, records in the store, lines that were no records."""

    offset: int = 0
    records: int = 0
    skipped: int = 0
    is_done: bool = False


def key_at(at: float) -> int:
    """The smallest key of a call that arrived at this instant (seconds since 1970). Any instant may be asked about."""
    return min(max(int(at * 1e6), 0) << SHIFT, MOST_KEY)


def request_number(request_id: str) -> int:
    """63 bits that stand for a request id: the beginning of one of ours (its millisecond and 12 bits of chance), a digest
    of any other. Two calls of one millisecond may share it."""
    if ours := BEGINNING.fullmatch(request_id):
        return int(ours[1][:_DIGITS].ljust(_DIGITS, "0"), 16)
    return int.from_bytes(blake2b(request_id.encode("utf-8", "surrogatepass"), digest_size=8).digest(), "big") >> 1


def request_span(request_id: str) -> tuple[int, int]:
    """The numbers of the request ids that begin so (ours), or of this one."""
    number = request_number(request_id)
    ours = BEGINNING.fullmatch(request_id)
    return number, number + (16 ** max(0, _DIGITS - len(ours[1])) - 1 if ours else 0)


def duration_class(microseconds: int) -> int:
    return int(math.log2(microseconds) * PER_OCTAVE) if microseconds > 1 else 0


class Store:
    """An open store. Opening makes the file where there is none, readable by its owner only, and brings it up to date.

    Raises StoreTrouble, as every method does.
    """

    def __init__(self, path: Path, *, patience: float = PATIENCE) -> None:
        self.path = path
        self._names: dict[tuple[str, str], int] = {}
        self._seen = -1
        with troubles(path):
            path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
            self._identity = identity(os.fstat(file))
            os.close(file)
            self.connection = sqlite3.connect(path, timeout=patience, isolation_level=None)
            try:
                self._set_up(patience)
            except BaseException:
                self.connection.close()
                raise

    def _set_up(self, patience: float) -> None:
        run = self.connection.execute
        begin_wal(self.connection, patience)
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
            run(f"PRAGMA user_version = {VERSION}")

    @property
    def is_there(self) -> bool:
        """Whether the path still leads to the file that is open: somebody may have removed or replaced it."""
        try:
            return identity(os.stat(self.path)) == self._identity
        except OSError:
            return False

    def close(self) -> None:
        with troubles(self.path):
            self.connection.close()

    @contextlib.contextmanager
    def transaction(self) -> Iterator[None]:
        """All of it or nothing, alone among writers."""
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

    def positions(self) -> dict[str, Position]:
        """How far each journal file is indexed, by its name."""
        with troubles(self.path):
            rows = self.connection.execute("SELECT name, offset, records, skipped, is_done FROM journals")
            return {
                name: Position(offset, records, skipped, bool(done)) for name, offset, records, skipped, done in rows
            }

    def add(self, name: str, was: Position, now: Position, entries: Entries) -> bool:
        """Adds the lines between two positions of a journal file; False, and nothing, if another was first."""
        with self.transaction():
            run = self.connection.execute
            row = run("SELECT offset, is_done FROM journals WHERE name = ?", (name,)).fetchone()
            if (row or (0, 0)) != (was.offset, int(was.is_done)):
                return False
            self._open(entries, name.rpartition("-")[0])
            self._insert(entries.records)
            run("INSERT OR REPLACE INTO journals VALUES (?, ?, ?, ?, ?)", (name, *now))
        return True

    def settle(self) -> None:
        """Forces everything that was committed to the disk: a journal file may go only when its rows are safe."""
        with troubles(self.path):
            self.connection.execute("PRAGMA synchronous = FULL")
            try:
                with self.transaction():  # the commit forces the whole log, so it also covers what came before it
                    self.connection.execute(f"PRAGMA user_version = {VERSION}")
            finally:
                self.connection.execute("PRAGMA synchronous = NORMAL")

    def forget(self, where: str, values: Sequence[object], most: int) -> int:
        """Deletes at most so many calls, the oldest first, and says how many they were."""
        with self.transaction():
            run = self.connection.execute
            found = run(f"SELECT id FROM calls WHERE {where} ORDER BY id LIMIT ?", (*values, most)).fetchall()
            self.connection.executemany("DELETE FROM records WHERE id = ?", found)
            self.connection.executemany("DELETE FROM calls WHERE id = ?", found)
        return len(found)

    def prune(self) -> None:
        """Forgets names that no call has any more."""
        with self.transaction():
            for kind in ("alias", "key", "targets", "tags"):
                self.connection.execute(
                    f"DELETE FROM names WHERE kind = ? AND NOT EXISTS (SELECT 1 FROM calls WHERE calls.{kind} = names.id)",
                    (kind,),
                )
            self._names.clear()

    def _insert(self, entries: Sequence[tuple[Facts, bytes]]) -> None:
        rows = [self._row(facts) for facts, _ in entries]
        lines = [(row[0], line) for row, (_, line) in zip(rows, entries, strict=True)]
        added = [facts for facts, _ in entries]
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
        self._count(added)
        if self.connection.execute("SELECT 1 FROM opened LIMIT 1").fetchone():
            ended = [(facts.request_id,) for facts, _ in entries]
            self.connection.executemany("DELETE FROM opened WHERE request = ?", ended)

    def _count(self, calls: Sequence[Facts]) -> None:
        """Adds what these calls cost to what their keys and groups spent."""
        costs: Counter[tuple[str, int]] = Counter()
        for call in calls:
            if call.cost_nano and call.key:
                hour = int(call.at // HOUR)
                costs[f"key/{call.key}", hour] += call.cost_nano
                if call.group:
                    costs[f"group/{call.group}", hour] += call.cost_nano
        self.connection.executemany(_SPENT, [(owner, hour, cost) for (owner, hour), cost in costs.items()])

    def _open(self, entries: Entries, process: str) -> None:
        calls = [(call.opened, process, line) for call, line in entries.opened]
        self.connection.executemany("INSERT OR REPLACE INTO opened VALUES (?, ?, ?)", calls)

    def lose(self, living: Callable[[], Iterable[str]]) -> None:
        """Gives calls that were opened by other processes than these a record: nobody else will.

        For when the journal is indexed to its end: a process that lives has a file there. Who lives is asked after the calls
        are read, or a process that has just begun would be taken for a dead one.
        """
        with troubles(self.path):
            run = self.connection.execute
            if not run("SELECT 1 FROM opened LIMIT 1").fetchone():
                return
            with self.transaction():
                rows = run("SELECT process, line FROM opened").fetchall()
                there = set(living())
                dead = [opened(line) for process, line in rows if process not in there]
                lost = [msgspec.json.encode(call.lost()) for call in dead if call is not None]
                self._insert([(known, line) for line in lost if (known := facts(line)) is not None])

    def spent(self, since: int) -> dict[str, int]:
        """Nano-dollars that each key (`key/NAME`) and group (`group/NAME`) spent from an hour on (seconds since 1970);
        with what calls that are still running have reserved."""
        with troubles(self.path):
            query = "SELECT owner, sum(cost) FROM spent WHERE hour >= ? GROUP BY owner"
            sums: dict[str, int] = dict(self.connection.execute(query, (since // HOUR,)).fetchall())
            for (line,) in self.connection.execute("SELECT line FROM opened").fetchall():
                call = opened(line)
                if call is not None and call.at >= since:
                    for owner in (f"key/{call.key}", f"group/{call.group}"):
                        sums[owner] = sums.get(owner, 0) + call.reserved_nano
            return sums

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

    def _row(self, facts: Facts) -> tuple[object, ...]:
        number = request_number(facts.request_id)
        duration = facts.duration
        name = self._name
        tokens = facts.tokens
        return (
            key_at(facts.at) | (number & ((1 << SHIFT) - 1)),
            number,
            name("alias", facts.model),
            name("key", facts.key),
            name("targets", " ".join([attempt.target for attempt in facts.attempts])),
            name("outcome", facts.outcome),
            name("error", facts.error),
            int(facts.is_failed),
            facts.status,
            duration_class(duration),
            duration,
            tokens.input_tokens if tokens is not None else 0,
            tokens.output_tokens if tokens is not None else 0,
            facts.cost_nano,
            facts.reason or None,
            name("tags", " ".join(facts.tags)) if facts.tags else 0,
        )

    def _name(self, kind: str, name: str) -> int:
        known = self._names.get((kind, name))
        if known is None:
            run = self.connection.execute
            run("INSERT OR IGNORE INTO names (kind, name) VALUES (?, ?)", (kind, name))
            known = run("SELECT id FROM names WHERE kind = ? AND name = ?", (kind, name)).fetchone()[0]
            assert isinstance(known, int)
            self._names[kind, name] = known
        return known


_CALL = f"INSERT INTO calls VALUES ({', '.join('?' * 16)})"
_RECORD = "INSERT INTO records VALUES (?, ?)"
_SPENT = "INSERT INTO spent VALUES (?, ?, ?) ON CONFLICT (owner, hour) DO UPDATE SET cost = spent.cost + excluded.cost"


def identity(stat: os.stat_result) -> tuple[int, int]:
    return stat.st_dev, stat.st_ino


def begin_wal(connection: sqlite3.Connection, patience: float) -> None:
    """Readers and the one writer do not wait for each other. The change itself needs the file alone, and SQLite does not
    wait for that: two processes that start at once would get an error."""
    until = time.monotonic() + patience
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
    """What SQLite or the system raises, in words."""
    try:
        yield
    except sqlite3.Error as error:
        said = str(error)
        if "locked" in said:
            said = "another process holds its lock"
        raise StoreTrouble(f"the store {path} does not work: {said}") from error
    except OSError as error:
        raise StoreTrouble(f"the store {path} does not work: {error.strerror or error}") from error
