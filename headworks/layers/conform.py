"""Checks an answer against the prompt's output schema, and asks once more where it does not match.

Theory. A schema is asked for in the vendor's own way where it has one (`response_format`), and in words where it has
not; either way the answer is checked here, because a vendor's promise is not a proof. What does not fit is asked for
once more, with the reason, inside the same deadline; what still does not fit is a clean error, never a surprise.

Always true: what passes fits the schema, or is the model's own refusal or tool call; so a streamed answer is read to its
end before its first piece goes out. Of several choices the first is checked.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import msgspec

from headworks.core.call import Call, Fitting
from headworks.core.dialect import Turns
from headworks.core.errors import Rejected, Unfit
from headworks.core.reply import Chunk, CompleteReply, Reply
from headworks.core.service import Opening, Service
from headworks.core.text import joined, well_formed

MOST_HELD = 4_000_000
"""Bytes of an answer: a million tokens, more than any model writes at once."""


class Held:
    """An answer that was read to its end."""

    __slots__ = ("chunks", "is_ours", "reply", "text")

    def __init__(self, reply: Reply, chunks: list[Chunk]) -> None:
        self.reply = reply
        self.chunks = chunks
        self.text = well_formed(joined([chunk.text for chunk in chunks]))
        self.is_ours = not any(chunk.begins_tool_call or chunk.is_refusal for chunk in chunks)
        """Whether it is for us to judge: a tool call or a refusal is not."""


class Conform:
    """Holds the answers of calls that have a schema (`call.output`); others pass. Stands in the pools that prompts use."""

    def __init__(self, inner: Service) -> None:
        self.inner = inner
        self.is_native = True
        """False once a vendor of this alias has refused a schema: from then on it is asked for in words."""

    def open(self, call: Call) -> Opening:
        return self.inner.open(call) if call.output is None else self.conformed(call, call.output)

    @asynccontextmanager
    async def conformed(self, call: Call, output: Fitting) -> AsyncIterator[Reply]:
        turns, schema = turns_of(call), output.schema.text
        held = await self.asked(call, output)
        if held.is_ours and (why := await output.wrong(held.text)) is not None:
            body = turns.mended(call.body if self.is_native else turns.in_words(call.body, schema), held.text, why)
            held = await self.read(msgspec.structs.replace(call, body=body))
            if held.is_ours and (why := await output.wrong(held.text)) is not None:
                raise Unfit(f"The answer does not fit the output schema, and the second one neither: {why}.")
        whole = CompleteReply(held.chunks, streamed=held.reply.streamed, headers=held.reply.headers)
        whole.usage = held.reply.usage
        yield whole

    async def asked(self, call: Call, output: Fitting) -> Held:
        """The first answer, asked for in the vendor's way or in words."""
        turns = turns_of(call)
        if self.is_native:
            try:
                return await self.read(call)
            except Rejected as error:
                if not turns.says_no_format(error):
                    raise
                self.is_native = False
        return await self.read(msgspec.structs.replace(call, body=turns.in_words(call.body, output.schema.text)))

    async def read(self, call: Call) -> Held:
        """A whole answer. Its places and connection are given back before it is judged."""
        chunks: list[Chunk] = []
        size = 0
        async with self.inner.open(call) as reply:
            while not chunks or not chunks[-1].last:
                more = await reply.read()
                chunks += more
                size += sum([len(chunk.data) for chunk in more])
                if size > MOST_HELD:
                    raise Unfit(f"The answer is longer than {MOST_HELD} bytes, too long to be checked.")
        return Held(reply, chunks)


def turns_of(call: Call) -> Turns:
    """How its bodies are rewritten. A call has a schema only where a prompt was rendered, and so has these."""
    turns = call.dialect.turns
    assert turns is not None, "a schema is a rendered prompt's"
    return turns
