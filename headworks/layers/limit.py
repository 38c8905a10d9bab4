"""What a provider and a target admit: requests and tokens a minute, calls at once. Held until the last chunk, for a stream
outlives the function that obtained it.

A call that finds no room was no attempt: it is taken off the trail, marks nothing, and Retry sends it elsewhere. Where there
is no elsewhere it comes back patient, and waits here for its turn, first come first served, as far as its deadline allows.
"""

from __future__ import annotations

from asyncio import Future, Lock, get_running_loop, timeout_at

from headworks.core.call import NEVER, Call
from headworks.core.clock import now
from headworks.core.errors import AtLimit
from headworks.core.reply import Reply
from headworks.core.service import Enter, Layering, Opening, Scope, Service, entering
from headworks.core.state import Bounds, Claim, Granted, Refusal, State
from headworks.policy.concurrency import Slots

POLL = 0.25
"""Seconds after which a place is asked for again, where another process may have given one back."""


class Line:
    """Who waits at one provider. The first in it waits for room, the others for him: so nobody wakes in vain."""

    def __init__(self) -> None:
        self.turn = Lock()
        self._first: Future[None] | None = None

    async def pause(self, seconds: float | None) -> None:
        """Until a place is given back here, `seconds` at most (None: nobody knows)."""
        loop = get_running_loop()
        first = self._first = loop.create_future()
        timer = loop.call_later(POLL if seconds is None else seconds, self.next)
        try:
            await first
        finally:
            self._first = None
            timer.cancel()

    def next(self) -> None:
        """A place may be free."""
        if self._first is not None and not self._first.done():
            self._first.set_result(None)


class Limit:
    """Holds what one attempt takes of its provider and its target. slots: counts places for whoever looks on."""

    def __init__(self, inner: Service, state: State, bounds: Bounds, slots: Slots, line: Line, target: str) -> None:
        self.inner = inner
        self.state = state
        self.bounds = bounds
        self.slots = slots
        self.line = line
        self.target = target

    def open(self, call: Call) -> Opening:
        if call.trail.is_patient:
            return self.wait(call)
        if self.state.is_local:
            return Scope(self.held(call, self.claim(call), None))
        return self.ask(call)

    @entering
    async def ask(self, call: Call, enter: Enter) -> Reply:
        claim = self.claim(call)
        return await enter(Scope(self.held(call, claim, await self.state.take(claim))))

    @entering
    async def wait(self, call: Call, enter: Enter) -> Reply:
        claim = self.claim(call)
        answer: Granted | Refusal | None = None
        try:
            async with timeout_at(None if call.deadline_at == NEVER else call.deadline_at), self.line.turn:
                while isinstance(answer := await self.state.take(claim), Refusal) and answer.wait != NEVER:
                    await self.line.pause(answer.wait)
        except TimeoutError:
            if answer is None:
                self.drop(call)
                raise AtLimit(f"{self.target} had no room within the call's deadline.", target=self.target) from None
        if call.attempt is not None:
            call.attempt.started_at = now()  # it begins only now: its timeouts do not count the wait
        return await enter(Scope(self.held(call, claim, answer)))

    def held(self, call: Call, claim: Claim, answer: Granted | Refusal | None) -> Layering:
        state, slots, attempt = self.state, self.slots, call.attempt
        if answer is None:
            answer = state.take_now(claim)
        if isinstance(answer, Refusal):
            self.drop(call)
            wait = None if answer.wait == NEVER else answer.wait
            raise AtLimit(
                f"{self.target} is at its limit.", target=self.target, retry_after=wait, is_final=answer.wait == NEVER
            )
        slots.in_use += 1
        try:
            reply = yield self.inner.open(call)
            yield reply
        finally:
            slots.give_back()
            used = None
            if attempt is not None:
                usage = attempt.usage
                if usage is not None:
                    used = usage.input_tokens + usage.output_tokens
                elif not attempt.is_billable:
                    used = 0
            state.settle(claim, answer, tokens=used)
            self.line.next()

    def claim(self, call: Call) -> Claim:
        most = call.max_output or 0
        attempts = len(call.trail.attempts)
        return Claim(f"{call.id}/{attempts}", self.bounds, -(-len(call.body) // 4) + most)

    def drop(self, call: Call) -> None:
        """It never reached anybody."""
        if call.attempt in call.trail.attempts:
            call.trail.attempts.remove(call.attempt)
