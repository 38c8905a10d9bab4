"""Admission control and load shedding: how many calls the gateway has in flight, which ones queue, and which one is shed first.

Theory. Beyond a fixed number of calls in flight, more admission only adds memory and loop lag for all of them (tower's
`load_shed`). All priorities share one limit and may fill it to different shares, so the last slots are kept for higher
priorities: low calls get a slot up to four fifths of the limit, normal ones up to nineteen twentieths, high ones up to all of
it. Shares are rounded up, so an idle gateway admits every call.

A call that finds no slot is queued, because a burst is often over before its callers would retry. The queue is bounded in
length and in time, because a standing queue only adds latency. A free slot goes to the highest priority, and within it to the
call that came first. When the queue is full one call is shed: the oldest of the lowest priority, since its caller has most
likely given up (Facebook's adaptive LIFO, "Fail at Scale", 2015, sheds from the old end too). The newcomer is shed only where
all queued calls have a higher priority.

Always true: 0 <= in_flight <= limit, except after the limit was lowered; an admitted call leaves exactly once; no queued call
would find a slot now; each ticket is notified once, as admitted or as shed, unless it was withdrawn before; at most
`most_queued` calls wait. A call from the queue leaves by its ticket, so that it cannot release another call's slot.
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
