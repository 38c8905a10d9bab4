"""`/v1/messages/count_tokens`: how many tokens a question has. Both sides, for there is nothing to translate.

A vendor of this API is asked. Elsewhere the answer is an estimate of ours, which `docs/dialects/anthropic.md` states: a token
for four bytes of what the model reads, and a fixed number for what is no text. It is free, and counts against no budget.
"""

from __future__ import annotations

from typing import Any, Final

import msgspec

from headworks.core.call import Call
from headworks.core.dialect import Asked, Operation, Weight
from headworks.core.errors import CallError, Garbled
from headworks.core.reply import Chunk
from headworks.wire.anthropic import errors
from headworks.wire.anthropic import headers as own
from headworks.wire.anthropic.ordinary import is_ordinary
from headworks.wire.anthropic.question import question
from headworks.wire.anthropic.request import caller, require
from headworks.wire.anthropic.translation.sealed import without_foreign
from headworks.wire.json_body import read_model, with_model
from headworks.wire.json_text import read_json, write_json
from headworks.wire.members import members
from headworks.wire.sides import Spent, StreamDecoder
from headworks.wire.whole_forms import WholeForms

NAME: Final = "anthropic.count_tokens"

BYTES_PER_TOKEN: Final = 4

PICTURE: Final = 1600
"""Tokens of a picture: the most that one of usual size has (https://platform.claude.com/docs/en/build-with-claude/vision)."""

DOCUMENT: Final = 3000
"""Tokens for each 100 kB begun of a document that is no text: about a page of a PDF with its picture."""

_PAGE: Final = 100_000

MOST_READ: Final = 60_000
"""Lists and objects from which a body is not taken apart: its length alone is counted."""

MOST_COMMAS: Final = 300_000
"""Commas, of a text or between values, from which it is the same: two million texts hold the loop for half a second."""


class _Counted(msgspec.Struct):
    input_tokens: int


_COUNTED: Final = msgspec.json.Decoder(_Counted)


class CountingCaller:
    """Callers of `/v1/messages/count_tokens`."""

    name: Final = NAME
    id_header: Final = own.REQUEST_ID
    keepalive: Final = b""
    bound_name: Final = ""
    operation: Final[Operation] = "count"
    own_headers: Final = own.OWN_HEADERS
    forms: Final = WholeForms()
    splice: Final = None
    turns: Final = None
    question = staticmethod(question)
    is_ordinary = staticmethod(is_ordinary)
    status = staticmethod(errors.status_of)
    problem = staticmethod(errors.problem)
    event = staticmethod(errors.event)

    def read(self, body: bytes, path: str = "", /) -> Asked:
        found = members(body)
        model = read_model(found)
        require(found, model)
        user, session = caller(found) if "metadata" in found else (None, None)
        return Asked(model=model, user=user, session=session)

    def weigh(self, body: bytes, /) -> Weight:
        return Weight()

    def estimated(self, body: bytes, /) -> bytes:
        return b'{"input_tokens":%d}' % estimate(body)


class CountedTokens:
    """`/messages/count_tokens`, as Anthropic serves it."""

    operation: Final[Operation] = "count"
    defaults: Final = own.DEFAULTS
    forwards = staticmethod(own.forwards)
    returned = staticmethod(own.returned)
    error = staticmethod(errors.vendor_error)

    def path(self, model: str, *, streamed: bool) -> bytes:
        return b"/messages/count_tokens"

    def request(self, call: Call, model: bytes, *, counted: bool) -> bytes:
        return without_foreign(with_model(call.body, model))

    def decoder(self, call: Call, sent: bytes = b"", /) -> StreamDecoder | None:
        return None

    def whole(self, body: bytes, call: Call, sent: bytes = b"", /) -> Chunk:
        try:
            _COUNTED.decode(body)
        except (ValueError, RecursionError):
            raise Garbled("The vendor's answer has no `input_tokens`.") from None
        return Chunk(data=body, has_content=True, last=True)

    def spent(self, body: bytes) -> Spent:
        return Spent()

    def refuses_counting(self, error: CallError, call: Call) -> bool:
        return False


def estimate(body: bytes) -> int:
    """About how many tokens a question has."""
    if body.count(b"{") + body.count(b"[") > MOST_READ or body.count(b",") > MOST_COMMAS:
        return -(-len(body) // BYTES_PER_TOKEN)
    try:
        asked = read_json(body)
    except (ValueError, RecursionError):
        return -(-len(body) // BYTES_PER_TOKEN)
    read = [asked.get("system"), asked.get("messages")] if isinstance(asked, dict) else []
    size = sum(map(_size, read))
    tools = asked.get("tools") if isinstance(asked, dict) else None
    if tools:
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
    kind = value.get("type")
    if kind == "image":
        return PICTURE * BYTES_PER_TOKEN
    if kind == "document" and isinstance(source := value.get("source"), dict) and source.get("type") != "text":
        data = source.get("data")
        size = len(data) if isinstance(data, str) else 0
        pages = max(1, -(-size * 3 // (4 * _PAGE)))
        return _size(source.get("content")) or pages * DOCUMENT * BYTES_PER_TOKEN
    return sum([_size(one) for name, one in value.items() if name not in _UNREAD])


_UNREAD: Final = frozenset({"type", "role", "cache_control", "id", "tool_use_id", "media_type", "signature"})
"""Members of which a model reads nothing."""

COUNT: Final = CountingCaller()
