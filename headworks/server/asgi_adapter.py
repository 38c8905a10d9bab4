"""The gateway as an ASGI 3.0 application, for any ASGI server.

Always true: the gateway starts once, with the server's lifespan or, where a mounted app gets none, at the first request;
a caller that hangs up cancels its call; a body longer than `server.max_body` is never held; bytes go out in the order in
which they were written, and the vendor is not read while the server does not take them. Heads, slow callers and the
number of connections are bounded by the server that runs this.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, MutableMapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from random import Random
from typing import Any, TypeAlias

from headworks.core.errors import ConfigError
from headworks.gateway.gateway import Gateway
from headworks.gateway.lock import hold_lock
from headworks.http.request_parser import Request
from headworks.server.app import App
from headworks.server.origins import Origins
from headworks.system.load import Loaded

Message: TypeAlias = MutableMapping[str, Any]
Scope: TypeAlias = MutableMapping[str, Any]
Receive: TypeAlias = Callable[[], Awaitable[Message]]
Send: TypeAlias = Callable[[Message], Awaitable[None]]


class AsgiExchange:
    """An exchange over ASGI's `send`: what is written waits for `drain`."""

    __slots__ = ("_send", "_waiting", "started", "task")

    def __init__(self, send: Send) -> None:
        self._send = send
        self._waiting: list[Message] = []
        self.task: asyncio.Task[None] | None = asyncio.current_task()
        self.started = False

    def respond(self, status: int, headers: Sequence[tuple[bytes, bytes]], body: bytes = b"") -> None:
        self.start(status, headers if status == 204 else [*headers, (b"content-length", b"%d" % len(body))])
        self.end(body)

    def start(self, status: int, headers: Sequence[tuple[bytes, bytes]]) -> None:
        self.started = True
        self._waiting.append({"type": "http.response.start", "status": status, "headers": list(headers)})

    def write(self, data: bytes) -> None:
        self._waiting.append({"type": "http.response.body", "body": data, "more_body": True})

    def end(self, data: bytes = b"") -> None:
        self._waiting.append({"type": "http.response.body", "body": data})

    async def drain(self) -> None:
        waiting, self._waiting = self._waiting, []
        for message in waiting:
            await self._send(message)


class AsgiAdapter:
    """An ASGI application that serves a system. `load` is called when it starts, not before."""

    def __init__(self, load: Callable[[], Loaded]) -> None:
        self._load = load
        self._starting = asyncio.Lock()
        self._running: tuple[Gateway, App] | None = None
        self._held = AsyncExitStack()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            await self._serve(scope, receive, send)
        elif scope["type"] == "lifespan":
            await self._live(receive, send)
        else:  # a websocket: nothing here speaks over one
            await send({"type": "websocket.close", "code": 1000})

    async def start(self) -> App:
        """Starts the gateway if it is not running. Raises ConfigError with everything that is wrong with its system."""
        async with self._starting:
            if self._running is None:
                chance = Random()
                loaded = self._load()
                loaded.pin_default_folder()
                async with AsyncExitStack() as held:
                    lock = await held.enter_async_context(hold_lock(loaded, always=False))
                    gateway = Gateway(loaded.system, loaded.folder, seed=chance.getrandbits(64))
                    held.push_async_callback(gateway.stop)
                    gateway.access.lock = lock
                    origins = Origins(loaded.system.server.cors, gateway.ring)
                    app = App(gateway, origins, chance.getrandbits)
                    await gateway.start()
                    self._held = held.pop_all()
                self._running = (gateway, app)
            return self._running[1]

    async def stop(self) -> None:
        """Stops the gateway; the server has let calls in flight finish before."""
        async with self._starting:
            running, self._running = self._running, None
            if running is not None:
                running[0].is_draining = True
                await self._held.aclose()

    @asynccontextmanager
    async def lifespan(self, outer: object = None) -> AsyncIterator[None]:
        """For the application that mounts this one: `Starlette(lifespan=llm.lifespan, routes=[Mount("/llm", llm)])`."""
        await self.start()
        try:
            yield
        finally:
            await self.stop()

    async def _live(self, receive: Receive, send: Send) -> None:
        await receive()
        try:
            await self.start()
        except ConfigError as error:
            await send({"type": "lifespan.startup.failed", "message": str(error)})
            return
        await send({"type": "lifespan.startup.complete"})
        await receive()
        await self.stop()
        await send({"type": "lifespan.shutdown.complete"})

    async def _serve(self, scope: Scope, receive: Receive, send: Send) -> None:
        app = await self.start()
        request = asked(scope)
        exchange = AsgiExchange(send)
        assert self._running is not None
        if not app.admit(request):
            await app.handle(request, exchange)
            await exchange.drain()
            return
        most = self._running[0].system.server.max_body
        try:
            request.body = await body(request, receive, most)
        except _TooLong:
            exchange.respond(413, *app.refuse(413, f"A body of more than {most} bytes."))
            await exchange.drain()
            return
        except _Gone:
            return
        handling = asyncio.ensure_future(app.handle(request, exchange))
        leaving = asyncio.ensure_future(gone(receive))
        try:
            await asyncio.wait([handling, leaving], return_when=asyncio.FIRST_COMPLETED)
        finally:
            leaving.cancel()
            if not handling.done():
                handling.cancel()
                with suppress(asyncio.CancelledError):
                    await handling
        if not handling.cancelled():
            handling.result()
            await exchange.drain()


class _TooLong(Exception):
    """The body is longer than admitted."""


class _Gone(Exception):
    """The caller hung up before the body was whole."""


def asked(scope: Scope) -> Request:
    """The request without its body; its path starts where the application is mounted."""
    path = (scope.get("raw_path") or b"").decode("latin-1").partition("?")[0] or scope["path"]
    root = scope.get("root_path", "").rstrip("/")
    if root and path.startswith(root + "/"):
        path = path[len(root) :]
    query = scope.get("query_string", b"").decode("latin-1")
    headers = [(bytes(name).lower(), bytes(value)) for name, value in scope["headers"]]
    lookup = dict(reversed(headers))  # of several the first
    request = Request(scope["method"], f"{path}?{query}" if query else path, headers, lookup, scope["http_version"])
    request.peer = (scope.get("client") or ("", 0))[0]
    return request


async def body(request: Request, receive: Receive, most: int) -> bytes:
    """The whole body, at most so many bytes."""
    length = request.get(b"content-length") or b""
    if length.isdigit() and int(length) > most:
        raise _TooLong
    pieces: list[bytes] = []
    size = 0
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise _Gone
        pieces.append(message.get("body", b""))
        size += len(pieces[-1])
        if size > most:
            raise _TooLong
        if not message.get("more_body"):
            return b"".join(pieces)


async def gone(receive: Receive) -> None:
    """Returns when the caller has hung up."""
    while (await receive())["type"] != "http.disconnect":
        pass
