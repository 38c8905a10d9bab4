"""How many calls the gateway holds at once, and whom it turns away first.

Theory. Beyond a fixed number of calls in flight more admission only adds memory and loop lag for everybody (tower's
`load_shed`: refuse at once, not late). The bound is one for all; priorities differ in how far they may fill it, so the
last places are kept for those who matter more: low calls are refused from four fifths, normal ones from nineteen
twentieths, high ones when it is full. Shares are rounded up: an idle gateway admits everybody.

Always true: 0 <= in_flight <= limit; who is admitted leaves exactly once; whoever is refused while a higher priority
would be admitted has found the last places kept.
"""

from __future__ import annotations

from math import ceil
from types import MappingProxyType
from typing import Final

from headworks.core.key import Priority

SHARES: Final = MappingProxyType[Priority, float]({"high": 1.0, "normal": 0.95, "low": 0.8})
"""How much of the bound each priority may fill. A guess that leaves 204 and 819 of 4,096 places; not measured."""


class Admission:
    """At most `limit` calls in flight, the last of them for higher priorities only."""

    __slots__ = ("_bounds", "in_flight", "limit")

    def __init__(self, limit: int = 4096) -> None:
        self.in_flight = 0
        self._bounds: dict[Priority, int] = {}
        self.resize(limit)

    def resize(self, limit: int) -> None:
        """Sets another bound. Nobody who is inside leaves for it: nobody comes in until enough have left."""
        if limit < 1:
            raise ValueError(f"a limit of {limit} would admit nobody, ever")
        self.limit = limit
        self._bounds = {priority: ceil(limit * share) for priority, share in SHARES.items()}

    def admit(self, priority: Priority) -> bool:
        """Takes a place if this priority may have one, and says so. Who was admitted must leave."""
        if self.in_flight >= self._bounds[priority]:
            return False
        self.in_flight += 1
        return True

    def leave(self) -> None:
        """Frees a place. Raises RuntimeError when nobody is inside."""
        if self.in_flight <= 0:
            raise RuntimeError("a call left that was never admitted")
        self.in_flight -= 1

    def __repr__(self) -> str:
        return f"Admission({self.in_flight} of {self.limit})"
