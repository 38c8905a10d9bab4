"""Stored answers: a call goes on from an earlier one, and its own answer is kept. Only where the system file has `responses.store`.

Always true: an answer that says `store: true` in its last words is in the store by then, so whoever reads them and asks at once finds it, at
any worker or replica. One that cannot be kept (too large, or the store is away) is served all the same and says `store: false`. It stands
behind Auth, for an answer belongs to a key, and before everything else: what is below sees the whole conversation in the body, so limits,
budgets, caches and vendors know nothing of stored answers.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from functools import partial
from types import MappingProxyType
from typing import Final, ParamSpec, TypeVar

import msgspec

from headworks.core.call import LARGE, Call
from headworks.core.clock import now, wall
from headworks.core.dialect import Keeping, Kept, Said
from headworks.core.errors import Malformed, Overloaded, TooLarge, Unkept, UnknownEarlier, UnknownItem
from headworks.core.kept_answer import MOST_REFERENCES, OVERHEAD, Conversation, ItemPlace, KeptAnswer, KeptAnswers
from headworks.core.record import user_digest
from headworks.core.reply import Chunk, Reply
from headworks.core.request_id import PREFIX
from headworks.core.service import Opening, Service

P = ParamSpec("P")
T = TypeVar("T")

MOST_KEPT: Final = 8_000_000
"""Bytes of a call's own input and its answer, which are kept together. As much as a few photographs; a larger one says `store: false`."""

NO_ITEMS: Final[Mapping[str, bytes]] = MappingProxyType({})

MOST_HELD: Final = 256_000_000
"""Bytes of earlier turns that calls under way may have together, in one process: a short call can bring `server.max_body` of them."""


class Stored:
    """Keeps answers, and puts what was kept before a call's own input. max_body: bytes that a call may have with all of that."""

    def __init__(self, inner: Service, answers: KeptAnswers, max_body: int) -> None:
        self.inner = inner
        self.answers = answers
        self.max_body = max_body
        self.held = 0
        """Bytes of earlier turns of calls that are under way."""

    def open(self, call: Call) -> Opening:
        dialect = call.dialect
        is_served = call.refusal is None or type(call.refusal) is Unkept
        if not is_served or not isinstance(dialect, Kept):
            return self.inner.open(call)
        return self._opened(call, dialect)

    @asynccontextmanager
    async def _opened(self, call: Call, dialect: Kept) -> AsyncIterator[Reply]:
        keeping = dialect.keeping
        before, items = await self._before(call)
        size = len(call.body) + (0 if before is None else before.total) + sum(map(len, items.values()))
        if size > self.max_body:
            raise TooLarge(
                f"What `previous_response_id` and `item_reference` name and the new input have {size} bytes together, and at most {self.max_body} "
                "are taken (`server.max_body`). Begin a new conversation, or send a shorter summary of this one in `input`.",
                param="input" if before is None else "previous_response_id",
            )
        held = size - len(call.body)
        if held and self.held + held > MOST_HELD:
            raise Overloaded(
                "Too many long conversations are being gone on with: ask again in a moment.", retry_after=1.0
            )
        self.held += held
        try:
            body, added, is_kept = await off_loop(size, keeping.opened, call.body, before, items)
            inside = msgspec.structs.replace(call, body=body, refusal=None)
            async with self.inner.open(inside) as reply:
                if before is None and not is_kept:
                    yield reply
                else:
                    id = dialect.kept_prefix + call.id.removeprefix(PREFIX)
                    said = Said(id=id, earlier="" if before is None else before.id, is_kept=is_kept)
                    yield Told(reply, self, keeping, Asking(call, said, before, added))
        finally:
            self.held -= held

    async def _before(self, call: Call) -> tuple[Conversation | None, Mapping[str, bytes]]:
        """What the body goes on from, and the items that it refers to."""
        refusal = call.refusal
        if not isinstance(refusal, Unkept):
            return None, NO_ITEMS
        found: Conversation | None = None
        if refusal.answer_id or not refusal.item_ids:
            found = await self.answers.find(refusal.answer_id, call.tenant)
            if found is None:
                raise UnknownEarlier.named(refusal.answer_id)
        return found, (await self._items(refusal.item_ids, call.tenant) if refusal.item_ids else NO_ITEMS)

    async def _items(self, ids: Sequence[str], key: str) -> Mapping[str, bytes]:
        if len(ids) > MOST_REFERENCES:
            raise Malformed(
                f"`input` refers to more than {MOST_REFERENCES} items of earlier answers, and no more are taken. Send the items themselves, "
                "or go on from the last answer by `previous_response_id`.",
                param="input",
            )
        found = await self.answers.items(list(dict.fromkeys(ids)), key)
        for id in ids:
            if id not in found:
                raise UnknownItem.named(id)
        return found

    def kept(self, asking: Asking, turn: bytes, head: bytes, items: Sequence[ItemPlace]) -> KeptAnswer:
        """What is kept of an answer."""
        call, said, before = asking.call, asking.said, asking.before
        total = len(turn) + OVERHEAD
        return KeptAnswer(
            id=said.id,
            key=call.tenant,
            user=user_digest(call.user) if call.user else "",
            made_at=wall() - (now() - call.arrived_at),
            earlier=said.earlier,
            root=said.id if before is None else before.root,
            total=total if before is None else total + before.total,
            turn=turn,
            head=head,
            items=items,
        )


class Asking(msgspec.Struct, frozen=True):
    """A call as it came, what its answer says of itself, what it goes on from, and what it has added."""

    call: Call
    said: Said
    before: Conversation | None
    added: bytes


class Told(Reply):
    """A reply whose answer speaks of itself as one of ours, and is kept before its last words are handed out."""

    __slots__ = ("asking", "inner", "keeping", "stored")

    def __init__(self, inner: Reply, stored: Stored, keeping: Keeping, asking: Asking) -> None:
        super().__init__(streamed=inner.streamed, headers=inner.headers)
        self.inner = inner
        self.stored = stored
        self.keeping = keeping
        self.asking = asking

    async def read(self) -> list[Chunk]:
        chunks = await self.inner.read()
        self.usage, self.finish = self.inner.usage, self.inner.finish
        said, told = self.asking.said, partial(self.keeping.told, streamed=self.streamed)
        shown: list[Chunk] = []
        for chunk in chunks:
            if chunk.last and said.is_kept and not await self._keep(chunk.data):
                said = msgspec.structs.replace(said, is_kept=False)
            data = await off_loop(len(chunk.data), told, chunk.data, said)
            # A chunk may be shared with others who wait for the same answer, so it is not changed.
            shown.append(chunk if data is chunk.data else msgspec.structs.replace(chunk, data=data))
        return shown

    async def _keep(self, data: bytes) -> bool:
        asking, answers = self.asking, self.stored.answers
        closing = partial(self.keeping.closed, streamed=self.streamed)
        closed = await off_loop(len(data), closing, data, asking.added, asking.said)
        if closed is None:
            return False
        turn, head = closed
        if len(turn) + len(head) > MOST_KEPT:
            answers.left_out("too_large")
            return False
        items = await off_loop(len(turn), self.keeping.item_places, turn)
        return await answers.keep(self.stored.kept(asking, turn, head, items))


async def off_loop(size: int, work: Callable[P, T], *args: P.args, **named: P.kwargs) -> T:
    """The work's result; in a thread where so many bytes would hold the loop."""
    if size < LARGE:
        return work(*args, **named)
    return await asyncio.get_running_loop().run_in_executor(None, partial(work, *args, **named))
