"""One call of a load over HTTP: sent on schedule, read to its end, with the time of every piece of content.

Always true: latencies count from the instant at which the call was *due*, not from when it was written: a caller who
had to wait for the generator waited too (the "coordinated omission" of Gil Tene's wrk2). The first token is the first
content, not the first byte. A stream that ends without its end mark is cut, an answer without an answer in it is a
failure. Nothing is trusted but bytes.
"""

from __future__ import annotations

from array import array
from collections.abc import Awaitable
from typing import Final, Literal, Protocol

import msgspec

from headworks.core.call import Call
from headworks.core.clock import now, wall
from headworks.core.errors import CallError, Expired, Unreachable
from headworks.http.client import Client, Exchange
from headworks.http.connection import Broken, TimedOut, header_block
from headworks.load.arrivals import Arrival, RequestBodies
from headworks.wire.client_apis import CLIENT_APIS, ClientApi

Ending = Literal["ok", "refused", "limited", "failed", "cut", "hung", "unreachable", "left"]
"""ok: the whole answer. refused: the caller's own fault, by its status. limited: 429, or 402. failed: any other error, or no
answer. cut: broke after its first content. hung: nothing within the patience. unreachable: no connection. left: the load
was stopped while it was under way."""

CALLER_FAULT_STATUSES: Final = frozenset({400, 401, 403, 404, 405, 413, 415, 422})
"""Statuses that say that the call itself was wrong."""

LIMITED_STATUSES: Final = frozenset({402, 429})
"""Statuses of a refusal by limit or budget: by a spent budget Anthropic's callers are told 402, others 429."""

MAX_ANSWER_BYTES: Final = 50_000_000


class CallResult:
    """The result of one call. Instants are loop seconds, 0 where the call did not get that far. code: the error code."""

    __slots__ = (
        "alias",
        "cache_status",
        "code",
        "dialect",
        "due_at",
        "ended",
        "ended_at",
        "first_at",
        "input",
        "last_at",
        "output",
        "pieces",
        "request_id",
        "sent_at",
        "status",
        "streamed",
    )

    def __init__(self, arrival: Arrival, due_at: float) -> None:
        self.alias = arrival.alias
        self.dialect = arrival.dialect
        self.streamed = arrival.streamed
        self.due_at = due_at
        self.sent_at = 0.0
        self.first_at = 0.0
        self.last_at = 0.0
        self.ended_at = 0.0
        self.ended: Ending = "left"
        self.status = 0
        self.code = ""
        self.request_id = ""
        self.cache_status = ""
        self.input = 0
        self.output = 0
        self.pieces = 0

    @property
    def has_ended(self) -> bool:
        return self.ended_at > 0

    @property
    def is_whole(self) -> bool:
        return self.ended == "ok"

    @property
    def duration(self) -> float:
        return self.ended_at - self.due_at

    @property
    def first(self) -> float:
        return self.first_at - self.due_at


class Caller(Protocol):
    """Sends calls."""

    def begin(self, arrival: Arrival, result: CallResult) -> Awaitable[None]:
        """Sends the call now if that needs no waiting. The returned awaitable reads the answer to its end, and never raises
        an error of the call: `result` has it. Cancelling it abandons the call."""
        ...

    def next_load(self) -> None:
        """Starts the next load: from now on no question equals an earlier one."""
        ...


class Sent(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A call as it is sent. target: where on the connection."""

    api: ClientApi
    target: bytes
    headers: bytes
    body: bytes

    def call(self, result: CallResult) -> Call:
        """The call, as who reads its answer needs it."""
        return Call(
            id="",
            alias=result.alias,
            body=self.body,
            dialect=self.api.caller,
            streamed=result.streamed,
            include_usage=result.streamed,
        )


class HttpCaller:
    """Calls a gateway over HTTP. gaps: seconds between pieces of content, of all streams together."""

    def __init__(self, client: Client, questions: RequestBodies, *, key: str | None, patience: float) -> None:
        self.client = client
        self.questions = questions
        self.patience = patience
        self.gaps = array("f")
        self._headers = {word: header_block(api.sent_headers(key)) for word, api in CLIENT_APIS.items()}
        base = client.origin.base.removesuffix(b"/v1")
        self._root = msgspec.structs.replace(client.origin, base=base)
        self._targets: dict[tuple[str, str, bool], bytes] = {}

    def next_load(self) -> None:
        self.questions.next_load()

    def begin(self, arrival: Arrival, result: CallResult) -> Awaitable[None]:
        sent = Sent(
            api=CLIENT_APIS[arrival.dialect],
            target=self.target(arrival),
            headers=self._headers[arrival.dialect],
            body=self.questions.body(arrival),
        )
        exchange = self.client.resume(b"POST", sent.target, sent.headers, sent.body)
        result.sent_at = now()
        return self.read_answer(exchange, sent, result)

    def target(self, arrival: Arrival) -> bytes:
        """Where the call is posted: written once for each alias and form."""
        form = (arrival.dialect, arrival.alias, arrival.streamed)
        if form not in self._targets:
            path = CLIENT_APIS[arrival.dialect].target(arrival.alias, streamed=arrival.streamed)
            self._targets[form] = self._root.target(path.encode())
        return self._targets[form]

    async def read_answer(self, exchange: Exchange | None, sent: Sent, result: CallResult) -> None:
        by = result.due_at + self.patience
        try:
            if exchange is None:
                exchange = await self.client.send(b"POST", sent.target, sent.headers, sent.body, by)
            await (self.stream if result.streamed else self.answer)(exchange, sent, result, by)
        except TimedOut:
            result.ended = "hung"
        except Broken:
            result.ended = "cut" if result.first_at else "failed"
        except Unreachable:
            result.ended = "unreachable"
        except CallError as error:
            result.code = result.code or type(error).__name__.lower()
            result.ended = "hung" if isinstance(error, Expired) else "cut" if result.first_at else "failed"
        finally:
            result.ended_at = now()
            if exchange is not None:
                exchange.finish() if result.ended == "ok" else exchange.release()

    async def answer(self, exchange: Exchange, sent: Sent, result: CallResult, by: float) -> None:
        status, headers, data = await exchange.whole(by, MAX_ANSWER_BYTES)
        self.note(status, headers, result)
        if status != 200:
            self.refused(status, headers, data, sent.api, result)
            return
        chunk = sent.api.vendor.whole(data, sent.call(result))
        result.last_at = now()
        if chunk.usage is not None:
            result.input, result.output = chunk.usage.input_tokens, chunk.usage.output_tokens
        result.ended = "ok"

    async def stream(self, exchange: Exchange, sent: Sent, result: CallResult, by: float) -> None:
        status, headers = await exchange.head(by)
        self.note(status, headers, result)
        if status != 200:
            self.refused(status, headers, await exchange.body(by, MAX_ANSWER_BYTES), sent.api, result)
            return
        decoder = sent.api.vendor.decoder(sent.call(result))
        assert decoder is not None, "every API in which a load calls has streams"
        while not decoder.is_done:
            data = await exchange.read(by)
            chunks = decoder.feed(data) if data else decoder.end()
            if chunks:
                at = now()
                content = sum([chunk.has_content and chunk.finish is None for chunk in chunks])
                if content or (not result.first_at and decoder.is_headed):
                    self.note_content(result, at, content)
            if decoder.fault is not None:
                result.code = decoder.fault.code
                result.ended = "cut" if result.first_at else "failed"
                return
        if decoder.usage is not None:
            result.input, result.output = decoder.usage.input_tokens, decoder.usage.output_tokens
        result.ended = "ok"

    def note_content(self, result: CallResult, at: float, count: int) -> None:
        """Notes content. Pieces that came together have no gap between them."""
        if not result.first_at:
            result.first_at = at
        else:
            self.gaps.append(at - result.last_at)
        result.last_at = at
        result.pieces += count

    def note(self, status: int, headers: list[tuple[bytes, bytes]], result: CallResult) -> None:
        result.status = status
        for name, value in headers:
            if name == b"x-request-id":
                result.request_id = value.decode("latin-1")
            elif name == b"x-headworks-cache":
                result.cache_status = value.decode("latin-1")

    def refused(
        self, status: int, headers: list[tuple[bytes, bytes]], body: bytes, api: ClientApi, result: CallResult
    ) -> None:
        said = api.vendor.error(status, headers, body, wall()).said
        result.code = (said.code or said.type or "") if said is not None else ""
        result.ended = (
            "limited" if status in LIMITED_STATUSES else "refused" if status in CALLER_FAULT_STATUSES else "failed"
        )
