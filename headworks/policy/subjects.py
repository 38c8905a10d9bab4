"""Which users and sessions of a key are told apart, in memory that is bounded.

Theory. Who calls may make up as many users and sessions as it likes. So each key and group tells `MOST` of each kind apart, and
those that come when so many are there share `SHARED` accounts among them, by their digest. Sharing is stricter, never laxer:
nothing that was spent is forgotten, and the subjects of another key are not touched. A subject goes when it was silent for as long
as anything of it counts: its window has ended, its session's life is over.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Final

import msgspec

from headworks.core.state import Spent, Subject

MOST: Final = 50_000
"""Of each kind, key and group: 1 kB to 1.4 kB each."""

SHARED: Final = 4096

OVERFLOW: Final = "~"
"""Before the number of a shared account; no digest has it."""

CALLS: Final = "calls/"
"""Before the account in which the calls of a session are counted, each as one nano-dollar of a budget."""

TRIES: Final = 2
"""Old subjects that each new one may take the place of: so room is made faster than it is taken, a few steps at a time."""


def own_account(subject: Subject) -> str:
    return f"{subject.owner}/{subject.name}"


def shared_account(subject: Subject) -> str:
    return f"{subject.owner}/{OVERFLOW}{int(subject.name[:8], 16) % SHARED}"


def is_shared(account: str) -> bool:
    return account.rpartition("/")[2].startswith(OVERFLOW)


class Subjects:
    """The subjects of each owner that are told apart, those first that have been silent for longest.

    drop: forgets an account, and says whether it could: it holds nothing that is under way or still counts.
    """

    def __init__(self, drop: Callable[[str], bool], most: int = MOST) -> None:
        self._drop = drop
        self._most = most
        self._owners: dict[str, dict[str, float]] = {}

    def account(self, subject: Subject) -> str:
        """The name of its account."""
        name, until = subject.name, subject.at + subject.lasts
        if not name:
            return own_account(subject)
        known = self._owners.setdefault(subject.owner, {})
        was = known.pop(name, None)
        if was is not None and was < subject.at and self._drop(own_account(subject)):
            was = None  # its life was over
        if was is None:
            self._make_room(subject.owner, known, subject.at)
            if len(known) >= self._most:
                return shared_account(subject)
            was = until
        known[name] = max(was, until)
        return own_account(subject)

    def __len__(self) -> int:
        return sum([len(known) for known in self._owners.values()])

    def _make_room(self, owner: str, known: dict[str, float], at: float) -> None:
        for _ in range(min(TRIES, len(known))):
            name = next(iter(known))
            until = known[name]
            if until > at:
                return
            del known[name]
            if not self._drop(f"{owner}/{name}"):
                known[name] = until  # looked at again after all the others


def named(spent: Sequence[Spent], accounts: Mapping[Subject, str]) -> list[Spent]:
    """The same with the names of their accounts; what several subjects spent of one that they share is added up."""
    found: dict[tuple[str, int], Spent] = {}
    for one in spent:
        name = one.name if one.subject is None else f"{one.name}{accounts[one.subject]}"
        before = found.get((name, one.start))
        amount = one.amount if before is None else before.amount + one.amount
        found[name, one.start] = msgspec.structs.replace(one, name=name, amount=amount, subject=None)
    return list(found.values())
