"""A target's slots, counted until the last chunk: a stream outlives the function that obtained it."""

from __future__ import annotations

from headworks.core.call import Call
from headworks.core.errors import Overloaded
from headworks.core.service import Layering, Service, scope
from headworks.policy.concurrency import Slots


class Limit:
    """Holds one slot from before the call until its last chunk."""

    def __init__(self, inner: Service, slots: Slots, target: str) -> None:
        self.inner = inner
        self.slots = slots
        self.target = target

    @scope
    def open(self, call: Call) -> Layering:
        if not self.slots.take():
            raise Overloaded(f"All {self.slots.limit} slots of {self.target} are taken.", target=self.target)
        try:
            reply = yield self.inner.open(call)
            yield reply
        finally:
            self.slots.give_back()
