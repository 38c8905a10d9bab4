"""Serves an ASGI application by our own HTTP edge, with its limits on heads, bodies, times and connections.

Always true: the application sees one request whole and answers once; a caller who hangs up cancels it. WebSockets, trailers
and lifespans are not offered: nobody here asks for them.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any, TypeAlias
from urllib.parse import unquote

from headworks.http.exchange import OWNED
from headworks.http.request_parser import Request
from headworks.server.exchange import Exchange

Message: TypeAlias = MutableMapping[str, Any]
Receive: TypeAlias = Callable[[], Awaitable[Message]]
Send: TypeAlias = Callable[[Message], Awaitable[None]]
Application: TypeAlias = Callable[[MutableMapping[str, Any], Receive, Send], Awaitable[None]]


class AsgiHost:
    """Answers the edge's requests by an application."""

    def __init__(self, app: Application) -> None:
        self.app = app

    async def handle(self, request: Request, exchange: Exchange) -> None:
        answer = Answer(exchange)
        body = request.body

        async def receive() -> Message:
            return {"type": "http.request", "body": bytes(body), "more_body": False}

        await self.app(scope(request), receive, answer.send)


class Answer:
    """Collects the messages of the application into one response."""

    def __init__(self, exchange: Exchange) -> None:
        self._exchange = exchange
        self._status = 0
        self._headers: list[tuple[bytes, bytes]] = []

    async def send(self, message: Message) -> None:
        exchange = self._exchange
        if message["type"] == "http.response.start":
            self._status = message["status"]
            named = ((bytes(name).lower(), bytes(value)) for name, value in message.get("headers", ()))
            self._headers = [(name, value) for name, value in named if name not in OWNED]
            return
        body = bytes(message.get("body", b""))
        if exchange.started:
            (exchange.write if message.get("more_body") else exchange.end)(body)
            await exchange.drain()
        elif message.get("more_body"):
            exchange.start(self._status, self._headers)
            exchange.write(body)
            await exchange.drain()
        else:
            exchange.respond(self._status, self._headers, body)


def scope(request: Request) -> dict[str, Any]:
    """A request as ASGI describes one."""
    return {
        "type": "http",
        "asgi": {"version": "3.0", "spec_version": "2.4"},
        "http_version": request.version,
        "method": request.method,
        "scheme": "http",
        "path": unquote(request.path),
        "raw_path": request.path.encode("latin-1"),
        "query_string": request.query.encode("latin-1"),
        "root_path": "",
        "headers": request.headers,
        "client": (request.peer, 0) if request.peer else None,
        "server": None,
    }
