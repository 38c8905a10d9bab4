"""The outermost layer: writes the record of every call, refused ones too, before the last chunk goes out."""

from __future__ import annotations

from asyncio import CancelledError
from hashlib import blake2b
from typing import Protocol

from headworks.core.call import Call
from headworks.core.clock import now, wall
from headworks.core.dialect import PASSED_OPERATIONS, Dialect
from headworks.core.digest import SIZE
from headworks.core.errors import CallError, Cut, Draining, Expired, Refused, Rejected, Shed, Unauthenticated
from headworks.core.record import MOST_TEXT, AttemptRecord, Opened, Outcome, Record
from headworks.core.reply import Chunk, Reply, Usage
from headworks.core.service import Layering, Service, scope
from headworks.core.text import joined, utf8_size, well_formed
from headworks.core.trail import Attempt
from headworks.layers.failure_reason import reason
from headworks.policy.charge import BYTES_PER_TOKEN, answered, billed

MOST_BODY = 64 * 1024
"""Bytes of a body, or of an answer's text, that a record keeps. Both, with every byte escaped, fit into the megabyte that
a reader of the journal takes for one line."""


class Journal(Protocol):
    def append(self, record: Record, /) -> None:
        """Takes the record for good: when this returns, killing the process does not lose it."""
        ...

    def open(self, call: Opened, /) -> bool:
        """Writes that a call under a budget has begun. False where it cannot: then nothing may be spent."""
        ...


class Trace:
    """Writes one record a call. Calls of strangers are counted, not journaled: they would fill the disk for free."""

    def __init__(self, inner: Service, journal: Journal, config: str, *, keeps_bodies: bool = False) -> None:
        self.inner = inner
        self.journal = journal
        self.config = config
        self.keeps_bodies = keeps_bodies
        self.in_flight = 0
        self.ending: Draining | None = None
        """The error for calls that the drain cancels; None while only callers cancel."""
        self.strangers = 0

    @scope
    def open(self, call: Call) -> Layering:
        self.in_flight += 1
        traced: Traced | None = None
        try:
            reply = yield self.inner.open(call)
            traced = Traced(reply, self, call)
            yield traced
        except BaseException as error:
            if traced is None or not traced.is_recorded:
                self.record(call, traced, error)
            raise
        else:
            if not traced.is_recorded:  # left before the last chunk, without an error: the reader had enough
                self.record(call, traced, CancelledError())
        finally:
            self.in_flight -= 1

    def record(self, call: Call, traced: Traced | None, error: BaseException | None) -> None:
        """Writes what is known of the call now. `error` is None when the whole answer was read."""
        if isinstance(error, Unauthenticated):
            self.strangers += 1
            return
        if self.ending is not None and isinstance(error, CancelledError):
            error = self.ending
        outcome, status = judge(error, call.dialect)
        trail = call.trail
        ended_at = now()
        attempts = trail.attempts
        if attempts and not attempts[-1].outcome:  # Meter has not left yet: the record goes before the last chunk
            close(attempts[-1], ended_at, outcome, traced)
        known, cost, price_at, is_estimated = bill(call)
        charges = trail.billed or ()
        session = call.session
        if traced is not None and len(charges) == 1:
            tokens = charges[0][0]
        elif attempts or not trail.cache:
            usage = traced.inner.usage if traced is not None else None
            tokens = answered(trail, charges, usage, is_delivered=traced is not None)
        else:
            tokens = None
        self.journal.append(
            Record(
                request_id=call.id,
                at=trail.arrived_at or wall() - (ended_at - call.arrived_at),
                arrived_at=call.arrived_at,
                head_at=traced.head_at if traced is not None else 0.0,
                last_at=ended_at,
                operation=call.dialect.operation,
                model=call.alias[:MOST_TEXT],
                prompt=trail.prompt,
                key=trail.key,
                group=trail.group,
                tags=trail.tags,
                user=call.user[:MOST_TEXT] if call.user else "",
                session=session.id if session is not None else "",
                agent=session.agent if session is not None else "",
                parent_agent=session.parent if session is not None else "",
                trace=call.traceparent,
                streamed=call.streamed,
                status=status,
                outcome=outcome,
                error="" if error is None else type(error).__name__,
                reason=reason(error) if isinstance(error, CallError) else "",
                config=self.config,
                request_digest=call.digest,
                reply_digest=traced.hash.hexdigest() if traced is not None else "",
                tokens=tokens,
                estimated=is_estimated,
                cost_nano=cost,
                price_at=price_at,
                attempts=known,
                cache=trail.cache,
                asked=asked_of(call) if self.keeps_bodies else "",
                answered=kept(well_formed(joined(traced.texts)).encode())
                if traced is not None and traced.texts
                else "",
            )
        )


class Traced(Reply):
    """The reply as the caller reads it: digested as it passes, and recorded before its last chunk is handed out."""

    __slots__ = ("call", "hash", "head_at", "inner", "is_recorded", "texts", "trace")

    def __init__(self, inner: Reply, trace: Trace, call: Call) -> None:
        super().__init__(streamed=inner.streamed, headers=inner.headers)
        self.inner = inner
        self.trace = trace
        self.call = call
        self.hash = blake2b(digest_size=SIZE)
        self.head_at = now()
        self.is_recorded = False
        self.texts: list[str] | None = [] if trace.keeps_bodies else None

    async def read(self) -> list[Chunk]:
        chunks = await self.inner.read()
        update = self.hash.update
        trail = self.call.trail
        for chunk in chunks:
            update(chunk.data)
            if chunk.has_content:
                text = chunk.text
                trail.received += chunk.size or (len(text) if text and text.isascii() else size(chunk))
                if self.texts is not None and trail.received <= MOST_BODY:
                    self.texts.append(text)
        if chunks and chunks[-1].last:
            self.usage = self.inner.usage
            self.finish = self.inner.finish
            self.is_recorded = True
            self.trace.record(self.call, self, None)
        return chunks


def asked_of(call: Call) -> str:
    """The body as a record keeps it. Of what passes through none is kept: it may be a file of somebody's."""
    return "" if call.dialect.operation in PASSED_OPERATIONS else kept(call.body)


def kept(body: bytes) -> str:
    """A body as a record keeps it; "" where it is too long: half of one would look like a whole one."""
    return body.decode("utf-8", "replace") if len(body) <= MOST_BODY else ""


def judge(error: BaseException | None, dialect: Dialect) -> tuple[Outcome, int]:
    """How a call ended, and the HTTP status that says so to its caller (499 is nginx's word for a caller who left)."""
    if error is None:
        return "ok", 200
    if isinstance(error, CallError):
        status = dialect.status(error)
        if isinstance(error, (Refused, Rejected)):
            return "refused", status
        if isinstance(error, Cut):
            return "cut", status
        if isinstance(error, Expired):
            return "expired", status
        if isinstance(error, Shed):
            return "shed", status
        return "failed", status
    if isinstance(error, (CancelledError, GeneratorExit)):
        return "cancelled", 499
    return "broken", 500


def close(attempt: Attempt, ended_at: float, outcome: Outcome, traced: Traced | None) -> None:
    attempt.ended_at = ended_at
    attempt.outcome = outcome
    if traced is not None and attempt.usage is None and not attempt.prefilled:
        attempt.usage = traced.inner.usage


def size(chunk: Chunk) -> int:
    """Bytes of a chunk's content. Without text it is a piece of a tool call or of reasoning: about a token each. A finish
    reason is none: of an answer that has nothing else a vendor may well say that it has no output."""
    if chunk.text:
        return utf8_size(chunk.text)
    return 0 if chunk.finish is not None and not chunk.begins_tool_call else BYTES_PER_TOKEN


def bill(call: Call) -> tuple[list[AttemptRecord], int | None, str, bool]:
    """The attempts as they are kept, what all of them cost (None: unknown), the date of the prices, and whether anything of
    it is an estimate."""
    trail = call.trail
    known: list[AttemptRecord] = []
    total: int | None = 0
    price_at = ""
    has_estimate = False
    for attempt, (tokens, cost, is_estimated) in zip(
        trail.attempts, billed(trail, len(call.body), call.dialect.operation), strict=True
    ):
        known.append(written(attempt, tokens, cost, is_estimated))
        total = None if total is None or cost is None else total + cost
        has_estimate |= is_estimated
        if attempt.price is not None and attempt.is_billable:
            price_at = attempt.price.at or price_at
    if (
        total is None and trail.reservation is not None
    ):  # a class of tokens without a rate: it is settled at what is reserved
        total = max(trail.reservation.amounts)
    return known, total, price_at, has_estimate


def written(attempt: Attempt, tokens: Usage | None, cost: int | None, is_estimated: bool) -> AttemptRecord:
    """An attempt as the record keeps it."""
    return AttemptRecord(
        target=attempt.target,
        why=attempt.why,
        started_at=attempt.started_at,
        head_at=attempt.head_at,
        ended_at=attempt.ended_at,
        outcome=attempt.outcome,
        error=attempt.error,
        reason=attempt.reason,
        vendor_status=attempt.vendor_status,
        vendor_request_id=attempt.vendor_request_id,
        tokens=tokens,
        cost_nano=cost,
        estimated=is_estimated,
        left_out=attempt.left_out,
    )
