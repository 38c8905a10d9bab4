"""A vendor's server under load: calls queue for a slot, their prompts are read (prefill), and their answers are written
concurrently (decode), by processor sharing.

Theory. Calls in service share one machine. Let n of them be written at once; each then goes 1 + crowding (n - 1) times
slower than alone. Instead of moving every call at every change of n, one *work clock* runs at that slower rate, and a
call is done when the clock has gone on by what it needs alone: processor sharing in virtual time (the idea is that of
fair queueing, Demers, Keshav and Shenker 1989). So a change of n costs one timer, whatever n is. While a prompt is read
by a machine that does nothing else meanwhile, the clock stands still.

Always true: slots are first come, first served; a call that leaves passes its slot to the next; a call's work is the same
whatever the others do, only its time is not.
"""

from __future__ import annotations

from asyncio import Future, TimerHandle, get_running_loop
from collections import deque
from heapq import heappop, heappush

from headworks.twin.models.vendor_model import VendorModel


def _wake(future: Future[bool]) -> None:
    if not future.done():
        future.set_result(True)


class ProcessorSharing:
    """One machine that its calls share. Times are those of the running loop."""

    def __init__(self, model: VendorModel) -> None:
        self.slots = model.slots
        self.crowding = model.crowding
        self.taken = 0
        self.decoding = 0
        self.waiting: deque[Future[bool]] = deque()
        self._work = 0.0
        self._seen_at = 0.0
        self._frozen_until = 0.0
        self._pending: list[tuple[float, int, Future[bool]]] = []
        self._sequence = 0
        self._timer: TimerHandle | None = None

    def acquire(self) -> Future[bool] | None:
        """Takes a slot: None when one is free, else a future to wait for. A caller that stops waiting calls `cancel_wait`."""
        if self.slots is None or self.taken < self.slots:
            self.taken += 1
            return None
        future: Future[bool] = get_running_loop().create_future()
        self.waiting.append(future)
        return future

    def cancel_wait(self, future: Future[bool]) -> None:
        """Leaves the queue, or gives back the slot that was handed over in the same moment. (A bound that was reached
        first has woken the future too, with False: see `hear`.)"""
        if future.done() and not future.cancelled() and future.result():
            self.release()
        else:
            future.cancel()

    def release(self) -> None:
        while self.waiting:
            future = self.waiting.popleft()
            if not future.done():
                future.set_result(True)  # the slot goes on, taken
                return
        self.taken -= 1

    def prefill(self, seconds: float) -> float:
        """Reads a prompt for `seconds`, after the earlier prompts; returns the time at which it is done."""
        at = get_running_loop().time()
        self._advance(at)
        self._frozen_until = max(at, self._frozen_until) + seconds
        self._set_timer(at)
        return self._frozen_until

    def begin_decode(self) -> None:
        """One more call is written."""
        at = get_running_loop().time()
        self._advance(at)
        self.decoding += 1
        self._set_timer(at)

    def end_decode(self) -> None:
        at = get_running_loop().time()
        self._advance(at)
        self.decoding -= 1
        self._set_timer(at)

    def decode(self, seconds: float) -> Future[bool]:
        """A future that resolves when work is done that takes `seconds` without load."""
        loop = get_running_loop()
        at = loop.time()
        self._advance(at)
        future: Future[bool] = loop.create_future()
        self._sequence += 1
        heappush(self._pending, (self._work + seconds, self._sequence, future))
        self._set_timer(at)
        return future

    def work_done(self) -> float:
        """Seconds of work, as without load, that each call in service has had done since the beginning."""
        self._advance(get_running_loop().time())
        return self._work

    def _slowness(self) -> float:
        return 1.0 + self.crowding * (self.decoding - 1) if self.decoding > 1 else 1.0

    def _advance(self, at: float) -> None:
        begun = max(self._seen_at, min(at, self._frozen_until))
        if at > begun:
            self._work += (at - begun) / self._slowness()
        self._seen_at = at

    def _set_timer(self, at: float) -> None:
        due = self._pending
        while due and due[0][2].done():
            heappop(due)
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if due:
            moving_at = max(at, self._frozen_until)
            when = moving_at + max(0.0, due[0][0] - self._work) * self._slowness()
            self._timer = get_running_loop().call_at(when, self._on_timer)

    def _on_timer(self) -> None:
        self._timer = None
        at = get_running_loop().time()
        self._advance(at)
        due = self._pending
        # The first is due by the timer itself; a float's rounding must not make it wait for another turn.
        work = max(self._work, due[0][0])
        self._work = work
        while due and due[0][0] <= work:
            _wake(heappop(due)[2])
        self._set_timer(at)
