"""Keeps the connection of a caller in use while its stream has no content yet (`server.keepalive`).

Always true: nothing is sent in the first interval, so what fails at once is an ordinary error answer; what was begun here is
a 200, and whatever comes after it is an event. The call below knows nothing of it: it is tried again, falls back and is
bounded as ever. Whoever does not read is sent no more until it does.
"""

from __future__ import annotations

import asyncio
from types import TracebackType

from headworks.core.call import Call
from headworks.core.reply import Reply
from headworks.core.service import Opening
from headworks.server.exchange import Exchange
from headworks.server.limits import limited
from headworks.server.problems import Headers

SSE = (b"content-type", b"text/event-stream; charset=utf-8")
NO_CACHE = (b"cache-control", b"no-cache")


class KeptAlive:
    """The opening of a streamed call, with what the caller is sent meanwhile."""

    def __init__(self, inner: Opening, call: Call, exchange: Exchange, cors: Headers, interval: float) -> None:
        self.inner = inner
        self.call = call
        self.exchange = exchange
        self.cors = cors
        self.interval = interval
        self._is_over = False
        self._is_sending = False

    async def __aenter__(self) -> Reply:
        sending = asyncio.create_task(self._send(), name="keepalive")
        try:
            reply = await self.inner.__aenter__()
        except asyncio.CancelledError:
            sending.cancel()
            await asyncio.wait([sending])
            raise
        except BaseException:
            await self._stopped(sending)
            raise
        try:
            await self._stopped(sending)
        except BaseException as error:
            await self.inner.__aexit__(type(error), error, error.__traceback__)
            raise
        return reply

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> bool | None:
        return await self.inner.__aexit__(kind, error, trace)

    async def _stopped(self, sending: asyncio.Task[None]) -> None:
        """Ends the task, at once while it sleeps: what is being sent must not be torn."""
        self._is_over = True
        if not self._is_sending:
            sending.cancel()
        try:
            await asyncio.wait([sending])
        finally:
            sending.cancel()

    async def _send(self) -> None:
        exchange, said = self.exchange, self.call.dialect.keepalive
        while not self._is_over:
            await asyncio.sleep(self.interval)
            if not exchange.started:
                exchange.start(200, [SSE, NO_CACHE, *early_heads(self.call), *self.cors])
            exchange.write(said)
            self._is_sending = True
            try:
                await exchange.drain()
            except OSError:
                return  # the caller has gone, and who writes next is told so
            self._is_sending = False


def early_heads(call: Call) -> Headers:
    """What is known before anybody has answered: our id, and what is left of the caller's limits."""
    id = call.id.encode()
    own = call.dialect.id_header
    return [(b"x-request-id", id), *([(own, id)] if own else []), *limited(call.trail)]
