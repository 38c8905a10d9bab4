"""Embeddings in Gemini's dialect: `:embedContent` for one content, `:batchEmbedContents` for many.

Always true: between Gemini and Gemini a body passes as it came, but for the model that each request of it names again: Google refuses one
that is not the path's. For other vendors a content is its text; what is no text is refused before anything is sent.
Sources: ai.google.dev/api/embeddings and google-genai 2.34.0 (`models.py`), read 2026-11-30.
"""

from __future__ import annotations

from typing import Any, Final

import msgspec

from headworks.core.call import Call
from headworks.core.dialect import Asked, Headers, Operation, Weight
from headworks.core.errors import CallError, Garbled, Malformed, Refused
from headworks.core.reply import Chunk, Usage
from headworks.wire import hub
from headworks.wire.density import require_sparse
from headworks.wire.error_reading import garbled
from headworks.wire.gemini import body as gemini_body
from headworks.wire.gemini.errors import error_in, vendor_error
from headworks.wire.gemini.names import cameled
from headworks.wire.gemini.usage import UsageSaid, read_usage
from headworks.wire.gemini.vendor import resource
from headworks.wire.gemini.weight import DENSE, Counted, Unbounded
from headworks.wire.json_body import is_filled_list, require_content
from headworks.wire.json_text import read_json, write_json
from headworks.wire.members import members
from headworks.wire.sides import Spent, StreamDecoder

_ORDINARY: Final = frozenset({"content", "requests", "model", "outputDimensionality", "taskType", "title"})


def read_embed(body: bytes, path: str = "") -> Asked:
    """What a caller of `:embedContent` asks. Raises Malformed."""
    require_content(members(body), "content", "send what is to be embedded", listed=False)
    return Asked(model=gemini_body.asked_in(path)[0])


def read_batch(body: bytes, path: str = "") -> Asked:
    """What a caller of `:batchEmbedContents` asks. Raises Malformed."""
    require_content(members(body), "requests", "send at least one request", listed=True)
    return Asked(model=gemini_body.asked_in(path)[0])


def weigh(body: bytes, /) -> Weight:
    """Texts are bounded by their bytes, and there is no output; pictures are counted."""
    if body.count(b"{") + body.count(b"[") > DENSE:
        return Weight(unbounded="content")
    counted = Counted()
    try:
        said = _value(body)
        requests = said.get("requests")
        for one in [one for one in requests if isinstance(one, dict)] if isinstance(requests, list) else [said]:
            counted.contents(one.get("content"))
    except Unbounded as error:
        return Weight(unbounded=str(error)[:80])
    except Malformed:
        return Weight(unbounded="content")
    return Weight(pictures=(0, counted.pictures), is_audible=counted.is_audible)


def is_ordinary(body: bytes, headers: Headers, /) -> bool:
    try:
        return not headers and members(body).keys() <= _ORDINARY
    except Malformed:
        return False


def written_model(body: bytes, model: str) -> bytes:
    """The body with this model wherever it names one. What names none passes as it came. Raises Malformed."""
    if b'"model"' not in body:
        return body
    found = members(body)
    name = write_json(resource(model))
    if "requests" in found:
        require_sparse(body)
        try:
            requests = read_json(found["requests"])
        except (ValueError, RecursionError):
            message = "`requests` is nested too deep, or holds a number that is too long."
            raise Malformed(message, param="requests") from None
        named = [{**one, "model": resource(model)} if isinstance(one, dict) else one for one in requests]
        return gemini_body.replaced(body, found, "requests", write_json(named))
    return gemini_body.replaced(body, found, "model", name) if "model" in found else body


# To the hub


def batch_of(body: bytes, /) -> hub.Embedding:
    return _embedding(_value(body).get("requests"), "requests[{}].content")


def single_of(body: bytes, /) -> hub.Embedding:
    return _embedding([_value(body)], "content")


def _value(body: bytes) -> dict[str, Any]:
    try:
        said = read_json(body)
    except (ValueError, RecursionError):
        raise Malformed("The body cannot be read.") from None
    return said if isinstance(said, dict) else {}


def _embedding(requests: Any, path: str) -> hub.Embedding:
    inputs: list[str] = []
    dimensions: int | None = None
    for at, one in enumerate(requests if isinstance(requests, list) else ()):
        said = cameled(one) if isinstance(one, dict) else {}
        inputs.append(_text(said.get("content"), path.format(at)))
        if isinstance(length := said.get("outputDimensionality"), int) and length > 0:
            if at and length != dimensions:
                raise Refused("Vectors of one call must be of one length here.", param="outputDimensionality")
            dimensions = length
    return hub.Embedding(inputs=tuple(inputs), dimensions=dimensions)


def _text(content: Any, path: str) -> str:
    parts = content.get("parts") if isinstance(content, dict) else None
    texts = [part.get("text") if isinstance(part, dict) else None for part in parts] if isinstance(parts, list) else []
    if not texts or not all(isinstance(text, str) for text in texts):
        raise Refused(f"`{path}` must be text: this target embeds nothing else.", param=path)
    return "\n".join([text for text in texts if isinstance(text, str)])


def written_batch(vectors: hub.Vectors, call: Call, /) -> bytes:
    return write_json({"embeddings": [{"values": one} for one in vectors.vectors], **_counted(vectors.usage)})


def written_single(vectors: hub.Vectors, call: Call, /) -> bytes:
    return write_json({"embedding": {"values": vectors.vectors[0]}, **_counted(vectors.usage)})


def _counted(usage: Usage | None) -> dict[str, Any]:
    return {} if usage is None else {"usageMetadata": {"promptTokenCount": usage.input_tokens}}


# The vendor's side


class _Values(msgspec.Struct):
    values: msgspec.Raw = msgspec.Raw()


class _Embedded(msgspec.Struct, rename="camel"):
    embedding: _Values | None = None
    embeddings: list[_Values] | None = None
    usage_metadata: Any = None
    error: Any = None


_EMBEDDED: Final = msgspec.json.Decoder(_Embedded)


class GeminiEmbed:
    """`models/{model}:embedContent`."""

    operation: Final[Operation] = "embeddings"
    method = "embedContent"

    def path(self, model: str, *, streamed: bool) -> bytes:
        return f"/{resource(model)}:{self.method}".encode()

    def request(self, call: Call, model: bytes, *, counted: bool) -> bytes:
        return written_model(call.body, msgspec.json.decode(model, type=str))

    def forwards(self, name: bytes) -> bool:
        return gemini_body.forwards(name)

    def returned(self, headers: Headers, more: frozenset[bytes]) -> tuple[str, tuple[tuple[bytes, bytes], ...]]:
        return gemini_body.returned(headers, more)

    def decoder(self, call: Call, sent: bytes = b"", /) -> StreamDecoder | None:
        return None

    def whole(self, body: bytes, call: Call, sent: bytes = b"", /) -> Chunk:
        answer = _decoded(body)
        if answer.error:
            raise error_in(_value(body), is_headed=False)
        if not _vectors(answer):
            raise Garbled("The vendor's answer has no embeddings.")
        return Chunk(data=body, has_content=True, usage=_usage(answer), last=True)

    def spent(self, body: bytes) -> Spent:
        try:
            return Spent(_usage(_decoded(body)))
        except Garbled:
            return Spent()

    def error(self, status: int, headers: Headers, body: bytes, wall: float) -> CallError:
        return vendor_error(status, headers, body, wall)

    def refuses_counting(self, error: CallError, call: Call) -> bool:
        return False  # nothing was added to its request


class GeminiBatchEmbed(GeminiEmbed):
    """`models/{model}:batchEmbedContents`, which callers of other APIs are served by."""

    method = "batchEmbedContents"

    def embedding_body(self, asked: hub.Embedding, model: str, /) -> bytes:
        more = {} if asked.dimensions is None else {"outputDimensionality": asked.dimensions}
        requests: list[Any] = []
        named = resource(model)
        for at, text in enumerate(asked.inputs):
            if not isinstance(text, str):
                raise Refused(
                    "Numbers of tokens mean something to their own vendor only: send texts.", param=f"input[{at}]"
                )
            requests.append({"model": named, "content": {"parts": [{"text": text}]}, **more})
        return write_json({"requests": requests})

    def vectors_of(self, body: bytes, /) -> hub.Vectors:
        answer = _decoded(body)
        return hub.Vectors(vectors=tuple([one.values for one in _vectors(answer)]), usage=_usage(answer))


def _decoded(body: bytes) -> _Embedded:
    try:
        return _EMBEDDED.decode(body)
    except (ValueError, RecursionError):
        raise garbled(body) from None


def _vectors(answer: _Embedded) -> list[_Values]:
    found = answer.embeddings or ([answer.embedding] if answer.embedding is not None else [])
    return found if all(is_filled_list(one.values) for one in found) else []


def _usage(answer: _Embedded) -> Usage | None:
    """Every token is input, also where only a total is said."""
    said = answer.usage_metadata
    usage = (read_usage(said) if isinstance(said, dict) else UsageSaid()).usage()
    return usage and msgspec.structs.replace(usage, input=usage.input + usage.output, output=0)
