"""Chat completions in OpenAI's dialect: the vendor's request, and its answers, whole and streamed.

Always true of a stream: the chunks are the same however the bytes are cut; each chunk's `data` is the event as it came;
an answer that ends early is never made to look whole. It is whole when `[DONE]` came after a finish reason, or when it
ended after every choice had one: some vendors leave `[DONE]` out, and it is put in for the caller's SDK. `[DONE]` alone
is no proof: servers send it too behind a generation that they have aborted.

One event that is no JSON is skipped if the stream goes on, for some proxies put words of their own between the events
(`ping`, `undefined`). A second one, or one in which a piece of an answer can be seen, is a break: a hole in the text
would be a truncated answer that looks whole (`docs/adr/0024`).
"""

from __future__ import annotations

from typing import Any, Final, Protocol

import msgspec

from headworks.core.call import Call
from headworks.core.dialect import Headers, Operation
from headworks.core.errors import CallError, Cut, Garbled, VendorSaid
from headworks.core.reply import Chunk, Usage
from headworks.wire.openai import body as openai_body
from headworks.wire.openai.answer import UNSAID, Choice, Completion, Message, calls_in, decoded, untyped
from headworks.wire.openai.error_in_success import FAILED_FINISHES, failed_beside, failed_choice, failed_instead
from headworks.wire.openai.errors import error_in, garbled, vendor_error
from headworks.wire.openai.forms import DONE, as_body, as_events, parted
from headworks.wire.openai.prefill import begun
from headworks.wire.openai.size import bytes_of, content_size, rest_size
from headworks.wire.openai.translation.decoder import ChatPieces
from headworks.wire.openai.translation.question_writer import body_of
from headworks.wire.sides import Spent
from headworks.wire.sse import MOST_BYTES, Event, Splitter

_PIECES: Final = (b'"choices"', b'"delta"', b'"content"', b'"error"', b'"finish_reason"')
"""What a piece of an answer has in it, even where it is no JSON any more."""

_BLANK: Final = b"\xef\xbb\xbf \t\r\n"
"""What may stand before the first byte of a body: a BOM, and spaces, which some vendors send while they wait."""


class Asking(Protocol):
    """What of a call decides how its answer is read."""

    @property
    def body(self) -> bytes: ...
    @property
    def include_usage(self) -> bool: ...


class _Nobody(msgspec.Struct, frozen=True):
    """Whose call it is where only tokens are looked for."""

    body: bytes = b"{}"
    include_usage: bool = False


_NOBODY: Final = _Nobody()

MOST_SILENT: Final = 1_000_000
"""Bytes of comments and of events without content between two contents. The event under way is not counted."""


class OpenAIChat:
    """`/chat/completions`, as OpenAI and the many that follow it serve it."""

    operation: Final[Operation] = "chat"

    def path(self, model: str, *, streamed: bool) -> bytes:
        return b"/chat/completions"

    def request(self, call: Call, model: bytes, *, counted: bool) -> bytes:
        body = call.body if call.bound is None else openai_body.with_bound(call.body, model, call.bound)
        if call.streamed and counted and not call.include_usage:
            return openai_body.with_usage(body, model)
        return openai_body.with_model(body, model)

    def forwards(self, name: bytes) -> bool:
        return openai_body.forwards(name)

    def returned(self, headers: Headers, more: frozenset[bytes]) -> tuple[str, tuple[tuple[bytes, bytes], ...]]:
        return openai_body.returned(headers, more)

    def decoder(self, call: Asking, sent: bytes = b"", /) -> ChatDecoder:
        return ChatDecoder(call)

    def whole(self, body: bytes, call: Asking, sent: bytes = b"", /) -> Chunk:
        try:
            answer = decoded(body)
        except (ValueError, RecursionError):
            if is_stream(body):
                return from_stream(body, call)
            if (error := listed(body)) is not None:
                raise error_in(error, is_headed=False) from None
            raise garbled(body) from None
        choices = answer.choices or ()
        if answer.error or answer.base_resp is not None or answer.x_groq is not None or len(choices) != 1:
            try:
                error = failure(answer, body)
            except (ValueError, RecursionError):  # its first reading skipped what is nested too deep for the second
                raise garbled(body) from None
            if error is not None:
                raise error_in(error, is_headed=False)
        if not choices:
            raise Garbled("The vendor's answer has no choices.")
        first = choices[0]
        if first.error or first.finish_reason in FAILED_FINISHES:
            raise error_in(failed_choice(first), is_headed=False)
        message = first.message or Message()
        said = answer.usage or answer.said()
        size = content_size(message)
        for other in choices[1:]:
            size += content_size(other.message or Message())
        return Chunk(
            data=body,
            has_content=True,
            text=message.content or "",
            begins_tool_call=bool(message.tool_calls or (message.function_call and calls_in(message.function_call))),
            is_refusal=bool(message.refusal),
            finish=None if first.finish_reason in UNSAID else first.finish_reason,
            usage=said.usage() if said is not None else None,
            last=True,
            size=size,
        )

    def spent(self, body: bytes) -> Spent:
        try:
            answer = decoded(body)
        except (ValueError, RecursionError):
            decoder = ChatDecoder(_NOBODY, len(body) + 1)
            decoder.feed(body if is_stream(body) else b"")
            return Spent(decoder.usage, decoder.received, decoder.uncounted)
        said = answer.said()
        received = sum([content_size(one.message) for one in answer.choices or () if one.message is not None])
        return Spent(said.usage() if said is not None else None, received)

    def error(self, status: int, headers: Headers, body: bytes, wall: float) -> CallError:
        return vendor_error(status, headers, body, wall)

    def refuses_counting(self, error: CallError, call: Call) -> bool:
        said = error.said
        if said is None or said.status not in (400, 422):
            return False
        where = f"{said.param} {said.message}"
        # A caller's own stream_options may be what is wrong: then only the member that was added counts.
        is_ours = b"stream_options" not in call.body
        return "include_usage" in where or (is_ours and "stream_options" in where)

    # To and from the hub

    body_of = staticmethod(body_of)
    begun = staticmethod(begun)

    def pieces(self) -> ChatPieces:
        return ChatPieces()


def listed(data: bytes) -> Any | None:
    """An error that is wrapped in a list, as Gemini's compatible API has it; None where it is none."""
    if data.lstrip(_BLANK)[:1] != b"[":
        return None
    try:
        content = untyped(data)
    except (ValueError, RecursionError):
        return None
    is_error = bool(content) and isinstance(content[0], dict) and bool(content[0].get("error"))
    return content if is_error else None


def failure(answer: Completion, data: bytes) -> Any | None:
    """What an answer, or a piece of one, says of its own failure, as an error's body; None where it says nothing."""
    if answer.error:
        return untyped(data)
    if (error := failed_beside(answer)) is not None:
        return error
    if not answer.choices:
        return failed_instead(untyped(data))
    return next((error for one in answer.choices if (error := failed_choice(one)) is not None), None)


class ChatDecoder:
    """A vendor's stream, see StreamDecoder. Comments and empty events are dropped: they only keep a connection alive."""

    __slots__ = (
        "_body",
        "_call",
        "_finished",
        "_is_begun",
        "_is_noisy",
        "_limit",
        "_silent",
        "_splitter",
        "fault",
        "finish",
        "is_counted",
        "is_done",
        "is_headed",
        "pending",
        "received",
        "uncounted",
        "usage",
    )

    def __init__(self, call: Asking, limit: int = MOST_BYTES) -> None:
        self._call = call
        self._splitter = Splitter(limit)
        self._finished: set[int] = set()
        self._limit = limit
        self._is_begun = False  # a byte came that is no space: from then on it is known whether it is a stream
        self._body: list[bytes] | None = None  # what came, where it is no stream but one body
        self._is_noisy = False  # one event was skipped
        self._silent = 0  # bytes since the last content
        self.received = 0
        self.uncounted = 0
        self.usage: Usage | None = None
        self.finish: str | None = None
        self.fault: CallError | None = None
        self.is_headed = False
        self.is_counted = False
        self.is_done = False
        self.pending = 0

    def feed(self, data: bytes) -> list[Chunk]:
        chunks: list[Chunk] = []
        if self.is_done or self.fault is not None:
            return chunks
        if not self._is_begun and (lead := data.lstrip(_BLANK)[:1]):
            self._is_begun = True
            if lead in b"{[<":  # one body: no line of a stream can begin so
                self._body = []
        if self._body is not None:
            self._keep(data)
            return chunks
        splitter = self._splitter
        events = splitter.feed(data)
        self.pending = splitter.size
        for event in events:
            self._silent += event.skipped
            if self._silent > MOST_SILENT:
                return self._hushed(chunks)
            if (chunk := self._chunk(event)) is None:
                return chunks
            chunks.append(chunk)
            if chunk.last:
                return chunks
            self._silent = 0 if chunk.has_content else self._silent + len(event.raw)
        if splitter.is_overrun:
            self._break("An event of the vendor's stream is too long.")
        elif splitter.skipped + splitter.dataless + self._silent > MOST_SILENT:
            return self._hushed(chunks)
        return chunks

    def _hushed(self, chunks: list[Chunk]) -> list[Chunk]:
        """The end of a stream in which nothing is said any more: of a whole answer nothing is missing."""
        if self.is_complete:
            self.is_done = True
            return [*chunks, Chunk(data=DONE, last=True)]
        self._break(f"The vendor's stream has more than {MOST_SILENT} bytes without content.")
        return chunks

    def end(self) -> list[Chunk]:
        if self.is_done or self.fault is not None:
            return []
        if self._body is not None:
            return self._unstreamed(b"".join(self._body))
        was_complete = self.is_complete
        event = self._splitter.end()
        chunk = self._chunk(event) if event is not None else None
        chunks = [] if chunk is None else [chunk]
        if chunk is not None and chunk.last:
            return chunks
        if was_complete or self.is_complete:
            self.fault = None  # half an event behind a whole answer: nothing of the answer is missing
            self.is_done = True
            chunks.append(Chunk(data=DONE, last=True))
        else:
            self._break("The vendor's stream ended before the answer did.")
        return chunks

    def _chunk(self, event: Event) -> Chunk | None:
        """The event as a chunk, or None and a fault."""
        data = event.data
        if data[:6] == b"[DONE]":
            if not self.is_headed:
                self._break("The vendor's stream ended before any content.")
                return None
            if not self._finished:
                self._break("The vendor's stream ended without a finish reason.")
                return None
            self.is_done = True
            return Chunk(data=event.raw, last=True)
        try:
            piece = decoded(data)
        except (ValueError, RecursionError):
            if (error := listed(data)) is not None:
                self.fault = error_in(error, is_headed=self.is_headed)
                return None
            if self._is_noisy or any(name in data for name in _PIECES):
                self._break("An event of the vendor's stream is not JSON.")
                return None
            self._is_noisy = True
            return Chunk(data=b"")
        chunk = Chunk(data=event.raw)
        said = piece.usage
        if said is None and piece.choices and (piece.x_groq is not None or piece.choices[0].usage is not None):
            said = piece.said()
        if said is not None and (usage := said.usage()) is not None:
            self.usage = chunk.usage = usage
            self.uncounted = 0
        if (
            piece.error
            or (not piece.choices and piece.usage is None)
            or piece.base_resp is not None
            or piece.x_groq is not None
            or event.name == b"error"
        ):
            try:
                error = untyped(data) if event.name == b"error" else failure(piece, data)
            except (ValueError, RecursionError):  # its first reading skipped what is nested too deep for the second
                self._break("An event of the vendor's stream is nested too deep.")
                return None
            if error is not None:
                self.fault = error_in(error, is_headed=self.is_headed)
                return None
        if piece.choices:
            for choice in piece.choices:
                self._note(choice, chunk)
            if self.fault is not None:
                return None
            if chunk.has_content:
                self.is_headed = True
                self.received += chunk.size
                self.uncounted = 0 if chunk.usage is not None else self.uncounted + chunk.size
        elif piece.usage is not None and not self._call.include_usage:
            chunk.data, chunk.unasked = b"", event.raw
        if chunk.usage is not None and self._finished:
            self.is_counted = True
        return chunk

    def _note(self, choice: Choice, chunk: Chunk) -> None:
        if choice.error or choice.finish_reason in FAILED_FINISHES:
            self.fault = error_in(failed_choice(choice), is_headed=self.is_headed)
            return
        delta = choice.delta
        index = choice.index or 0
        finish = choice.finish_reason
        if finish is not None and finish not in UNSAID:
            chunk.has_content = True
            self._finished.add(index)
            self.is_counted = False  # by this event, or by one that follows
            if index == 0:
                self.finish = chunk.finish = finish
        if delta is None:
            return
        if delta.content:
            chunk.has_content = True
            if index == 0:
                chunk.text = delta.content
            chunk.size += len(delta.content) if delta.content.isascii() else bytes_of(delta.content)
        if delta.tool_calls or (delta.function_call and calls_in(delta.function_call)):
            chunk.has_content = chunk.begins_tool_call = True
        if delta.refusal:
            chunk.has_content = chunk.is_refusal = chunk.is_mixed = True
        if (
            (delta.reasoning_content or delta.reasoning or delta.reasoning_details)
            or (delta.images or delta.annotations or delta.audio)
            or delta.is_other
        ):
            chunk.has_content = chunk.is_mixed = True
        if chunk.is_mixed or chunk.begins_tool_call:
            chunk.size += rest_size(delta)

    @property
    def is_complete(self) -> bool:
        return len(self._finished) >= openai_body.choices_asked(self._call.body)

    def _break(self, why: str) -> None:
        if self.fault is None:
            self.fault = Cut(why) if self.is_headed else Garbled(why)

    # A body instead of a stream

    def give_up(self) -> None:
        if self._body is not None and not self.is_done:
            spent = OpenAIChat().spent(b"".join(self._body))
            self.usage, self.received, self.uncounted = spent.usage, spent.received, spent.uncounted

    def _keep(self, data: bytes) -> None:
        assert self._body is not None
        self._limit -= len(data)
        self.pending += len(data)
        self._body.append(data)
        if self._limit < 0:
            self._body.clear()
            self.pending = 0
            self._break("The vendor answered a streamed call with a body that is too long.")

    def _unstreamed(self, body: bytes) -> list[Chunk]:
        """The chunks of an answer that came as one body; none, and a fault, where it is no answer."""
        self.pending = 0
        if body.lstrip(_BLANK)[:1] == b"<":
            page = "The vendor answered a streamed call with a page for people (HTML)."
            self.fault = Garbled(page, said=VendorSaid(status=200))
            return []
        try:
            answer = OpenAIChat().whole(body, self._call)
            chunks = to_stream(answer, include_usage=self._call.include_usage)
        except CallError as fault:
            self.give_up()
            self.fault = fault.again()
            return []
        self.usage, self.finish, self.received = answer.usage, answer.finish, answer.size
        self.is_headed = self.is_done = True
        self.is_counted = self.usage is not None
        return chunks


# An answer in the form that was not asked for


def is_stream(body: bytes) -> bool:
    lead = body[:64].lstrip(_BLANK)
    return lead[:5] in (b"data:", b"event", b"retry") or lead[:3] == b"id:" or lead[:1] == b":"


def from_stream(body: bytes, call: Asking) -> Chunk:
    """The answer to a call that is not streamed, from a vendor that streams all the same. Raises CallError."""
    decoder = ChatDecoder(call, len(body) + 1)
    chunks = decoder.feed(body)
    chunks += decoder.end()
    if decoder.fault is not None:
        raise unheaded(decoder.fault.again())
    made = as_body(*parted(chunks), is_counted=False)
    if made is None:
        raise Garbled("The vendor answered with a stream that cannot be put together to one body.")
    return OpenAIChat().whole(made, call)


def to_stream(answer: Chunk, *, include_usage: bool) -> list[Chunk]:
    """The events of a streamed call, from a vendor's one body. Raises Garbled where they cannot be told."""
    made = as_events(answer.data, is_counted=False)
    if made is None:
        raise Garbled("The vendor answered a streamed call with a body that cannot be told as a stream.")
    events, counts = made
    shown = msgspec.structs.replace(answer, data=events, usage=None, last=False)
    counted = Chunk(data=counts) if include_usage else Chunk(data=b"", unasked=counts)
    counted.usage = answer.usage
    return [shown, counted, Chunk(data=DONE, last=True)] if counts else [shown, Chunk(data=DONE, last=True)]


def unheaded(fault: CallError) -> CallError:
    """The fault of a stream that nobody has seen anything of: not a cut, but what the vendor's error means."""
    said = fault.said
    if not isinstance(fault, Cut):
        return fault
    if said is None or said.status < 400:
        return Garbled(fault.message, said=said)
    error = {"message": said.message, "type": said.type, "code": said.code, "param": said.param}
    return vendor_error(said.status, (), msgspec.json.encode({"error": error}), 0.0)
