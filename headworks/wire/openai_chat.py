"""Chat completions in OpenAI's dialect: the caller's body, the vendor's request, and its answers, whole and streamed.

Always true of a stream: the chunks are the same however the bytes are cut; each chunk's `data` is the event as it came;
an answer that ends early is never made to look whole. It is whole when `[DONE]` came after a finish reason, or when it
ended after every choice had one: some vendors leave `[DONE]` out, and it is put in for the caller's SDK. `[DONE]` alone
is no proof: servers send it too behind a generation that they have aborted.

One event that is no JSON is skipped if the stream goes on, for some proxies put words of their own between the events
(`ping`, `undefined`). A second one, or one in which a piece of an answer can be seen, is a break: a hole in the text
would be a truncated answer that looks whole (`docs/adr/0024`).
"""

from __future__ import annotations

from typing import Final

from headworks.core.call import PROMPT_PREFIX, Call
from headworks.core.errors import CallError, Cut, Garbled, Malformed, VendorSaid
from headworks.core.reply import Chunk, Usage
from headworks.wire import openai_body
from headworks.wire.dialect import Asked, Headers
from headworks.wire.members import members
from headworks.wire.openai_answer import UNSAID, Choice, Message, calls_in, decoded, untyped
from headworks.wire.openai_errors import error_in, garbled, vendor_error
from headworks.wire.openai_types import require_messages, require_types
from headworks.wire.sse import MOST_BYTES, Event, Splitter

DONE: Final = b"data: [DONE]\n\n"

_PIECES: Final = (b'"choices"', b'"delta"', b'"content"', b'"error"', b'"finish_reason"')
"""What a piece of an answer has in it, even where it is no JSON any more."""

MOST_SILENT: Final = 1_000_000
"""Bytes of comments and of events without content between two contents. The event under way is not counted."""


# The caller's side


def read_chat(body: bytes) -> Asked:
    """What a caller asks. Raises Malformed, with `param` where one field is the reason."""
    found = members(body)
    model = openai_body.read_model(found)
    if not model.startswith(PROMPT_PREFIX):  # a prompt brings its own
        openai_body.require_content(found, "messages", "send at least one message", listed=True)
    options = found.get("stream_options")
    include_usage = False
    if options is not None and bytes(options) != b"null":
        if bytes(options)[:1] != b"{":
            message = f"`stream_options` must be an object, not {openai_body.kind(options)}."
            raise Malformed(message, param="stream_options")
        inside = members(bytes(options), "stream_options")
        include_usage = openai_body.read_flag(inside, "include_usage", "stream_options.")
    # What is missing costs no call: a body has a few of these members, and each look by a function is 0.2 us.
    bound = openai_body.read_bound(found, "max_tokens") if "max_tokens" in found else None
    newer_bound = None
    if "max_completion_tokens" in found:
        newer_bound = openai_body.read_bound(found, "max_completion_tokens")
    if newer_bound is not None and (bound is None or newer_bound > bound):
        bound = newer_bound  # a vendor may read either: the larger one is what may come
    asked = Asked(
        model=model,
        streamed=openai_body.read_flag(found, "stream"),
        include_usage=include_usage,
        max_output=bound,
        user=openai_body.read_user(found) if "user" in found or "safety_identifier" in found else None,
    )
    require_types(found)
    if not model.startswith(PROMPT_PREFIX):
        require_messages(found["messages"])
    return asked


# The vendor's side


class OpenAIChat:
    """`/chat/completions`, as OpenAI and the many that follow it serve it."""

    path: Final = b"/chat/completions"

    def request(self, call: Call, model: bytes, *, counted: bool) -> bytes:
        body = call.body if call.bound is None else openai_body.with_bound(call.body, model, call.bound)
        if call.streamed and counted and not call.include_usage:
            return openai_body.with_usage(body, model)
        return openai_body.with_model(body, model)

    def forwards(self, name: bytes) -> bool:
        return openai_body.forwards(name)

    def returned(self, headers: Headers) -> tuple[str, tuple[tuple[bytes, bytes], ...]]:
        return openai_body.returned(headers)

    def decoder(self, call: Call) -> ChatDecoder:
        return ChatDecoder(call)

    def whole(self, body: bytes, call: Call) -> Chunk:
        try:
            answer = decoded(body)
        except (ValueError, RecursionError):
            raise garbled(body) from None
        if answer.error:
            raise error_in(untyped(body), is_headed=False)
        if not answer.choices:
            raise Garbled("The vendor's answer has no choices.")
        first = answer.choices[0]
        message = first.message or Message()
        return Chunk(
            data=body,
            has_content=True,
            text=message.content or "",
            begins_tool_call=bool(message.tool_calls or (message.function_call and calls_in(message.function_call))),
            is_refusal=bool(message.refusal),
            finish=None if first.finish_reason in UNSAID else first.finish_reason,
            usage=answer.usage.usage() if answer.usage is not None else None,
            last=True,
        )

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


class ChatDecoder:
    """A vendor's stream, see StreamDecoder. Comments and empty events are dropped: they are for whoever is waiting."""

    __slots__ = (
        "_call",
        "_finished",
        "_is_noisy",
        "_is_plain",
        "_silent",
        "_splitter",
        "fault",
        "finish",
        "is_counted",
        "is_done",
        "is_headed",
        "pending",
        "usage",
    )

    def __init__(self, call: Call, limit: int = MOST_BYTES) -> None:
        self._call = call
        self._splitter = Splitter(limit)
        self._finished: set[int] = set()
        self._is_plain = True  # no event yet: it may be a body that is no stream at all
        self._is_noisy = False  # one event was skipped
        self._silent = 0  # bytes since the last content
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
        splitter = self._splitter
        events = splitter.feed(data)
        self.pending = splitter.size
        for event in events:
            self._is_plain = False
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
        elif splitter.skipped + splitter.comments + self._silent > MOST_SILENT:
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
        if self._is_plain and self._splitter.tail.lstrip()[:1] in (b"{", b"[", b"<"):
            self.fault = self._unstreamed(self._splitter.tail)
            return []
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
            if self._is_noisy or any(name in data for name in _PIECES):
                self._break("An event of the vendor's stream is not JSON.")
                return None
            self._is_noisy = True
            return Chunk(data=b"")
        if piece.error or event.name == b"error":
            self.fault = error_in(untyped(data), is_headed=self.is_headed)
            return None
        chunk = Chunk(data=event.raw)
        if piece.usage is not None:
            self.usage = chunk.usage = piece.usage.usage()
        if piece.choices:
            for choice in piece.choices:
                self._note(choice, chunk)
            if chunk.has_content:
                self.is_headed = True
        elif chunk.usage is not None and not self._call.include_usage:
            chunk.data, chunk.unasked = b"", event.raw
        if chunk.usage is not None and self._finished:
            self.is_counted = True
        return chunk

    def _note(self, choice: Choice, chunk: Chunk) -> None:
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

    @property
    def is_complete(self) -> bool:
        return len(self._finished) >= openai_body.choices_asked(self._call.body)

    def _break(self, why: str) -> None:
        if self.fault is None:
            self.fault = Cut(why) if self.is_headed else Garbled(why)

    def _unstreamed(self, body: bytes) -> CallError:
        if body.lstrip()[:1] == b"<":
            return Garbled(
                "The vendor answered a streamed call with a page for people (HTML).", said=VendorSaid(status=200)
            )
        try:
            content = untyped(body)
        except (ValueError, RecursionError):
            return Garbled("The vendor's stream is no stream of events.")
        if isinstance(content, list) or (isinstance(content, dict) and content.get("error")):
            return error_in(content, is_headed=False)
        return Garbled("The vendor answered a streamed call with one JSON body.", said=VendorSaid(status=200))
