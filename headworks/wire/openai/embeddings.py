"""Embeddings in OpenAI's dialect: passed through, with the tokens counted. There are no streams."""

from __future__ import annotations

from typing import Any, Final

import msgspec

from headworks.core.call import Call
from headworks.core.dialect import Asked, Headers, Operation
from headworks.core.errors import CallError, Garbled
from headworks.core.reply import Chunk, Usage
from headworks.wire.members import members
from headworks.wire.openai import body as openai_body
from headworks.wire.openai.answer import BaseResp, Completion, untyped
from headworks.wire.openai.error_in_success import failed_beside, failed_instead
from headworks.wire.openai.errors import error_in, garbled, vendor_error
from headworks.wire.openai.usage import read_usage
from headworks.wire.sides import Spent, StreamDecoder


def read_embeddings(body: bytes, path: str = "") -> Asked:
    """What a caller asks. Raises Malformed, with `param` where one field is the reason."""
    found = members(body)
    model = openai_body.read_model(found)
    openai_body.require_content(found, "input", "send a string, or a list of strings or tokens", listed=False)
    return Asked(model=model, user=openai_body.read_user(found))


class Embedded(msgspec.Struct):
    """An answer: the vectors are not looked at."""

    data: msgspec.Raw = msgspec.Raw()
    usage: Any = None
    error: Any = None
    base_resp: BaseResp | None = None


_EMBEDDED = msgspec.json.Decoder(Embedded)


class OpenAIEmbeddings:
    """`/embeddings`, as OpenAI and the many that follow it serve it."""

    operation: Final[Operation] = "embeddings"

    def path(self, model: str, *, streamed: bool) -> bytes:
        return b"/embeddings"

    def request(self, call: Call, model: bytes, *, counted: bool) -> bytes:
        return openai_body.with_model(call.body, model)

    def forwards(self, name: bytes) -> bool:
        return openai_body.forwards(name)

    def returned(self, headers: Headers, more: frozenset[bytes]) -> tuple[str, tuple[tuple[bytes, bytes], ...]]:
        return openai_body.returned(headers, more)

    def decoder(self, call: Call, sent: bytes = b"", /) -> StreamDecoder | None:
        return None

    def whole(self, body: bytes, call: Call, sent: bytes = b"", /) -> Chunk:
        try:
            answer = _EMBEDDED.decode(body)
        except (ValueError, RecursionError):
            raise garbled(body) from None
        if answer.error:
            raise error_in(_untyped(body), is_headed=False)
        if (error := failed_beside(Completion(base_resp=answer.base_resp))) is not None:
            raise error_in(error, is_headed=False)
        if not openai_body.is_filled_list(answer.data):
            if (error := failed_instead(_untyped(body))) is not None:
                raise error_in(error, is_headed=False)
            raise Garbled("The vendor's answer has no embeddings.")
        return Chunk(data=body, has_content=True, usage=_usage(answer), last=True)

    def spent(self, body: bytes) -> Spent:
        try:
            return Spent(_usage(_EMBEDDED.decode(body)))
        except (ValueError, RecursionError):
            return Spent()

    def error(self, status: int, headers: Headers, body: bytes, wall: float) -> CallError:
        return vendor_error(status, headers, body, wall)

    def refuses_counting(self, error: CallError, call: Call) -> bool:
        return False  # nothing was added to its request


def _untyped(body: bytes) -> Any:
    """The answer as a value. Raises Garbled: its first reading skipped what is nested too deep, or too large, for this one."""
    try:
        return untyped(body)
    except (ValueError, RecursionError):
        raise garbled(body) from None


def _usage(answer: Embedded) -> Usage | None:
    """Every token is input, also where only a total is said."""
    return read_usage(answer.usage).usage(is_answer=False) if isinstance(answer.usage, dict) else None
