"""Embeddings in OpenAI's dialect: passed through, with the tokens counted. There are no streams."""

from __future__ import annotations

from base64 import b64encode
from struct import pack
from typing import Any, Final

import msgspec

from headworks.core.call import Call
from headworks.core.dialect import Asked, Headers, Operation
from headworks.core.errors import CallError, Garbled, Malformed
from headworks.core.reply import Chunk, Usage
from headworks.wire import hub
from headworks.wire.json_text import write_json
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

    # To and from the hub

    def embedding_body(self, asked: hub.Embedding, model: str, /) -> bytes:
        said: dict[str, Any] = {"model": model, "input": list(asked.inputs), "encoding_format": "float"}
        if asked.dimensions is not None:
            said["dimensions"] = asked.dimensions
        if asked.user:
            said["user"] = asked.user
        return write_json(said)

    def vectors_of(self, body: bytes, /) -> hub.Vectors:
        try:
            answer = _VECTORS.decode(body)
        except (ValueError, RecursionError):
            raise Garbled("The vendor's answer has embeddings in a form that cannot be told.") from None
        rows = sorted(answer.data, key=lambda row: row.index)
        if not all(openai_body.is_filled_list(row.embedding) for row in rows):
            raise Garbled("The vendor's answer has embeddings that are no lists of numbers.")
        usage = _usage(Embedded(usage=answer.usage))
        return hub.Vectors(vectors=tuple([row.embedding for row in rows]), usage=usage, model=answer.model)


class _Row(msgspec.Struct):
    embedding: msgspec.Raw
    index: int = 0


class _Rows(msgspec.Struct):
    data: list[_Row]
    model: str = ""
    usage: Any = None


_VECTORS: Final = msgspec.json.Decoder(_Rows)


class _Question(msgspec.Struct):
    """What a caller asks, as far as another API has words for it."""

    input: str | list[str | int | list[int]]
    dimensions: int | None = None
    user: str | None = None
    encoding_format: str | None = None


_ASKED: Final = msgspec.json.Decoder(_Question)
_NUMBERS: Final = msgspec.json.Decoder(list[float])


def embedding_of(body: bytes, /) -> hub.Embedding:
    """What a body asks. Raises Malformed."""
    try:
        asked = _ASKED.decode(body)
    except (ValueError, RecursionError) as error:
        raise Malformed(f"The body cannot be embedded by a vendor of another API: {error}", param="input") from None
    said = asked.input
    if isinstance(said, str):
        said = [said]
    tokens = tuple([one for one in said if isinstance(one, int)])
    inputs: tuple[hub.Input, ...] = (tokens,) if tokens else ()
    inputs += tuple([one if isinstance(one, str) else tuple(one) for one in said if not isinstance(one, int)])
    return hub.Embedding(inputs=inputs, dimensions=asked.dimensions, user=asked.user or "")


def written_vectors(vectors: hub.Vectors, call: Call, /) -> bytes:
    """The answer to this call. In base64 a vector is 32-bit floats, the least byte first: the official SDK asks for it."""
    is_packed = _ASKED.decode(call.body).encoding_format == "base64"
    rows = [
        {"object": "embedding", "index": at, "embedding": _packed(one) if is_packed else one}
        for at, one in enumerate(vectors.vectors)
    ]
    tokens = 0 if vectors.usage is None else vectors.usage.input_tokens
    usage = {"prompt_tokens": tokens, "total_tokens": tokens}
    return write_json({"object": "list", "data": rows, "model": vectors.model or call.alias, "usage": usage})


def _packed(vector: msgspec.Raw) -> str:
    try:
        numbers = _NUMBERS.decode(vector)
        return b64encode(pack(f"<{len(numbers)}f", *numbers)).decode()
    except (ValueError, OverflowError):
        raise Garbled("The vendor's answer has an embedding that is no list of numbers.") from None


def _untyped(body: bytes) -> Any:
    """The answer as a value. Raises Garbled: its first reading skipped what is nested too deep, or too large, for this one."""
    try:
        return untyped(body)
    except (ValueError, RecursionError):
        raise garbled(body) from None


def _usage(answer: Embedded) -> Usage | None:
    """Every token is input, also where only a total is said."""
    return read_usage(answer.usage).usage(is_answer=False) if isinstance(answer.usage, dict) else None
