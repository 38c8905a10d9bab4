"""Retries within a tier, after a backoff, if the retry budget allows. Never after the head."""

from __future__ import annotations

from asyncio import sleep
from collections.abc import Sequence

from headworks.core.call import NEVER, Call
from headworks.core.clock import now
from headworks.core.errors import AtLimit, CallError, Resting
from headworks.core.reply import Reply
from headworks.core.service import Enter, Service, entering
from headworks.policy.balancing import Candidate, available, first_to_recover, left
from headworks.policy.budget import RetryBudget
from headworks.policy.retry import Again, Decision, GiveUp, RetryPolicy

UNKNOWN = 1.0
"""Seconds until a slot is free, where that is not known: a guess, for comparing."""


class Retry:
    """Opens `inner` until there is a head, the policy gives up, or the retry budget is used up.

    `is_last`: no tier follows, so waiting for a vendor is better than leaving it. `everybody`: the targets of all tiers, for
    the last one.
    """

    def __init__(
        self,
        inner: Service,
        policy: RetryPolicy,
        tier: Sequence[Candidate],
        retry_budget: RetryBudget,
        *,
        is_last: bool,
        everybody: Sequence[Candidate] = (),
    ) -> None:
        self.everybody = everybody
        self.inner = inner
        self.policy = policy
        self.tier = tier
        self.retry_budget = retry_budget
        self.is_last = is_last
        self.later: Sequence[str] | None = None
        """The targets of the tiers that follow, where they are known."""

    @entering
    async def open(self, call: Call, enter: Enter) -> Reply:
        last: CallError | None = None
        rooms: dict[str, float] = {}
        try:
            while True:
                begun = len(call.trail.attempts)
                try:
                    reply = await enter(self.inner.open(call))
                except AtLimit as error:
                    if not self.goes_on(call, error, rooms, has_failed=last is not None):
                        if self.is_final(call):
                            call.trail.full_targets, call.trail.waits_at_limit = (), False
                        raise last or error from None
                    continue
                except Resting as error:
                    call.trail.full_targets, call.trail.waits_at_limit = (), False
                    rest = self.rest(error, call)
                    if rest is None:  # what a vendor said before says more
                        raise last or error from None
                    pause = rest
                except CallError as error:
                    call.trail.full_targets, call.trail.waits_at_limit = (), False
                    if len(call.trail.attempts) == begun:  # nobody was asked: what a vendor said before says more
                        raise last or error from None
                    wait = self.pause(error, call)
                    if wait is None:
                        raise
                    pause = wait
                    last = error
                    rooms.clear()
                else:
                    attempts = call.trail.attempts
                    if len(attempts) == 1:  # answered by its first attempt: that pays for others
                        self.retry_budget.deposit(attempts[0].started_at)
                    if call.trail.full_targets:  # of no use to an attempt that goes on where this answer breaks off
                        call.trail.full_targets, call.trail.waits_at_limit = (), False
                    return reply
                if pause > 0:
                    await sleep(pause)
        finally:
            last = None  # it knows this frame by its traceback: a circle otherwise, with the call's body in it

    def goes_on(self, call: Call, error: AtLimit, rooms: dict[str, float], *, has_failed: bool) -> bool:
        """Whether another target may be asked now, or, where no tier follows, the one that has room first be waited for.

        Always true, for nothing here waits: each time that this says yes one more target is in `trail.full_targets`, or the call has
        become patient. A target that is there already was asked because nobody else may be (Balance's last resort): it
        is asked again only to be waited for.
        rooms: in how many seconds each of those that were asked has room. has_failed: there is a vendor's error to show.
        """
        trail, at = call.trail, now()
        if trail.waits_at_limit or error.target is None:
            return False
        wait = error.retry_after if error.retry_after is not None else UNKNOWN
        rooms[error.target] = NEVER if error.is_final else wait
        if error.target not in trail.full_targets:
            trail.full_targets = (*trail.full_targets, error.target)
            able = self.able(call)
            if any(at >= one.circuit.blocked_until and one.name not in trail.full_targets for one in able):
                return True
        soonest = min(rooms, key=rooms.__getitem__)
        if not self.is_final(call) or rooms[soonest] == NEVER:
            return False
        if has_failed and at + rooms[soonest] >= min(call.deadline_at, trail.deadline_at):
            return False  # it would be waited for in vain, and the caller can know now
        trail.waits_at_limit = True
        trail.full_targets = tuple([one.name for one in self.tier if one.name != soonest])
        return True

    def rest(self, error: Resting, call: Call) -> float | None:
        """Seconds until a target has rested; None where the call cannot wait so long."""
        by = min(call.deadline_at, call.trail.deadline_at)
        decision = self.policy.rested(error.retry_after or 0.0, now(), by)
        return None if isinstance(decision, GiveUp) else decision.pause

    def pause(self, error: CallError, call: Call) -> float | None:
        """Seconds until the next attempt; None where there should be none."""
        at = now()
        tried = [attempt.target for attempt in call.trail.attempts]
        tier = self.able(call)
        untried = left(tier, tried, at)
        by = min(call.deadline_at, call.trail.deadline_at)
        decision = self.policy.after(error, tried.count(tried[-1]), at, by, untried or not self.is_final(call))
        if isinstance(decision, GiveUp) and decision.why in ("error", "deadline"):
            return None
        pause = self.pause_of(decision, tier, untried=untried, at=at)
        if pause is None:  # this tier has nobody: the next tier's turn, or that of somebody who rests
            pause = self.rest_of_another(call, tried, by)
        return pause if pause is not None and self.retry_budget.withdraw(at) else None

    def is_final(self, call: Call) -> bool:
        """Whether no tier follows that may be able to serve the call."""
        unable = call.trail.unable or {}
        return self.is_last or (self.later is not None and all(name in unable for name in self.later))

    def able(self, call: Call) -> Sequence[Candidate]:
        """The targets of this tier that are not known to be unable to serve the call."""
        unable = call.trail.unable
        return [one for one in self.tier if one.name not in unable] if unable else self.tier

    def pause_of(self, decision: Decision, tier: Sequence[Candidate], *, untried: bool, at: float) -> float | None:
        """Seconds until this tier may be asked again; None where it may not."""
        if isinstance(decision, GiveUp) or not (isinstance(decision, Again) or untried):
            return None
        # The circuit may have opened meanwhile: after the pause nobody could be asked.
        return decision.pause if available(tier, (), at + decision.pause) else None

    def rest_of_another(self, call: Call, tried: Sequence[str], by: float) -> float | None:
        """Seconds until a target of any tier that this call has not tried has rested; None where none rests, or for too long."""
        at = now()
        suiting = [
            one
            for one in self.everybody
            if one.name not in (call.trail.unable or ())
            and one.capability.suits(call.trail.exceeded_context, is_prefilled=bool(call.prefill))
        ]
        resting = first_to_recover(suiting, tried, at)
        decision = None if resting is None else self.policy.rested(resting.circuit.rest_left(at), at, by)
        return decision.pause if isinstance(decision, Again) else None
