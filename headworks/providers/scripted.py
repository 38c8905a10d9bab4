"""A vendor that answers from a list, for tests: the first call gets the first answer, and so on.

Always true: every call it got is in `calls`, in order; it honours the bounds of `call.attempt` as every leaf does, so
a scripted pause longer than a bound is an Expired. Past the end of the list it raises AssertionError: a test that asks
more often than it meant to must fail.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from types import TracebackType
from typing import TypeAlias

import msgspec

from headworks.core.call import Call
from headworks.core.clock import now, wall
from headworks.core.errors import CallError
from headworks.core.reply import Chunk, CompleteReply, Reply, Usage
from headworks.core.service import Opening
from headworks.providers.completions import Choice, Envelope
from headworks.providers.waiting import Reader, gap_bound, head_bound, reach


class Stream(msgspec.Struct, frozen=True, kw_only=True):
    """An answer in pieces. A piece is text, a pause in seconds, or an error that breaks it there.

    Without an error it ends with `finish`, the tokens and the end mark; `usage` is counted from the words if not given.
    A call that is not streamed gets the same as one body, after all its pauses.
    """

    pieces: Sequence[str | float | CallError]
    finish: str = "stop"
    usage: Usage | None = None


Line: TypeAlias = "str | CallError | Stream"
Answering: TypeAlias = "Line | Callable[[Call], Line]"


class Scripted:
    """Answers calls from a list: a text, an error, a `Stream`, or a function of the call that returns one of these.

    repeat: the last answer is given again and again. `in_flight` counts the calls that were not given back.
    """

    def __init__(self, answers: Iterable[Answering], *, model: str = "scripted", repeat: bool = False) -> None:
        self.calls: list[Call] = []
        self.in_flight = 0
        self.model = model
        self._answers = list(answers)
        self._repeat = repeat

    @property
    def left_over(self) -> int:
        """How many answers nobody has asked for yet."""
        return max(len(self._answers) - len(self.calls), 0)

    def open(self, call: Call) -> Opening:
        return _Scene(self, call)

    def _next(self, call: Call) -> Stream:
        at = len(self.calls)
        self.calls.append(call)
        if self._repeat:
            at = min(at, len(self._answers) - 1)
        assert at < len(self._answers), f"call {at + 1}, and only {len(self._answers)} answers are written"
        answer = self._answers[at]
        line = answer(call) if callable(answer) else answer
        if isinstance(line, Stream):
            return line
        return Stream(pieces=[line])


class _Scene:
    """One call to a Scripted, from entering to leaving."""

    __slots__ = ("_call", "_scripted")

    def __init__(self, scripted: Scripted, call: Call) -> None:
        self._scripted = scripted
        self._call = call

    async def __aenter__(self) -> Reply:
        self._scripted.in_flight += 1
        try:
            return await self._begin(self._scripted._next(self._call))
        except BaseException:
            self._scripted.in_flight -= 1
            raise

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._scripted.in_flight -= 1

    async def _begin(self, script: Stream) -> Reply:
        call = self._call
        envelope = Envelope(f"chatcmpl-scripted{len(self._scripted.calls)}", self._scripted.model, int(wall()))
        words = sum(len(piece.split()) for piece in script.pieces if isinstance(piece, str))
        usage = script.usage or Usage(input=len(call.body) // 4, output=words)
        if call.streamed:
            played = _Played(call, envelope, script, usage)
            await played.begin()
            reply: Reply = played
        else:
            reply = await self._whole(envelope, script, usage)
        if call.attempt is not None:
            call.attempt.head_at = now()
            call.attempt.vendor_status = 200
        return reply

    async def _whole(self, envelope: Envelope, script: Stream, usage: Usage) -> Reply:
        limit = head_bound(self._call)
        said: list[str] = []
        for piece in script.pieces:
            if isinstance(piece, str):
                said.append(piece)
            elif isinstance(piece, CallError):
                raise piece.again()  # the script is kept, and what was raised knows every frame of the call
            else:
                await reach(now() + piece, limit)
        text = "".join(said)
        data = envelope.whole([Choice(text=text, finish=script.finish)], usage)
        if self._call.attempt is not None:
            self._call.attempt.usage = usage
        return CompleteReply(
            [Chunk(data=data, has_content=True, text=text, finish=script.finish, usage=usage, last=True)]
        )


class _Played(Reply):
    """A stream that is being played."""

    __slots__ = ("_call", "_envelope", "_head", "_next", "_reader", "_script", "_usage")

    def __init__(self, call: Call, envelope: Envelope, script: Stream, usage: Usage) -> None:
        super().__init__(streamed=True)
        self._call = call
        self._envelope = envelope
        self._script = script
        self._usage = usage
        self._next = 0
        self._head: list[Chunk] = []

    async def begin(self) -> None:
        """Waits for the first piece that is text, or for the end."""
        limit = head_bound(self._call)
        role = self._envelope.role()
        while (piece := self._piece()) is not None and not isinstance(piece, str):
            if isinstance(piece, CallError):
                raise piece.again()
            await reach(now() + piece, limit)
        if piece is None:
            self._head = self._ending()
            self._head[0].data = role + self._head[0].data
        else:
            self._head = [Chunk(data=role + self._envelope.text(piece), has_content=True, text=piece)]
        self._reader = Reader(self._call.attempt)

    async def read(self) -> list[Chunk]:
        if self._head:
            head, self._head = self._head, []
            return head
        if self._next > len(self._script.pieces):
            return []
        limit = gap_bound(self._call, self._reader.came(), self._reader.late)
        while (piece := self._piece()) is not None:
            if isinstance(piece, str):
                self._reader.left()
                return [Chunk(data=self._envelope.text(piece), has_content=True, text=piece)]
            if isinstance(piece, CallError):
                self._next = len(self._script.pieces) + 1
                raise piece.again()
            await reach(now() + piece, limit)
        return self._ending()

    def _piece(self) -> str | float | CallError | None:
        at = self._next
        self._next += 1
        return self._script.pieces[at] if at < len(self._script.pieces) else None

    def _ending(self) -> list[Chunk]:
        self._next = len(self._script.pieces) + 1
        self.finish = self._script.finish
        self.usage = self._usage
        if self._call.attempt is not None:
            self._call.attempt.usage = self._usage
        finish = Chunk(data=self._envelope.finish(self.finish), has_content=True, finish=self.finish)
        return [finish, self._envelope.ending(self._usage, asked=self._call.include_usage)]
