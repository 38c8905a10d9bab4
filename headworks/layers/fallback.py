"""Fallback: asks the next tier when a tier has failed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Final, Literal

from headworks.core.call import NEVER, Call
from headworks.core.clock import now
from headworks.core.errors import CallError, Crowded, Filtered, InsufficientQuota, NoTarget, Shed, TooLong
from headworks.core.reply import Reply
from headworks.core.service import Enter, Service, entering
from headworks.policy.budget import RetryBudget
from headworks.policy.capability import Capability

OnFilter = Literal["error", "next"]

NOBODY: Final[Mapping[str, Capability]] = MappingProxyType({})
"""No capabilities are known."""


class Fallback:
    """Asks each tier in turn until one has a head. A call's first fallback is free; further ones use the retry budget.

    The caller's own fault ends it, with three exceptions: a question that is too long goes on to targets whose window is
    known to be larger than that of the target that said so; one that a content policy refused where `on_filter` says so; one
    that asks for what this target does not have (a picture, to a model of text) goes on to targets that may have it.
    Not in the stack where an alias has one tier.
    """

    def __init__(
        self,
        tiers: Sequence[Service],
        retry_budget: RetryBudget,
        capabilities: Mapping[str, Capability] = NOBODY,
        on_filter: OnFilter = "error",
    ) -> None:
        self.tiers = tiers
        self.retry_budget = retry_budget
        self.capabilities = capabilities
        self.on_filter = on_filter

    @entering
    async def open(self, call: Call, enter: Enter) -> Reply:
        attempts = call.trail.attempts
        begun = len(attempts)
        is_free = not begun  # a call that was resumed has had its free fallback, or has paid into the retry budget
        causes: list[CallError] = []
        try:
            for tier in self.tiers:
                if len(attempts) > begun:
                    if not is_free and not self.retry_budget.withdraw(now()):
                        break
                    is_free = False
                begun = len(attempts)
                try:
                    return await enter(tier.open(call))
                except CallError as error:
                    causes.append(
                        error.with_traceback(None)
                    )  # each knows this frame by it, and one may outlive the call
                    if (error.blame == "caller" and not self.goes_on(error, call)) or now() >= call.deadline_at:
                        break
                    if isinstance(error, Crowded):
                        break
            raise shown(causes)
        finally:
            causes = []  # what is raised knows this frame: a circle otherwise

    def goes_on(self, error: CallError, call: Call) -> bool:
        """Whether another tier may answer what this one says is the caller's fault."""
        if isinstance(error, TooLong):
            known = self.capabilities.get(call.trail.attempts[-1].target) if call.trail.attempts else None
            window = known.window if known is not None else 0
            # Where it is not known how much was too little, nothing is known to be enough.
            call.trail.exceeded_context = max(call.trail.exceeded_context, window or NEVER)
            return window > 0
        return error.retry == "elsewhere" or (isinstance(error, Filtered) and self.on_filter == "next")


def shown(causes: Sequence[CallError]) -> CallError:
    """The most telling error: the last one of a vendor, else why no target was asked."""
    for error in reversed(causes):
        # A budget that has no room for a further attempt is why there was none; what went wrong is what the vendor said.
        if not isinstance(error, (Shed, InsufficientQuota)):
            return error
    waits = [error.retry_after for error in causes if error.retry_after is not None]
    if all(isinstance(error, NoTarget) for error in causes):
        return NoTarget(causes[-1].message, causes=causes, retry_after=min(waits) if waits else None)
    return next(error for error in reversed(causes) if not isinstance(error, NoTarget))
