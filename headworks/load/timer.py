"""A timer that is more precise than an event loop's own.

uvloop cuts its timers to milliseconds, asyncio's epoll rounds up to one: at 2,000 sends a second that is two sends. On
Linux a timerfd wakes the loop through a file instead, to some 50 us; elsewhere, and on virtual time, the loop's own timer
has to do, and its delay is in the report.
"""

from __future__ import annotations

import asyncio
import ctypes
import os
import sys
from collections.abc import Callable
from typing import Final, Protocol

from headworks.core.clock import now
from headworks.core.vtime import VirtualLoop

_MONOTONIC: Final = 1


class Timer(Protocol):
    """Calls back once, at the time that was set last (loop seconds)."""

    def set(self, at: float) -> None: ...
    def close(self) -> None: ...


class LoopTimer:
    def __init__(self, ring: Callable[[], None]) -> None:
        self._callback = ring
        self._timer: asyncio.TimerHandle | None = None

    def set(self, at: float) -> None:
        self.close()
        self._timer = asyncio.get_running_loop().call_at(at, self._callback)

    def close(self) -> None:
        if self._timer is not None:
            self._timer.cancel()


class _TimeSpec(ctypes.Structure):
    _fields_ = [("seconds", ctypes.c_long), ("nanoseconds", ctypes.c_long)]  # ctypes wants a list


class _TimerSpec(ctypes.Structure):
    _fields_ = [("interval", _TimeSpec), ("value", _TimeSpec)]


class FdTimer:
    """A timerfd. Raises OSError where there is none."""

    def __init__(self, ring: Callable[[], None]) -> None:
        self._libc = ctypes.CDLL(None, use_errno=True)
        self._callback = ring
        self._file = self._libc.timerfd_create(_MONOTONIC, os.O_NONBLOCK | os.O_CLOEXEC)
        if self._file < 0:
            raise OSError(ctypes.get_errno(), "timerfd_create")
        asyncio.get_running_loop().add_reader(self._file, self._on_readable)

    def set(self, at: float) -> None:
        left = max(at - now(), 1e-6)
        whole = int(left)
        setting = _TimerSpec(_TimeSpec(0, 0), _TimeSpec(whole, int((left - whole) * 1e9)))
        self._libc.timerfd_settime(self._file, 0, ctypes.byref(setting), None)

    def close(self) -> None:
        asyncio.get_running_loop().remove_reader(self._file)
        os.close(self._file)

    def _on_readable(self) -> None:
        try:
            os.read(self._file, 8)
        except BlockingIOError:
            return
        self._callback()


def precise_timer(ring: Callable[[], None]) -> Timer:
    """The most precise timer available here."""
    if not sys.platform.startswith("linux") or isinstance(asyncio.get_running_loop(), VirtualLoop):
        return LoopTimer(ring)
    try:
        return FdTimer(ring)
    except (OSError, AttributeError):
        return LoopTimer(ring)
