"""Reserves money for further attempts. Quota has reserved it for the first one."""

from __future__ import annotations

from headworks.core.call import Call
from headworks.core.errors import CallError
from headworks.core.reply import Reply
from headworks.core.service import Enter, Opening, Service, entering


class Reserve:
    """Raises a call's reservation before an attempt that it does not cover. If the budget has no room, no attempt is made."""

    def __init__(self, inner: Service) -> None:
        self.inner = inner

    def open(self, call: Call) -> Opening:
        reservation = call.trail.reservation
        if reservation is None or call.attempt is None or reservation.needed(size(call), call.attempt) is None:
            return self.inner.open(call)
        return self.raised(call)

    @entering
    async def raised(self, call: Call, enter: Enter) -> Reply:
        reservation, attempt = call.trail.reservation, call.attempt
        assert reservation is not None
        assert attempt is not None
        amounts = reservation.needed(size(call), attempt)
        if amounts is not None:
            try:
                reservation.raised(amounts, await reservation.state.reserve(reservation.claim, amounts))
            except CallError:
                call.trail.attempts.remove(attempt)  # it never reached anybody
                raise
        return await enter(self.inner.open(call))


def size(call: Call) -> int:
    """Bytes of the body as it will be sent: with the beginning of an answer that is to be gone on with, which is escaped there."""
    return len(call.body) + 2 * len(call.prefill.encode()) if call.prefill else len(call.body)
