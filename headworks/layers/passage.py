"""One request that passes by its path: its attempt, its waits and what came of it. It is tried once."""

from __future__ import annotations

from typing import Final

import msgspec

from headworks.core.call import Call
from headworks.core.clock import now
from headworks.core.errors import CallError
from headworks.core.service import Layering, Service, scope
from headworks.layers.failure_reason import reason
from headworks.layers.meter import judge
from headworks.policy.charge import is_unbilled

CONNECT: Final = 5.0
TOTAL: Final = 600.0
"""Seconds for a whole call, as OpenAI's SDKs wait: a file is long in coming. The answer's head may take as long."""

GAP: Final = 60.0
"""Seconds between two pieces of an answer."""


class Pass:
    """Writes the attempt. target: the provider's name. What reads or deletes costs nothing, what else costs is not known."""

    def __init__(self, inner: Service, target: str) -> None:
        self.inner = inner
        self.target = target

    @scope
    def open(self, call: Call) -> Layering:
        passage, at = call.passage, now()
        assert passage is not None
        attempt = call.trail.begin(self.target, "first", at)
        attempt.is_billable = not passage.is_free
        attempt.connect_by = min(at + CONNECT, call.deadline_at)
        attempt.head_by = call.deadline_at
        attempt.gap = GAP
        call.trail.waits_at_limit = True  # there is no other provider to ask: the limit of this one is waited for
        outcome, reply = "cancelled", None
        try:
            reply = yield self.inner.open(msgspec.structs.replace(call, attempt=attempt))
            attempt.head_at = attempt.head_at or now()
            yield reply
        except CallError as error:
            outcome = judge(error)
            attempt.error = type(error).__name__
            attempt.is_billable = attempt.is_billable and (reply is not None or not is_unbilled(error))
            attempt.reason = reason(error)
            if error.said is not None:
                attempt.vendor_status = error.said.status
                attempt.vendor_request_id = error.said.request_id or ""
            if error.target is None:
                error.target = self.target
            raise
        finally:
            if not attempt.outcome:
                attempt.outcome = outcome
                attempt.ended_at = now()
