"""The answer cache, as two layers: `Cache` looks answers up, outside of `Coalesce`; `Fill` stores them, inside of it.

Always true: what is kept was read to its end, by somebody who passed Auth and Quota, and came to the end that was asked
for: an error, a cut, or an answer that stopped at a filter or at a bound that the caller did not set is never kept. A hit passes no layer below, so it takes no slot, makes no
attempt and costs nothing. One journey stores the answer, however many callers read it.

`Cache` writes on the trail what it found, for the record and for the caller's header. What it leaves to others stands
on the call: a `fingerprint` where the answer may be kept, "bypass" on the trail where no journey may be shared.
An answer that was kept of a user's call is given to nobody once that user was purged (`policy/tombstones.py`).
"""

from __future__ import annotations

import asyncio
from types import TracebackType
from typing import Final, Protocol

import msgspec

from headworks.core.call import LARGE, Call
from headworks.core.clock import now, wall
from headworks.core.record import user_digest
from headworks.core.reply import Chunk, CompleteReply, Reply
from headworks.core.service import Enter, Layering, Service, entering, scope
from headworks.core.text import joined, well_formed
from headworks.layers.fingerprint import Fingerprint
from headworks.policy.freshness import ANY, MOST_ANSWER, CachedAnswer, is_fresh, parse_cache_control
from headworks.policy.tombstones import Tombstones

ENDS: Final = (b"\n\n", b"\r\n\r\n", b"\r\r")
"""How an event ends, by the vendor that was asked."""

PIECE: Final = 65_536
"""Bytes that are handed out at once of a stream that is kept: a caller who stops reading holds up no more than that."""


class Answers(Protocol):
    """Where answers are kept. A store that cannot be asked has nothing and keeps nothing: a cache is no reason to fail."""

    async def find(self, fingerprint: bytes, /) -> CachedAnswer | None: ...
    async def keep(self, fingerprint: bytes, kept: CachedAnswer, /) -> None: ...


class Cache:
    """Answers a call from the cache. ttl: seconds."""

    def __init__(
        self,
        inner: Service,
        answers: Answers,
        fingerprints: Fingerprint,
        ttl: float,
        tombstones: Tombstones | None = None,
    ) -> None:
        self.inner = inner
        self.answers = answers
        self.fingerprints = fingerprints
        self.ttl = ttl
        self.tombstones = Tombstones() if tombstones is None else tombstones

    @entering
    async def open(self, call: Call, enter: Enter) -> Reply:
        trail = call.trail
        if len(call.body) >= LARGE:
            await asyncio.sleep(0)
        said = call.cache_control
        asked = parse_cache_control(said) if said else ANY
        fingerprint = self.fingerprints.fingerprint(call) if asked.may_keep else b""
        if not fingerprint or not asked.may_read:
            trail.cache = "bypass"
        else:
            kept = await self.answers.find(fingerprint)
            at = wall()
            if (
                kept is not None
                and is_fresh(kept, asked, self.ttl, at)
                and (kept.user == "" or not self.tombstones.covers(kept.user, kept.asked_at))
            ):
                reply = given(kept, call)
                if reply is not None:
                    trail.cache = "hit"
                    trail.age = int(kept.age(at))
                    return await enter(_Ready(reply))
            trail.cache = "miss"
        if fingerprint:
            call = msgspec.structs.replace(call, fingerprint=fingerprint)
        return await enter(self.inner.open(call))


class Fill:
    """Stores answers that are read to their end."""

    def __init__(self, inner: Service, answers: Answers) -> None:
        self.inner = inner
        self.answers = answers

    @scope
    def open(self, call: Call) -> Layering:
        reply = yield self.inner.open(call)
        yield Filling(reply, call, self.answers) if call.fingerprint else reply


class Filling(Reply):
    """A reply that is stored when its last chunk comes, before the caller gets that chunk."""

    __slots__ = ("answers", "call", "chunks", "inner", "size")

    def __init__(self, inner: Reply, call: Call, answers: Answers) -> None:
        super().__init__(streamed=inner.streamed, headers=inner.headers)
        self.inner = inner
        self.call = call
        self.answers = answers
        self.chunks: list[Chunk] | None = []
        self.size = 0

    async def read(self) -> list[Chunk]:
        chunks = await self.inner.read()
        self.usage, self.finish = self.inner.usage, self.inner.finish
        kept = self.chunks
        if kept is not None and chunks:
            kept += chunks
            self.size += sum([len(chunk.data) for chunk in chunks])
            if self.size > MOST_ANSWER:
                self.chunks = None
            elif chunks[-1].last:
                self.chunks = None
                made = self.made(kept)
                if made is not None:
                    await self.answers.keep(self.call.fingerprint, made)
        return chunks

    def made(self, chunks: list[Chunk]) -> CachedAnswer | None:
        """What is kept of the answer; None where it lacks something."""
        call, streamed = self.call, self.streamed
        forms, is_bounded = call.dialect.forms, call.max_output is not None
        if streamed:
            body, counts = forms.parted(chunks)
        else:
            body, counts = chunks[0].data, b""
        if not forms.is_finished(call.body, body, self.finish, streamed=streamed, is_bounded=is_bounded):
            return None
        at = wall()
        return CachedAnswer(
            streamed=streamed,
            body=body,
            counts=counts,
            text=well_formed(joined([chunk.text for chunk in chunks])),
            finish=self.finish,
            usage=self.usage,
            made_at=at,
            user=user_digest(call.user) if call.user else "",
            asked_at=at - (now() - call.arrived_at),
            is_uncounted=streamed and self.usage is None and not call.include_usage,
        )


def given(kept: CachedAnswer, call: Call) -> Reply | None:
    """A kept answer in the form that the call asks for; None where it cannot be had in that form."""
    forms = call.dialect.forms
    if not call.streamed:
        body = forms.as_body(kept.body, kept.counts) if kept.streamed else kept.body
        if body is None:
            return None
        whole = Chunk(data=body, has_content=True, text=kept.text, finish=kept.finish, usage=kept.usage, last=True)
        return CompleteReply([whole])
    if call.include_usage and kept.is_uncounted:
        return None
    body, counts = kept.body, kept.counts
    if not kept.streamed:
        made = forms.as_events(body)
        if made is None:
            return None
        body, counts = made
    return Replay(kept, body + counts + forms.end if call.include_usage else body + forms.end)


class Replay(Reply):
    """A stream that is all there: handed out in pieces of whole events, the first with the text and all that is known."""

    __slots__ = ("_at", "_data", "_kept")

    def __init__(self, kept: CachedAnswer, data: bytes) -> None:
        super().__init__(streamed=True)
        self.usage = kept.usage
        self.finish = kept.finish
        self._kept = kept
        self._data = data
        self._at = 0

    async def read(self) -> list[Chunk]:
        data, at = self._data, self._at
        if at >= len(data):
            return []
        end = _end_of_piece(data, at) if len(data) - at > PIECE else len(data)
        self._at = end
        chunk = Chunk(data=data[at:end], has_content=True, last=end >= len(data))
        if at == 0:
            chunk.text, chunk.finish, chunk.usage = self._kept.text, self._kept.finish, self._kept.usage
        return [chunk]


def _end_of_piece(data: bytes, at: int) -> int:
    """Where the last event ends that fits into a piece, or else the next one, which is longer."""
    inside = [place + len(end) for end in ENDS if (place := data.rfind(end, at, at + PIECE)) >= 0]
    if inside:
        return max(inside)
    return min([place + len(end) for end in ENDS if (place := data.find(end, at)) >= 0], default=len(data))


class _Ready:
    """The opening of a reply that holds nothing."""

    __slots__ = ("_reply",)

    def __init__(self, reply: Reply) -> None:
        self._reply = reply

    async def __aenter__(self) -> Reply:
        return self._reply

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        return None
