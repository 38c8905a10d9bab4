"""A rate limit that is exact and costs one number.

Theory. A bucket holds `size` tokens and is refilled with `size` per `period`. It need not be counted: it is enough to
know *when it will be full again*. Taking n tokens moves that instant n intervals into the future; a call conforms when
the instant stays within one period of now. This is the Generic Cell Rate Algorithm (ITU-T I.371, the "theoretical
arrival time"), which is the same limit as the counted bucket, without its refill step.

Always true, whatever is asked, and in any order:
- at one instant at most `size` is paid out, and in any t seconds at most size + size * t / period;
- what is refused costs nothing;
- an instant before one already seen finds less in the bucket, never more: nothing is refilled twice.

One microsecond of refill is forgiven, because `now + wait` is rounded: who waits as long as he was told must be let in.
The forgiven part does not add up (the instant itself is bounded), and is less than one token up to 60 million a minute.
"""

from __future__ import annotations

_FORGIVEN = 1e-6  # seconds; floats near 1e9 seconds are 1.2e-7 apart


class TokenBucket:
    """At most `size` tokens at once, and `size` more in each `period` seconds. It starts full."""

    __slots__ = ("_bound", "_full_at", "_interval", "period", "size")

    def __init__(self, size: float, period: float = 60.0) -> None:
        if size <= 0 or period <= 0:
            raise ValueError(f"a bucket needs a size and a period above zero, not {size} and {period}")
        self.size = size
        self.period = period
        self._interval = period / size
        self._bound = period + _FORGIVEN
        self._full_at = float("-inf")

    def take(self, amount: float, now: float) -> bool:
        """Takes all of `amount` (zero or more) or nothing, and says which."""
        full_at = self._full_at
        if full_at < now:
            full_at = now
        full_at += amount * self._interval
        if full_at - now > self._bound:
            return False
        self._full_at = full_at
        return True

    def wait_for(self, amount: float, now: float) -> float:
        """Seconds until `amount` can be taken if nobody else takes: 0 is at once, infinite is never."""
        if amount > self.size:
            return float("inf")
        wait = max(self._full_at, now) + amount * self._interval - self.period - now
        return wait if wait > _FORGIVEN else 0.0
