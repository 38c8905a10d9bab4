"""A vendor over HTTP: any dialect over one pool of connections.

Theory. Before the head everything that goes wrong is an ordinary error, and the connection goes with it; so entering
ends only when content is decoded or the whole body is valid. After the head the reader has begun: an end that is not
the answer's end is a Cut. Every wait is bounded by the attempt (connect, then head or answer, then the gap between
events) and by the call's deadline, which is named `total` where it was the nearer one. Both run only while this file
waits for the vendor: what is buffered is read at once, and the time that a reader takes between two reads moves the
deadline by as much, so a reader that is slow lets nothing expire.

Comments, pieces of an event and events without content do not end a gap: a vendor that pings for ever and says nothing
is not talking. So whoever reads looks at the clock also when bytes are there, and every bound ends, whatever arrives.

Behind a finish reason the caller has all that is said; what is missing are the tokens and the end mark. A caller who asked
for the tokens waits for them, as long as for any other event. Nobody else does: he gets his end after a second.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Iterable, Mapping
from types import TracebackType
from typing import Any, Final, NamedTuple

import msgspec

from headworks import __version__
from headworks.core.call import LARGE, Call
from headworks.core.clock import now, wall
from headworks.core.dialect import KEY_HEADERS, Dialect, Headers
from headworks.core.digest import digest
from headworks.core.errors import CallError, Expired, Failed, Garbled, Phase, Rejected, Unreachable, Unsuited
from headworks.core.masking import NOTHING, Mask
from headworks.core.reply import Chunk, CompleteReply, Reply
from headworks.core.service import Opening
from headworks.core.trail import Attempt
from headworks.credentials.credential import Credential
from headworks.http.buffered import crowded
from headworks.http.client import Client, Exchange
from headworks.http.connection import Broken, TimedOut, header_block
from headworks.providers.error_body import error_body
from headworks.providers.estimating import estimate
from headworks.providers.reported import END, FINGERPRINT, START, ReportedModel
from headworks.wire.sides import Estimating, Prefacing, StreamDecoder, Typing, Unmarked, VendorDialect, VendorSide
from headworks.wire.translated import between

MOST_ANSWER = 64_000_000
"""Bytes of an unstreamed answer. 2,048 embeddings of 1,536 floats are about 40 MB as text."""

MOST_BEFORE_HEAD = 10_000
"""Events without content that are kept while the head is awaited: ten a second for a quarter of an hour."""

ENDING = 1.0
"""Seconds that a complete answer may still take for its end mark, and for tokens that only we asked for."""

_FRAMING = frozenset(
    (
        *(b"host", b"connection", b"content-length", b"content-encoding", b"transfer-encoding", b"te", b"trailer"),
        *(b"upgrade", b"expect", b"keep-alive", b"accept-encoding"),
    )
)
"""Headers of the connection to the caller: on another connection they would be lies."""

_OURS_TO_SAY = _FRAMING | frozenset(
    (
        *(b"content-type", b"cache-control", b"age", b"date", b"server", b"x-request-id", b"retry-after"),
        *(b"retry-after-ms", b"x-should-retry", b"www-authenticate", b"proxy-authenticate"),
        *(b"set-cookie", b"set-cookie2", b"traceparent", b"tracestate"),
    )
)
"""Headers of a vendor that no caller is told, whatever `forward_headers` names: what only the gateway says, and what speaks
of the vendor's session with us. What speaks of our account the dialect holds back (`VendorSide.returned`)."""

BEARER: Final = b"authorization"

JSON_TYPE: Final = header_block([(b"content-type", b"application/json")])

_IDEMPOTENCY = b"idempotency-key"


class Account(NamedTuple):
    """As whom a provider is asked. lines: the headers that every request carries. mask: hides what of them is secret in all
    that comes back."""

    lines: bytes
    mask: Mask = NOTHING


def account_headers(
    api_key: str | None, extra: Mapping[str, str], secrets: Iterable[str] = (), *, key_header: bytes = BEARER
) -> Account:
    """The header lines that every request to a provider carries; `extra` goes before what we would say ourselves.

    key_header: where the key goes, in lower case; in `authorization` it is a bearer token. secrets: what this provider is sent and nobody may be shown, beside `api_key`. Raises ValueError where a name or value holds
    a line break.
    """
    lines = {
        b"content-type": b"application/json",
        b"accept": b"application/json",
        b"user-agent": b"headworks/" + __version__.encode(),
    }
    if api_key is not None:
        lines[key_header] = (b"Bearer " if key_header == BEARER else b"") + api_key.encode()
    lines |= {name.lower().encode(): value.encode() for name, value in extra.items()}
    return Account(header_block(list(lines.items())), Mask([api_key or "", *secrets]))


class Endpoint(NamedTuple):
    """How this vendor is asked on behalf of one dialect's callers: its side, and where to post. defaults: headers of which a
    caller may say others. estimated: answers these callers in the vendor's place; nothing is posted then. content_type: what a body
    is, where that is not always JSON; b"" for JSON."""

    side: VendorSide
    whole: bytes
    streamed: bytes
    defaults: Headers = ()
    estimated: Callable[[bytes], bytes] | None = None
    content_type: Callable[[bytes], bytes] | None = None


class Remote:
    """A Service: one model of one provider.

    account: from `account_headers`. forward: names of further headers that pass, the caller's to this provider and the
    provider's to the caller, but for those that we say ourselves. credential: signs each request, where our key changes. target: what callers are told in place of the vendor's address (the model by default). `counts_streams` turns False when the vendor refuses to count tokens in streams: from
    then on it is not asked to, and the usage of its streams is unknown where it does not say so by itself.
    """

    def __init__(
        self,
        client: Client,
        dialect: VendorDialect,
        model: str,
        account: Account,
        *,
        forward: frozenset[bytes] = frozenset(),
        target: str = "",
        credential: Credential | None = None,
    ) -> None:
        self.client = client
        self.credential = credential
        self.target = target or model
        self.dialect = dialect
        self.model = model
        self.headers = account.lines
        self.mask = account.mask
        self.own = frozenset([*KEY_HEADERS, *(line.partition(b":")[0] for line in account.lines.split(b"\r\n"))])
        self.forward = forward - _FRAMING - self.own
        self.returned = frozenset(
            name for name in forward - _OURS_TO_SAY if not name.startswith((b"access-control-", b"x-headworks-"))
        )
        self.model_json = msgspec.json.encode(model)
        self.endpoints: dict[Dialect, Endpoint] = {}
        """By the dialect of who calls: made at its first call."""
        self.counts_streams = True
        self.reported = ReportedModel()

    def __repr__(self) -> str:
        # Nothing of `headers`: the key is in them.
        return f"Remote(model={self.model!r}, client={self.client!r})"

    def open(self, call: Call) -> Opening:
        return Visit(self, call)

    def endpoint(self, caller: Dialect) -> Endpoint:
        """How these callers are served here. Raises Unsuited where the vendor's dialect has nothing for what they ask."""
        side = between(caller, self.dialect)
        if side is None and isinstance(caller, Estimating):
            own = next(iter(self.dialect.values()))
            return self.endpoints.setdefault(caller, Endpoint(own, b"", b"", estimated=caller.estimated))
        if side is None:
            raise Unsuited(f"This model's provider has no {caller.operation}.")
        at = self.client.origin.target
        whole, streamed = (at(side.path(self.model, streamed=one)) for one in (False, True))
        wanted = side.defaults if isinstance(side, Prefacing) else ()
        defaults = tuple([pair for pair in wanted if pair[0] not in self.own])
        content_type = side.content_type if isinstance(side, Typing) else None
        endpoint = self.endpoints[caller] = Endpoint(side, whole, streamed, defaults, content_type=content_type)
        return endpoint

    def forwarded(self, call: Call, side: VendorSide) -> list[tuple[bytes, bytes]]:
        """The caller's headers that this provider is sent. An idempotency key is one caller's: another's of the same value is
        another key, or he would be given the first one's answer."""
        sent = []
        for header in call.forwarded:
            name, value = header
            if name in self.forward or (side.forwards(name) and name not in self.own):
                if name == _IDEMPOTENCY:
                    value = digest(msgspec.json.encode((call.tenant, value.decode("latin-1")))).encode()
                sent.append((name, value))
        return sent


class Visit:
    """One attempt: entered when the head is there; leaving before the last chunk closes the connection."""

    __slots__ = ("_call", "_exchange", "_remote", "_streaming")

    def __init__(self, remote: Remote, call: Call) -> None:
        self._remote = remote
        self._call = call
        self._exchange: Exchange | None = None
        self._streaming: Streaming | None = None

    def __aenter__(self) -> Coroutine[Any, Any, Reply]:
        remote, call = self._remote, self._call
        endpoint = remote.endpoints.get(call.dialect) or remote.endpoint(call.dialect)
        if endpoint.estimated is not None:
            return estimate(endpoint.estimated, call)
        if remote.counts_streams and call.streamed and not call.include_usage:
            return self._ask_counted(endpoint)
        return self._ask(endpoint, False)

    async def _ask_counted(self, endpoint: Endpoint) -> Reply:
        try:
            return await self._ask(endpoint, True)
        except Rejected as error:
            if not endpoint.side.refuses_counting(error, self._call):
                raise
        # The same attempt again, in the caller's own words. Only where they are accepted was the count at fault.
        reply = await self._ask(endpoint, False)
        self._remote.counts_streams = False
        return reply

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._release()

    def _release(self) -> None:
        exchange, self._exchange = self._exchange, None
        if exchange is None:
            return
        if self._streaming is not None and self._streaming.is_done:
            exchange.finish()  # the end of the body may come a moment after the last event: nobody waits for it
        else:
            exchange.release()

    async def _ask(self, endpoint: Endpoint, counted: bool) -> Reply:
        """Holds no connection when it raises."""
        remote, call, side = self._remote, self._call, endpoint.side
        attempt = call.attempt
        connect_by = by = call.deadline_at
        if attempt is not None:
            if attempt.connect_by and attempt.connect_by < by:
                connect_by = attempt.connect_by
            if attempt.head_by and attempt.head_by < by:
                by = attempt.head_by
        headers = remote.headers
        if call.forwarded or endpoint.defaults:
            headers += header_block(with_defaults(remote.forwarded(call, side), endpoint.defaults))
        if len(call.body) >= LARGE:
            await asyncio.sleep(0)
        body = side.request(call, remote.model_json, counted=counted)
        if endpoint.content_type is not None and (kind := endpoint.content_type(body)):
            headers = headers.replace(JSON_TYPE, header_block([(b"content-type", kind)]))
        decoder: StreamDecoder | None = None
        answer = b""
        received = 0
        client, target, mask = remote.client, endpoint.streamed if call.streamed else endpoint.whole, remote.mask
        if client.buffered.size > client.buffered.most:
            raise crowded(client.buffered, was_sent=False)
        if remote.credential is not None:
            headers += await remote.credential.headers(b"POST", target, body, connect_by)
            mask = remote.credential.mask
        try:
            exchange = client.resume(b"POST", target, headers, body)
            if exchange is None:
                exchange = await client.send(b"POST", target, headers, body, connect_by)
            self._exchange = exchange
            decoder = side.decoder(call, body) if call.streamed else None
            if decoder is None:
                status, vendor_headers, answer = await exchange.whole(by, MOST_ANSWER)
            else:
                status, vendor_headers = await exchange.head(by)
                answer = await error_body(exchange, by) if status >= 300 else b""
            is_shown = mask.shows(answer, vendor_headers)
            if is_shown:
                answer, vendor_headers = mask.masked(answer), mask.headers(vendor_headers)
            request_id, passing = side.returned(vendor_headers, remote.returned)
            if attempt is not None:
                attempt.vendor_status = status
                attempt.vendor_request_id = mask.text(request_id) if is_shown else request_id
            if status >= 300:
                raise side.error(status, vendor_headers, answer, wall())
            if decoder is None:
                chunk = side.whole(answer, call, body)
                received = chunk.size
                if remote.reported.is_on:
                    ends = answer[:START] + answer[-END:]
                    for model, build in remote.reported.known:
                        if model in ends and build in ends and (build or FINGERPRINT not in ends):
                            break
                    else:
                        remote.reported.look(answer)
                reply: Reply = CompleteReply([chunk], headers=passing)
            else:
                chunks = await head(decoder, exchange, by, remote.reported)
                mask.chunks(chunks)
                reply = self._streaming = Streaming(call, decoder, exchange, chunks, passing, mask)
        except TimedOut:
            self._give_up(side, decoder, answer)
            phase: Phase = "first_token" if call.streamed else "answer"
            raise Expired(phase="total" if call.deadline_at <= by else phase) from None
        except (Unreachable, Expired) as error:  # of the connection: nothing was sent
            self._release()
            error.args = (f"{remote.target}: {error.message}",)
            raise
        except Broken as broken:  # what could not be sent at all was Unreachable
            self._give_up(side, decoder, answer)
            raise Failed(f"The connection broke before the answer came: {broken}") from broken
        except BaseException as error:
            self._give_up(side, decoder, answer)
            if isinstance(error, CallError):
                mask.error(error)
            raise
        if attempt is not None:
            attempt.head_at = now()
            if decoder is None:
                attempt.usage = reply.usage
                attempt.received = received
            else:
                note(attempt, decoder)
        return reply

    def _give_up(self, side: VendorSide, decoder: StreamDecoder | None, answer: bytes) -> None:
        """Leaves what is no answer, or is not waited for. What it says was used is billed all the same."""
        if decoder is None and not answer and self._exchange is not None:
            answer = self._exchange.arrived()
        self._release()
        attempt = self._call.attempt
        if attempt is None:
            return
        if decoder is not None and not answer:
            decoder.give_up()
            note(attempt, decoder)
        elif answer:
            spent = side.spent(answer)
            attempt.usage = spent.usage or attempt.usage
            attempt.received, attempt.uncounted = spent.received, spent.uncounted


def with_defaults(sent: list[tuple[bytes, bytes]], defaults: Headers) -> list[tuple[bytes, bytes]]:
    said = {name for name, _ in sent}
    return [*sent, *[pair for pair in defaults if pair[0] not in said]]


def note(attempt: Attempt, decoder: StreamDecoder) -> None:
    """Writes on the attempt what of its stream is known."""
    attempt.received = decoder.received
    attempt.uncounted = decoder.uncounted
    if decoder.usage is not None:
        attempt.usage = decoder.usage


async def head(decoder: StreamDecoder, exchange: Exchange, by: float, names: ReportedModel) -> list[Chunk]:
    """Every chunk up to and with the head, and what came along with it. names: what the vendor calls its model."""
    chunks: list[Chunk] = []
    charged = 0
    is_looked_at = not names.is_on
    while True:
        data = await exchange.read(by)
        if data and not is_looked_at:
            is_looked_at = True
            for model, build in names.known:
                if model in data and build in data and (build or FINGERPRINT not in data):
                    break
            else:
                names.look(data)
        chunks += decoder.feed(data) if data else decoder.end()
        if charged or decoder.pending:
            charged = decoder.pending
            exchange.charge(charged)
        if decoder.is_headed:
            return chunks
        if decoder.fault is not None:
            raise decoder.fault.again()
        if len(chunks) > MOST_BEFORE_HEAD:
            raise Garbled("The vendor's stream has thousands of events without content.")
        if 0 < by <= now():
            raise TimedOut


class Streaming(Reply):
    """A stream whose head is decoded."""

    __slots__ = (
        "_attempt",
        "_charged",
        "_deadline_at",
        "_decoder",
        "_exchange",
        "_gap",
        "_is_counting",
        "_mask",
        "_pending",
        "_quiet",
        "_read_at",
        "_was_counted",
    )

    def __init__(
        self,
        call: Call,
        decoder: StreamDecoder,
        exchange: Exchange,
        pending: list[Chunk],
        headers: tuple[tuple[bytes, bytes], ...],
        mask: Mask,
    ) -> None:
        super().__init__(streamed=True, headers=headers)
        self._attempt = call.attempt
        self._gap = call.attempt.gap if call.attempt is not None else 0.0
        self._deadline_at = call.deadline_at
        self._decoder = decoder
        self._exchange = exchange
        self._pending = pending
        self._is_counting = call.include_usage and self._gap > 0
        self._charged = decoder.pending
        self._was_counted = False
        self._quiet = 0.0  # seconds in which the vendor was waited for since it said something
        self._read_at = now()
        self._mask = mask

    @property
    def is_done(self) -> bool:
        return self._decoder.is_done

    async def read(self) -> list[Chunk]:
        chunks = self._pending
        decoder = self._decoder
        if chunks:
            self._pending = []
        elif decoder.is_done:
            return []
        else:
            at = now()
            late = at - self._read_at
            self._deadline_at += late
            if self._attempt is not None:
                self._attempt.late += late
            by = self._deadline_at
            if at >= by and not decoder.is_complete:
                raise Expired(phase="total")
            if decoder.finish is not None and decoder.is_complete:
                wait = self._gap if self._is_counting and not decoder.is_counted else ENDING
                by = min(at + wait - self._quiet, by)
            elif self._gap:
                by = min(at + self._gap - self._quiet, by)
            try:
                while not chunks and decoder.fault is None:
                    data = await self._exchange.read(by)
                    chunks = decoder.feed(data) if data else decoder.end()
                    if self._charged or decoder.pending:
                        self._charge()
                    if not chunks or not chunks[0].has_content:
                        self._listen(chunks, at, by)
                    else:
                        self._quiet = 0.0
            except TimedOut:
                if not decoder.is_complete:
                    raise Expired(phase="total" if self._deadline_at <= by else "between_tokens") from None
                chunks = [*chunks, *decoder.end()]
            except Broken:
                if isinstance(decoder, Unmarked):
                    decoder.broke()
                chunks = decoder.end()  # whole all the same where every choice had its finish reason; else a Cut
        attempt = self._attempt
        if attempt is not None:
            attempt.received = decoder.received
            attempt.uncounted = decoder.uncounted
        if decoder.usage is not None:
            self.usage = decoder.usage
            if attempt is not None:
                attempt.usage = decoder.usage
        if not chunks:
            assert decoder.fault is not None, "a decoder that gives nothing says why"
            raise self._mask.error(decoder.fault.again())
        self._mask.chunks(chunks)
        self.finish = decoder.finish
        self._read_at = now()
        return chunks

    def _charge(self) -> None:
        """Counts the event under way among the bytes that wait."""
        self._charged = self._decoder.pending
        self._exchange.charge(self._charged)

    def _listen(self, chunks: list[Chunk], since: float, by: float) -> None:
        """Notes for how long the vendor has said nothing. Raises TimedOut where that is too long, though bytes came."""
        decoder = self._decoder
        if any(chunk.has_content for chunk in chunks) or decoder.is_counted != self._was_counted:
            self._was_counted = decoder.is_counted
            self._quiet = 0.0
        elif not decoder.is_done and decoder.fault is None:
            at = now()
            if at >= by:
                raise TimedOut
            if chunks:  # they are handed out, and the next wait is a new one
                self._quiet += at - since
