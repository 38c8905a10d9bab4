"""Detects what blocks the event loop, from a thread of its own, while it is blocked.

Theory. A blocked loop cannot report what blocks it, and afterwards it is too late. So a thread checks, four times a second, that
the watchdog on the loop is still beating, and reads the loop's stack frames only if it is not. Calls pay nothing for that. The
watchdog beats every `EVERY` seconds, so a loop without a beat for `HELD + EVERY` was blocked for more than `HELD`. Each stall of
that length is seen.

Always true: only places in files are logged, never values, at most `MOST_TOLD` times a minute. A stall that lasts is logged again
after twice the time. Nothing is logged where the whole process stood still: on a suspended machine, or without CPU time.
"""

from __future__ import annotations

import logging
import sys
import threading
import time
from collections.abc import Callable
from types import FrameType
from typing import Final

from headworks.core.stack_frames import frames_from, place
from headworks.core.throttled_log import log_fields
from headworks.policy.bucket import TokenBucket

HELD: Final = 0.25
"""Seconds of a stall from which on it is logged: a caller notices a quarter of a second."""

MOST_TOLD: Final = 10
MOST_PLACES: Final = 24
OVERSLEPT: Final = 0.1
"""Seconds by which the thread itself may wake late: by more, and it is asked who had the processor meanwhile."""

RUNNERS: Final = ("asyncio.runners", "asyncio.base_events", "asyncio.events", "selectors", "uvloop")
"""Modules that run a loop: what is called by them is what holds it."""

log = logging.getLogger("headworks.loop")


class StallDetector:
    """Logs what blocks a loop. every: seconds between two beats of the watchdog; beaten_at: when the last one was.

    frame: the innermost of the loop's thread; cpu: seconds of the processor that this process has had.
    """

    def __init__(
        self,
        every: float,
        beaten_at: Callable[[], float],
        frame: Callable[[], FrameType | None],
        cpu: Callable[[], float] = time.process_time,
    ) -> None:
        self.first = HELD + every
        self.beaten_at = beaten_at
        self.frame = frame
        self.cpu = cpu
        self._told = TokenBucket(MOST_TOLD, 60.0)
        self._since = 0.0
        self._longest = 0.0
        self._next = self.first
        self._due_at = float("inf")
        self._had = 0.0

    def look(self, at: float) -> float:
        """Checks the loop, logs a stall, and returns the seconds until the next check."""
        beaten_at = self.beaten_at()
        if beaten_at != self._since:
            if self._longest:
                took = beaten_at - self._since
                log.warning(
                    "loop_held: it goes on after %.2f s", took, extra=log_fields("loop_held", after=round(took, 3))
                )
            self._since, self._longest, self._next = beaten_at, 0.0, self.first
        held = at - beaten_at
        if held >= self._next:
            if self._stood_still(at):
                self._next = held + OVERSLEPT
            else:
                self._tell(held, at)
                self._next = 2 * held
        pause = self._next - held
        self._due_at, self._had = at + pause, self.cpu()
        return pause

    def _stood_still(self, at: float) -> bool:
        """Whether the whole process stood still: this thread overslept too, and used no CPU time."""
        late = at - self._due_at
        return late > OVERSLEPT and self.cpu() - self._had < late / 2

    def _tell(self, held: float, at: float) -> None:
        frame = self.frame()
        places = [place(one) for one in reversed(held_by(frame))] if frame is not None else []
        if places and self._told.take(1, at):
            self._longest = held
            more = [f"{len(places) - MOST_PLACES} more"] if len(places) > MOST_PLACES else []
            said = places[:MOST_PLACES] + more
            fields = log_fields("loop_held", held=round(held, 3), places=said)
            log.warning("loop_held: for %.2f s by %s", held, " < ".join(said), extra=fields)


def held_by(frame: FrameType) -> list[FrameType]:
    """The frames that an event loop has called, the outermost first; none if the loop waits."""
    frames = frames_from(frame)
    runs = [str(one.f_globals.get("__name__", "")).startswith(RUNNERS) for one in frames]
    begins = runs.index(True) if True in runs else 0
    while begins < len(frames) and runs[begins]:
        begins += 1
    return frames[begins:]


class StallWatcher:
    """The thread that checks the loop. Create it in the loop's thread."""

    def __init__(self, every: float, beaten_at: Callable[[], float]) -> None:
        loops = threading.get_ident()
        self._stall = StallDetector(every, beaten_at, lambda: sys._current_frames().get(loops))
        self._is_over = threading.Event()
        self._thread = threading.Thread(target=self._run, name="loop lookout", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        self._is_over.set()
        self._thread.join(1.0)

    def _run(self) -> None:
        pause = self._stall.first
        while not self._is_over.wait(pause):
            pause = self._stall.look(time.monotonic())
