"""The error of a call that exceeds a limit: which limit, and when to retry."""

from __future__ import annotations

from headworks.core.errors import InsufficientQuota, QuotaExceeded
from headworks.core.money import written_dollars
from headworks.core.state import Budget, Claim, Places, Refusal
from headworks.policy.subjects import CALLS, MOST, OVERFLOW

SOON = 1.0
"""The Retry-After of a concurrency limit: when a slot will be free is not known."""

_WINDOWS = {
    "1h": "in this hour",
    "1d": "today (UTC)",
    "1w": "in this week",
    "30d": "in these 30 days",
    "total": "in all",
}


def refused(refusal: Refusal, claim: Claim) -> QuotaExceeded:
    """The error for a refused claim."""
    bound, wait = refusal.bound, refusal.wait
    is_final = wait == float("inf")
    retry_after = SOON if wait is None else None if is_final else wait
    if isinstance(bound, Budget) and bound.name.startswith(CALLS):
        said = f"The limit of {owner(bound.name)} is {bound.limit} calls {_WINDOWS[bound.window]}."
        return InsufficientQuota(said, retry_after=retry_after, is_final=True)
    if isinstance(bound, Budget):
        amount = claim.amounts[claim.bounds.budgets.index(bound)]
        said = (
            f"This call may cost up to {written_dollars(amount)}, and the budget of {owner(bound.name)}, "
            f"{written_dollars(bound.limit)} {_WINDOWS[bound.window]}, has no room for that."
        )
        return InsufficientQuota(said, retry_after=retry_after, is_final=True)
    if isinstance(bound, Places):
        said = f"The limit of {owner(bound.name)} is {bound.limit} calls at once."
    elif is_final:
        said = (
            f"This call may take {claim.tokens} tokens, and the limit of {owner(bound.name)} is {bound.size} a minute."
        )
    else:
        said = (
            f"The limit of {owner(bound.name)} is {bound.size} {bound.unit} a minute. Try again in {retry_after:.3g} s."
        )
    return QuotaExceeded(said, retry_after=retry_after, is_final=is_final)


def owner(name: str) -> str:
    """The owner of a limit, in words, from a name like `rpm/key/web` or `key/web`."""
    for prefix in ("rpm/", "tpm/", "places/", CALLS):
        name = name.removeprefix(prefix)
    kind, _, rest = name.partition("/")
    if kind in ("user", "session"):
        return subject(kind, rest.rpartition("/")[2])
    return {"key": "your key", "group": "your group", "alias": f"`{rest}`"}.get(kind, name)


def subject(kind: str, name: str) -> str:
    """A user or session in words, from the last part of its account's name."""
    if not name:
        return f"all calls that name no {kind}"
    if name.startswith(OVERFLOW):
        return f"this {kind}, which it shares with others because there are more than {MOST} of them,"
    return f"this {kind}"
