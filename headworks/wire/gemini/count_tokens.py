"""`:countTokens`: how many tokens a question has. Both sides, for there is nothing to translate.

A vendor of this API is asked. Elsewhere the answer is an estimate of ours, which `docs/dialects/gemini.md` states: a token for four
bytes of what the model reads, and 258 for a picture, a page of a document or what else is no text (ai.google.dev/gemini-api/docs/tokens, read
2026-11-30). It is free, and counts against no budget.
"""

from __future__ import annotations

from typing import Any, Final

import msgspec

from headworks.core.call import Call
from headworks.core.dialect import Asked, Headers, Operation, Weight
from headworks.core.errors import CallError, Garbled, Malformed
from headworks.core.reply import Chunk
from headworks.wire.gemini import body as gemini_body
from headworks.wire.gemini.errors import event, problem, status, vendor_error
from headworks.wire.gemini.names import cameled
from headworks.wire.gemini.ordinary import is_ordinary
from headworks.wire.gemini.question import question
from headworks.wire.gemini.vendor import resource
from headworks.wire.json_text import read_json, write_json
from headworks.wire.members import members
from headworks.wire.sides import Spent, StreamDecoder
from headworks.wire.whole_forms import WholeForms

NAME: Final = "gemini.count"

WITHIN: Final = ("generateContentRequest", "generate_content_request")
"""Where a whole question stands, with its tools and instructions; else its contents stand alone."""

BYTES_PER_TOKEN: Final = 4

OTHER: Final = 258
"""Tokens of a picture or a page."""

_PAGE: Final = 100_000

MOST_READ: Final = 60_000
"""Lists and objects from which a body is not taken apart: its length alone is counted."""

MOST_COMMAS: Final = 300_000
"""Commas, of a text or between values, from which it is the same: two million texts held the loop for 0.8 s."""

_UNREAD: Final = frozenset({"role", "thoughtSignature", "mimeType", "model", "id", "displayName", "fileUri"})
"""Members of which a model reads nothing."""


class _Counted(msgspec.Struct, rename="camel"):
    total_tokens: int


_COUNTED: Final = msgspec.json.Decoder(_Counted)


class CountingCaller:
    """Callers of `models/{model}:countTokens`."""

    name: Final = NAME
    id_header: Final = b""
    keepalive: Final = b""
    bound_name: Final = ""
    operation: Final[Operation] = "count"
    own_headers: Final = b"x-goog-api-client"
    forms: Final = WholeForms()
    splice: Final = None
    turns: Final = None
    question = staticmethod(question)
    is_ordinary = staticmethod(is_ordinary)
    status = staticmethod(status)
    problem = staticmethod(problem)
    event = staticmethod(event)

    def read(self, body: bytes, path: str = "", /) -> Asked:
        found = members(body)
        if "contents" not in found and gemini_body.named(found, WITHIN) is None:
            raise Malformed("`contents` is missing: send what is to be counted.", param="contents")
        return Asked(model=gemini_body.asked_in(path)[0])

    def weigh(self, body: bytes, /) -> Weight:
        return Weight()

    def estimated(self, body: bytes, /) -> bytes:
        count = estimate(body)
        details = [{"modality": "TEXT", "tokenCount": count}]
        return write_json({"totalTokens": count, "promptTokensDetails": details})


class CountedTokens:
    """`models/{model}:countTokens`, as Gemini serves it."""

    operation: Final[Operation] = "count"
    forwards = staticmethod(gemini_body.forwards)
    error = staticmethod(vendor_error)

    def path(self, model: str, *, streamed: bool) -> bytes:
        return f"/{resource(model)}:countTokens".encode()

    def request(self, call: Call, model: bytes, *, counted: bool) -> bytes:
        """The question within has to name the path's model."""
        body = call.body
        found = members(body)
        name = gemini_body.named(found, WITHIN)
        if name is None:
            return body
        asked = gemini_body.inside(found, name)
        asked["model"] = msgspec.Raw(write_json(resource(msgspec.json.decode(model, type=str))))
        return gemini_body.replaced(body, found, name, msgspec.json.encode(asked))

    def returned(self, headers: Headers, more: frozenset[bytes]) -> tuple[str, tuple[tuple[bytes, bytes], ...]]:
        return gemini_body.returned(headers, more)

    def decoder(self, call: Call, sent: bytes = b"", /) -> StreamDecoder | None:
        return None

    def whole(self, body: bytes, call: Call, sent: bytes = b"", /) -> Chunk:
        try:
            _COUNTED.decode(body)
        except (ValueError, RecursionError):
            raise Garbled("The vendor's answer has no `totalTokens`.") from None
        return Chunk(data=body, has_content=True, last=True)

    def spent(self, body: bytes) -> Spent:
        return Spent()

    def refuses_counting(self, error: CallError, call: Call) -> bool:
        return False


def is_short(body: bytes) -> bool:
    """Whether its values are few enough to be looked at one by one."""
    return body.count(b"{") + body.count(b"[") <= MOST_READ and body.count(b",") <= MOST_COMMAS


def estimate(body: bytes) -> int:
    """About how many tokens a question has."""
    try:
        asked = read_json(body) if is_short(body) else None
    except (ValueError, RecursionError):
        asked = None
    if not isinstance(asked, dict):
        return -(-len(body) // BYTES_PER_TOKEN)
    said = cameled(asked)
    said = cameled(within) if isinstance(within := said.get("generateContentRequest"), dict) else said
    size = sum([_size(said.get(name)) for name in ("contents", "systemInstruction")])
    if tools := said.get("tools"):
        size += len(write_json(tools))
    return max(1, -(-size // BYTES_PER_TOKEN))


def _size(value: Any) -> int:
    """Bytes that a model reads of a value; what is no text counts as so many bytes as its tokens have."""
    if isinstance(value, str):
        return len(value.encode("utf-8", "surrogatepass"))
    if isinstance(value, list):
        return sum(map(_size, value))
    if not isinstance(value, dict):
        return 0
    said = cameled(value)
    size = sum([_size(one) for name, one in said.items() if name not in _UNREAD and name not in _MEDIA])
    for name in _MEDIA:
        if isinstance(media := said.get(name), dict):
            data = media.get("data")
            pages = max(1, -(-len(data) * 3 // (4 * _PAGE))) if isinstance(data, str) else 1
            size += pages * OTHER * BYTES_PER_TOKEN
    return size


_MEDIA: Final = ("inlineData", "fileData")

COUNT: Final = CountingCaller()
