"""The innermost layer: records the duration, usage and result of each attempt, also of failed ones."""

from __future__ import annotations

from headworks.core.call import Call
from headworks.core.clock import now
from headworks.core.errors import CallError, Cut, Expired
from headworks.core.money import Price
from headworks.core.service import Layering, Service, scope
from headworks.layers.failure_reason import reason
from headworks.policy.balancing import Candidate
from headworks.policy.charge import is_unbilled


class Meter:
    """Closes the attempt on the trail, and keeps what Balance reads: attempts in flight, seconds to the head."""

    def __init__(self, inner: Service, candidate: Candidate, price: Price | None = None) -> None:
        self.inner = inner
        self.price = price
        self.candidate = candidate

    @scope
    def open(self, call: Call) -> Layering:
        attempt = call.attempt
        assert attempt is not None, "Meter stands below Balance"
        attempt.price = self.price
        attempt.is_billable = True
        self.candidate.busy += 1
        outcome = "cancelled"
        reply = None
        try:
            reply = yield self.inner.open(call)
            at = attempt.head_at = attempt.head_at or now()  # a leaf that looked at the clock has said so
            self.candidate.latency.record(at - attempt.started_at, at)
            yield reply
        except CallError as error:
            outcome = judge(error)
            attempt.error = type(error).__name__
            attempt.is_billable = reply is not None or attempt.usage is not None or not is_unbilled(error)
            attempt.reason = reason(error)
            if error.said is not None:
                attempt.vendor_status = error.said.status
                attempt.vendor_request_id = error.said.request_id or ""
            if error.target is None:
                error.target = attempt.target
            raise
        finally:
            self.candidate.busy -= 1
            if reply is not None and reply.usage is not None:
                attempt.usage = reply.usage
            if not attempt.outcome:  # where the whole answer was read Trace has closed it: its record goes first
                attempt.outcome = outcome
                attempt.ended_at = now()


def judge(error: CallError) -> str:
    if isinstance(error, Cut):
        return "cut"
    if isinstance(error, Expired):
        return "expired"
    return "refused" if error.blame == "caller" else "failed"
