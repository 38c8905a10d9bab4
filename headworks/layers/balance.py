"""Load balancing: picks a target for each attempt."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from random import Random

import msgspec

from headworks.core.call import Call
from headworks.core.capability import MOST_READ, Lack, Needs
from headworks.core.clock import now
from headworks.core.errors import CallError, Expired, NoTarget, Resting, RestingAtLimit, Unable
from headworks.core.service import Opening, Service
from headworks.core.trail import Attempt, Why
from headworks.policy.balancing import Candidate, Picker, first_to_recover, last_resort
from headworks.policy.capability import Gaps

MOST_BREAKS = 2
"""Streams of one target that may break on one call while another target is left."""


MOST_NAMED = 8
"""Targets that a refusal names."""


class Capabilities:
    """What the targets of an alias are known to lack. candidates: of every tier. needs: what a call asks for."""

    __slots__ = ("candidates", "gaps", "needs")

    def __init__(self, candidates: Sequence[Candidate], gaps: Gaps, needs: Callable[[Call], Needs]) -> None:
        self.candidates = candidates
        self.gaps = gaps
        self.needs = needs

    def unable(self, call: Call) -> Mapping[str, Lack]:
        """The targets that cannot serve the call, and why."""
        needs = self.needs(call)
        found = {one.name: one.capability.lack(needs) for one in self.candidates}
        return {name: lack for name, lack in found.items() if lack is not None}

    def has_able(self, unable: Mapping[str, Lack]) -> bool:
        """Whether a target of any tier may be able."""
        return any(one.name not in unable for one in self.candidates)

    def refusal(self, unable: Mapping[str, Lack]) -> CallError:
        """The error for a call that nobody of a tier can serve."""
        if self.has_able(unable):
            return NoTarget("No target of this tier can serve what the call asks for.")
        said = "; ".join(f"{name} {lack.why} (`{lack.field}`)" for name, lack in list(unable.items())[:MOST_NAMED])
        more = f"; and {len(unable) - MOST_NAMED} more" if len(unable) > MOST_NAMED else ""
        field = next(iter(unable.values())).field
        return Unable(f"No target of this model can serve `{field}`: {said}{more}.", param=field)


class Target:
    """One target of a tier: what the choice needs to know of it, and the service behind it."""

    __slots__ = ("candidate", "service")

    def __init__(self, candidate: Candidate, service: Service) -> None:
        self.candidate = candidate
        self.service = service


class Balance:
    """Picks a target that is available and untried, and begins the attempt on the trail.

    `most` bounds the attempts of one call at one target. `resort` are the targets of every tier, given to the last one:
    when every circuit is open the least recently failed of them is asked rather than nobody. Those that rest because their
    vendor said so are not: then the call is told how long (`Resting`), and Retry knows whether it can wait.
    """

    def __init__(
        self, targets: Sequence[Target], choice: Picker, rng: Random, *, most: int, resort: Sequence[Target] = ()
    ) -> None:
        self.services = {target.candidate.name: target.service for target in (*resort, *targets)}
        self.candidates = [target.candidate for target in targets]
        self.names = frozenset(candidate.name for candidate in self.candidates)
        self.resort = [target.candidate for target in resort]
        self.choice = choice
        self.rng = rng
        self.most = most
        self.known: Capabilities | None = None
        """What targets are known to lack; None where nothing is known."""

    def open(self, call: Call, choice: Picker | None = None) -> Opening:
        choice = choice or self.choice
        attempts = call.trail.attempts
        at = now()
        if at >= call.deadline_at:
            raise Expired(phase="total")  # it waited for its turn, or its caller is in a hurry: nobody is asked in vain
        why: Why = "first"
        candidates = self.candidates
        known = self.known
        if known is not None:
            unable = call.trail.unable
            if unable is None:
                # No call into anything here: nearly every model lacks something, and nearly every call needs nothing of it.
                unable, gaps, body, api = {}, known.gaps, call.body, call.dialect.name
                if body[MOST_READ : MOST_READ + 1]:
                    pass  # whoever is asked says what he cannot do
                elif (call.max_output or call.bound or 0) > gaps.least_output or body[gaps.most_bytes :]:
                    unable = known.unable(call)
                elif api in gaps.hints:
                    for hint in gaps.hints[api]:
                        if hint in body:
                            unable = known.unable(call)
                            break
                call.trail.unable = unable
            if unable:
                candidates = [one for one in candidates if one.name not in unable]
                if not candidates and not (self.resort and known.has_able(unable)):
                    raise known.refusal(unable)
        if call.trail.full_targets:  # who had no room a moment ago; asked again only where nobody else is left
            candidates = [one for one in candidates if one.name not in call.trail.full_targets] or candidates
        if attempts:
            picked, why = self.pick_again(call, candidates, choice, at)
        else:
            picked = choice.pick(candidates, (), self.rng, at)
        if picked is None and self.resort:
            tried = [attempt.target for attempt in attempts]
            suiting = [one for one in self.resort if self.suits(one, call, at)]
            picked = last_resort(suiting, tried, at)
            if picked is None and (resting := first_to_recover(suiting, tried, at)) is not None:
                raise left_alone(resting, at)
        if picked is None:
            raise NoTarget("Every target of this model was tried or is set aside.", retry_after=self.soonest(at))
        attempt = call.trail.begin(picked.name, why, at)
        return self.services[picked.name].open(msgspec.structs.replace(call, attempt=attempt))

    def pick_again(
        self, call: Call, candidates: Sequence[Candidate], choice: Picker, at: float
    ) -> tuple[Candidate | None, Why]:
        attempts = call.trail.attempts
        tried = [attempt.target for attempt in attempts]
        left = [one for one in candidates if tried.count(one.name) < self.most and self.suits(one, call, at)]
        if not self.resort:  # another tier follows: what was late or broke twice is left to itself
            left = [one for one in left if not has_failed_late(attempts, one.name)]
        picked = choice.pick(left, tried, self.rng, at)
        if picked is None or picked.name in tried:  # one of another tier may have woken meanwhile
            known = {*tried, *call.trail.full_targets}
            woken = [one for one in self.resort if one.name not in known and self.suits(one, call, at)]
            picked = next((one for one in woken if at >= one.circuit.blocked_until), picked)
        if call.resumed_at == len(attempts):
            return picked, "resume"
        return picked, "retry" if not self.names.isdisjoint(tried) else "fallback"

    def suits(self, candidate: Candidate, call: Call, at: float) -> bool:
        """Whether this target can take the call, and is known to have answered in less time than is left."""
        if call.trail.unable and candidate.name in call.trail.unable:
            return False
        if not candidate.capability.suits(call.trail.exceeded_context, is_prefilled=bool(call.prefill)):
            return False
        return candidate.latency.least(at) < call.deadline_at - at

    def soonest(self, at: float) -> float | None:
        """Seconds until the first of these targets may be asked again; None where a probe decides."""
        left = min(candidate.circuit.blocked_until for candidate in self.candidates) - at
        return left if 0 < left < float("inf") else None


def left_alone(candidate: Candidate, at: float) -> Resting:
    """The error while this target is inside its vendor's Retry-After."""
    circuit = candidate.circuit
    kind = RestingAtLimit if circuit.said_429 else Resting
    said = (
        "is rate limited by its vendor"
        if circuit.said_429
        else "is not asked until its vendor's Retry-After has passed"
    )
    left = circuit.rest_left(at)
    return kind(f"{candidate.name} {said}: try again in {left:.0f} s.", target=candidate.name, retry_after=left)


def has_failed_late(attempts: Sequence[Attempt], target: str) -> bool:
    """Whether this target has timed out on the call, or broken several of its streams."""
    broken = 0
    for attempt in attempts:
        if attempt.target == target:
            if attempt.outcome == "expired":
                return True
            broken += attempt.outcome == "cut"
    return broken >= MOST_BREAKS
