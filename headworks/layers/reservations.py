"""The reservation of money for one call: how much before each attempt, and its entry in the journal."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

import msgspec

from headworks.core.call import Call
from headworks.core.dialect import Operation
from headworks.core.errors import InsufficientQuota, StateAway
from headworks.core.key import UNLIMITED, Allowance, Spending
from headworks.core.per import Estimate
from headworks.core.record import MOST_TEXT, Opened
from headworks.core.state import Budget, Claim, State
from headworks.core.trail import Attempt
from headworks.layers.limit_error import owner
from headworks.policy.charge import charge
from headworks.policy.spend import TEMPLATE, Asking, Ceiling


class Opener(Protocol):
    def open(self, call: Opened, /) -> bool:
        """Takes a call under a budget for good; False where it cannot now."""
        ...


class Terms(msgspec.Struct, frozen=True, kw_only=True):
    """The limits and prices of an alias. ceilings: the dearest price of its targets by operation, None where one is
    unknown. max_output: tokens that a call under a budget is sent with where it says none. around: tokens of input and output that
    targets have beyond what a body says."""

    alias: str
    config: str
    allowance: Allowance = UNLIMITED
    ceilings: Mapping[Operation, Ceiling | None] = {}
    max_output: int | None = None
    around: tuple[int, int] = (TEMPLATE, 0)


class Paying(Protocol):
    """The part of Quota that a reservation needs."""

    @property
    def terms(self) -> Terms: ...
    @property
    def state(self) -> State: ...
    @property
    def journal(self) -> Opener: ...


class Reservation:
    """The money that is reserved for one call: enough for its ended attempts and the one that comes."""

    __slots__ = ("amounts", "asking", "call", "claim", "paying", "spendings")

    def __init__(
        self, paying: Paying, call: Call, claim: Claim, spendings: tuple[Spending, ...], asking: Asking
    ) -> None:
        self.paying = paying
        self.call = call
        self.claim = claim
        self.spendings = spendings
        self.asking = asking
        self.amounts = claim.amounts

    @property
    def state(self) -> State:
        return self.paying.state

    def open(self) -> None:
        """Notes in the journal what is reserved. Raises StateAway where it cannot be noted: nothing may be spent then."""
        call, trail = self.call, self.call.trail
        is_noted = self.paying.journal.open(
            Opened(
                opened=call.id,
                at=trail.arrived_at,
                operation=call.dialect.operation,
                model=call.alias,
                key=trail.key,
                group=trail.group,
                tags=trail.tags,
                config=self.paying.terms.config,
                reserved_nano=max(self.amounts[: len(self.spendings)]),
                user=call.user[:MOST_TEXT] if call.user else msgspec.UNSET,
                session=msgspec.UNSET if call.session is None else call.session.id,
            )
        )
        if not is_noted:
            raise StateAway(
                "The journal cannot be written right now, and without it no call under a budget is served.",
                retry_after=5.0,
            )

    def needed(self, size: int, attempt: Attempt) -> tuple[int, ...] | None:
        call = self.call
        others = [one for one in call.trail.attempts if one is not attempt]
        if not others:
            return None
        ceiling = self.paying.terms.ceilings[call.dialect.operation]
        assert ceiling is not None, "nothing is reserved where no price is known"
        asking = msgspec.structs.replace(self.asking, size=max(self.asking.size, size))
        most = worst_case_costs(ceiling, asking, self.spendings)
        assert most is not None, "the call itself was reckoned"
        running = sum([not one.outcome for one in others])
        ended = [
            charge(one, one.sent or len(call.body), one.received or call.trail.received)[1]
            for one in others
            if one.outcome
        ]
        known = [cost for cost in ended if cost is not None]
        running += len(ended) - len(known)
        counts = self.amounts[len(most) :]  # of calls, which are no more for another attempt
        amounts = tuple([sum(known) + amount * (1 + running) for amount in most]) + counts
        return None if all(a <= b for a, b in zip(amounts, self.amounts, strict=True)) else amounts

    def raised(self, amounts: tuple[int, ...], missing: Budget | None) -> None:
        if missing is not None:
            raise InsufficientQuota(
                f"The budget of {owner(missing.name)} has no room for another attempt at this call.", is_final=True
            )
        self.amounts = tuple([max(pair) for pair in zip(self.amounts, amounts, strict=True)])
        self.open()


def worst_case_costs(ceiling: Ceiling, asking: Asking, spendings: tuple[Spending, ...]) -> tuple[int, ...] | None:
    """The most that an attempt can cost, as each budget estimates it; None where that is unknown."""
    costs: dict[Estimate, int] = {}
    for spending in spendings:
        if spending.estimate not in costs:
            cost = ceiling.cost(asking, spending.estimate)
            if cost is None:
                return None
            costs[spending.estimate] = cost
    return tuple([costs[spending.estimate] for spending in spendings])
