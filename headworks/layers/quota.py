"""The limits and budgets of a call's key, group and alias: requests, tokens, concurrency, money. Held until it ends.

One decision at the entry, all or nothing (`core/state.py`), one settlement on leaving. Under a budget the call is opened in the
journal before anything is asked, so that whatever dies, what may have been spent is known (`docs/money.md`).
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from itertools import islice

import msgspec

from headworks.core.call import Call
from headworks.core.clock import now, wall
from headworks.core.dialect import PASSED_OPERATIONS
from headworks.core.errors import Forbidden, Malformed, StateAway
from headworks.core.key import UNLIMITED, Allowance, Key
from headworks.core.money import written_dollars
from headworks.core.reply import Reply
from headworks.core.service import Enter, Layering, Opening, Scope, Service, entering
from headworks.core.state import Claim, Granted, Refusal, State, Subject, Window
from headworks.core.throttled_log import log_fields
from headworks.layers.bounds import Bound, bounded, bounds_of, subjects_of, with_counts
from headworks.layers.limit_error import refused
from headworks.layers.reservations import Opener, Reservation, Terms, worst_case_costs
from headworks.policy.charge import billed
from headworks.policy.spend import Asking, window_start
from headworks.policy.subjects import MOST, is_shared

MOST_BOUNDS = 50_000
"""Sets of bounds that are kept made, of keys that called last: about 1 kB each."""

MOST_SUBJECTS = 2000
"""Sets of bounds that are kept made of users and sessions, of those that called last: about 2 kB each."""

MOST_ALERTS = 1000
"""Budgets that are named to an operator at once."""

_log = logging.getLogger("headworks.budgets")


class BudgetStatus:
    """Whether earlier spending is known (until then calls under a budget are refused), and which budgets have reached their
    alert level."""

    def __init__(self, *, is_known: bool = True) -> None:
        self.is_known = is_known
        self._alerts: dict[str, tuple[Window, int]] = {}
        self._crowded: dict[str, int] = {}

    def open(self) -> None:
        self.is_known = True

    def close(self) -> None:
        self.is_known = False

    def alert(self, name: str, window: Window, at: float) -> bool:
        """Notes that a budget has reached its alert level; whether that is news in this window."""
        found = (window, window_start(window, at))
        is_news = self._alerts.get(name) != found
        if is_news:
            self._alerts[name] = found
        return is_news

    def crowd(self, owner: str, at: float) -> bool:
        """Notes that a key or group has more users or sessions than are told apart; whether that is news in this hour."""
        hour = window_start("1h", at)
        is_news = self._crowded.get(owner) != hour
        self._crowded[owner] = hour
        return is_news

    def alerts(self, at: float) -> list[str]:
        """Budgets that have reached their alert level in the window that is now, `MOST_ALERTS` at most."""
        found = (name for name, (window, start) in self._alerts.items() if window_start(window, at) == start)
        return list(islice(found, MOST_ALERTS))


class Quota:
    """Holds what a call takes from its limits, until its last chunk. Does nothing where no limit applies.

    group: what a group may ask. budget_status: whether the past is known.
    """

    def __init__(
        self,
        inner: Service,
        terms: Terms,
        state: State,
        journal: Opener,
        group: Callable[[str], Allowance],
        budget_status: BudgetStatus | None = None,
    ) -> None:
        self.inner = inner
        self.terms = terms
        self.state = state
        self.journal = journal
        self.group = group
        self.budget_status = budget_status or BudgetStatus()
        self._bounds: dict[str, Bound] = {}
        self._of_subjects: dict[tuple[str, ...], tuple[Bound, Bound]] = {}

    def open(self, call: Call, bound: Bound | None = None) -> Opening:
        """bound: what bounds the call, with its user's and session's limits, where those are known already."""
        if bound is None:
            bound = self.bound(call.key)
            if bound.is_free:
                return self.inner.open(call)
            call.trail.arrived_at = wall() - (now() - call.arrived_at)
            if bound.parts:
                subjects = subjects_of(call, bound.parts)
                if not self.state.is_local:
                    return Admitted(self, bound, subjects).open(call)
                bound = self.with_subjects(bound, self.state.admit_now(subjects))
        if (
            call.dialect.operation == "count"
            or (call.dialect.operation in PASSED_OPERATIONS and not bound.spendings)
            or (call.passage is not None and call.passage.is_free)
        ):  # it counts as a request, and takes no tokens: nobody is billed for a count, and of the others they are not known
            asking = None
            amounts = (0,) * len(bound.spendings) + (1,) * bound.counts
            claim = Claim(call.id, bound.bounds, 0, amounts, call.trail.arrived_at)
        elif bound.spendings:
            call, claim, asking = self.under_budget(call, bound)
        else:
            asking = None
            most = call.max_output or self.terms.max_output or 0
            tokens = -(-len(call.body) // 4) + most
            claim = Claim(call.id, bound.bounds, tokens, (1,) * bound.counts, call.trail.arrived_at)
        if self.state.is_local:
            return Scope(self.held(call, claim, bound, asking, None))
        return Asked(self, claim, bound, asking).open(call)

    def held(
        self, call: Call, claim: Claim, bound: Bound, asking: Asking | None, answer: Granted | Refusal | None
    ) -> Layering:
        """What is held, from the state's answer on; None: the state is asked here, since that takes no wait."""
        state = self.state
        if answer is None:
            answer = state.take_now(claim)
        trail = call.trail
        trail.limits = (claim.bounds.rates, answer.left, answer.resets)
        if isinstance(answer, Refusal):
            raise refused(answer, claim)
        has_begun = is_answered = False
        try:
            if asking is not None:
                reservation = trail.reservation = Reservation(self, call, claim, bound.spendings, asking)
                reservation.open()
                self.tell(bound, answer, claim)
            has_begun = True
            reply = yield self.inner.open(call)
            is_answered = True
            yield reply
        finally:
            charges = billed(trail, len(call.body), call.dialect.operation) if has_begun else []
            used = sum([tokens.input_tokens + tokens.output_tokens for tokens, _, _ in charges if tokens is not None])
            if call.passage is not None:  # the tokens of a batch were used hours ago
                used = 0
            costs: tuple[int, ...] | None = ()
            if bound.spendings:
                known = [cost for _, cost, _ in charges if cost is not None]
                costs = (sum(known),) * len(bound.spendings) if len(known) == len(charges) else None
            if bound.counts:
                costs = with_counts(costs, trail, claim, bound, 1 if is_answered or trail.attempts else 0)
            state.settle(claim, answer, tokens=used, costs=costs)

    def under_budget(self, call: Call, bound: Bound) -> tuple[Call, Claim, Asking]:
        """Bounds a call under a budget, and computes its reservation. Raises Forbidden or Malformed where its cost cannot be bounded."""
        if not self.budget_status.is_known:
            raise StateAway(
                "What your key has spent so far is not known yet: its store cannot be read.", retry_after=5.0
            )
        weight = call.dialect.weigh(call.body)
        if weight.unbounded:
            raise Forbidden(
                f"Your key has a budget, and the cost of a call with `{weight.unbounded}` cannot be bounded before it is made."
            )
        ceiling = self.terms.ceilings.get(call.dialect.operation)
        if ceiling is None:
            raise Forbidden(
                f"Your key has a budget, and the price of `{self.terms.alias}` is not known here, so its calls are refused."
            )
        most = call.max_output
        if call.dialect.operation == "embeddings":
            most = 0
        elif most is None:
            most = self.terms.max_output
            if most is None:
                name = call.dialect.bound_name
                raise Malformed(f"Your key has a budget: say how long the answer may be by `{name}`.", param=name)
            call = msgspec.structs.replace(call, max_output=most, bound=most)
        around, beyond = self.terms.around
        asking = Asking(len(call.body), (most + beyond) * weight.choices, weight.pictures, weight.is_audible, around)
        amounts = worst_case_costs(ceiling, asking, bound.spendings)
        if amounts is None:
            raise Forbidden(f"Your key has a budget, and the price of audio at `{self.terms.alias}` is not known here.")
        tokens = -(-asking.size // 4) + asking.output
        return call, Claim(call.id, bound.bounds, tokens, amounts + (1,) * bound.counts, call.trail.arrived_at), asking

    def bound(self, key: Key | None) -> Bound:
        """The bounds of a key, its group and the alias: made once for each key as it is."""
        group = UNLIMITED if key is None or not key.group else self.group(key.group)
        name, own = ("", UNLIMITED) if key is None else (key.name, key.allowance)
        found = self._bounds.get(name)
        if found is None or found.own is not own or found.group is not group:
            if len(self._bounds) >= MOST_BOUNDS:
                self._bounds.clear()
            found = self._bounds[name] = bounds_of(self.terms, key, group)
        return found

    def with_subjects(self, bound: Bound, accounts: tuple[str, ...]) -> Bound:
        """The bounds of a key with those of these accounts, one for each of its parts."""
        known = self._of_subjects.pop(accounts, None)
        if known is None or known[0] is not bound:
            if len(self._of_subjects) >= MOST_SUBJECTS:
                del self._of_subjects[next(iter(self._of_subjects))]
            known = bound, bounded(bound, accounts)
            for account, part in zip(accounts, bound.parts, strict=True):
                if is_shared(account) and self.budget_status.crowd(part.owner, wall()):
                    kind, _, owner = part.owner.partition("/")
                    fields = log_fields("subjects_crowded", subject=owner, kind=kind, most=MOST)
                    words = (
                        "subjects_crowded: %s has more than %d %ss: newcomers share accounts (docs/limits-per-user.md)"
                    )
                    _log.warning(words, owner, MOST, kind, extra=fields)
        self._of_subjects[accounts] = known
        return known[1]

    def tell(self, bound: Bound, granted: Granted, claim: Claim) -> None:
        """Logs once a window that a budget is used up to its alert level, with what is reserved."""
        for budget, spending, spent in zip(claim.bounds.budgets, bound.spendings, granted.spent, strict=False):
            is_near = spent >= spending.alert * budget.limit
            if is_near and self.budget_status.alert(budget.name, budget.window, claim.at):
                said = f"{written_dollars(spent)} of {written_dollars(budget.limit)}"
                fields = log_fields(
                    "budget_alert", subject=budget.name, spent=spent, limit=budget.limit, window=budget.window
                )
                words = "budget_alert: %s: %s spent or reserved in this %s"
                _log.warning(words, budget.name, said, budget.window, extra=fields)


class Asked:
    """One call, and the state that is asked for it over a network before anything is held."""

    def __init__(self, quota: Quota, claim: Claim, bound: Bound, asking: Asking | None) -> None:
        self.quota = quota
        self.claim = claim
        self.bound = bound
        self.asking = asking

    @entering
    async def open(self, call: Call, enter: Enter) -> Reply:
        answer = await self.quota.state.take(self.claim)
        return await enter(Scope(self.quota.held(call, self.claim, self.bound, self.asking, answer)))


class Admitted:
    """One call whose user and session the state is asked for over a network: which accounts are theirs."""

    def __init__(self, quota: Quota, bound: Bound, subjects: tuple[Subject, ...]) -> None:
        self.quota = quota
        self.bound = bound
        self.subjects = subjects

    @entering
    async def open(self, call: Call, enter: Enter) -> Reply:
        accounts = await self.quota.state.admit(self.subjects)
        return await enter(self.quota.open(call, self.quota.with_subjects(self.bound, accounts)))
