"""A FIFO queue for one provider: only the head of the queue polls for room.

Theory. Each call needs room in several limits at once (the provider's, those of its target). A small call may fit where a large
one does not, so without a queue small calls would pass a large one for ever. So a waiting call blocks all later calls that
need the limit it waits for, and free capacity there adds up for it. It blocks no other limit: a call that waits for its target's
requests does not hold up other targets of the provider (head-of-line blocking).

Calls that need the same limits form one queue, and only its head polls, so no call is woken for nothing. A head that does not
know yet which limit it waits for blocks every call that shares any limit with it.

Always true (`tests/policy/test_wait_queue.py`): of two calls, the one that came later is not let in while the earlier one waits
for a bound that both need; while anybody waits, somebody may ask; a waiter that leaves tells those whose turn it may be.
That nobody waits for ever is true where every call of a target needs its provider's bounds too, as ours do: whoever waits
for the provider then stands before all calls of its target, and cannot lose the one while it waits for the other.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable

Names = frozenset[str]
"""The names of the limits that a call needs a free slot in."""


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
        """Whether a later call that needs these limits has to wait for it."""
        return self.waits_for in names if self.waits_for else not self.names.isdisjoint(names)


class WaitQueue:
    """The calls that wait at one provider. queues: by the limits they need; empty when no call waits."""

    __slots__ = ("_came", "queues")

    def __init__(self) -> None:
        self._came = 0
        self.queues: dict[Names, OrderedDict[Waiter, None]] = {}  # a dict's first is behind all that were deleted

    def join(self, names: Names, tell: Callable[[], None]) -> Waiter:
        """Adds a call at the end of its queue. It must leave."""
        self._came += 1
        waiter = Waiter(self._came, names, tell)
        self.queues.setdefault(names, OrderedDict())[waiter] = None
        return waiter

    def heads(self) -> list[Waiter]:
        """The first of each queue."""
        return [next(iter(queue)) for queue in self.queues.values()]

    def blocker(self, names: Names) -> Waiter | None:
        """The waiting call that blocks a newcomer with these limits, or None."""
        return next((first for first in self.heads() if first.stands_before(names)), None)

    def may_poll(self, waiter: Waiter) -> bool:
        """Whether no other call blocks it."""
        if next(iter(self.queues[waiter.names])) is not waiter:
            return False
        return not any(first.came < waiter.came and first.stands_before(waiter.names) for first in self.heads())

    def note_refusal(self, waiter: Waiter, bound: str, room_at: float = 0.0) -> None:
        """Notes which limit the head of a queue waits for. Calls that do not need it may poll."""
        waiter.room_at = room_at
        if waiter.waits_for != bound:
            waiter.waits_for = bound
            self._tell_later(waiter)

    def leave(self, waiter: Waiter) -> None:
        """Removes a call that was admitted or gave up."""
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
