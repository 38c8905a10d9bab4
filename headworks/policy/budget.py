"""The retry budget of a pool: how many extra attempts (retries, hedges, fallbacks) it may make.

Theory. Retries multiply load exactly when a vendor can bear it least, and layers of them multiply each other. A bound
per call does not help: three attempts for every call are three times the load. So extra attempts are paid from a budget
into which successful calls pay: while most calls succeed there is plenty, when none does there is almost nothing (gRPC's
retry throttling, A6; Finagle's RetryBudget and tower's `TpsBudget`, from which the window and the reserve are).

Who pays what. A call that its first attempt answered deposits one, and takes it back where the answer breaks off later
and is gone on with: a vendor that begins every answer and finishes none must not pay for second ones. A call's first
fallback is free; having had it, the call deposits nothing. Retries, hedges, further fallbacks and attempts that go on with
a broken stream pay: from what was deposited in the last ten seconds, times a share, or else from a small reserve that
refills with the clock, for pools that are seldom asked.

Always true, over any time t, with D deposits in it or in the ten seconds before:
    paid <= share * D + reserve * (t + 1 s)
So with share 1, since every call either deposited once or had one attempt free: attempts <= 2 * calls + 10/s. While a
circuit of the pool is not closed the share is a fifth, at once, and held also against what was paid before it opened:
attempts - free <= 1.2 * calls + 10/s.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, Protocol

from headworks.policy.bucket import TokenBucket
from headworks.policy.circuit import Circuit

SHARE: Final = 1.0
SHARE_WHEN_OPEN: Final = 0.2
"""Finagle's and tower's default, there at all times."""
RESERVE: Final = 10.0
"""Extra attempts per second that need no deposit: Finagle's and tower's default."""
TTL: Final = 10
"""Seconds for which a deposit is good: Finagle's and tower's default."""


class RetryBudget(Protocol):
    def deposit(self, now: float) -> None:
        """Notes a call that its first attempt answered."""
        ...

    def retract(self, now: float) -> None:
        """Takes back the deposit that was noted at this instant: the answer did not come to its end."""
        ...

    def withdraw(self, now: float) -> bool:
        """Pays for one more attempt, or says that there is nothing left."""
        ...


class AttemptBudget:
    """A retry budget over a sliding window: a good hour does not pay for a retry storm.

    The last ten seconds are ten buckets of one second. What was paid leaves the window not before the deposits that it
    was paid from, so it is bounded by them in each window, and hence (windows that do not overlap) in all.
    """

    __slots__ = ("_circuits", "_deposited", "_deposits", "_paid", "_payments", "_reserve", "_second")

    def __init__(self, circuits: Sequence[Circuit] = (), reserve: float = RESERVE) -> None:
        self._circuits = tuple(circuits)
        self._reserve = TokenBucket(reserve, period=1.0)
        self._second = 0
        self._deposits = [0] * TTL
        self._payments = [0] * TTL
        self._deposited = 0
        self._paid = 0

    def deposit(self, now: float) -> None:
        """Notes a call that its first attempt answered."""
        if now >= self._second + 1:
            self._advance(int(now))
        self._deposits[self._second % TTL] += 1
        self._deposited += 1

    def retract(self, now: float) -> None:
        """Takes back the deposit that was noted at this instant, unless it has lapsed."""
        second = int(now)
        if second > self._second - TTL and self._deposits[second % TTL]:
            self._deposits[second % TTL] -= 1
            self._deposited -= 1

    def withdraw(self, now: float) -> bool:
        """Pays for one more attempt, or says that there is nothing left."""
        if now >= self._second + 1:
            self._advance(int(now))
        is_calm = all(circuit.state == "closed" for circuit in self._circuits)
        if self._paid + 1 <= self._deposited * (SHARE if is_calm else SHARE_WHEN_OPEN):
            self._payments[self._second % TTL] += 1
            self._paid += 1
            return True
        return self._reserve.take(1, now)

    def _advance(self, second: int) -> None:
        """Moves on to `second`, emptying the buckets in between. An earlier instant counts as the latest seen."""
        for stale in range(self._second + 1, min(second, self._second + TTL) + 1):
            at = stale % TTL
            self._deposited -= self._deposits[at]
            self._paid -= self._payments[at]
            self._deposits[at] = self._payments[at] = 0
        self._second = second

    def __repr__(self) -> str:
        return f"AttemptBudget({self._paid} paid, {self._deposited} deposited in {TTL} s)"


class _Constant:
    __slots__ = ("_pays",)

    def __init__(self, pays: bool) -> None:
        self._pays = pays

    def deposit(self, now: float) -> None:
        """Changes nothing."""

    retract = deposit

    def withdraw(self, now: float) -> bool:
        return self._pays

    def __repr__(self) -> str:
        return "INFINITE" if self._pays else "EMPTY"


EMPTY: Final[RetryBudget] = _Constant(pays=False)
"""Allows no extra attempt: every call has its one attempt, and its free fallback."""
INFINITE: Final[RetryBudget] = _Constant(pays=True)
"""Allows every attempt: for tests, and where something else bounds the attempts."""
