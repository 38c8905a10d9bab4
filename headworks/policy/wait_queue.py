"""Whose turn it is among calls that wait for room at one provider: first come, first served.

Theory. Each call needs room in several bounds at once (the provider's, those of its target), and what a small one finds a
large one may not. If whoever finds room were let in, small calls would pass a large one for ever. So a waiting call
stands *before* everybody who came later and needs a bound that it waits for: what comes free there gathers for it. Only
for that bound: a call that waits for its target's requests does not hold up other targets of the same provider, or one
slow limit would close a provider (head-of-line blocking).

Calls that need the same bounds form a queue; only the first of each queue asks, so nobody is woken in vain. A first one
that has not been told yet what it waits for stands before everybody who shares any bound with it.

Always true (`tests/policy/test_wait_queue.py`): of two calls, the one that came later is not let in while the earlier one waits
for a bound that both need; somebody may ask whenever anybody waits; whoever leaves has told those whose turn it may be.
That nobody waits for ever is true where every call of a target needs its provider's bounds too, as ours do: whoever waits
for the provider then stands before all calls of its target, and cannot lose the one while it waits for the other.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable

Names = frozenset[str]
"""Of the bounds that a call needs room in."""


class Waiter:
    """One call that waits. waits_for: the bound that had no room for it, "" until it has asked; room_at: the instant at which
    there may be room, 0 where nobody knows. tell: called when its turn may have come."""

    __slots__ = ("came", "names", "room_at", "tell", "waits_for")

    def __init__(self, came: int, names: Names, tell: Callable[[], None]) -> None:
        self.came = came
        self.names = names
        self.tell = tell
        self.waits_for = ""
        self.room_at = 0.0

    def stands_before(self, names: Names) -> bool:
        """Whether who came later and needs these has to wait for it."""
        return self.waits_for in names if self.waits_for else not self.names.isdisjoint(names)


class WaitQueue:
    """Those who wait at one provider. queues: by what they need; empty where nobody waits."""

    __slots__ = ("_came", "queues")

    def __init__(self) -> None:
        self._came = 0
        self.queues: dict[Names, OrderedDict[Waiter, None]] = {}  # a dict's first is behind all that were deleted

    def join(self, names: Names, tell: Callable[[], None]) -> Waiter:
        """The last of those who wait. Whoever came must leave."""
        self._came += 1
        waiter = Waiter(self._came, names, tell)
        self.queues.setdefault(names, OrderedDict())[waiter] = None
        return waiter

    def heads(self) -> list[Waiter]:
        """The first of each queue."""
        return [next(iter(queue)) for queue in self.queues.values()]

    def blocker(self, names: Names) -> Waiter | None:
        """Who waits and stands before a newcomer that needs these."""
        return next((first for first in self.heads() if first.stands_before(names)), None)

    def may_poll(self, waiter: Waiter) -> bool:
        """Whether nobody stands before it."""
        if next(iter(self.queues[waiter.names])) is not waiter:
            return False
        return not any(first.came < waiter.came and first.stands_before(waiter.names) for first in self.heads())

    def note_refusal(self, waiter: Waiter, bound: str, room_at: float = 0.0) -> None:
        """Notes what the first of a queue waits for from now on. Others may ask for what it does not."""
        waiter.room_at = room_at
        if waiter.waits_for != bound:
            waiter.waits_for = bound
            self._tell_later(waiter)

    def leave(self, waiter: Waiter) -> None:
        """Has been let in, or waits no longer."""
        queue = self.queues[waiter.names]
        was_first = next(iter(queue)) is waiter
        del queue[waiter]
        if not queue:
            del self.queues[waiter.names]
        if was_first:
            self._tell_later(waiter)

    def _tell_later(self, waiter: Waiter) -> None:
        for first in self.heads():
            if first.came > waiter.came:
                first.tell()
