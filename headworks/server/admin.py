"""The admin port: health for everybody; metrics, the system and reload with the admin key.

Always true: without `server.admin_key` nothing but health is answered, so a port that somebody opened by accident tells
nothing; nothing here is on the way of a call; a stranger is bounded as on the public port, for the same edge serves it.
Starlette, because what stands here may be slow and should be ordinary; on the gateway's own loop, because what it shows
belongs to that loop.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from hmac import compare_digest
from socket import socket
from typing import Final

import msgspec
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from headworks import __version__
from headworks.http.server import Edge, EdgeLimits
from headworks.server.admin_view import AdminView
from headworks.server.app import for_anybody
from headworks.server.asgi_host import AsgiHost
from headworks.server.problems import JSON as JSON_HEADER
from headworks.server.problems import Headers
from headworks.telemetry.exposition import CONTENT_TYPE, Exposition

JSON: Final = "application/json"
LIMITS: Final = EdgeLimits(max_connections=64, max_body=65_536, header_timeout=5.0, body_timeout=5.0, idle_timeout=75.0)
"""A scraper, a console and a health check are three connections. The times are short: everybody here is near, or a stranger."""

GRACE: Final = 1.0
"""Seconds that answers may still take at the end."""

CLOSED: Final = (
    "The admin port is closed: set `server.admin_key` in the system file (`admin_key: ${env:HEADWORKS_ADMIN_KEY}`) and "
    "send it as `Authorization: Bearer`. /healthz and /readyz are open."
)
WRONG: Final = "This needs the admin key of the system file: send it as `Authorization: Bearer KEY`."

Answering = Callable[[Request], Awaitable[Response]]


class SystemNow(msgspec.Struct, frozen=True, kw_only=True):
    """What `GET /v1/system` answers: no secret, no address of a vendor. Times in seconds, `started_at` since 1970.

    workers: by number, whether each answers calls; empty where there is one process.
    """

    name: str
    version: str
    config: str
    aliases: Sequence[str]
    keys: Sequence[str]
    started_at: float
    uptime: float
    in_flight: int
    reloads: dict[str, int]
    troubles: Sequence[str]
    workers: dict[str, bool] = {}


class Fault(msgspec.Struct, frozen=True, kw_only=True):
    message: str
    type: str
    code: str


class Refusal(msgspec.Struct, frozen=True):
    """An error as OpenAI writes one, here too: a caller needs one way to read them."""

    error: Fault


class Admin:
    """Answers the admin port's requests."""

    def __init__(self, shown: AdminView) -> None:
        self.shown = shown
        self.exposition = Exposition()
        self.app = Starlette(
            routes=[
                Route("/healthz", self.healthz),
                Route("/readyz", self.readyz),
                Route("/metrics", self.opened(self.metrics)),
                Route("/v1/system", self.opened(self.system)),
                Route("/reload", self.opened(self.reload), methods=["POST"]),
            ]
        )

    def opened(self, answering: Answering) -> Answering:
        """Requires the admin key. It is read for each request, as a reload may change it."""

        async def answer(request: Request) -> Response:
            key = self.shown.system.server.admin_key
            if key is None:
                return refusal(403, "permission_error", "admin_port_closed", CLOSED)
            scheme, _, shown = request.headers.get("authorization", "").partition(" ")
            if scheme.lower() != "bearer" or not compare_digest(shown.strip().encode(), key.reveal().encode()):
                return refusal(401, "authentication_error", "invalid_admin_key", WRONG)
            return await answering(request)

        return answer

    async def healthz(self, request: Request) -> Response:
        return Response(b'{"status":"ok"}', media_type=JSON)

    async def readyz(self, request: Request) -> Response:
        status, found = self.shown.readiness()
        return json_response(status, for_anybody(found))

    async def metrics(self, request: Request) -> Response:
        loop = asyncio.get_running_loop()
        metrics, readings = await self.shown.numbers()
        text = await loop.run_in_executor(None, self.exposition.text, metrics, readings)
        return Response(text, media_type=CONTENT_TYPE)

    async def system(self, request: Request) -> Response:
        shown = self.shown
        _, readings = await shown.numbers()
        now = SystemNow(
            name=shown.system.name,
            version=__version__,
            config=shown.system.digest,
            aliases=list(shown.system.models),
            keys=list(shown.system.keys),
            started_at=shown.started_at,
            uptime=time.time() - shown.started_at,
            in_flight=readings.in_flight,
            reloads=dict(shown.reloads),
            troubles=shown.readiness()[1].reasons,
            workers=dict(readings.workers),
        )
        return json_response(200, now)

    async def reload(self, request: Request) -> Response:
        """422 with every problem where the file does not hold: nothing has changed then."""
        outcome = await self.shown.reload()
        return json_response(200 if outcome.is_reloaded else 422, outcome)

    @contextlib.asynccontextmanager
    async def serving(self, listening: socket) -> AsyncIterator[None]:
        """Answers on a socket that listens already, until left; the socket is closed then."""
        edge = Edge(AsgiHost(self.app).handle, refused, limits=LIMITS)
        await edge.start_at(listening)
        try:
            yield
        finally:
            await edge.stop(GRACE)


def json_response(status: int, content: msgspec.Struct) -> Response:
    return Response(msgspec.json.encode(content), status, media_type=JSON)


def refused(status: int, message: str) -> tuple[Headers, bytes]:
    """Headers and body of an answer that the edge itself gives: bad bytes, too slow, too large, a bug."""
    fault = Fault(message=message, type="invalid_request_error" if status < 500 else "server_error", code="bad_request")
    return [JSON_HEADER], msgspec.json.encode(Refusal(fault))


def refusal(status: int, type: str, code: str, message: str) -> Response:
    headers = {"www-authenticate": "Bearer"} if status == 401 else None
    body = msgspec.json.encode(Refusal(Fault(message=message, type=type, code=code)))
    return Response(body, status, headers, media_type=JSON)
