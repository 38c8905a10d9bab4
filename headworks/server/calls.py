"""Serves one operation: reads a request's body into a Call, opens the Service, writes the reply.

The caller's status line waits for the head, so every failure before it is an ordinary error answer. After the head an
error becomes an event in the caller's dialect: a cut answer never looks like a whole one.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Protocol

from headworks.core.call import LARGE, NEVER, Call
from headworks.core.clock import now
from headworks.core.dialect import PASSED_OPERATIONS, Asked, Dialect, Numbering
from headworks.core.digest import digest
from headworks.core.errors import CallError, Refused
from headworks.core.reply import Chunk, Reply
from headworks.core.request_id import request_id
from headworks.core.service import Service
from headworks.gateway.sessions import Sessions
from headworks.http.request_parser import Request
from headworks.server import deadline
from headworks.server.admitted import Admitted, credential
from headworks.server.content_encoding import plain
from headworks.server.drain import OpenCalls
from headworks.server.exchange import Exchange
from headworks.server.exposed import exposed
from headworks.server.keepalive import NO_CACHE, SSE, KeptAlive
from headworks.server.limits import limited
from headworks.server.problems import JSON, Headers, answer
from headworks.system.derived.same_as import SameAs
from headworks.system.schema.system import Exposable

DIGESTED = 1_000_000
"""Bytes from which a body is digested off the loop: 1 MB takes about 1 ms."""

MOST_TRACE = 55
"""Bytes of a traceparent of version 00 (W3C Trace Context); more is not one."""

UNREAD = Asked(model="")

LIMITS = (b"x-ratelimit-", b"anthropic-ratelimit-")
"""How the names of headers begin in which vendors tell what is left of a limit."""


class Stack(Protocol):
    """The stack that answers calls, and which headers it passes and exposes."""

    @property
    def front(self) -> Service: ...
    @property
    def passing(self) -> frozenset[bytes]:
        """Headers of a caller that some provider may be sent, in lower case."""
        ...

    @property
    def noticed(self) -> frozenset[bytes]:
        """Those, and the headers that name a session: most callers send none of them."""
        ...

    @property
    def sessions(self) -> Sessions: ...

    @property
    def same_as(self) -> SameAs | None:
        """Which alias a caller's name means; None where every name is an alias."""
        ...

    @property
    def passthrough(self) -> frozenset[str]:
        """The words of paths that pass to a provider as they are."""
        ...

    @property
    def exposed(self) -> frozenset[Exposable]:
        """What answers say of themselves (`server.expose`)."""
        ...

    @property
    def keepalive(self) -> float | None:
        """Seconds between two signs of life to who waits for a stream's first content (`server.keepalive`); None: no such sign."""
        ...


class Opener(Protocol):
    """Holds the current stack. It is read for each call, so that a reload can swap it."""

    @property
    def stack(self) -> Stack: ...

    @property
    def max_body(self) -> int:
        """Bytes that a body may have, once it is decoded too."""
        ...


class Calls:
    """One dialect's callers over the current stack."""

    def __init__(self, dialect: Dialect, opener: Opener, chance: Callable[[int], int], open_calls: OpenCalls) -> None:
        self.dialect = dialect
        self.read = dialect.read
        # What passes through is of the vendor's type, which is among the headers of its reply.
        is_ours = dialect.operation not in PASSED_OPERATIONS
        self.whole_heads: Headers = [JSON] if is_ours else []
        self.stream_heads: Headers = [SSE, NO_CACHE] if is_ours else []
        self.opener = opener
        self.chance = chance
        self.open_calls = open_calls

    async def serve(self, request: Request, exchange: Exchange, admitted: Admitted) -> None:
        """Answers one request, whatever happens. Cancelled when the caller hangs up."""
        cors = admitted.cors
        body, refusal = request.body, None
        if b"content-encoding" in request.names:
            body, refusal = await self.decoded(request)
        if len(body) < DIGESTED:
            body_digest = digest(body)
        else:
            body_digest = await asyncio.get_running_loop().run_in_executor(None, digest, body)
        stack = self.opener.stack
        call = self.call(request, body, body_digest, refusal, stack)
        if len(body) >= LARGE:
            await asyncio.sleep(0)
        task = exchange.task
        assert task is not None
        open_calls = self.open_calls
        open_calls.joined(task)
        is_told = False
        newest = [b""]  # what the caller was sent last
        try:
            opening = stack.front.open(call)
            if stack.keepalive is not None and call.streamed and call.dialect.keepalive:
                opening = KeptAlive(opening, call, exchange, cors, stack.keepalive)
            async with opening as reply:
                if reply.streamed:
                    await stream(
                        reply, exchange, [*self.stream_heads, *heads(call, reply, stack.exposed), *cors], newest
                    )
                else:
                    chunks = await reply.read()
                    exchange.respond(
                        200, [*self.whole_heads, *heads(call, reply, stack.exposed), *cors], chunks[0].data
                    )
                is_told = True
        except CallError as error:
            more = [*limited(call.trail), *exposed(call.trail, stack.exposed), *cors]
            show(error, exchange, call, more, newest[0])
        except asyncio.CancelledError:
            goodbye = open_calls.taken(task)
            if goodbye is None:
                raise
            if not is_told:
                show(goodbye, exchange, call, [*limited(call.trail), *cors], newest[0])
        finally:
            open_calls.left(task)
            del task  # it keeps the error that cancelled it, which knows this frame: a circle otherwise

    async def decoded(self, request: Request) -> tuple[bytes, Refused | None]:
        """The decompressed body, or the error. Only authenticated requests reach this."""
        try:
            coding = (request.get(b"content-encoding") or b"").decode("latin-1")
            return await plain(request.body, coding, self.opener.max_body), None
        except Refused as error:
            return b"", error.again()

    def call(self, request: Request, body: bytes, body_digest: str, refusal: Refused | None, stack: Stack) -> Call:
        arrived_at = now()
        deadline_at = NEVER
        try:
            if refusal is None:
                asked = self.read(body, f"{request.path}?{request.query}" if request.query else request.path)
                refusal = asked.unkept
            else:
                asked = UNREAD
            if (granted := request.get(deadline.HEADER)) is not None:
                deadline_at = arrived_at + deadline.seconds(granted)
        except Refused as error:
            asked, refusal = UNREAD, error.again()
        is_noticed = not stack.noticed.isdisjoint(request.names)
        own = self.dialect.own_headers
        # Most callers have none, and an SDK sends twenty others.
        is_passing = is_noticed or (own and own in b" ".join(request.names))
        forwarded = passing(request, stack.passing, own) if is_passing else ()
        trace = request.get(b"traceparent")
        cache_control = request.get(b"cache-control")
        admitted: Admitted = request.admitted
        alias = asked.model if stack.same_as is None else stack.same_as.alias(asked.model)
        return Call(
            id=request_id(self.chance),
            alias=alias,
            body=body,
            dialect=self.dialect,
            streamed=asked.streamed,
            include_usage=asked.include_usage,
            max_output=asked.max_output,
            user=asked.user,
            session=stack.sessions.session(request, body, alias, asked.session)
            if is_noticed or asked.session is not None or stack.sessions.sources
            else None,
            credential=credential(request) if admitted.key is None else admitted.credential,
            key=admitted.key,
            found_at=admitted.found_at,
            arrived_at=arrived_at,
            deadline_at=deadline_at,
            forwarded=forwarded,
            traceparent="" if trace is None else trace[:MOST_TRACE].decode("latin-1"),
            digest=body_digest,
            cache_control="" if cache_control is None else cache_control[:MOST_TRACE].decode("latin-1"),
            refusal=refusal,
        )


def show(error: CallError, exchange: Exchange, call: Call, more: Headers, sent: bytes) -> None:
    """An ordinary error answer, or once the answer has begun an event that ends it. sent: what the caller was sent last."""
    dialect = call.dialect
    if exchange.started:
        if dialect.operation in PASSED_OPERATIONS:
            return  # nothing can be said in the middle of a sound: the connection that is left unended is cut
        exchange.end(dialect.event_after(error, sent) if isinstance(dialect, Numbering) else dialect.event(error))
    else:
        exchange.respond(*answer(error, call.id, more, call.dialect))


def passing(request: Request, names: frozenset[bytes], own: bytes) -> tuple[tuple[bytes, bytes], ...]:
    """The caller's headers that some vendor may be sent: those in `names`, and those whose name begins with `own` (b"": none)."""
    return tuple([pair for pair in request.headers if pair[0] in names or (own and pair[0].startswith(own))])


async def stream(reply: Reply, exchange: Exchange, headers: Headers, newest: list[bytes]) -> None:
    """Writes the chunks as they come; waits for the caller where it does not read. newest: holds what was written last."""
    chunks = await reply.read()
    if not exchange.started:  # else keepalives began it
        exchange.start(200, headers)
    while chunks:
        if chunks[-1].last:
            exchange.end(joined(chunks))
            return
        newest[0] = data = joined(chunks)
        exchange.write(data)
        chunks = []  # they weigh several times what is written of them: nothing for a slow caller to keep
        await exchange.drain()
        chunks = await reply.read()


def joined(chunks: list[Chunk]) -> bytes:
    return chunks[0].data if len(chunks) == 1 else b"".join([chunk.data for chunk in chunks])


def heads(call: Call, reply: Reply, told: frozenset[Exposable]) -> Headers:
    """Our id, which the SDK reads, what is left of the caller's limits, what of the vendor's headers passes, what the
    cache had to say, and what the operator exposes."""
    trail = call.trail
    limits, passing = limited(trail), reply.headers
    if (
        limits and passing
    ):  # the caller's own limits are what he asks for: a vendor's, of our account, would be a second answer
        passing = tuple([pair for pair in passing if not pair[0].startswith(LIMITS)])
    if own := call.dialect.id_header:
        id = call.id.encode()
        passing = ((own, id), *[pair for pair in passing if pair[0] != own])
    found = [(b"x-request-id", call.id.encode()), *limits, *passing]
    if trail.cache:
        found.append((b"x-headworks-cache", trail.cache.encode()))
        if trail.cache == "hit":
            found.append((b"age", b"%d" % trail.age))
    if told:
        found += exposed(trail, told)
    return found
