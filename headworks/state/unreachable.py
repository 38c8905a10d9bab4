"""What happens while the shared state cannot be reached: fail closed or fail open, as the limits of each claim say.

Theory. `closed`: calls with such a limit get 503 until the state is back, so no limit is ever exceeded. `open`: this
process goes on alone with its share: every limit divided by the processes that shared it, every budget by what was left
of it when it was last heard. What it spends is counted in the state as soon as that is back. So an open budget is exceeded
at most by what others spent after this process last heard of it, and by the remainders of the division.

Always true: a claim is settled where it was granted; nobody waits for a state that is known to be away.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence

from headworks.core.errors import StateAway
from headworks.core.state import Bound, Bounds, Budget, Claim, Granted, Places, Rate, Refusal, Spent, Subject
from headworks.core.throttled_log import LogEvent, ThrottledLog
from headworks.policy.spend import window_start
from headworks.state.memory import Memory
from headworks.state.valkey import Valkey

log = logging.getLogger("headworks.state")


MOST_LAST = 100_000
"""Budgets of which is known what was spent of them last: about 200 bytes each."""

MOST_PARTS = 50_000
"""Sets of limits whose shares are kept: about 1 kB each."""


class StateWithFallback:
    """A shared state, with a fallback in this process's memory for claims that fail open."""

    is_local = False

    def __init__(self, shared: Valkey) -> None:
        self.shared = shared
        self._fallback: Memory | None = None
        self._is_alone_told = False
        self._events = ThrottledLog(log)
        self._parts: dict[int, tuple[Bounds, Bounds]] = {}
        self._granted: dict[str, tuple[Memory, Claim]] = {}
        self._last_spent: dict[tuple[str, int], int] = {}

    def take_now(self, claim: Claim) -> Granted | Refusal:
        raise TypeError("a shared state is waited for")

    async def take(self, claim: Claim) -> Granted | Refusal:
        try:
            found = await self.shared.take(claim)
        except StateAway:
            if not claim.bounds.fails_open:
                raise
            return self._take_from_fallback(claim)
        if self._fallback is not None and self._is_alone_told:
            text = "they are counted in the shared state again"
            self._events.write(LogEvent(logging.INFO, "limits_shared", "limits and budgets", text))
            self._is_alone_told = False
        if self._fallback is not None:
            self._fallback = None
            self._parts.clear()
        if isinstance(found, Granted) and found.spent and claim.bounds.fails_open:
            for budget, spent in zip(claim.bounds.budgets, found.spent, strict=True):
                window = (budget.name, window_start(budget.window, claim.at))
                self._last_spent.pop(window, None)
                self._last_spent[window] = spent
            while len(self._last_spent) > MOST_LAST:
                del self._last_spent[next(iter(self._last_spent))]  # of which nothing was heard for longest
        return found

    def admit_now(self, subjects: Sequence[Subject]) -> tuple[str, ...]:
        raise TypeError("a shared state is waited for")

    async def admit(self, subjects: Sequence[Subject]) -> tuple[str, ...]:
        """While the state is away this process tells them apart by itself."""
        try:
            return await self.shared.admit(subjects)
        except StateAway:
            return self._alone().admit_now(subjects)  # whether one may go on is for `take` to say

    async def reserve(self, claim: Claim, amounts: tuple[int, ...]) -> Budget | None:
        if (alone := self._granted.get(claim.id)) is None:
            return await self.shared.reserve(claim, amounts)
        memory, part = alone
        refused = memory.reserve_now(part, amounts)
        return None if refused is None else claim.bounds.budgets[part.bounds.budgets.index(refused)]

    def settle(
        self, claim: Claim, granted: Granted, *, tokens: int | None = None, costs: tuple[int, ...] | None = None
    ) -> None:
        alone = self._granted.pop(claim.id, None)
        if alone is None:
            self.shared.settle(claim, granted, tokens=tokens, costs=costs)
            return
        memory, part = alone
        reserved = memory.held[claim.id].amounts
        memory.settle(part, granted, tokens=tokens, costs=costs)
        if claim.bounds.budgets:
            spent = reserved if costs is None else costs
            self.shared.count(
                claim.id,
                [
                    Spent(budget.name, budget.window, window_start(budget.window, claim.at), amount, budget.forget)
                    for budget, amount in zip(claim.bounds.budgets, spent, strict=True)
                ],
            )

    async def restore(self, spent: list[Spent]) -> None:
        await self.shared.restore(spent)

    async def release_owner(self, owner: str) -> None:
        await self.shared.release_owner(owner)

    def _take_from_fallback(self, claim: Claim) -> Granted | Refusal:
        memory = self._alone()
        if not self._is_alone_told:
            self._is_alone_told = True
            text = (
                "the shared state cannot be reached: groups with `state_away: open` are counted in this process alone"
            )
            self._events.write(LogEvent(logging.ERROR, "limits_alone", "limits and budgets", text))
        part = Claim(claim.id, self._part(claim), claim.tokens, claim.amounts, claim.at)
        found = memory.take_now(part)
        if isinstance(found, Granted):
            self._granted[claim.id] = (memory, part)
            return found
        parts: list[Bound] = [*part.bounds.rates, *part.bounds.places, *part.bounds.budgets]
        wholes: list[Bound] = [*claim.bounds.rates, *claim.bounds.places, *claim.bounds.budgets]
        return Refusal(wholes[parts.index(found.bound)], found.wait, found.left, found.resets)

    def _alone(self) -> Memory:
        """The counts of this process alone."""
        if self._fallback is None:
            self._fallback = Memory()
        return self._fallback

    def _part(self, claim: Claim) -> Bounds:
        """This process's share of some limits. Of a budget: its share of what was left when the state last answered."""
        bounds = claim.bounds
        known = self._parts.get(id(bounds))
        if known is None or known[0] is not bounds:
            number = max(1, self.shared.living)
            made = Bounds(
                rates=tuple(Rate(one.name, max(1, one.size // number), one.unit, one.period) for one in bounds.rates),
                places=tuple(Places(one.name, max(1, one.limit // number)) for one in bounds.places),
                budgets=tuple(
                    Budget(one.name, max(0, one.limit - self._last(one, claim.at)) // number, one.window, one.forget)
                    for one in bounds.budgets
                ),
            )
            if len(self._parts) >= MOST_PARTS:
                self._parts.clear()
            known = self._parts[id(bounds)] = (bounds, made)
        return known[1]

    def _last(self, budget: Budget, at: float) -> int:
        return self._last_spent.get((budget.name, window_start(budget.window, at)), 0)
