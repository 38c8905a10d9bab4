"""Embeddings for callers of one API, by a vendor of another: through the hub's few words for them.

What is sent and answered is read and written by each API's own side; errors are told in our words, as with chats.
"""

from __future__ import annotations

from typing import Final

import msgspec

from headworks.core.call import Call
from headworks.core.dialect import Headers, Operation
from headworks.core.errors import CallError, Garbled, Malformed
from headworks.core.reply import Chunk
from headworks.wire.density import require_sparse
from headworks.wire.sides import EmbeddingCaller, EmbeddingVendor, Spent, StreamDecoder

MOST_INPUTS: Final = 2048
"""Texts of one call, as OpenAI's API takes them. Each is written apart for other APIs: two million held the loop for 11 s."""


class TranslatedEmbeddings:
    """A vendor's side, for callers of another API."""

    def __init__(self, caller: EmbeddingCaller, vendor: EmbeddingVendor) -> None:
        self.caller = caller
        self.vendor = vendor
        self.operation: Operation = vendor.operation

    def path(self, model: str, *, streamed: bool) -> bytes:
        return self.vendor.path(model, streamed=streamed)

    def request(self, call: Call, model: bytes, *, counted: bool) -> bytes:
        require_sparse(call.body)
        asked = self.caller.embedding_of(call.body)
        if len(asked.inputs) > MOST_INPUTS:
            raise Malformed(f"At most {MOST_INPUTS} inputs can be told to a vendor of another API.", param="input")
        return self.vendor.embedding_body(asked, msgspec.json.decode(model, type=str))

    def forwards(self, name: bytes) -> bool:
        return self.vendor.forwards(name)

    def returned(self, headers: Headers, more: frozenset[bytes]) -> tuple[str, tuple[tuple[bytes, bytes], ...]]:
        return self.vendor.returned(headers, more)

    def decoder(self, call: Call, sent: bytes = b"", /) -> StreamDecoder | None:
        return None

    def whole(self, body: bytes, call: Call, sent: bytes = b"", /) -> Chunk:
        try:
            chunk = self.vendor.whole(body, msgspec.structs.replace(call, body=sent), sent)
        except CallError as error:
            raise told(error) from None
        vectors = self.vendor.vectors_of(chunk.data)
        asked = len(self.caller.embedding_of(call.body).inputs)
        if len(vectors.vectors) != asked:
            raise Garbled(f"The vendor's answer has {len(vectors.vectors)} embeddings, and {asked} were asked for.")
        return msgspec.structs.replace(chunk, data=self.caller.written_vectors(vectors, call))

    def spent(self, body: bytes) -> Spent:
        return self.vendor.spent(body)

    def error(self, status: int, headers: Headers, body: bytes, wall: float) -> CallError:
        return told(self.vendor.error(status, headers, body, wall))

    def refuses_counting(self, error: CallError, call: Call) -> bool:
        return False


def told(error: CallError) -> CallError:
    """The error with our words for its kind in place of the vendor's own."""
    if (said := error.said) is not None:
        error.said = msgspec.structs.replace(said, type=error.type, code=error.code)
    return error
