"""The next attempt in a tier, after a pause, if the purse allows. Retries the entering, never the reading."""

from __future__ import annotations

from asyncio import sleep
from collections.abc import Sequence

from headworks.core.call import Call
from headworks.core.clock import now
from headworks.core.errors import AtLimit, CallError, Resting
from headworks.core.reply import Reply
from headworks.core.service import Enter, Service, entering
from headworks.policy.budget import Purse
from headworks.policy.choice import Candidate, able, first_to_wake, left
from headworks.policy.retry import Again, Decision, GiveUp, RetryPolicy


class Retry:
    """Opens `inner` until there is a head, the policy gives up or the purse is empty.

    `is_last`: no tier follows, so waiting for a vendor is better than leaving it. `everybody`: the targets of all tiers, for
    the last one.
    """

    def __init__(
        self,
        inner: Service,
        policy: RetryPolicy,
        tier: Sequence[Candidate],
        purse: Purse,
        *,
        is_last: bool,
        everybody: Sequence[Candidate] = (),
    ) -> None:
        self.everybody = everybody
        self.inner = inner
        self.policy = policy
        self.tier = tier
        self.purse = purse
        self.is_last = is_last

    @entering
    async def open(self, call: Call, enter: Enter) -> Reply:
        last: CallError | None = None
        while True:
            begun = len(call.trail.attempts)
            try:
                reply = await enter(self.inner.open(call))
            except AtLimit as error:
                if not self.goes_on(call, error):
                    raise last or error from None
                continue
            except Resting as error:
                call.trail.full, call.trail.is_patient = (), False
                pause = self.rest_or_raise(last, error, call)
            except CallError as error:
                call.trail.full, call.trail.is_patient = (), False
                if len(call.trail.attempts) == begun:  # nobody was asked: what a vendor said before says more
                    raise last or error from None
                pause = self.pause_or_raise(error, call)
                last = error
            else:
                attempts = call.trail.attempts
                if len(attempts) == 1:  # answered by its first attempt: that pays for others
                    self.purse.deposit(attempts[0].started_at)
                return reply
            if pause > 0:
                await sleep(pause)

    def goes_on(self, call: Call, error: AtLimit) -> bool:
        """Whether another target may be asked now, or, where no tier follows, the one that has room first be waited for."""
        trail, at = call.trail, now()
        if trail.is_patient or error.target is None:
            return False
        trail.full = (*trail.full, error.target)
        if any(at >= one.circuit.blocked_until and one.name not in trail.full for one in self.tier):
            return True
        if not self.is_last or error.is_final:
            return False
        trail.is_patient = True
        trail.full = tuple([one.name for one in self.tier if one.name != error.target])
        return True

    def rest_or_raise(self, last: CallError | None, error: Resting, call: Call) -> float:
        """Seconds until a target has rested; raises what a vendor said before, or `error`, where the call cannot wait so long."""
        by = min(call.deadline_at, call.trail.deadline_at)
        decision = self.policy.rested(error.retry_after or 0.0, now(), by)
        if isinstance(decision, GiveUp):
            raise last or error from None
        return decision.pause

    def pause_or_raise(self, error: CallError, call: Call) -> float:
        """Seconds until the next attempt; raises the error again where there should be none."""
        at = now()
        tried = [attempt.target for attempt in call.trail.attempts]
        untried = left(self.tier, tried, at)
        by = min(call.deadline_at, call.trail.deadline_at)
        decision = self.policy.after(error, tried.count(tried[-1]), at, by, untried or not self.is_last)
        if isinstance(decision, GiveUp) and decision.why in ("error", "deadline"):
            raise error
        pause = self.pause_of(decision, untried=untried, at=at)
        if pause is None:  # this tier has nobody: the next tier's turn, or that of somebody who rests
            pause = self.rest_of_another(call, tried, by)
        if pause is None or not self.purse.pay(at):
            raise error
        return pause

    def pause_of(self, decision: Decision, *, untried: bool, at: float) -> float | None:
        """Seconds until this tier may be asked again; None where it may not."""
        if isinstance(decision, GiveUp) or not (isinstance(decision, Again) or untried):
            return None
        # The circuit may have opened meanwhile: after the pause nobody could be asked.
        return decision.pause if able(self.tier, (), at + decision.pause) else None

    def rest_of_another(self, call: Call, tried: Sequence[str], by: float) -> float | None:
        """Seconds until a target of any tier that this call has not tried has rested; None where none rests, or for too long."""
        at = now()
        suiting = [
            one for one in self.everybody if one.ability.suits(call.trail.outgrown, is_prefilled=bool(call.prefill))
        ]
        resting = first_to_wake(suiting, tried, at)
        decision = None if resting is None else self.policy.rested(resting.circuit.rest_left(at), at, by)
        return decision.pause if isinstance(decision, Again) else None
