"""Shared counters: rate limits, concurrency and budgets. The interface between the layers and `headworks/state/`.

Always true of an implementation:
- `take` is one decision: every bound of a claim has room and all of it is taken, or nothing is. It costs one round trip;
- what was granted is settled exactly once; settling an id that is not known (twice, after an end of its owner) does
  nothing. `settle` never waits: a remote implementation sends it along with other commands, until it has arrived;
- a `take` that is cancelled gives back what it may have taken;
- a shared implementation refuses a claim while an earlier claim waits (`waited`) for a limit that both need;
- concurrency slots belong to an owner (a process): `release_owner` frees those of a dead one. Its reservations of money are not
  released: they are found in its journal, and `restore` sets what was spent.

Rates count by the state's own clock, budgets by the instant that the claim carries, so that a call counts in the window
that its record is in.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, Protocol, TypeAlias

import msgspec

Unit = Literal["requests", "tokens"]
Window = Literal["1h", "1d", "1w", "30d", "total"]


class Rate(msgspec.Struct, frozen=True):
    """At most `size` at once, and `size` more in each `period` seconds. unit: what of a claim it counts."""

    name: str
    size: int
    unit: Unit = "requests"
    period: float = 60.0


class Places(msgspec.Struct, frozen=True):
    """A concurrency limit: at most `limit` claims at once."""

    name: str
    limit: int


class Budget(msgspec.Struct, frozen=True):
    """At most `limit` nano-dollars spent and reserved in each window. Windows begin at whole hours, days (UTC), weeks
    (Monday) and, for `30d`, at multiples of 30 days since 1970. forget: seconds of silence after which a `total` may begin again;
    0 is never."""

    name: str
    limit: int
    window: Window
    forget: int = 0


Bound: TypeAlias = Rate | Places | Budget


class Bounds(msgspec.Struct, frozen=True):
    """All limits that apply to a claim. Made once and shared by many claims.

    fails_open: while the shared state cannot be reached, each process enforces its share of these limits instead of refusing.
    """

    rates: tuple[Rate, ...] = ()
    places: tuple[Places, ...] = ()
    budgets: tuple[Budget, ...] = ()
    fails_open: bool = False

    def __bool__(self) -> bool:
        return bool(self.rates or self.places or self.budgets)


class Subject(msgspec.Struct, frozen=True):
    """A user or session that has limits of its own. owner: whose, and of what kind: `user/key/web`. name: the digest of its own, ""
    for all who name none. at: seconds since 1970. lasts: seconds of silence from then on after which nothing of it need be known."""

    owner: str
    name: str
    at: float
    lasts: float


class Claim(msgspec.Struct, frozen=True):
    """What one call or attempt takes from its limits. Ids are unique among claims that are not settled.

    tokens: taken from each rate of tokens; one request is taken from each rate of requests, one place of each of
    `places`. amounts: nano-dollars to reserve, one for each of `budgets`. at: seconds since 1970, for the windows.
    waited: seconds that it has waited for room, where it goes on asking until there is; None where it asks once.
    """

    id: str
    bounds: Bounds
    tokens: int = 0
    amounts: tuple[int, ...] = ()
    at: float = 0.0
    waited: float | None = None


class Granted(msgspec.Struct, frozen=True):
    """All of it was taken. at: when, by the state's clock. left, resets: for each of `rates` what is left of it, and in
    how many seconds it will be full again. spent: for each of `budgets`, nano-dollars spent and reserved, this included."""

    at: float
    left: tuple[int, ...] = ()
    resets: tuple[float, ...] = ()
    spent: tuple[int, ...] = ()


class Refusal(msgspec.Struct, frozen=True):
    """Nothing was taken. bound: which one had no room (of several the one that takes longest). wait: seconds until it may
    have, None where nobody knows (a place), infinite where it never will. left, resets: as in Granted, with nothing taken."""

    bound: Bound
    wait: float | None
    left: tuple[int, ...] = ()
    resets: tuple[float, ...] = ()


class Spent(msgspec.Struct, frozen=True):
    """What was spent of a budget in the window that begins at `start` (seconds since 1970), in nano-dollars. forget: as in Budget.
    subject: whose it is, where it is a subject's; then the name is only what stands before its account's."""

    name: str
    window: Window
    start: int
    amount: int
    forget: int = 0
    subject: Subject | None = None


class State(Protocol):
    """Counts that calls share."""

    @property
    def is_local(self) -> bool:
        """Whether `take_now` works: the state is in this process and not shared."""
        ...

    def take_now(self, claim: Claim, /) -> Granted | Refusal:
        """`take` without a wait. Only where `is_local`."""
        ...

    async def take(self, claim: Claim, /) -> Granted | Refusal:
        """Takes all of a claim or nothing. Raises StateAway where the state cannot be asked."""
        ...

    def admit_now(self, subjects: Sequence[Subject], /) -> tuple[str, ...]:
        """`admit` without a wait. Only where `is_local`."""
        ...

    async def admit(self, subjects: Sequence[Subject], /) -> tuple[str, ...]:
        """The name of the account of each: its own, or one that it shares where its owner has more subjects than are told apart.

        Raises StateAway."""
        ...

    async def reserve(self, claim: Claim, amounts: tuple[int, ...], /) -> Budget | None:
        """Raises a granted claim's reservations to these amounts, all or none. Returns the budget that has no room, or None.

        Raises StateAway."""
        ...

    def settle(
        self, claim: Claim, granted: Granted, /, *, tokens: int | None = None, costs: tuple[int, ...] | None = None
    ) -> None:
        """Ends a granted claim: releases its slots, and replaces what was taken by what was used.

        tokens: really used, None where nobody knows: then what was taken stays taken. costs: nano-dollars really spent, one
        for each of `budgets` (more than was reserved is counted too); None settles at what is reserved.
        """
        ...

    async def restore(self, spent: list[Spent], /) -> None:
        """Sets what is spent of these budgets, from the sums of the records. For a start."""
        ...

    async def release_owner(self, owner: str, /) -> None:
        """Releases all concurrency slots of a dead owner."""
        ...
