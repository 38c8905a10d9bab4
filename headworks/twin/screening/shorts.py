"""A limit at which more calls arrive than it admits."""

from __future__ import annotations

from math import inf

import msgspec


class Short(msgspec.Struct, frozen=True, kw_only=True):
    """offered, carried: calls a second. grows: whether the rest waits, so that a queue grows; else `goes` says where the
    rest goes. longest: seconds that a call waits at most, by its deadline and by what the gateway holds; full_after:
    seconds until calls wait so long."""

    name: str
    offered: float
    carried: float
    grows: bool = False
    goes: str = ""
    longest: float = inf
    full_after: float = inf

    @property
    def excess(self) -> float:
        """Calls a second that it does not admit."""
        return self.offered - self.carried

    def wait_after(self, seconds: float) -> float:
        """How long a call waits that arrives so many seconds after the queue began to grow."""
        return min(self.longest, seconds * (self.offered / self.carried - 1)) if self.carried else self.longest
