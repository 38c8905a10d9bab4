"""Whether to retry after a failed attempt, where, and after which backoff.

Theory. The error says whether a retry may help (`error.retry`). This file says whether time and attempts are left. The backoff
is exponential, because what has been down for long tends to stay down. It has full jitter (M. Brooker, AWS 2015), because calls
that failed together must not retry together. How many retries there may be over all calls is decided in `budget.py`.

Always true:
- never `Again` for an error that says `elsewhere` or `never`, nor past `attempts` at one target, nor with a pause that
  ends at or past the deadline;
- a pause before attempt n + 1 lies in [shortest, min(longest, shortest * 2**n)], or is what the vendor asked for, if
  that is longer;
- a vendor's Retry-After is never undercut. It is waited for up to `longest` if another target is left, else as far as
  the deadline allows;
- after a timeout another target is asked, if one is left: it was not the call that took long;
- a call that waits for a Retry-After to end waits up to a tenth longer (jitter), so that the waiting calls do not all retry at
  the same instant.
"""

from __future__ import annotations

from random import Random
from typing import ClassVar, Final, Literal, TypeAlias

import msgspec

from headworks.core.errors import CallError, Expired
from headworks.core.units import Count, Seconds

SPREAD: Final = 0.1
"""The jitter after a vendor's Retry-After, as a share of it."""


class Backoff(msgspec.Struct, frozen=True, kw_only=True):
    """The bounds of a pause, in seconds (`100ms..5s`). The upper end of the range starts at twice `shortest`."""

    shortest: Seconds = 0.1
    longest: Seconds = 5.0


class Retrying(msgspec.Struct, frozen=True, kw_only=True):
    """At most `attempts` calls to one target for one call, with pauses drawn from `backoff`."""

    attempts: Count = 3
    backoff: Backoff = Backoff()


class Again(msgspec.Struct, frozen=True):
    """Retry after `pause` seconds; the same target may be asked."""

    pause: float


class Elsewhere(msgspec.Struct, frozen=True):
    """Ask another target, not this one. There is nothing to wait for: it did not fail."""

    pause: ClassVar[float] = 0.0


class GiveUp(msgspec.Struct, frozen=True):
    """Do not retry. why: what forbids it."""

    why: Literal["error", "attempts", "deadline", "no_target"]


Decision: TypeAlias = Again | Elsewhere | GiveUp
ELSEWHERE: Final = Elsewhere()


class RetryPolicy:
    """The retry policy of one pool of targets. Its only state is its random numbers."""

    __slots__ = ("_rng", "config")

    def __init__(self, config: Retrying, rng: Random) -> None:
        self.config = config
        self._rng = rng

    def after(
        self, error: CallError, attempt: int, now: float, deadline_at: float, other_targets_left: bool
    ) -> Decision:
        """What follows on `error`, which was the `attempt`th (from 1) attempt of this call at this target."""
        if error.retry == "never":
            return GiveUp("error")
        if now >= deadline_at:
            return GiveUp("deadline")
        if error.retry == "elsewhere":
            return ELSEWHERE if other_targets_left else GiveUp("no_target")
        if other_targets_left and isinstance(error, Expired):
            return ELSEWHERE
        if attempt >= self.config.attempts:
            return ELSEWHERE if other_targets_left else GiveUp("attempts")
        pause = self._pause(attempt)
        asked = error.retry_after
        if asked is not None and asked > pause:
            if other_targets_left and asked > self.config.backoff.longest:
                return ELSEWHERE
            pause = asked
        if now + pause >= deadline_at:
            return ELSEWHERE if other_targets_left else GiveUp("deadline")
        return Again(pause)

    def rested(self, left: float, now: float, deadline_at: float) -> Again | GiveUp:
        """Whether a call waits `left` seconds for a vendor's Retry-After to end, where all its targets have one."""
        if now + left >= deadline_at:
            return GiveUp("deadline")
        return Again(left + self._rng.uniform(0.0, min(SPREAD * left, (deadline_at - now - left) / 2)))

    def _pause(self, attempt: int) -> float:
        backoff = self.config.backoff
        # The exponent is bounded before it is used: 2.0 ** 1100 is no float.
        most = min(backoff.longest, backoff.shortest * 2.0 ** min(attempt, 30))
        return self._rng.uniform(min(backoff.shortest, most), most)
