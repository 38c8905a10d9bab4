"""A rate limit (GCRA) as pure functions over one number, which may be kept in this process or in a shared store.

Theory. `bucket.py` has the algorithm: a bucket that holds `size` and is refilled with `size` per period is known by the
instant at which it will be full again. Here the same decision stands apart from the object that keeps the number, so
that a script in a store decides by the very same lines.

What was taken is an estimate where tokens are counted, and is put right once it is known. Taking too little is simple:
the rest is taken now, even where there is no room, and the next callers wait for it. Having taken too much is not: of
what is given back, that part has been refilled already which time has passed for. So an unused token is given back less
what the bucket refills in the time since it was taken. Proof that this never admits too much: let D be how much earlier
the bucket would be full, had only the used part been taken. D begins at `unused * interval`, and shrinks only where the
smaller bucket would have been full for a while, by that while. Those whiles lie apart from each other, after the taking
and before now, so D is at least `unused * interval - (now - taken_at)`, which is what is given back.

Always true (`tests/policy/test_gcra.py`): counted by what was really used, where no estimate is too low, at one instant at
most `size` is paid out, and in any t seconds at most size + size * t / period.
"""

from __future__ import annotations

FORGIVEN = 1e-6
"""Seconds: as in `bucket.py`, and for its reasons."""

EMPTY = float("-inf")
"""The number of a full bucket."""


def taken(full_at: float, amount: float, interval: float, now: float) -> float:
    """The number after `amount` was taken. interval: seconds in which one is refilled."""
    return (full_at if full_at > now else now) + amount * interval


def wait(full_at: float, amount: float, size: float, period: float, now: float) -> float:
    """Seconds until `amount` may be taken: 0 is at once, infinite is never."""
    if amount > size:
        return float("inf")
    after = taken(full_at, amount, period / size, now) - period - now
    return after if after > FORGIVEN else 0.0


def corrected(full_at: float, amount: float, used: float, interval: float, taken_at: float, now: float) -> float:
    """The number once it is known that of `amount`, taken at `taken_at`, `used` was needed."""
    if used > amount:
        return taken(full_at, used - amount, interval, now)
    back = (amount - used) * interval - (now - taken_at)
    return full_at - back if back > 0 else full_at


def left(full_at: float, size: float, period: float, now: float) -> int:
    """How much could be taken at once."""
    if full_at <= now:
        return int(size)
    room = (period - (full_at - now)) * size / period
    return int(room + 1e-6) if room > 0 else 0  # the same rounding that FORGIVEN is for: 599 of 600, not 598
