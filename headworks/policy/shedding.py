"""Admission control and load shedding: how many calls the gateway has in flight, which ones queue, and which one is shed first.

Theory. Beyond a fixed number of calls in flight more admission only adds memory and loop lag for everybody (tower's
`load_shed`). The bound is one for all; priorities differ in how far they may fill it, so the last places are kept for
those who matter more: low calls find none from four fifths on, normal ones from nineteen twentieths, high ones when it is
full. Shares are rounded up: an idle gateway admits everybody.

Who finds no place waits, for a burst is over sooner than its callers come back; but only so many may, and only so long,
for a queue that stands is nothing but added latency. A place goes to the highest priority, and there to who came first.
When the queue is full somebody is turned away: of the lowest priority in it the oldest, who has waited longest and whose
caller is the likeliest to have given up (as Facebook's adaptive LIFO, "Fail at Scale", 2015, sheds from the old end); the
newcomer only where all others matter more.

Always true: 0 <= in_flight <= limit, but for a limit that was lowered; who is admitted leaves exactly once; whoever waits
would find no place now; each ticket is told exactly one of admitted and shed, unless it was withdrawn before; never more
than `most_queued` wait. A call that was called in leaves by its ticket, so that a place which it gave back cannot be
given back once more in another call's name.
"""

from __future__ import annotations

from collections.abc import Callable
from math import ceil
from types import MappingProxyType
from typing import Final

from headworks.core.key import Priority

SHARES: Final = MappingProxyType[Priority, float]({"high": 1.0, "normal": 0.95, "low": 0.8})
"""How much of the bound each priority may fill. A guess that leaves 204 and 819 of 4,096 places; not measured."""

_LOWEST_FIRST: Final[tuple[Priority, ...]] = ("low", "normal", "high")


class Ticket:
    """One call that waits. `tell` is called once, when it is admitted or shed: `is_admitted` says which, and from then on
    whether it holds a place."""

    __slots__ = ("is_admitted", "priority", "tell")

    def __init__(self, priority: Priority, tell: Callable[[], None]) -> None:
        self.priority: Priority = priority
        self.tell = tell
        self.is_admitted = False


class Admission:
    """At most `limit` calls in flight, the last of them for higher priorities only, and at most `most_queued` that wait."""

    __slots__ = ("_bounds", "_queues", "in_flight", "limit", "most_queued", "queued")

    def __init__(self, limit: int = 4096, most_queued: int = 0) -> None:
        self.in_flight = 0
        self.queued = 0
        self._bounds: dict[Priority, int] = {}
        self._queues: dict[Priority, dict[Ticket, None]] = {priority: {} for priority in _LOWEST_FIRST}
        self.resize(limit, most_queued)

    def resize(self, limit: int, most_queued: int = 0) -> None:
        """Sets new limits. Calls in flight and queued calls stay."""
        if limit < 1:
            raise ValueError(f"a limit of {limit} would admit nobody, ever")
        self.limit = limit
        self.most_queued = most_queued
        self._bounds = {priority: ceil(limit * share) for priority, share in SHARES.items()}
        self._admit_waiting()

    def has_room(self, priority: Priority) -> bool:
        """Whether a slot is free for this priority. If one is, no call of this or a higher priority is queued."""
        return self.in_flight < self._bounds[priority]

    def admit(self, priority: Priority) -> bool:
        """Takes a place if this priority may have one, and says so. Who was admitted must leave."""
        if self.in_flight >= self._bounds[priority]:
            return False
        self.in_flight += 1
        return True

    def wait(self, priority: Priority, tell: Callable[[], None]) -> Ticket | None:
        """Queues a call that found no slot; None where it is shed itself. May shed another one."""
        if self.queued >= self.most_queued:
            oldest = self._oldest_of_lowest()
            if oldest is None or _LOWEST_FIRST.index(oldest.priority) > _LOWEST_FIRST.index(priority):
                return None
            self._remove(oldest)
            oldest.tell()
        ticket = Ticket(priority, tell)
        self._queues[priority][ticket] = None
        self.queued += 1
        return ticket

    def withdraw(self, ticket: Ticket) -> None:
        """Leaves the queue, or releases a slot that was granted and not used. Does nothing for a ticket that was shed, withdrawn
        or has left."""
        if ticket in self._queues[ticket.priority]:
            self._remove(ticket)
        elif ticket.is_admitted:
            self.leave(ticket)

    def leave(self, ticket: Ticket | None = None) -> None:
        """Frees a place, and calls in who waits for it. ticket: of a call that was called in; None for one that was admitted
        at once. Raises RuntimeError where that call is not inside."""
        if self.in_flight <= 0 or (ticket is not None and not ticket.is_admitted):
            raise RuntimeError("a call left that was never admitted")
        if ticket is not None:
            ticket.is_admitted = False
        self.in_flight -= 1
        if self.queued:
            self._admit_waiting()

    def _admit_waiting(self) -> None:
        for priority in reversed(_LOWEST_FIRST):
            queue = self._queues[priority]
            while queue and self.in_flight < self._bounds[priority]:
                ticket = next(iter(queue))
                self._remove(ticket)
                self.in_flight += 1
                ticket.is_admitted = True
                ticket.tell()

    def _oldest_of_lowest(self) -> Ticket | None:
        """The oldest of the lowest priority that waits."""
        for priority in _LOWEST_FIRST:
            if queue := self._queues[priority]:
                return next(iter(queue))
        return None

    def _remove(self, ticket: Ticket) -> None:
        del self._queues[ticket.priority][ticket]
        self.queued -= 1

    def __repr__(self) -> str:
        return f"Admission({self.in_flight} of {self.limit}, {self.queued} waiting)"
