"""Embeddings in OpenAI's dialect: passed through, with the tokens counted. There are no streams."""

from __future__ import annotations

from typing import Any, Final

import msgspec

from headworks.core.call import Call
from headworks.core.errors import CallError, Garbled
from headworks.core.reply import Chunk
from headworks.wire import openai_body
from headworks.wire.dialect import Asked, Headers, StreamDecoder
from headworks.wire.members import members
from headworks.wire.openai_answer import untyped
from headworks.wire.openai_errors import error_in, garbled, vendor_error
from headworks.wire.openai_usage import UsageSaid


def read_embeddings(body: bytes) -> Asked:
    """What a caller asks. Raises Malformed, with `param` where one field is the reason."""
    found = members(body)
    model = openai_body.read_model(found)
    openai_body.require_content(found, "input", "send a string, or a list of strings or tokens", listed=False)
    return Asked(model=model, user=openai_body.read_user(found))


class Embedded(msgspec.Struct):
    """An answer: the vectors are not looked at."""

    data: msgspec.Raw = msgspec.Raw()
    usage: UsageSaid | None = None
    error: Any = None


_EMBEDDED = msgspec.json.Decoder(Embedded)


class OpenAIEmbeddings:
    """`/embeddings`, as OpenAI and the many that follow it serve it."""

    path: Final = b"/embeddings"

    def request(self, call: Call, model: bytes, *, counted: bool) -> bytes:
        return openai_body.with_model(call.body, model)

    def forwards(self, name: bytes) -> bool:
        return openai_body.forwards(name)

    def returned(self, headers: Headers) -> tuple[str, tuple[tuple[bytes, bytes], ...]]:
        return openai_body.returned(headers)

    def decoder(self, call: Call) -> StreamDecoder | None:
        return None

    def whole(self, body: bytes, call: Call) -> Chunk:
        try:
            answer = _EMBEDDED.decode(body)
        except (ValueError, RecursionError):
            raise garbled(body) from None
        if answer.error:
            raise error_in(untyped(body), is_headed=False)
        if not openai_body.is_filled_list(answer.data):
            raise Garbled("The vendor's answer has no embeddings.")
        usage = answer.usage.usage() if answer.usage is not None else None
        return Chunk(data=body, has_content=True, usage=usage, last=True)

    def error(self, status: int, headers: Headers, body: bytes, wall: float) -> CallError:
        return vendor_error(status, headers, body, wall)

    def refuses_counting(self, error: CallError, call: Call) -> bool:
        return False  # nothing was added to its request
