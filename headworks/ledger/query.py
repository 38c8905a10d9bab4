"""Queries on the ledger.

Theory. Any filter can be answered by reading `calls` from its newest row to its oldest: half a second for five million.
An index is only better where few rows have what is asked for. SQLite cannot know that without statistics, so each
filter's index is asked for its first `FEW` entries, and the one with the fewest leads; where none has few, rows are
read in order of time, and a limit ends that early. PostgreSQL has statistics and plans itself.
"""

from __future__ import annotations

from collections.abc import Generator, Iterator, Sequence
from typing import NamedTuple

import msgspec

from headworks.core.key import NUMBER_SEPARATOR
from headworks.core.record import MOST_TEXT
from headworks.core.request_id import time_range
from headworks.ledger.facts import Facts
from headworks.ledger.store import MOST_KEY, Store, duration_class, key_at, request_number, request_span

FEW = 50_000
"""Entries of an index: reading their rows takes a tenth of a second."""

APART = 10.0
"""Seconds between a request id's time and its record's at most, for the narrow look: the first is taken at the arrival,
the second at the end, less the duration on another clock."""

AT_ONCE = 500
"""Records that are fetched together."""


class Filter(msgspec.Struct, frozen=True, kw_only=True):
    """A filter on calls: all conditions must hold. Instants are seconds since 1970, `slow` seconds.

    since <= at < until. tag: the key has it. user, session: the caller said so, as far as a record keeps it. target: any attempt went there. failed: not ok and not left by the caller. slow: took at least
    so long. error: words in the error's class or reason, in any case (of ASCII letters). request_id: or how one of ours begins.
    """

    since: float | None = None
    until: float | None = None
    alias: str | None = None
    key: str | None = None
    tag: str | None = None
    user: str | None = None
    session: str | None = None
    target: str | None = None
    outcome: str | None = None
    failed: bool = False
    slow: float | None = None
    error: str | None = None
    request_id: str | None = None

    def holds(self, facts: Facts) -> bool:
        """Whether one call is among them: for records that are not in a store yet."""
        return (
            not facts.erased
            and (self.since is None or facts.at >= self.since)
            and (self.until is None or facts.at < self.until)
            and (self.alias is None or facts.model == self.alias)
            and (self.key is None or is_key(facts.key, self.key))
            and (self.user is None or facts.user == self.user[:MOST_TEXT])
            and (self.session is None or facts.session == self.session[:MOST_TEXT])
            and (self.tag is None or self.tag in facts.tags)
            and (self.target is None or any(attempt.target == self.target for attempt in facts.attempts))
            and (self.outcome is None or facts.outcome == self.outcome)
            and (not self.failed or facts.is_failed)
            and (self.slow is None or facts.duration >= round(self.slow * 1e6))
            and (self.error is None or any(plain(self.error) in plain(text) for text in (facts.error, facts.reason)))
            and (self.request_id is None or is_named(facts.request_id, self.request_id))
        )


class Clause(NamedTuple):
    """One condition on `calls`. leader: the index that leads to its rows ("" where there is none)."""

    sql: str
    values: tuple[object, ...]
    leader: str = ""


SHOWN = Clause("request >= 0", ())
"""Excludes calls that were redacted to numbers: `erasure.py`."""


class Queries:
    """The queries on a store. Every method raises StoreTrouble."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self.few = FEW

    def lines(self, asked: Filter, *, last: int | None = None, slowest: bool = False) -> Generator[bytes, None, None]:
        """The journal's lines of these calls, oldest first; the `last` ones only. slowest: the slowest last."""
        clauses = self.clauses(asked)
        if clauses is None:
            return
        clauses.append(SHOWN)
        if last is None and not slowest:
            source, where, values = self.plan(clauses)
            query = f"SELECT line FROM {source} JOIN records USING (id) WHERE {where} ORDER BY id"
            for (line,) in self.store.stream(query, values):
                yield line
            return
        found = self.keys(clauses, MOST_KEY if last is None else last, slowest=slowest)
        for start in range(0, len(found), AT_ONCE):
            yield from self._fetched(found[start : start + AT_ONCE])

    def several(self, asked: Filter) -> Iterator[bytes]:
        """The lines of those among these calls that had several attempts, in no order."""
        numbers = [number for number, name in self.names("targets") if " " in name]
        clauses = self.clauses(asked)
        clause = self._named("targets", numbers)
        if clauses is None or clause is None:
            return
        source, where, values = self.plan([*clauses, clause])
        query = f"SELECT line FROM {source} JOIN records USING (id) WHERE {where}"
        for (line,) in self.store.stream(query, values):
            yield line

    def count(self, asked: Filter) -> int:
        """How many calls they are."""
        clauses = self.clauses(asked)
        if clauses is None:
            return 0
        source, where, values = self.plan(clauses)
        count: int = self.store.rows(f"SELECT count(*) FROM {source} WHERE {where}", values)[0][0]
        return count

    def keys(self, clauses: Sequence[Clause], last: int, *, slowest: bool) -> list[int]:
        """The keys of the last (or slowest) so many rows, in the order in which they are shown."""
        source, where, values = self.plan(clauses)
        if slowest and list(clauses) == [SHOWN] and not self.store.plans_itself:
            source = "calls INDEXED BY calls_class"
        order = "class DESC, duration DESC, id DESC" if slowest else "id DESC"
        query = f"SELECT id FROM {source} WHERE {where} ORDER BY {order} LIMIT ?"
        return [key for (key,) in self.store.rows(query, (*values, last))][::-1]

    def plan(self, clauses: Sequence[Clause]) -> tuple[str, str, tuple[object, ...]]:
        """Plans a query: the table with the index to use, the condition, and its values."""
        where = " AND ".join(clause.sql for clause in clauses) or "1 = 1"
        source = "calls" if self.store.plans_itself else self._led(clauses)
        return source, where, tuple(value for clause in clauses for value in clause.values)

    def _led(self, clauses: Sequence[Clause]) -> str:
        spans = [clause for clause in clauses if clause.leader == "id"]
        best, fewest = "", self.few
        for clause in clauses:
            if clause.leader in ("", "id"):
                continue
            bounded = [clause, *spans]
            where = " AND ".join(one.sql for one in bounded)
            values = tuple(value for one in bounded for value in one.values)
            probe = (
                f"SELECT count(*) FROM (SELECT 1 FROM calls INDEXED BY {clause.leader} WHERE {where} LIMIT {self.few})"
            )
            count = self.store.rows(probe, values)[0][0]
            if count < fewest:
                best, fewest = clause.leader, count
        asked = [clause for clause in clauses if clause is not SHOWN]
        if not best and len(asked) == 1 and asked[0].sql.endswith(" = ?"):
            best = asked[0].leader  # many rows, but exactly these, in order of time
        return f"calls INDEXED BY {best}" if best and best != "id" else "calls NOT INDEXED"

    def clauses(self, asked: Filter) -> list[Clause] | None:
        """The conditions; None where nothing can fulfil them, because a name in them is in no record."""
        found: list[Clause | None] = []
        if asked.since is not None:
            found.append(Clause("id >= ?", (key_at(asked.since),), "id"))
        if asked.until is not None:
            found.append(Clause("id < ?", (key_at(asked.until),), "id"))
        for column, name in (("alias", asked.alias), ("outcome", asked.outcome)):
            if name is not None:
                found.append(self._named(column, [one for one, text in self.names(column) if text == name]))
        if asked.key is not None:
            found.append(self._named("key", [one for one, text in self.names("key") if is_key(text, asked.key)]))
        if asked.user is not None:
            found.append(self._said("enduser", asked.user))
        if asked.session is not None:
            found.append(self._said("session", asked.session))
        if asked.target is not None:
            been = [one for one, text in self.names("targets") if asked.target in text.split(" ")]
            found.append(self._named("targets", been))
        if asked.tag is not None:
            tagged = [one for one, text in self.names("tags") if asked.tag in text.split(" ")]
            # The index holds no rows without tags, and SQLite must be told that none of them is meant.
            marks = ", ".join("?" * len(tagged))
            found.append(Clause(f"tags > 0 AND tags IN ({marks})", tuple(tagged), "calls_tags") if tagged else None)
        if asked.failed:
            found.append(Clause("is_failed = 1", (), "calls_failed"))
        if asked.slow is not None:
            least = round(asked.slow * 1e6)
            found.append(Clause("class >= ? AND duration >= ?", (duration_class(least), least), "calls_class"))
        if asked.error is not None:
            words = plain(asked.error)
            classes = [one for one, text in self.names("error") if words in plain(text)]
            marks = ", ".join("?" * len(classes)) or "NULL"
            found.append(Clause(f"(error IN ({marks}) OR {self.store.contains})", (*classes, words)))
        if asked.request_id is not None:
            found.extend(self._requested(asked.request_id))
        clauses = [clause for clause in found if clause is not None]
        return clauses if len(clauses) == len(found) else None

    def names(self, kind: str) -> list[tuple[int, str]]:
        """The names of a kind that records have, with their numbers."""
        return [
            (number, name) for number, name in self.store.rows("SELECT id, name FROM names WHERE kind = ?", (kind,))
        ]

    def _requested(self, request_id: str) -> list[Clause]:
        """Ids that say their time are looked for there. Where that finds none (the clock was set, another made the id),
        and for any other id, all rows are read."""
        named = Clause("request BETWEEN ? AND ?", request_span(request_id))
        came = time_range(request_id)
        if came is not None:
            near = Clause("id >= ? AND id < ?", (key_at(came[0] - APART), key_at(came[1] + APART)), "id")
            source = "calls" if self.store.plans_itself else "calls NOT INDEXED"
            look = f"SELECT 1 FROM {source} WHERE {near.sql} AND {named.sql} LIMIT 1"
            if self.store.rows(look, (*near.values, *named.values)):
                return [near, named]
        return [named]

    def _said(self, column: str, name: str) -> Clause | None:
        """Calls of whom or what the caller named so: the number is looked up, for there may be as many names as calls."""
        query = "SELECT id FROM names WHERE kind = ? AND name = ?"
        mine = [one for (one,) in self.store.rows(query, (column, name[:MOST_TEXT]))]
        marks = ", ".join("?" * len(mine))
        # The index holds no rows without a name, and SQLite must be told that none of them is meant.
        return Clause(f"{column} > 0 AND {column} IN ({marks})", tuple(mine), f"calls_{column}") if mine else None

    def _named(self, column: str, numbers: list[int]) -> Clause | None:
        if not numbers:
            return None
        if len(numbers) == 1:
            return Clause(f"{column} = ?", (numbers[0],), f"calls_{column}")
        return Clause(f"{column} IN ({', '.join('?' * len(numbers))})", tuple(numbers), f"calls_{column}")

    def _fetched(self, keys: Sequence[int]) -> list[bytes]:
        marks = ", ".join("?" * len(keys))
        rows = self.store.rows(f"SELECT id, line FROM records WHERE id IN ({marks})", tuple(keys))
        lines: dict[int, bytes] = dict(rows)
        return [lines[key] for key in keys if key in lines]


def is_key(name: str, asked: str) -> bool:
    """Whether a key's name is meant: by itself, or with every later key of the name, or as its first one (`core/key.py`)."""
    return name == asked or name.partition(NUMBER_SEPARATOR)[0] == asked or asked == f"{name}{NUMBER_SEPARATOR}1"


def is_named(request_id: str, asked: str) -> bool:
    first, last = request_span(asked)
    return first <= request_number(request_id) <= last


def plain(text: str) -> str:
    """In lower case as SQLite has it: ASCII letters only."""
    return text.encode("utf-8", "surrogatepass").lower().decode("utf-8", "surrogatepass")
