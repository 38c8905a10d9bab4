"""Whose an id is: what a key made at a provider is that key's alone, and what the results of a batch cost is counted once.

Always true: an id that an answer makes is noted before the answer goes out. An id that is another key's, or that nobody made through this
gateway, gets the words for one that does not exist, and the vendor is not asked. Without keys nothing is refused or filtered.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from functools import partial
from typing import Final, TypeVar

import msgspec

from headworks.core.call import LARGE, Call
from headworks.core.clock import now
from headworks.core.errors import Garbled
from headworks.core.money import Price
from headworks.core.passage import OwnedId, OwnedIds, Passage, UnknownId
from headworks.core.reply import Chunk, CompleteReply, Reply
from headworks.core.service import Service
from headworks.wire import passing
from headworks.wire.passing import BatchOutput

T = TypeVar("T")

CONTENT: Final = "/content"

MOST_PAGES: Final = 20
"""Pages of a vendor's list that are read for one that has something of the caller's."""


class Owned:
    """Looks up ids before a request passes, and notes those of its answer. price: of a batch's tokens, by the model's name."""

    def __init__(self, inner: Service, ids: OwnedIds, provider: str, price: Callable[[str], Price | None]) -> None:
        self.inner = inner
        self.ids = ids
        self.provider = provider
        self.price = price

    @asynccontextmanager
    async def open(self, call: Call) -> AsyncIterator[Reply]:
        passage = call.passage
        assert passage is not None
        id = passing.id_in(passage.path)
        known = await self._checked(call, passage, id)
        if call.key is not None and passage.method == "GET" and not id:
            yield await self._listed(call, passage)
            return
        async with self.inner.open(call) as reply:
            mine = known.get(id)
            if not reply.streamed:
                chunks = await reply.read()
                await self._told(call, passage, id, chunks[0].data)
                yield CompleteReply(chunks, headers=reply.headers)
            elif mine is not None and mine.kind == passing.BATCH_OUTPUT and passage.path == f"/files/{id}{CONTENT}":
                yield Counted(reply, self, call, mine)
            else:
                yield reply

    async def _checked(self, call: Call, passage: Passage, id: str) -> Mapping[str, OwnedId]:
        """What is known of the ids that a request names. Raises UnknownId. Also where none is named the store is asked: it must work
        before something is made."""
        named: Sequence[str] = ()
        if call.key is not None:
            named = await off_loop(len(call.body), partial(passing.references, passage, call.body))
        beside = passing.below(passage.path, id)
        known = await self.ids.find(self.provider, [one for one in (id, *named, *beside) if one])
        if call.key is None:
            return known
        for one in (id, *named):
            if one and (one not in known or known[one].key != call.tenant):
                raise UnknownId.named(one, passage.word if one == id else "files")
        for one in beside:
            if one in known and known[one].key != call.tenant:
                raise UnknownId.named(one, passage.word)
        return known

    async def _told(self, call: Call, passage: Passage, id: str, data: bytes) -> None:
        """Notes what an answer makes, and forgets what it deletes."""
        if passage.method == "DELETE":
            if passage.path == f"/{passage.word}/{id}":
                await self.ids.forget(self.provider, id)
        elif passage.method == "POST":
            await self._note(await off_loop(len(data), partial(passing.made, data, call.tenant)))
        elif id:
            await self._note(await off_loop(len(data), partial(passing.outputs, data, call.tenant)))
        else:
            with suppress(Garbled):
                listed = await off_loop(len(data), partial(passing.Listed, data))
                await self._note(listed.outputs(listed.ids))

    async def _listed(self, call: Call, passage: Passage) -> Reply:
        """What of a list is the caller's. A vendor's page without anything of his is passed over: clients end at an empty page."""
        pages = 0
        while True:
            pages += 1
            async with self.inner.open(call) as reply:
                if reply.streamed:
                    raise Garbled("The vendor's answer is no JSON, so it cannot be told whose it is.")
                data = (await reply.read())[0].data
                attempt = call.trail.attempts[-1]
                attempt.outcome, attempt.ended_at = "ok", now()
            listed = await off_loop(len(data), partial(passing.Listed, data))
            known = await self.ids.find(self.provider, listed.ids)
            mine = [one.id for one in known.values() if one.key == call.tenant]
            await self._note([msgspec.structs.replace(one, key=call.tenant) for one in listed.outputs(mine)])
            if mine or not listed.has_more or pages == MOST_PAGES:
                break
            passage = msgspec.structs.replace(passage, query=passing.after(passage.query, listed.ids[-1]))
            call = msgspec.structs.replace(call, passage=passage)
        shown = await off_loop(len(data), partial(listed.of, frozenset(mine)))
        return CompleteReply([Chunk(data=shown, has_content=True, last=True)], headers=reply.headers)

    async def _note(self, ids: Sequence[OwnedId]) -> None:
        if ids:
            await self.ids.note(self.provider, ids)


class Counted(Reply):
    """The results of a batch, whose tokens are summed while they pass. They count on the record of the first call that reads them whole."""

    __slots__ = ("call", "inner", "mine", "output", "owned")

    def __init__(self, inner: Reply, owned: Owned, call: Call, mine: OwnedId) -> None:
        super().__init__(streamed=True, headers=inner.headers)
        self.inner = inner
        self.owned = owned
        self.call = call
        self.mine = mine
        self.output = BatchOutput()

    async def read(self) -> list[Chunk]:
        chunks = await self.inner.read()
        for chunk in chunks:
            self.output.feed(chunk.data)
        if chunks and chunks[-1].last and not self.mine.counted:
            await self._count()
        return chunks

    async def _count(self) -> None:
        owned, attempt = self.owned, self.call.trail.attempts[-1]
        if not await owned.ids.count(owned.provider, self.mine.id, self.call.id):
            return
        usage = self.output.end()
        attempt.is_billable = True
        if usage is not None and (usage.input_tokens or usage.output_tokens):
            self.usage = attempt.usage = usage
            attempt.price = owned.price(self.output.model)
        elif usage is not None:  # every call of the batch failed
            attempt.is_billable = False


async def off_loop(size: int, work: Callable[[], T]) -> T:
    """The work's result; in a thread where so many bytes would hold the loop."""
    if size < LARGE:
        return work()
    return await asyncio.get_running_loop().run_in_executor(None, work)
