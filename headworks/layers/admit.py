"""A fixed bound on calls in flight: it protects memory and the loop, so that one stalled alias cannot slow another."""

from __future__ import annotations

from headworks.core.call import Call
from headworks.core.errors import Overloaded
from headworks.core.service import Layering, Service, scope
from headworks.policy.shedding import Admission


class Admit:
    """Holds one place from before the call until its last chunk. Every alias shares the same bound."""

    def __init__(self, inner: Service, admission: Admission) -> None:
        self.inner = inner
        self.admission = admission

    @scope
    def open(self, call: Call) -> Layering:
        if not self.admission.admit(call.priority):
            raise Overloaded("The gateway is at its limit of calls in flight.", retry_after=1.0)
        try:
            reply = yield self.inner.open(call)
            yield reply
        finally:
            self.admission.leave()
