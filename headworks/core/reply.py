"""What comes back: a reply whose chunks are read until one is `last`.

A reply that is not streamed has one chunk, its whole body. In a stream a chunk is one event. `data` is what the caller
is sent, byte for byte; the other fields are what policies and records need to know of it.
"""

from __future__ import annotations

import msgspec


class Usage(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Tokens of one attempt in disjoint classes: their sum is all that was used.

    cache_write: of the prompt, written to the vendor's cache for its usual time (Anthropic: 5 minutes); cache_write_1h: for an
    hour, at a price of its own.
    """

    input: int = 0
    cached_input: int = 0
    cache_write: int = 0
    cache_write_1h: int = 0
    audio_input: int = 0
    output: int = 0
    reasoning: int = 0
    audio_output: int = 0

    @property
    def input_tokens(self) -> int:
        return self.input + self.cached_input + self.cache_write + self.cache_write_1h + self.audio_input

    @property
    def output_tokens(self) -> int:
        return self.output + self.reasoning + self.audio_output


class Chunk(msgspec.Struct, kw_only=True):
    """One event of a stream, or a whole body.

    data: bytes for the caller; empty where the caller must not see the event (a usage event he did not ask for).
    has_content: it carries text, a refusal, reasoning, a tool call, a finish reason, or anything else that is not known
    to carry nothing: the first such is the head.
    text: the first choice's new text ("" where there is none). begins_tool_call: a tool call is in it.
    is_refusal: a piece of the model's own refusal is in it. is_mixed: beside or instead of text and calls, something else
    is in it: reasoning, a picture, sound.
    finish: the first choice's finish reason. usage: tokens so far, where the event says so.
    last: nothing follows; the record is written before it goes out.
    unasked: an event before `data` that this caller did not ask for and must not see; an answer that is kept has it.
    size: bytes of content in it: text, reasoning and tool calls of every choice, about a token's for what is neither.
    """

    data: bytes
    has_content: bool = False
    text: str = ""
    begins_tool_call: bool = False
    is_refusal: bool = False
    is_mixed: bool = False
    finish: str | None = None
    usage: Usage | None = None
    last: bool = False
    unasked: bytes = b""
    size: int = 0


class Reply:
    """An answer that has begun: its head is known, its chunks are still to be read.

    `headers` are the vendor's headers that pass to the caller (lower case). `usage` and `finish` are kept up to date
    by the leaf while chunks are read. Leaves override `read`; Trace, Stored, Resume, Cache and Coalesce wrap it.
    """

    __slots__ = ("finish", "headers", "streamed", "usage")

    def __init__(self, *, streamed: bool, headers: tuple[tuple[bytes, bytes], ...] = ()) -> None:
        self.streamed = streamed
        self.headers = headers
        self.usage: Usage | None = None
        self.finish: str | None = None

    async def read(self) -> list[Chunk]:
        """Waits for the next chunks and returns all that are there; the final list ends with a `last` chunk.

        An awaited list, not an async generator: a generator costs a scope per chunk, and chunks that arrive together
        leave together (see `docs/adr`). Reading after the last chunk returns an empty list.
        Raises Cut, Garbled or Expired when the answer cannot be completed.
        """
        return []


class CompleteReply(Reply):
    """A reply whose chunks are all known already."""

    __slots__ = ("chunks",)

    def __init__(
        self, chunks: list[Chunk], *, streamed: bool = False, headers: tuple[tuple[bytes, bytes], ...] = ()
    ) -> None:
        super().__init__(streamed=streamed, headers=headers)
        self.chunks = chunks
        for chunk in chunks:
            self.usage = chunk.usage or self.usage
            self.finish = chunk.finish or self.finish

    async def read(self) -> list[Chunk]:
        chunks, self.chunks = self.chunks, []
        return chunks
