"""`/completions`, as OpenAI's old models and local servers have it: as for chat, with a choice's `text` in place of a message."""

from __future__ import annotations

from typing import Final

from headworks.core.call import Call
from headworks.core.dialect import Headers, Operation
from headworks.core.errors import CallError, Garbled
from headworks.core.reply import Chunk
from headworks.wire.openai import body as openai_body
from headworks.wire.openai.answer import UNSAID, Choice, Completion, decoded
from headworks.wire.openai.chat import ChatDecoder, failure
from headworks.wire.openai.completions.body import answers_asked, bounded
from headworks.wire.openai.errors import error_in, garbled, vendor_error
from headworks.wire.openai.size import bytes_of
from headworks.wire.sides import Spent


class OpenAICompletions:
    """`/completions`."""

    operation: Final[Operation] = "chat"

    def path(self, model: str, *, streamed: bool) -> bytes:
        return b"/completions"

    def request(self, call: Call, model: bytes, *, counted: bool) -> bytes:
        body = call.body if call.bound is None else bounded(call.body, call.bound)
        if call.streamed and counted and not call.include_usage:
            return openai_body.with_usage(body, model)
        return openai_body.with_model(body, model)

    def forwards(self, name: bytes) -> bool:
        return openai_body.forwards(name)

    def returned(self, headers: Headers, more: frozenset[bytes]) -> tuple[str, tuple[tuple[bytes, bytes], ...]]:
        return openai_body.returned(headers, more)

    def decoder(self, call: Call, sent: bytes = b"", /) -> CompletionDecoder:
        return CompletionDecoder(call)

    def whole(self, body: bytes, call: Call, sent: bytes = b"", /) -> Chunk:
        return whole_answer(body)

    def spent(self, body: bytes) -> Spent:
        try:
            answer = decoded(body)
        except (ValueError, RecursionError):
            return Spent()
        said = answer.said()
        return Spent(said.usage() if said is not None else None, _size(answer))

    def error(self, status: int, headers: Headers, body: bytes, wall: float) -> CallError:
        return vendor_error(status, headers, body, wall)

    def refuses_counting(self, error: CallError, call: Call) -> bool:
        said = error.said
        if said is None or said.status not in (400, 422):
            return False
        return "stream_options" in f"{said.param} {said.message}" and b"stream_options" not in call.body


def whole_answer(body: bytes) -> Chunk:
    """The answer as its one chunk. Raises Garbled, or the vendor's error where a 200 carries one."""
    try:
        answer = decoded(body)
    except (ValueError, RecursionError):
        raise garbled(body) from None
    choices = answer.choices or ()
    try:
        error = failure(answer, body)
    except (ValueError, RecursionError):  # its first reading skipped what is nested too deep for the second
        raise garbled(body) from None
    if error is not None:
        raise error_in(error, is_headed=False)
    if not choices:
        raise Garbled("The vendor's answer has no choices.")
    first = choices[0]
    said = answer.said()
    return Chunk(
        data=body,
        has_content=True,
        text=first.text or "",
        finish=None if first.finish_reason in UNSAID else first.finish_reason,
        usage=said.usage() if said is not None else None,
        last=True,
        size=_size(answer),
    )


def _size(answer: Completion) -> int:
    return sum([bytes_of(one.text) for one in answer.choices or () if one.text])


class CompletionDecoder(ChatDecoder):
    """A stream of completions: that of chats, whose choices have a text and no delta."""

    __slots__ = ()

    @property
    def is_complete(self) -> bool:
        return len(self._finished) >= answers_asked(self._call.body)

    def _note(self, choice: Choice, chunk: Chunk) -> None:
        super()._note(choice, chunk)
        if choice.text:
            chunk.has_content = True
            if not choice.index:
                chunk.text = choice.text
            chunk.size += bytes_of(choice.text)

    def give_up(self) -> None:
        """Nothing is told of a body that is not whole."""

    def _unstreamed(self, body: bytes) -> list[Chunk]:
        """One body in place of a stream: there is no telling which way the pieces came."""
        self.pending = 0
        try:
            whole_answer(body)
        except CallError as fault:
            self.fault = fault.again()
        else:
            self._break("The vendor answered a streamed call with one body.")
        return []
