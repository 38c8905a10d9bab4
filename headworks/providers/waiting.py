"""How a leaf without a wire waits: until something happens, or until the earliest bound of the call.

Always true: one timer a wait, and the timer is gone when the wait is over. `asyncio.timeout` would cost five times as
much and cannot tell which phase ran out.
"""

from __future__ import annotations

from asyncio import Future, get_running_loop
from typing import NamedTuple

from headworks.core.call import NEVER, Call
from headworks.core.clock import now
from headworks.core.errors import Expired, Phase
from headworks.core.trail import Attempt


class Bound(NamedTuple):
    """The instant (loop seconds) by which something must have happened, and the phase that ends there."""

    at: float
    phase: Phase


def bound(call: Call, by: float, phase: Phase, late: float = 0.0) -> Bound:
    """The earlier of a phase's own bound (0 means none) and the call's deadline, moved by `late` seconds."""
    deadline_at = call.deadline_at + late
    if by and by < deadline_at:
        return Bound(by, phase)
    return Bound(deadline_at, "total")


def head_bound(call: Call) -> Bound:
    """By when the head of a streamed call, or the whole answer of another, must be there."""
    by = call.attempt.head_by if call.attempt is not None else 0.0
    return bound(call, by, "first_token" if call.streamed else "answer")


def connect_bound(call: Call) -> Bound:
    """By when a connection must be there: never later than the head."""
    head = head_bound(call)
    by = call.attempt.connect_by if call.attempt is not None else 0.0
    return Bound(by, "connect") if by and by < head.at else head


def gap_bound(call: Call, at: float, late: float = 0.0) -> Bound:
    """By when the next chunk must be there, asked at the instant `at`."""
    gap = call.attempt.gap if call.attempt is not None else 0.0
    return bound(call, at + gap if gap else 0.0, "between_tokens", late)


class Reader:
    """The reader of a stream. `late`: seconds that it took between its reads, which are never the vendor's; noted on the attempt."""

    __slots__ = ("_attempt", "_read_at", "late")

    def __init__(self, attempt: Attempt | None) -> None:
        self._attempt = attempt
        self._read_at = now()
        self.late = 0.0

    def came(self) -> float:
        """The reader reads again: returns the instant."""
        at = now()
        self.late += at - self._read_at
        if self._attempt is not None:
            self._attempt.late = self.late
        return at

    def left(self) -> None:
        """The reader has got what it waited for."""
        self._read_at = now()


def _wake(future: Future[bool], happened: bool) -> None:
    if not future.done():
        future.set_result(happened)


async def reach(at: float, limit: Bound, *, target: str | None = None) -> None:
    """Waits until the instant `at`; raises Expired at the bound if that is earlier. Past instants cost no wait."""
    loop = get_running_loop()
    due = at if at <= limit.at else limit.at
    if due > loop.time():
        future: Future[bool] = loop.create_future()
        timer = loop.call_at(due, _wake, future, True)
        try:
            await future
        finally:
            timer.cancel()
    if at > limit.at:
        raise Expired(phase=limit.phase, target=target)


async def hear(future: Future[bool], limit: Bound, *, target: str | None = None) -> None:
    """Waits until somebody sets the future to True; raises Expired at the bound."""
    if limit.at == NEVER:
        await future
        return
    timer = get_running_loop().call_at(limit.at, _wake, future, False)
    try:
        happened = await future
    finally:
        timer.cancel()
    if not happened:
        raise Expired(phase=limit.phase, target=target)
