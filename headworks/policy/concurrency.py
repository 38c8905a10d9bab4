"""A concurrency limit: how many calls may be at a target at once.

Always true: 0 <= in_use <= limit, and every place taken is given back exactly once. Counting is kept apart from what
the limit should be (the idea of Netflix's concurrency-limits): a limit that adapts will be another class that sets
`limit`, and a limit that sinks below what is in use takes nothing away: it only admits nobody until enough have left.
"""

from __future__ import annotations


class Slots:
    """A semaphore that never waits: a fixed number of slots."""

    __slots__ = ("in_use", "limit")

    def __init__(self, limit: int) -> None:
        if limit < 1:
            raise ValueError(f"a limit of {limit} would admit nobody, ever")
        self.limit = limit
        self.in_use = 0

    def acquire(self) -> bool:
        """Takes a slot if one is free, and says so. Each taken slot must be released."""
        if self.in_use >= self.limit:
            return False
        self.in_use += 1
        return True

    def release(self) -> None:
        """Frees a slot. Raises RuntimeError when none is taken: a double release would hide a leak."""
        if self.in_use <= 0:
            raise RuntimeError("a place was given back that nobody had taken")
        self.in_use -= 1

    def __repr__(self) -> str:
        return f"Slots({self.in_use} of {self.limit})"
