"""What a caller in this process gets: a whole answer, or a stream.

Always true: a call is left exactly once, also when a stream is abandoned.
"""

from __future__ import annotations

from types import TracebackType

import msgspec

from headworks.core.reply import Chunk, Reply, Usage
from headworks.core.service import Opening


class Answer(msgspec.Struct, frozen=True, kw_only=True):
    """A whole answer.

    text: the first choice's. usage: tokens in disjoint classes, None where the vendor did not say. finish: the first
    choice's finish reason, in the word of the API that was called. data: the JSON of that API, of a vendor that speaks it byte
    for byte; tool calls and further choices are in it.
    request_id: the record's.
    """

    text: str
    usage: Usage | None
    finish: str | None
    data: bytes
    request_id: str


class Stream:
    """An answer in pieces: `async for chunk in stream`. Its first content is there already.

    It is left at its last chunk, at an error, at the end of `async with stream`, by `close`, or when the system closes:
    whatever comes first. `usage` and `finish` are the newest known. Raises Cut, Garbled or Expired where the answer
    cannot be completed, so what ended without an error is whole.
    """

    def __init__(self, opening: Opening, reply: Reply, request_id: str, open_streams: dict[Stream, None]) -> None:
        self.request_id = request_id
        self._opening: Opening | None = opening
        self._reply = reply
        self._chunks: list[Chunk] = []
        self._open_streams = open_streams
        open_streams[self] = None

    @property
    def usage(self) -> Usage | None:
        return self._reply.usage

    @property
    def finish(self) -> str | None:
        return self._reply.finish

    def __aiter__(self) -> Stream:
        return self

    async def __anext__(self) -> Chunk:
        """The next chunk. `chunk.data` is the event as a caller over HTTP gets it."""
        if not self._chunks:
            if self._opening is None:
                raise StopAsyncIteration
            try:
                self._chunks = (await self._reply.read())[::-1]
            except BaseException as error:
                await self._leave(error)
                raise
            if not self._chunks or self._chunks[0].last:
                await self._leave(None)
            if not self._chunks:
                raise StopAsyncIteration
        return self._chunks.pop()

    async def close(self) -> None:
        """Leaves the call; a vendor that is still answering is stopped at once. Twice is as good as once."""
        self._chunks = []
        await self._leave(None)

    async def __aenter__(self) -> Stream:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._chunks = []
        await self._leave(error)

    async def _leave(self, error: BaseException | None) -> None:
        opening, self._opening = self._opening, None
        if opening is not None:
            del self._open_streams[self]
            await opening.__aexit__(type(error) if error is not None else None, error, None)
