"""A loop whose time leaps to the next timer instead of waiting.

Always true: callbacks run in the order of their instants, then of their making; time moves only when nothing is ready.
No sockets, threads or processes: what waits for the outside world would wait for ever, so a loop with nothing ready
and no timer left raises `Deadlock`. The idea: trio's `_mock_clock.py`, simpy's `core.py`.
"""

from __future__ import annotations

import asyncio
import selectors
from collections.abc import Coroutine, Mapping
from typing import Any, TypeVar

T = TypeVar("T")

EPOCH = 1_767_225_600.0
"""Where virtual wall time starts: 2026-01-01T00:00:00Z, so that records of a simulated run look like records."""


class Deadlock(RuntimeError):
    """Everything waits and no timer is left: on virtual time nothing can ever happen again."""


class _Leap(selectors.BaseSelector):
    """Answers `select` by moving the clock; what is registered (the loop's own wake-up pipe) is never ready."""

    def __init__(self) -> None:
        self.time = 0.0
        self._keys: dict[Any, selectors.SelectorKey] = {}

    def register(self, fileobj: Any, events: int, data: Any = None) -> selectors.SelectorKey:
        key = selectors.SelectorKey(fileobj, fileobj if isinstance(fileobj, int) else fileobj.fileno(), events, data)
        self._keys[fileobj] = key
        return key

    def unregister(self, fileobj: Any) -> selectors.SelectorKey:
        return self._keys.pop(fileobj)

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        if timeout is None:
            raise Deadlock("every task waits and no timer is set")
        if timeout > 0:
            self.time += timeout
        return []

    def get_map(self) -> Mapping[Any, selectors.SelectorKey]:
        return self._keys


class VirtualLoop(asyncio.SelectorEventLoop):
    """An asyncio loop on virtual time, starting at 0; `wall()` starts at `EPOCH`."""

    def __init__(self) -> None:
        self._leap = _Leap()
        super().__init__(self._leap)
        # How near a timer must be to count as due. The default is the real clock's resolution; here only float noise.
        self._clock_resolution = 1e-9

    def time(self) -> float:
        return self._leap.time

    def wall(self) -> float:
        return EPOCH + self._leap.time


def run_virtual(main: Coroutine[Any, Any, T]) -> T:
    """Runs a coroutine to its end on a fresh `VirtualLoop`: hours of sleeping take milliseconds."""
    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        return runner.run(main)
