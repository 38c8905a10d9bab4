"""Admission control: a limit on calls in flight over all aliases, with priorities and a bounded queue."""

from __future__ import annotations

from asyncio import Future, get_running_loop

from headworks.core.call import Call
from headworks.core.clock import now
from headworks.core.errors import Expired, Overloaded
from headworks.core.reply import Reply
from headworks.core.service import Enter, Layering, Opening, Scope, Service, entering, scope
from headworks.policy.shedding import Admission, Ticket

AGAIN = 1.0
"""The Retry-After of a call that was shed, in seconds."""


class Admit:
    """Holds one slot from before the call until its last chunk. All aliases share the limit.

    A call that finds no slot waits for one, in the order of `policy/shedding.py`, `max_wait` seconds at most and never past
    its deadline.
    """

    def __init__(self, inner: Service, admission: Admission, max_wait: float = 0.0) -> None:
        self.inner = inner
        self.admission = admission
        self.max_wait = max_wait

    def open(self, call: Call) -> Opening:
        return self.admitted(call) if self.admission.has_room(call.priority) else self.queued(call)

    @scope
    def admitted(self, call: Call) -> Layering:
        if not self.admission.admit(call.priority):  # somebody came between opening and entering
            raise overloaded()
        try:
            reply = yield self.inner.open(call)
            yield reply
        finally:
            self.admission.leave()

    def admitted_from_queue(self, call: Call, ticket: Ticket) -> Layering:
        try:
            reply = yield self.inner.open(call)
            yield reply
        finally:
            self.admission.leave(ticket)

    @entering
    async def queued(self, call: Call, enter: Enter) -> Reply:
        loop = get_running_loop()
        turn: Future[None] = loop.create_future()

        def tell() -> None:
            if not turn.done():
                turn.set_result(None)

        ticket = self.admission.wait(call.priority, tell)
        if ticket is None:
            raise overloaded()
        at = now()
        timer = loop.call_later(max(0.0, min(self.max_wait, call.deadline_at - at)), tell)
        try:
            await turn
        except BaseException:
            self.admission.withdraw(ticket)
            raise
        finally:
            timer.cancel()
        if not ticket.is_admitted:
            self.admission.withdraw(ticket)
            raise Expired(phase="total") if now() >= call.deadline_at else overloaded()
        return await enter(Scope(self.admitted_from_queue(call, ticket)))


def overloaded() -> Overloaded:
    return Overloaded("The gateway is at its limit of calls in flight.", retry_after=AGAIN)
