"""The bounds of a call: of its key, its group and its alias, and of its user and session, where these have their own.

Always true: what a caller calls itself stands in no name here, only the digest of it. Calls that name no user count as those of
one user. Calls that name no session count as those of one session, whose life is a day, so that they are not shut out for ever.
"""

from __future__ import annotations

from typing import Final

import msgspec

from headworks.core.call import Call
from headworks.core.key import UNLIMITED, Allowance, Key, Spending
from headworks.core.per import SessionLimits, UserLimits
from headworks.core.record import MOST_TEXT, user_digest
from headworks.core.state import Bounds, Budget, Claim, Places, Rate, Subject, Window
from headworks.core.trail import Trail
from headworks.layers.reservations import Terms
from headworks.policy.spend import window_ends_in
from headworks.policy.subjects import CALLS

RATE_LASTS: Final = 120.0
"""Seconds after which a rate is full again, whatever was taken from it: twice its minute."""

LIFE_WITHOUT_NAME: Final[Window] = "1d"


class Part(msgspec.Struct, frozen=True):
    """What each user or session of a key or group may do. owner: `user/key/web`, `session/group/product`."""

    owner: str
    limits: UserLimits | SessionLimits

    def window(self, every: Window, *, is_named: bool) -> Window:
        return LIFE_WITHOUT_NAME if every == "total" and not is_named else every

    @property
    def forget(self) -> int:
        """Seconds of silence after which the life of one is over; 0 where it has none."""
        return int(self.limits.forget) if isinstance(self.limits, SessionLimits) else 0

    @property
    def calls(self) -> int | None:
        return self.limits.calls if isinstance(self.limits, SessionLimits) else None

    @property
    def spending(self) -> Spending | None:
        """Its budget, which raises no alert: they are too many for an operator."""
        one = self.limits.budget
        if one is None:
            return None
        return Spending(amount=one.amount, every=one.every, estimate=one.estimate, alert=float("inf"))

    def lasts(self, at: float) -> float:
        """Seconds of silence from an instant on after which nothing of one need be known."""
        budget = self.limits.budget
        if self.calls is not None or (budget is not None and budget.every == "total"):
            return float(max(self.forget, RATE_LASTS))
        ends = 0.0 if budget is None else window_ends_in(budget.every, at)
        return max(ends, RATE_LASTS)


class Bound(msgspec.Struct, frozen=True):
    """The bounds of a key at an alias, how each budget among them reckons, and what they were made of. is_free: there are none.

    counts: how many of its budgets, the last ones, count calls. parts: limits that each user or session has for itself, which are
    not among the bounds before these are known."""

    bounds: Bounds
    is_free: bool
    spendings: tuple[Spending, ...] = ()
    counts: int = 0
    parts: tuple[Part, ...] = ()
    own: Allowance = UNLIMITED
    group: Allowance = UNLIMITED


def parts_of(owner: str, allowance: Allowance) -> tuple[Part, ...]:
    """The parts of a key (`key/NAME`) or group (`group/NAME`)."""
    per = allowance.per
    if per is None:
        return ()
    named = (("user", per.user), ("session", per.session))
    return tuple([Part(f"{kind}/{owner}", limits) for kind, limits in named if limits is not None])


def subjects_of(call: Call, parts: tuple[Part, ...]) -> tuple[Subject, ...]:
    """Whom each part bounds: the call's user or session."""
    at = call.trail.arrived_at
    session = "" if call.session is None else call.session.id
    user = call.user or ""
    return tuple(
        [
            Subject(one.owner, subject_name(user if one.owner.startswith("user/") else session), at, one.lasts(at))
            for one in parts
        ]
    )


def subject_name(name: str) -> str:
    """What stands for a user or session: the digest of its name, as far as a record keeps that; "" for none."""
    return user_digest(name[:MOST_TEXT].replace("\0", "\ufffd")) if name else ""


def bounded(bound: Bound, accounts: tuple[str, ...]) -> Bound:
    """The bounds of a key with those of its parts, whose accounts have these names."""
    parts = list(zip(accounts, bound.parts, strict=True))
    rates = [Rate(f"rpm/{account}", one.limits.rpm) for account, one in parts if one.limits.rpm is not None]
    rates += [Rate(f"tpm/{account}", one.limits.tpm, "tokens") for account, one in parts if one.limits.tpm is not None]
    places = [
        Places(f"places/{account}", one.limits.concurrency)
        for account, one in parts
        if one.limits.concurrency is not None
    ]
    budgets: list[Budget] = []
    counts: list[Budget] = []
    spendings: list[Spending] = []
    for account, one in parts:
        is_named = not account.endswith("/")
        if (spending := one.spending) is not None:
            window = one.window(spending.every, is_named=is_named)
            budgets.append(Budget(account, spending.amount, window, one.forget))
            spendings.append(spending)
        if (calls := one.calls) is not None:
            counts.append(Budget(f"{CALLS}{account}", calls, one.window("total", is_named=is_named), one.forget))
    was = bound.bounds
    return msgspec.structs.replace(
        bound,
        bounds=Bounds(
            (*was.rates, *rates), (*was.places, *places), (*was.budgets, *budgets, *counts), fails_open=was.fails_open
        ),
        spendings=(*bound.spendings, *spendings),
        counts=len(counts),
    )


def with_counts(costs: tuple[int, ...] | None, trail: Trail, claim: Claim, bound: Bound, calls: int) -> tuple[int, ...]:
    """What a call has used of its budgets, the last of which count calls. costs: None where what it cost is not known, so that
    what is reserved is spent."""
    if costs is None:
        reservation = trail.reservation
        amounts = claim.amounts if reservation is None else reservation.amounts
        costs = amounts[: len(bound.spendings)]
    return costs + (calls,) * bound.counts


def bounds_of(terms: Terms, key: Key | None, group: Allowance) -> Bound:
    """Every bound of a key at an alias: its own, its group's, the alias's. Names tell them apart in a shared state."""
    owners = [(f"alias/{terms.alias}", terms.allowance)]
    if key is not None:
        owners = [(f"key/{key.name}", key.allowance), (f"group/{key.group}", group), *owners]
    budgets = [(owner, one.budget) for owner, one in owners if one.budget is not None]
    bounds = Bounds(
        rates=(
            *[Rate(f"rpm/{owner}", one.rpm) for owner, one in owners if one.rpm is not None],
            *[Rate(f"tpm/{owner}", one.tpm, "tokens") for owner, one in owners if one.tpm is not None],
        ),
        places=tuple([Places(f"places/{owner}", one.concurrency) for owner, one in owners if one.concurrency]),
        budgets=tuple([Budget(f"{owner}", one.amount, one.every) for owner, one in budgets]),
        fails_open=group.fails_open,
    )
    spendings = tuple([one for _, one in budgets])
    own = UNLIMITED if key is None else key.allowance
    parts = () if key is None else (*parts_of(f"key/{key.name}", own), *parts_of(f"group/{key.group}", group))
    return Bound(bounds, not bounds and not parts, spendings, parts=parts, own=own, group=group)
