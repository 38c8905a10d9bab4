"""The next tier when a tier is spent."""

from __future__ import annotations

from collections.abc import Sequence

from headworks.core.call import Call
from headworks.core.clock import now
from headworks.core.errors import CallError, NoTarget, Shed
from headworks.core.reply import Reply
from headworks.core.service import Enter, Service, entering
from headworks.policy.budget import Purse


class Fallback:
    """Asks each tier in turn until one has a head. A call's first fallback is free; further ones pay from the purse.

    Not in the stack where an alias has one tier.
    """

    def __init__(self, tiers: Sequence[Service], purse: Purse) -> None:
        self.tiers = tiers
        self.purse = purse

    @entering
    async def open(self, call: Call, enter: Enter) -> Reply:
        causes: list[CallError] = []
        for number, tier in enumerate(self.tiers):
            if number > 1 and not self.purse.pay(now()):
                break
            try:
                return await enter(tier.open(call))
            except CallError as error:
                causes.append(error)
                if error.blame == "caller" or now() >= call.deadline_at:
                    break
        raise shown(causes)


def shown(causes: Sequence[CallError]) -> CallError:
    """The one error that says most: the last thing that a vendor did, else why nobody was asked."""
    for error in reversed(causes):
        if not isinstance(error, Shed):
            return error
    waits = [error.retry_after for error in causes if error.retry_after is not None]
    if all(isinstance(error, NoTarget) for error in causes):
        return NoTarget(causes[-1].message, causes=causes, retry_after=min(waits) if waits else None)
    return next(error for error in reversed(causes) if not isinstance(error, NoTarget))
