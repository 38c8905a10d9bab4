"""Picks a target anew for each attempt."""

from __future__ import annotations

from collections.abc import Sequence
from random import Random

import msgspec

from headworks.core.call import Call
from headworks.core.clock import now
from headworks.core.errors import Expired, NoTarget
from headworks.core.service import Opening, Service
from headworks.core.trail import Attempt, Why
from headworks.policy.choice import Candidate, Choice, last_resort


class Target:
    """One target of a tier: what the choice needs to know of it, and the service behind it."""

    __slots__ = ("candidate", "service")

    def __init__(self, candidate: Candidate, service: Service) -> None:
        self.candidate = candidate
        self.service = service


class Balance:
    """Avoids targets on the trail and open circuits; begins the attempt on the trail.

    `most` bounds the attempts of one call at one target. `is_last`: no tier follows, so when every circuit is open the
    least recently failed is asked rather than nobody.
    """

    def __init__(self, targets: Sequence[Target], choice: Choice, rng: Random, *, most: int, is_last: bool) -> None:
        self.services = {target.candidate.name: target.service for target in targets}
        self.candidates = [target.candidate for target in targets]
        self.choice = choice
        self.rng = rng
        self.most = most
        self.is_last = is_last

    def open(self, call: Call) -> Opening:
        attempts = call.trail.attempts
        at = now()
        if at >= call.deadline_at:
            raise Expired(phase="total")  # it waited for its turn, or its caller is in a hurry: nobody is asked in vain
        why: Why = "first"
        if attempts:
            picked, why = self.pick_again(attempts, at)
        else:
            picked = self.choice.pick(self.candidates, (), self.rng, at)
        if picked is None and self.is_last:
            picked = last_resort(self.candidates, [attempt.target for attempt in attempts])
        if picked is None:
            raise NoTarget("Every target of this model was tried or is set aside.", retry_after=self.soonest(at))
        attempt = call.trail.begin(picked.name, why, at)
        return self.services[picked.name].open(msgspec.structs.replace(call, attempt=attempt))

    def pick_again(self, attempts: Sequence[Attempt], at: float) -> tuple[Candidate | None, Why]:
        tried = [attempt.target for attempt in attempts]
        left = [candidate for candidate in self.candidates if tried.count(candidate.name) < self.most]
        is_here = any(name in self.services for name in tried)
        return self.choice.pick(left, tried, self.rng, at), "retry" if is_here else "fallback"

    def soonest(self, at: float) -> float | None:
        """Seconds until the first of these targets may be asked again; None where a probe decides."""
        left = min(candidate.circuit.blocked_until for candidate in self.candidates) - at
        return left if 0 < left < float("inf") else None
