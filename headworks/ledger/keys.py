"""The table `access` of the store, which every gateway polls: keys and groups made at run time, revoked keys of the system
file, and purged users (`erasure.py`).

Always true: no secret is here, only digests; `changed` is a sequence number, larger in each later change, so
a reader that has seen one number asks for the rows above it. Rows of keys are never deleted: a name that was revoked stays known.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from functools import lru_cache
from sys import intern
from typing import Literal

import msgspec

from headworks.core.key import UNLIMITED, Allowance, Change, Key, Priority, numbered_name
from headworks.ledger.store import Store

Kind = Literal["key", "group", "revoked", "purged"]
"""A row of `purged` has the digest of a user's name for its name, and is `created_at` the purge."""

AT_ONCE = 500
"""Rows that are read at once: applying them takes a millisecond."""

NEVER = float("inf")


class Former(msgspec.Struct, frozen=True, array_like=True):
    """A digest that was replaced, and until when its secret is still good (seconds since 1970)."""

    digest: str
    until: float


class Earlier(msgspec.Struct, frozen=True, array_like=True):
    """An earlier key of the same name: its number, when it was made, and when it was revoked or expired."""

    number: int
    created_at: float
    ended_at: float


MOST_EARLIER = 20
"""Keys of one name whose times are kept; what they spent is kept of all."""


class Entry(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A row as it is kept. digest: hexadecimal, "" for groups. Instants are seconds since 1970, 0 is never.

    number: the so many key of its name. What an earlier one spent is that one's: records and sums know each by a name of its
    own (`numbered_name`).
    """

    digest: str = ""
    models: tuple[str, ...] = ()
    priority: Priority = "normal"
    tags: tuple[str, ...] = ()
    group: str = ""
    allowance: Allowance = UNLIMITED
    expires_at: float = 0.0
    created_at: float = 0.0
    revoked_at: float = 0.0
    former: tuple[Former, ...] = ()
    number: int = 1
    earlier: tuple[Earlier, ...] = ()

    def ended_at(self, at: float) -> float:
        """When it was revoked, or expired by then; 0 where it may be used."""
        return self.revoked_at or (self.expires_at if 0 < self.expires_at <= at else 0.0)


class Row(msgspec.Struct, frozen=True):
    kind: Kind
    name: str
    changed: int
    entry: Entry


_decode = msgspec.json.Decoder(Entry).decode
_encode = msgspec.json.Encoder().encode


class Keys:
    """Reads and changes what is in a store. Every method raises StoreTrouble."""

    def __init__(self, store: Store) -> None:
        self.store = store
        # A million keys have few different allowances and sets of models: equal ones are kept once.
        self._allowance: Callable[[Allowance], Allowance] = lru_cache(4096)(lambda allowance: allowance)
        self._models: Callable[[tuple[str, ...]], frozenset[str]] = lru_cache(4096)(frozenset)

    def row(self, kind: Kind, name: str) -> Row | None:
        found = self.store.rows("SELECT changed, entry FROM access WHERE kind = ? AND name = ?", (kind, name))
        return Row(kind, name, found[0][0], _decode(found[0][1])) if found else None

    def free_number(self, name: str, first: int) -> int:
        """The first number from this on under which no key of the name has left anything."""
        number = first
        while self._has_left(numbered_name(name, number)):
            number += 1
        return number

    def _has_left(self, key: str) -> bool:
        called = self.store.rows("SELECT 1 FROM names WHERE kind = 'key' AND name = ? LIMIT 1", (key,))
        return bool(called or self.store.rows("SELECT 1 FROM spent WHERE owner = ? LIMIT 1", (f"key/{key}",)))

    def rows(self) -> Iterator[Row]:
        """All keys and groups, and what was revoked, by kind and name."""
        for kind, name, changed, entry in self.store.stream(
            "SELECT kind, name, changed, entry FROM access WHERE kind <> 'purged' ORDER BY kind, name"
        ):
            yield Row(kind, name, changed, _decode(entry))

    def put(self, kind: Kind, name: str, entry: Entry, was: Row | None) -> bool:
        """Writes a row by compare and swap. was: the row as it was read, None where there was none. False if it has changed since."""
        with self.store.transaction("access"):
            now = self.row(kind, name)
            if (now.changed if now is not None else None) != (was.changed if was is not None else None):
                return False
            [[last]] = self.store.rows("SELECT coalesce(max(changed), 0) FROM access")
            self.store.run(
                "INSERT INTO access (kind, name, changed, entry) VALUES (?, ?, ?, ?)"
                " ON CONFLICT (kind, name) DO UPDATE SET changed = excluded.changed, entry = excluded.entry",
                (kind, name, last + 1, _encode(entry).decode()),
            )
            return True

    def load(self, entries: Sequence[tuple[Kind, str, Entry]]) -> None:
        """Writes many rows that are not there yet, in one transaction."""
        with self.store.transaction("access"):
            [[last]] = self.store.rows("SELECT coalesce(max(changed), 0) FROM access")
            for number, (kind, name, entry) in enumerate(entries, last + 1):
                self.store.run(
                    "INSERT INTO access (kind, name, changed, entry) VALUES (?, ?, ?, ?)",
                    (kind, name, number, _encode(entry).decode()),
                )

    def purged(self) -> dict[str, float]:
        """When users were purged (seconds since 1970), by the digest of their name."""
        found = self.store.rows("SELECT name, entry FROM access WHERE kind = 'purged'")
        return {name: _decode(entry).created_at for name, entry in found}

    def forget_purged(self, before: float) -> None:
        """Forgets who was purged before an instant. The last change stays, or another would get its number."""
        old = [name for name, at in self.purged().items() if at < before]
        if old:
            with self.store.transaction("access"):
                for name in old:
                    self.store.run(
                        "DELETE FROM access WHERE kind = 'purged' AND name = ?"
                        " AND changed < (SELECT max(changed) FROM access)",
                        (name,),
                    )

    def changes(self, since: int) -> tuple[list[Change], int]:
        """The next `AT_ONCE` changes after a sequence number, and the last number among them."""
        found = self.store.rows(
            f"SELECT kind, name, changed, entry FROM access WHERE changed > ? ORDER BY changed LIMIT {AT_ONCE}",
            (since,),
        )
        at = time.time()
        changes = [self._change(kind, name, _decode(entry), at) for kind, name, _, entry in found]
        return changes, found[-1][2] if found else since

    def _change(self, kind: Kind, name: str, entry: Entry, at: float) -> Change:
        """A row as a gateway needs it. at: seconds since 1970."""
        if kind == "group":
            return Change(kind="group", name=name, allowance=entry.allowance)
        if kind == "purged":
            return Change(kind="purged", name=name, purged_at=entry.created_at)
        if kind == "revoked":
            return Change(kind="revoked", name=name, is_revoked=bool(entry.revoked_at))
        if entry.revoked_at:
            return Change(kind="key", name=name)
        allowance = self._allowance(entry.allowance) if entry.allowance else UNLIMITED
        key = Key(
            name=numbered_name(name, entry.number),
            digest=bytes.fromhex(entry.digest),
            models=self._models(entry.models),
            priority=entry.priority,
            tags=entry.tags,
            group=intern(entry.group),
            expires_at=entry.expires_at or NEVER,
            allowance=allowance,
        )
        former = tuple([(bytes.fromhex(one.digest), one.until) for one in entry.former if one.until > at])
        return Change(kind="key", name=name, key=key, former=former)
