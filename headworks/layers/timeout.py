"""Sets the timeouts of an attempt. The leaf enforces them, as only it knows the phase."""

from __future__ import annotations

from headworks.core.call import Call
from headworks.core.service import Opening, Service
from headworks.policy.timeouts import Timeouts


class Timeout:
    """Writes the timeouts on the attempt; none ends after the call's deadline.

    A wrapper with a timer of its own costs 5 us a call (asyncio.timeout), and would not know connecting from waiting.
    """

    def __init__(self, inner: Service, timeouts: Timeouts) -> None:
        self.inner = inner
        self.timeouts = timeouts

    def open(self, call: Call) -> Opening:
        attempt = call.attempt
        if attempt is not None:
            at = attempt.started_at
            timeouts = self.timeouts
            deadline_at = call.deadline_at
            connect_by = at + timeouts.connect
            head_by = at + (timeouts.first_token if call.streamed else timeouts.answer)
            attempt.connect_by = connect_by if connect_by < deadline_at else deadline_at  # `min` is a call: 0.2 us
            attempt.head_by = head_by if head_by < deadline_at else deadline_at
            attempt.gap = timeouts.between_tokens
        return self.inner.open(call)
