"""The purge of one user: their calls lose everything personal, and every sum stays as it was.

Theory. What a user's calls cost is the operator's; who they were and what they said is not. So a call of a user who was
purged keeps its row of numbers and a record without words (`redacted`), and its request's number becomes `HIDDEN`, so
that no query finds it. A *tombstone*, the digest of the name with an instant, says that calls of that user which arrived
before it are to be added so: those that are in a journal still, of this machine or of another, or are under way. Because
a call is redacted in one way only, its line is the same wherever that is done, and a line that comes twice is added once.

Tombstones are rows of `access` (`keys.py`), where every gateway looks three times a second: so they bind kept answers, too.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

import msgspec

from headworks.core.record import MOST_TEXT, AttemptRecord, Record, user_digest
from headworks.ledger.facts import Facts, facts
from headworks.ledger.keys import Entry, Keys
from headworks.ledger.responses import Responses
from headworks.ledger.store import HIDDEN, SHIFT, Store, request_number

AT_ONCE: Final = 500
"""Calls that are redacted in one transaction: about ten milliseconds, for which the indexer may wait."""

_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(Record).decode


def tombstones(store: Store) -> Mapping[str, float]:
    """The users who were purged, by the digest of their name, and until when (seconds since 1970)."""
    return Keys(store).purged()


def withheld(entries: Sequence[tuple[Facts, bytes]], marks: Mapping[str, float]) -> list[tuple[Facts, bytes]]:
    """The same calls. Those of a user who was purged after the call arrived are redacted."""
    return [_withheld(entry, marks) for entry in entries]


def _withheld(entry: tuple[Facts, bytes], marks: Mapping[str, float]) -> tuple[Facts, bytes]:
    known, line = entry
    if not known.user or known.at >= marks.get(user_digest(known.user), 0.0):
        return entry
    left = redacted(line)
    what = facts(left)
    assert what is not None, "what is left of a record is one"
    return what, left


def redacted(line: bytes) -> bytes:
    """What is left of a call's line: when, with which key, where to, how it ended and what it cost. Of the request's id the
    bits that stand in the call's key. Redacting it again changes nothing."""
    was = _decode(line)
    if was.erased:
        return line
    kept = {name: getattr(was, name) for name in LEFT}
    low = request_number(was.request_id) & ((1 << SHIFT) - 1)
    attempts = [AttemptRecord(**{name: getattr(attempt, name) for name in LEFT_OF_ATTEMPT}) for attempt in was.attempts]
    return _encode(Record(request_id=f"erased-{low:03x}", attempts=attempts, erased=True, **kept))


GONE: Final = frozenset(
    {
        "request_id",
        "user",
        "session",
        "agent",
        "parent_agent",
        "trace",
        "reason",
        "request_digest",
        "reply_digest",
        "asked",
        "answered",
        "attempts",
        "erased",
    }
)
"""The fields of a record that are personal, and those that are made anew."""

LEFT: Final = tuple(name for name in Record.__struct_fields__ if name not in GONE)
LEFT_OF_ATTEMPT: Final = tuple(
    name for name in AttemptRecord.__struct_fields__ if name not in ("reason", "vendor_request_id")
)


def purge_user(store: Store, user: str, at: float, at_once: int = AT_ONCE) -> int:
    """Purges the user for good from what is in the store, and from what comes later of before `at` (seconds since 1970).
    Says how many calls it was.

    Once the first of its transactions are over no command shows a call of theirs; if it is killed then, doing it again goes
    on. Raises StoreTrouble.
    """
    name = user[:MOST_TEXT]
    known = Keys(store)
    while not known.put("purged", user_digest(name), Entry(created_at=at), known.row("purged", user_digest(name))):
        pass  # another command was faster
    Responses(store).erase(user_digest(name), at)
    with store.transaction("names"):
        mine, numbers = _of(store, name)
        store.run(f"UPDATE calls SET request = {HIDDEN} WHERE {mine}", numbers)
    erased = 0
    while True:
        with store.transaction("deleting"):
            query = f"SELECT id, line FROM calls LEFT JOIN records USING (id) WHERE {mine} LIMIT {at_once}"
            found = store.rows(query, numbers)
            for key, line in found:
                if line is not None:
                    store.run("UPDATE records SET line = ? WHERE id = ?", (redacted(line), key))
            keys = [key for key, _ in found]
            places = ", ".join("?" * len(keys)) or "NULL"
            store.run(f"UPDATE calls SET enduser = 0, session = 0, reason = NULL WHERE id IN ({places})", keys)
        erased += len(found)
        if not found:
            store.prune()
            return erased


def _of(store: Store, name: str) -> tuple[str, list[object]]:
    """The condition on `calls` for those of a user, and its values."""
    numbers = [number for (number,) in store.rows("SELECT id FROM names WHERE kind = 'enduser' AND name = ?", (name,))]
    marks = ", ".join("?" * len(numbers)) or "NULL"
    return f"enduser > 0 AND enduser IN ({marks})", list(numbers)
