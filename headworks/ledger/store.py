"""The interface of the ledger's store, and how a row is made.

Theory. `calls` is narrow: whole numbers only, names interned in `names`, so that reading all of five million rows takes
half a second, and no combination of filters is slower than that. `records` has the journal's own line, for showing. The
key of both is the arrival: microseconds since 1970, shifted, with a digest of the request id below. So rows lie in
order of time, a time range is a range of keys, every index is in order of time too, and a line that is indexed twice
finds itself there. The offset of a journal file moves in the transaction that adds its rows, by compare and swap: who
indexes the same lines at the same time adds nothing. Measurements: docs/adr/0020.

Two files keep these promises: `sqlite.py` and `postgres.py`. Questions are written once, in the SQL that both have.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager
from hashlib import blake2b
from typing import Any, NamedTuple, Protocol

import msgspec

from headworks.core.errors import HeadworksError
from headworks.core.record import Opened
from headworks.core.request_id import BEGINNING
from headworks.ledger.facts import Facts, facts, opened

SHIFT = 11
"""Bits below the microseconds: in 2112 the key reaches 63 bits, which is what both stores have."""

MOST_KEY = 2**63 - 1
PER_OCTAVE = 16
"""Steps of a duration's class per doubling: a percentile read off the classes is right within 2.2%."""

LOCK_TIMEOUT = 2.0
"""Seconds that a locked store is waited for, before that is said."""

MOST_NAMES = 20_000
"""Names kept in memory; a caller may make up as many models as it likes."""

COLUMNS = (
    "id request alias key targets outcome error is_failed status class duration input output cost reason tags"
    " enduser session".split()
)
"""The columns of `calls`, in order. Whole numbers but for the reason, which is text. `enduser` is the caller's `user`, which is a word of
SQL's own."""

INTERNED = ("alias", "key", "targets", "outcome", "error")
"""Those that are numbers of `names`, beside `tags`, `enduser` and `session`, which most calls have none of."""

PRUNED = ("alias", "key", "targets", "tags", "enduser", "session")
"""Names that go with their last call."""

HIDDEN = -1
"""In place of a request's number: the call is counted in sums and shown by no command, for its user was purged."""

HOUR = 3600

_DIGITS = 15


class StoreTrouble(HeadworksError):
    """The store cannot be read or written now: locked, gone, full, not ours. The text says which."""


class Position(NamedTuple):
    """How far a journal file is indexed: bytes, records in the store, lines that were no records."""

    offset: int = 0
    records: int = 0
    skipped: int = 0
    is_done: bool = False


class Entries(NamedTuple):
    """Decoded lines of a journal: calls that ended, and calls under a budget that began."""

    records: list[tuple[Facts, bytes]]
    opened: list[tuple[Opened, bytes]]


class Store(Protocol):
    """An open store. It belongs to the thread that opened it; every method raises StoreTrouble.

    plans_itself: questions need not say which index leads. contains: the SQL for "the reason has these words", in
    lower case of ASCII letters, with one mark.
    """

    plans_itself: bool
    contains: str

    @property
    def is_there(self) -> bool:
        """Whether what is open still is the store: it may have been removed, replaced or cut off."""
        ...

    def close(self) -> None: ...
    def positions(self, prefix: str = "") -> dict[str, Position]:
        """How far each journal file is indexed, of those with this prefix."""
        ...

    def add(self, name: str, was: Position, now: Position, entries: Entries) -> bool:
        """Adds the lines between two positions of a journal file; False, and nothing, if another was first."""
        ...

    def take(self, name: str, now: Position, entries: Entries) -> None:
        """Adds the lines of a journal file up to a position, inside a transaction."""
        ...

    def sync(self) -> None:
        """Forces everything that was committed to the disk (fsync). A journal file may be removed only after that."""
        ...

    def record_lost(self, prefix: str, living: Callable[[], Iterable[str]]) -> None:
        """Writes records with the outcome `lost` for open calls of dead processes.

        For when a folder's journal is indexed to its end: a process that lives has a file there. Who lives is asked after
        the calls are read, or a process that has just begun would be taken for a dead one. prefix: how the processes of
        that folder begin.
        """
        ...

    def spent(self, since: int) -> dict[str, int]:
        """Nano-dollars that each key (`key/NAME`) and group (`group/NAME`) spent from an hour on (seconds since 1970);
        with what calls that are still running have reserved."""
        ...

    def forget(self, where: str, values: Sequence[object], most: int) -> int:
        """Deletes at most so many calls, the oldest first, and says how many they were."""
        ...

    def prune(self) -> None:
        """Forgets names that no call has any more."""
        ...

    def rows(self, sql: str, values: Sequence[object] = ()) -> list[tuple[Any, ...]]:
        """All rows of a question. Its marks are `?`."""
        ...

    def compact(self) -> None:
        """Rewrites the store's files (VACUUM), so that nothing deleted or overwritten is left in them."""
        ...

    def transaction(self, what: str = "") -> AbstractContextManager[None]:
        """A transaction with an exclusive lock on `what`. "names": no record is added meanwhile."""
        ...

    def run(self, sql: str, values: Sequence[object] = ()) -> int:
        """Changes rows, inside a transaction, and says how many. Its marks are `?`."""
        ...

    def stream(self, sql: str, values: Sequence[object] = ()) -> Iterator[tuple[Any, ...]]:
        """The rows of a question that may have many, a few at a time."""
        ...


class Lock(Protocol):
    """A lock that can be acquired. It belongs to one thread at a time."""

    def acquire(self, holder: str, *, shared: bool) -> str | None:
        """Tries to acquire it. None: it is held now. Else the name of its holder, "" where that is not known. Raises
        StoreTrouble where that cannot be found out."""
        ...

    def is_held(self) -> bool:
        """Whether it is still held. Never raises: an error counts as lost."""
        ...

    def release(self) -> None: ...


class StoreAt(Protocol):
    """Where a store is. `str` is how messages call it, without a password. is_shared: journals of several machines may
    go there."""

    is_shared: bool

    def open(self, lock_timeout: float = LOCK_TIMEOUT) -> Store:
        """Opens it; makes it where there is none, and brings it up to date. lock_timeout: seconds for a lock. Raises
        StoreTrouble."""
        ...

    def lock(self) -> Lock:
        """The lock of the gateway that counts what is spent here."""
        ...


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


def costs_of(calls: Sequence[Facts]) -> list[tuple[str, int, int]]:
    """What these calls cost: owner, hour since 1970, nano-dollars, in order."""
    costs: Counter[tuple[str, int]] = Counter()
    for call in calls:
        if call.cost_nano and call.key:
            hour = int(call.at // HOUR)
            costs[f"key/{call.key}", hour] += call.cost_nano
            if call.group:
                costs[f"group/{call.group}", hour] += call.cost_nano
    return [(owner, hour, cost) for (owner, hour), cost in sorted(costs.items())]


def reserved(sums: dict[str, int], lines: Iterable[bytes], since: int) -> dict[str, int]:
    """The sums, with what the calls that these lines open have reserved."""
    for line in lines:
        call = opened(line)
        if call is not None and call.at >= since:
            for owner in (f"key/{call.key}", f"group/{call.group}"):
                sums[owner] = sums.get(owner, 0) + call.reserved_nano
    return sums


def lost(opening: Iterable[tuple[str, bytes]], living: Iterable[str]) -> list[tuple[Facts, bytes]]:
    """The records of open calls of dead processes. opening: process and line."""
    there = set(living)
    dead = [opened(line) for process, line in opening if process not in there]
    lines = [msgspec.json.encode(call.lost()) for call in dead if call is not None]
    return [(known, line) for line in lines if (known := facts(line)) is not None]


def names_of(facts: Facts) -> tuple[str, str, str, str, str]:
    """What is interned of a call, in the order of `INTERNED`."""
    targets = " ".join([attempt.target for attempt in facts.attempts])
    return facts.model, facts.key, targets, facts.outcome, facts.error


def row_of(facts: Facts, name: Callable[[str, str], int]) -> tuple[Any, ...]:
    """A call's row of `calls`, its key the first free one it may have. name: the number of a kind's name."""
    number = HIDDEN if facts.erased else request_number(facts.request_id)
    low = int(facts.request_id[-3:], 16) if facts.erased else number
    duration = facts.duration
    tokens = facts.tokens
    return (
        key_at(facts.at) | (low & ((1 << SHIFT) - 1)),
        number,
        *map(name, INTERNED, names_of(facts)),
        int(facts.is_failed),
        facts.status,
        duration_class(duration),
        duration,
        tokens.input_tokens if tokens is not None else 0,
        tokens.output_tokens if tokens is not None else 0,
        facts.cost_nano,
        facts.reason or None,
        name("tags", " ".join(facts.tags)) if facts.tags else 0,
        name("enduser", facts.user) if facts.user else 0,
        name("session", facts.session) if facts.session else 0,
    )
