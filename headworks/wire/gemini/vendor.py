"""Gemini's `generateContent` as a vendor: how it is asked and read. Vertex speaks the same below another base URL."""

from __future__ import annotations

from typing import Final
from urllib.parse import quote

from headworks.core.call import Call
from headworks.core.dialect import Headers, Operation, Prefill
from headworks.core.errors import CallError, Garbled
from headworks.core.reply import Chunk
from headworks.wire.error_reading import garbled
from headworks.wire.gemini import body as gemini_body
from headworks.wire.gemini.answer import decoded, parts_of, reason_of, size_of
from headworks.wire.gemini.decoder import GenerateDecoder, pieces_in
from headworks.wire.gemini.errors import error_in, vendor_error
from headworks.wire.gemini.forms import as_body, parted
from headworks.wire.gemini.translation.decoder import GeneratePieces
from headworks.wire.gemini.translation.question_writer import body_of
from headworks.wire.gemini.translation.sealed import without_foreign
from headworks.wire.json_text import read_json
from headworks.wire.openai.chat import is_stream
from headworks.wire.sides import Spent


class GeminiGenerate:
    """`models/{model}:generateContent` and `:streamGenerateContent`."""

    operation: Final[Operation] = "chat"

    def path(self, model: str, *, streamed: bool) -> bytes:
        method = "streamGenerateContent?alt=sse" if streamed else "generateContent"
        return f"/{resource(model)}:{method}".encode()

    def request(self, call: Call, model: bytes, *, counted: bool) -> bytes:
        body = without_foreign(call.body)
        return body if call.bound is None else gemini_body.with_bound(body, call.bound)

    def forwards(self, name: bytes) -> bool:
        return gemini_body.forwards(name)

    def returned(self, headers: Headers, more: frozenset[bytes]) -> tuple[str, tuple[tuple[bytes, bytes], ...]]:
        return gemini_body.returned(headers, more)

    def decoder(self, call: Call, sent: bytes = b"", /) -> GenerateDecoder:
        return GenerateDecoder(call.body)

    def whole(self, body: bytes, call: Call, sent: bytes = b"", /) -> Chunk:
        try:
            answer = decoded(body)
        except (ValueError, RecursionError):
            if is_stream(body):
                return from_stream(body, call)
            if (error := _listed(body)) is not None:
                raise error_in(error, is_headed=False) from None
            raise garbled(body) from None
        if answer.error:
            raise error_in(read_json(body), is_headed=False)
        candidates = answer.candidates or []
        if not answer.blocked and not any(parts_of(one) or reason_of(one) for one in candidates):
            raise Garbled("The vendor's answer has no candidates, or nothing in them.")
        said = answer.usage_metadata
        chunk = Chunk(data=body, has_content=True, last=True, usage=None if said is None else said.usage())
        chunk.finish = reason_of(candidates[0]) if candidates else answer.blocked
        for at, candidate in enumerate(candidates):
            for part in parts_of(candidate):
                chunk.size += size_of(part)
                chunk.begins_tool_call |= part.function_call is not None
                if at == 0 and part.text and not part.thought:
                    chunk.text += part.text
        return chunk

    def spent(self, body: bytes) -> Spent:
        decoder = GenerateDecoder(b"", len(body) + 1)
        if is_stream(body):
            decoder.feed(body)
            return Spent(decoder.usage, decoder.received, decoder.uncounted)
        usage, received = None, 0
        for piece in pieces_in(body):
            usage = (piece.usage_metadata.usage() if piece.usage_metadata is not None else None) or usage
            received += sum([size_of(part) for one in piece.candidates or () for part in parts_of(one)])
        return Spent(usage, received)

    def error(self, status: int, headers: Headers, body: bytes, wall: float) -> CallError:
        return vendor_error(status, headers, body, wall)

    def refuses_counting(self, error: CallError, call: Call) -> bool:
        return False  # tokens are always told: nothing was added to ask for them

    # To and from the hub

    body_of = staticmethod(body_of)

    def begun(self, body: bytes, form: Prefill, /) -> bytes:
        return body  # a last content of the model's is enough where it is taken at all

    def pieces(self) -> GeneratePieces:
        return GeneratePieces()


def resource(model: str) -> str:
    """A model's name in a path: `models/` before it, but for what has a collection of its own (`tunedModels/x`)."""
    named = model if model.startswith(("models/", "tunedModels/", "publishers/", "endpoints/")) else f"models/{model}"
    return quote(named, safe="/-._~@")


def from_stream(body: bytes, call: Call) -> Chunk:
    """The answer to a call that is not streamed, from a vendor that streams all the same. Raises CallError."""
    decoder = GenerateDecoder(call.body, len(body) + 1)
    chunks = decoder.feed(body)
    chunks += decoder.end()
    if decoder.fault is not None:
        raise Garbled(decoder.fault.message, said=decoder.fault.said)
    made = as_body(*parted(chunks))
    if made is None:
        raise Garbled("The vendor answered with a stream that cannot be put together to one body.")
    return GeminiGenerate().whole(made, call)


def _listed(body: bytes) -> object:
    """An error that is wrapped in a list, as streams without `alt=sse` have it; None where it is none."""
    try:
        content = read_json(body)
    except (ValueError, RecursionError):
        return None
    is_error = isinstance(content, list) and bool(content) and isinstance(content[0], dict) and content[0].get("error")
    return content if is_error else None
