"""A TLS listener: it accepts connections, and hands each over after its handshake.

Theory. asyncio's own servers report a connection only after its handshake, so a client that connects and sends nothing would
not be counted. Here handshakes are counted and bounded in number and in time. Where they are too many the oldest is
given up: an honest one takes milliseconds, so it is those who say nothing that go.

Always true: each connection is served with the certificate of the moment in which it came.
"""

from __future__ import annotations

import asyncio
import errno
import socket
from collections.abc import Callable
from functools import partial
from typing import Protocol

from headworks.http.certificates import Certificates
from headworks.http.limits import EdgeLimits

AT_ONCE = 64
"""Connections taken in one turn of the loop: a handshake is up to a millisecond of the processor, and others wait."""

PAUSE = 1.0
"""Seconds without taking connections where the machine has no file for one, as asyncio does."""

_FULL = frozenset({errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM})


class TlsHost(Protocol):
    """What a listener needs of the edge."""

    limits: EdgeLimits
    handshakes: dict[asyncio.Task[None], None]
    """TLS handshakes under way, by age, of all ports together; the edge ends them, and waits for that."""

    def report(self, event: str, error: BaseException | None = None) -> None: ...


class TlsListener:
    """Listens on one socket, which it closes at its end. make: what a connection is handed to."""

    def __init__(
        self,
        listening: socket.socket,
        make: Callable[[], asyncio.Protocol],
        certificates: Certificates,
        host: TlsHost,
    ) -> None:
        self.listening = listening
        self._make = make
        self._certificates = certificates
        self._host = host
        self._loop = asyncio.get_running_loop()
        self._paused: asyncio.TimerHandle | None = None
        listening.setblocking(False)
        self._loop.add_reader(listening.fileno(), self._take)

    def close(self) -> None:
        """Takes no more connections; those whose handshake is under way stay."""
        if self.listening.fileno() < 0:
            return
        if self._paused is not None:
            self._paused.cancel()
        self._loop.remove_reader(self.listening.fileno())
        self.listening.close()

    def _take(self) -> None:
        for _ in range(AT_ONCE):
            try:
                taken, _ = self.listening.accept()
            except (BlockingIOError, InterruptedError, ConnectionAbortedError):
                return
            except OSError as error:
                if error.errno not in _FULL:
                    raise
                self._loop.remove_reader(self.listening.fileno())
                self._paused = self._loop.call_later(PAUSE, self._go_on)
                return
            taken.setblocking(False)
            if len(self._host.handshakes) >= self._host.limits.max_handshakes:
                oldest = next(iter(self._host.handshakes))
                del self._host.handshakes[oldest]
                oldest.cancel()
            task = self._loop.create_task(self._handshake(taken))
            self._host.handshakes[task] = None
            task.add_done_callback(partial(self._over, taken=taken))

    def _go_on(self) -> None:
        self._paused = None
        self._loop.add_reader(self.listening.fileno(), self._take)

    async def _handshake(self, taken: socket.socket) -> None:
        await self._loop.connect_accepted_socket(
            self._make,
            taken,
            ssl=self._certificates.context,
            ssl_handshake_timeout=self._host.limits.handshake_timeout,
            ssl_shutdown_timeout=self._host.limits.linger,
        )

    def _over(self, task: asyncio.Task[None], taken: socket.socket) -> None:
        self._host.handshakes.pop(task, None)
        error = None if task.cancelled() else task.exception()
        if task.cancelled() or error is not None:
            taken.close()  # a task that is cancelled before its first step never handed it on
        if error is not None and not isinstance(error, OSError):  # those went away, spoke no TLS or took too long
            self._host.report("handshake_failed", error)
