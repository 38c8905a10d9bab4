"""The limits of a provider and a target: requests and tokens a minute, calls at once. Held until the last chunk.

A call that finds no room is no attempt: it is taken off the trail, and Retry sends it to another target. If there is none, it
comes back with `waits_at_limit` and queues here (`policy/wait_queue.py`) until its deadline. A call also finds no room while an
earlier call waits for a limit that it needs: no call passes a larger one that came earlier.
"""

from __future__ import annotations

from asyncio import Future, get_running_loop

import msgspec

from headworks.core.call import NEVER, Call
from headworks.core.clock import now
from headworks.core.errors import AtLimit
from headworks.core.reply import Reply
from headworks.core.service import Enter, Layering, Opening, Scope, Service, entering
from headworks.core.state import Bounds, Claim, Granted, Refusal, State
from headworks.policy.charge import used
from headworks.policy.concurrency import Slots
from headworks.policy.wait_queue import WaitQueue

POLL = 0.25
"""Seconds after which room is asked for again, where other processes take it and give it back too."""


class ProviderQueue:
    """A FIFO queue for one provider: only its head polls for a free slot."""

    def __init__(self) -> None:
        self.waiters = WaitQueue()

    def notify(self) -> None:
        """Wakes the heads of the queue: there may be room."""
        if self.waiters.queues:
            for waiter in self.waiters.heads():
                waiter.tell()


class Notify:
    """Wakes one waiting task, like an `asyncio.Event` that resets itself."""

    __slots__ = ("_notified",)

    def __init__(self) -> None:
        self._notified: Future[None] = get_running_loop().create_future()

    def notify(self) -> None:
        if not self._notified.done():
            self._notified.set_result(None)

    async def wait(self, seconds: float) -> None:
        """Until it was rung since the last wait, `seconds` at most."""
        timer = None if seconds == NEVER else get_running_loop().call_later(seconds, self.notify)
        try:
            await self._notified
        finally:
            if timer is not None:
                timer.cancel()
        self._notified = get_running_loop().create_future()


class Limit:
    """Holds what one attempt takes from the limits of its provider and target. slots: counts calls for metrics."""

    def __init__(
        self, inner: Service, state: State, bounds: Bounds, slots: Slots, provider_queue: ProviderQueue, target: str
    ) -> None:
        self.inner = inner
        self.state = state
        self.bounds = bounds
        self.slots = slots
        self.provider_queue = provider_queue
        self.target = target
        self.names = frozenset([rate.name for rate in bounds.rates] + [places.name for places in bounds.places])

    def open(self, call: Call) -> Opening:
        if call.trail.waits_at_limit:
            return self.wait(call)
        if self.state.is_local:
            return Scope(self.held(call, self.claim(call), None))
        return self.ask(call)

    @entering
    async def ask(self, call: Call, enter: Enter) -> Reply:
        if self.provider_queue.waiters.queues:
            self.give_way(call)
        claim = self.claim(call)
        return await enter(Scope(self.held(call, claim, await self.state.take(claim))))

    @entering
    async def wait(self, call: Call, enter: Enter) -> Reply:
        claim = self.claim(call)
        answer = await self.waited(call, claim)
        if answer is None:
            self.drop(call)
            raise AtLimit(f"{self.target} had no room within the call's deadline.", target=self.target)
        if call.attempt is not None:
            call.attempt.started_at = now()  # it begins only now: its timeouts do not count the wait
        return await enter(Scope(self.held(call, claim, answer)))

    async def waited(self, call: Call, claim: Claim) -> Granted | Refusal | None:
        """What the state says in the end: a refusal where there will never be room, or the deadline has come; None where it
        came before this call's turn."""
        answer: Granted | Refusal | None = None
        queue, came_at, wake = self.provider_queue.waiters, now(), Notify()
        waiter = queue.join(self.names, wake.notify)
        try:
            while True:
                pause = NEVER
                if queue.may_poll(waiter):
                    answer = await self.state.take(msgspec.structs.replace(claim, waited=now() - came_at))
                    if isinstance(answer, Granted) or answer.wait == NEVER:
                        return answer
                    if answer.wait is not None:
                        pause = answer.wait
                    queue.note_refusal(waiter, answer.bound.name, 0.0 if answer.wait is None else now() + answer.wait)
                    if not self.state.is_local:
                        pause = min(pause, POLL)
                left = call.deadline_at - now()
                if left <= 0.0:
                    return answer
                await wake.wait(min(pause, left))
        finally:
            queue.leave(waiter)

    def give_way(self, call: Call) -> None:
        """Raises AtLimit where an earlier call waits for a limit that this call needs."""
        first = self.provider_queue.waiters.blocker(self.names)
        if first is not None:
            self.drop(call)
            wait = first.room_at - now()
            raise AtLimit(
                f"Other calls are queued for {self.target}.", target=self.target, retry_after=wait if wait > 0 else None
            )

    def held(self, call: Call, claim: Claim, answer: Granted | Refusal | None) -> Layering:
        state, slots, attempt = self.state, self.slots, call.attempt
        if answer is None:
            if self.provider_queue.waiters.queues:
                self.give_way(call)
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
            slots.release()
            state.settle(claim, answer, tokens=None if attempt is None else used(attempt, len(call.body)))
            self.provider_queue.notify()

    def claim(self, call: Call) -> Claim:
        most = call.max_output or 0
        attempts = len(call.trail.attempts)
        return Claim(f"{call.id}/{attempts}", self.bounds, -(-len(call.body) // 4) + most)

    def drop(self, call: Call) -> None:
        """Takes the attempt off the trail: nothing was sent."""
        if call.attempt in call.trail.attempts:
            call.trail.attempts.remove(call.attempt)
