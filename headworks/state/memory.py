"""The state of one process: exact, without a lock or a wait, because one event loop makes one decision at a time.

Always true: what is spent and reserved of a budget's window together never exceeds its limit, but by what vendors
billed above what a call could cost; a claim that was refused has changed nothing; what is not settled is in `held`.
Names come from the system file and from keys, and of users and sessions only so many are told apart (`policy/subjects.py`): what is
kept is bounded.
"""

from __future__ import annotations

from collections.abc import Sequence

from headworks.core.clock import now
from headworks.core.state import Bound, Bounds, Budget, Claim, Granted, Refusal, Spent, Subject
from headworks.policy.gcra import EMPTY, FORGIVEN, corrected, left, wait
from headworks.policy.spend import window_ends_in, window_start
from headworks.policy.subjects import CALLS, Subjects, named

SOON = 1.0
"""Seconds until a retry for a concurrency slot: when one will be free is not known."""


class Account:
    """One window of one budget, in nano-dollars. calls: claims with a reservation in it."""

    __slots__ = ("calls", "reserved", "spent")

    def __init__(self) -> None:
        self.spent = 0
        self.reserved = 0
        self.calls = 0


class Held:
    """What one claim has reserved: its accounts and amounts, in the order of its budgets."""

    __slots__ = ("accounts", "amounts", "starts")

    def __init__(self, accounts: list[Account], amounts: tuple[int, ...], starts: list[int]) -> None:
        self.accounts = accounts
        self.amounts = amounts
        self.starts = starts


_NOTHING = Held([], (), [])


class Memory:
    """The counters of one process."""

    is_local = True

    def __init__(self) -> None:
        self.subjects = Subjects(self._drop)
        self.held: dict[str, Held] = {}
        self.in_use: dict[str, int] = {}
        self._full_at: dict[str, float] = {}
        self._accounts: dict[tuple[str, int], Account] = {}
        self._windows: dict[str, tuple[int, int]] = {}  # of each budget the newest window and the one before it

    def take_now(self, claim: Claim) -> Granted | Refusal:
        at = now()
        bounds = claim.bounds
        if not bounds.rates and not bounds.budgets:
            return self._place(claim, at)
        numbers: list[float] = []
        worst: Bound | None = None
        longest = -1.0
        full_at = self._full_at
        for rate in bounds.rates:
            number = full_at.get(rate.name, EMPTY)
            amount = 1 if rate.unit == "requests" else claim.tokens
            period = rate.period
            after = (number if number > at else at) + amount * period / rate.size
            numbers.append(after)
            if (after - at > period + FORGIVEN or amount > rate.size) and (
                waiting := wait(number, amount, rate.size, period, at)
            ) > longest:
                worst, longest = rate, waiting
        for places in bounds.places:
            if self.in_use.get(places.name, 0) >= places.limit and longest < 0.0:
                worst, longest = places, 0.0
        held = _NOTHING
        if bounds.budgets:
            held = Held([], claim.amounts, [])
            for budget, amount in zip(bounds.budgets, claim.amounts, strict=True):
                account = self._account(budget, claim.at, held)
                if account.spent + account.reserved + amount > budget.limit:
                    waiting = float("inf") if amount > budget.limit else window_ends_in(budget.window, claim.at)
                    if waiting >= longest:
                        worst, longest = budget, waiting
        if worst is not None:
            waiting_for = None if longest == 0.0 else longest
            lefts, resets = self._left(bounds, at)
            return Refusal(worst, waiting_for, lefts, resets)
        for rate, number in zip(bounds.rates, numbers, strict=True):
            full_at[rate.name] = number
        for places in bounds.places:
            self.in_use[places.name] = self.in_use.get(places.name, 0) + 1
        for account, amount in zip(held.accounts, held.amounts, strict=True):
            account.reserved += amount
            account.calls += 1
        self.held[claim.id] = held
        lefts, resets = self._left(bounds, at)
        return Granted(at, lefts, resets, tuple([one.spent + one.reserved for one in held.accounts]))

    def _place(self, claim: Claim, at: float) -> Granted | Refusal:
        """The fast path for concurrency limits alone, which most providers have: a third of the steps."""
        in_use = self.in_use
        for places in claim.bounds.places:
            if in_use.get(places.name, 0) >= places.limit:
                return Refusal(places, None, (), ())
        for places in claim.bounds.places:
            in_use[places.name] = in_use.get(places.name, 0) + 1
        self.held[claim.id] = _NOTHING
        return Granted(at, (), (), ())

    async def take(self, claim: Claim) -> Granted | Refusal:
        return self.take_now(claim)

    def admit_now(self, subjects: Sequence[Subject]) -> tuple[str, ...]:
        return tuple([self.subjects.account(one) for one in subjects])

    async def admit(self, subjects: Sequence[Subject]) -> tuple[str, ...]:
        return self.admit_now(subjects)

    async def reserve(self, claim: Claim, amounts: tuple[int, ...]) -> Budget | None:
        return self.reserve_now(claim, amounts)

    def reserve_now(self, claim: Claim, amounts: tuple[int, ...]) -> Budget | None:
        held = self.held.get(claim.id)
        if held is None:
            return claim.bounds.budgets[0]
        for budget, account, was, amount in zip(
            claim.bounds.budgets, held.accounts, held.amounts, amounts, strict=True
        ):
            if amount > was and account.spent + account.reserved - was + amount > budget.limit:
                return budget
        for account, was, amount in zip(held.accounts, held.amounts, amounts, strict=True):
            account.reserved += max(amount, was) - was
        held.amounts = tuple([max(pair) for pair in zip(held.amounts, amounts, strict=True)])
        return None

    def settle(
        self, claim: Claim, granted: Granted, *, tokens: int | None = None, costs: tuple[int, ...] | None = None
    ) -> None:
        held = self.held.pop(claim.id, None)
        if held is None:
            return
        bounds = claim.bounds
        if tokens is not None and tokens != claim.tokens:
            at = now()
            for rate in bounds.rates:
                if rate.unit == "tokens":
                    interval = rate.period / rate.size
                    try:
                        number = self._full_at[rate.name]
                    except KeyError:  # a subject's, which was silent for as long as the call ran
                        number = EMPTY
                    self._full_at[rate.name] = corrected(number, claim.tokens, tokens, interval, granted.at, at)
        for places in bounds.places:
            self.in_use[places.name] -= 1
        if held.accounts:
            spent = held.amounts if costs is None else costs
            for index, budget in enumerate(bounds.budgets):
                account = held.accounts[index]
                account.spent += spent[index]
                account.reserved -= held.amounts[index]
                account.calls -= 1
                start = held.starts[index]
                if not account.calls and start not in self._windows[budget.name]:
                    self._accounts.pop((budget.name, start), None)

    async def restore(self, spent: list[Spent]) -> None:
        subjects = [one.subject for one in spent if one.subject is not None]
        for one in named(spent, dict(zip(subjects, self.admit_now(subjects), strict=True))):
            account = self._accounts.setdefault((one.name, one.start), Account())
            account.spent = one.amount
            newest, before = self._windows.get(one.name, (one.start, one.start))
            if one.start > newest:
                newest, before = one.start, newest
            self._windows[one.name] = (newest, before)

    async def release_owner(self, owner: str) -> None:
        pass  # the only owner is this process: its places die with it

    def spent(self, budget: Budget, at: float) -> tuple[int, int]:
        """Nano-dollars spent, and reserved, in the window of an instant."""
        account = self._accounts.get((budget.name, window_start(budget.window, at)))
        return (0, 0) if account is None else (account.spent, account.reserved)

    def _account(self, budget: Budget, at: float, held: Held) -> Account:
        """The account of a window, also noted in `held`; those of windows that have passed are dropped."""
        start = window_start(budget.window, at)
        name = budget.name
        newest, before = self._windows.get(name, (start, start))
        if start < before:  # a clock that was set back: what is known of that time is gone
            start = before
        account = self._accounts.get((name, start))
        if account is None:
            account = self._accounts[name, start] = Account()
            passed = self._accounts.get((name, before)) if before != newest else None
            if passed is not None and not passed.calls:
                del self._accounts[name, before]
            self._windows[name] = (start, newest) if start >= newest else (newest, start)
        held.accounts.append(account)
        held.starts.append(start)
        return account

    def _drop(self, account: str) -> bool:
        """Forgets all counts of a subject, unless something is under way."""
        names = (account, f"{CALLS}{account}")
        windows = [(name, start) for name in names for start in set(self._windows.get(name, ()))]
        if self.in_use.get(f"places/{account}") or any(
            found.calls for one in windows if (found := self._accounts.get(one)) is not None
        ):
            return False
        for one in windows:
            self._accounts.pop(one, None)
        for name in names:
            self._windows.pop(name, None)
        self.in_use.pop(f"places/{account}", None)
        for kind in ("rpm", "tpm"):
            self._full_at.pop(f"{kind}/{account}", None)
        return True

    def _left(self, bounds: Bounds, at: float) -> tuple[tuple[int, ...], tuple[float, ...]]:
        lefts: list[int] = []
        resets: list[float] = []
        for rate in bounds.rates:
            number = self._full_at.get(rate.name, EMPTY)
            lefts.append(left(number, rate.size, rate.period, at))
            resets.append(number - at if number > at else 0.0)
        return tuple(lefts), tuple(resets)
