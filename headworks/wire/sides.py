"""The two sides of a dialect: how a vendor is asked and read in the words of one API, and how its callers are served by others.

Always true: a side turns bytes into chunks, errors and the hub's words, and back, and does nothing else. What everybody asks
of a caller's side stands in `core/dialect.py`; here stands what only a leaf asks, so no vendor's name stands outside of
`wire/` but in the two tables that list dialects. The idea: h11's readers, where "I need more data" is an answer; envoy
ai-gateway's four methods a vendor.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol, TypeAlias, runtime_checkable

import msgspec

from headworks.core.call import Call
from headworks.core.dialect import Dialect, Headers, Operation, Prefill
from headworks.core.errors import CallError
from headworks.core.reply import Chunk, Usage
from headworks.wire import hub


class Spent(msgspec.Struct, frozen=True):
    """What was used for something that is no answer. received: bytes of content in it; uncounted: those behind the usage."""

    usage: Usage | None = None
    received: int = 0
    uncounted: int = 0


class StreamDecoder(Protocol):
    """Turns a vendor's stream into chunks: the same chunks however the bytes are cut.

    `fault` is set once the stream cannot be an answer any more: Garbled or the vendor's own error before the head, Cut
    after it. It is a value, not an exception, because good chunks of the same bytes come first; nothing follows it.
    `is_headed` once content came, `is_done` once the `last` chunk was given. `usage` and `finish` are the newest known.
    `is_complete`: every choice has its finish reason, so that only tokens and the end mark can follow. `is_counted`: the
    tokens came then, so that they are those of the whole answer. `pending`: bytes of the event under way. `received`: bytes
    of content that came, `uncounted` those of them that came after `usage` was read.
    """

    @property
    def usage(self) -> Usage | None: ...
    @property
    def finish(self) -> str | None: ...
    @property
    def fault(self) -> CallError | None: ...
    @property
    def is_headed(self) -> bool: ...
    @property
    def is_counted(self) -> bool: ...
    @property
    def is_done(self) -> bool: ...
    @property
    def is_complete(self) -> bool: ...
    @property
    def pending(self) -> int: ...
    @property
    def received(self) -> int: ...
    @property
    def uncounted(self) -> int: ...

    def feed(self, data: bytes, /) -> list[Chunk]:
        """The chunks that these bytes complete; often none."""
        ...

    def end(self) -> list[Chunk]:
        """What is left when no more bytes will come: the last chunk, or nothing and a fault."""
        ...

    def give_up(self) -> None:
        """Nobody waits for the rest: what came until now is counted, also where it has not been told as chunks."""
        ...


@runtime_checkable
class Unmarked(Protocol):
    """What a decoder has beside, whose bytes do not tell where the answer ends: only the connection does."""

    def broke(self) -> None:
        """The connection broke, so what came is not whole, whatever it looks like."""
        ...


class VendorSide(Protocol):
    """One operation of a vendor's API."""

    @property
    def operation(self) -> Operation: ...

    def path(self, model: str, *, streamed: bool) -> bytes:
        """Where to post, below the provider's base URL: `/chat/completions`. Asked once for each model."""
        ...

    def request(self, call: Call, model: bytes, *, counted: bool) -> bytes:
        """The body to send: the caller's bytes with `model` (a JSON string) put in.

        counted: ask the vendor to count tokens in streams where the caller did not. What it sends for that is hidden.
        """
        ...

    def forwards(self, name: bytes) -> bool:
        """Whether a caller's header of this name (lower case) may go to the vendor: none that speaks for the account."""
        ...

    def returned(self, headers: Headers, more: frozenset[bytes]) -> tuple[str, tuple[tuple[bytes, bytes], ...]]:
        """The vendor's id of the answer ("" where it gave none), and its headers that pass to the caller: those of the
        dialect, and `more`, which the operator names, but for those that speak of our account."""
        ...

    def decoder(self, call: Call, sent: bytes = b"", /) -> StreamDecoder | None:
        """A decoder for the answer to a streamed call; None where this operation has no streams. sent: what `request` made."""
        ...

    def whole(self, body: bytes, call: Call, sent: bytes = b"", /) -> Chunk:
        """An unstreamed answer. Raises Garbled, or the vendor's error where a 200 carries one. sent: what `request` made."""
        ...

    def spent(self, body: bytes) -> Spent:
        """What a body says was used that is no answer, or is not taken for one, and how much of an answer stands in it."""
        ...

    def error(self, status: int, headers: Headers, body: bytes, wall: float) -> CallError:
        """What an answer that is not 200 means: whose fault it is and whether asking again may help. wall: seconds since 1970."""
        ...

    def refuses_counting(self, error: CallError, call: Call) -> bool:
        """Whether this error may come from having asked for token counts: then the call is worth sending without."""
        ...


# What speaks of the hub: for callers of one API and a vendor of another (`wire/translated.py`)


@runtime_checkable
class CallerSide(Dialect, Protocol):
    """A caller's side whose calls any vendor can be asked, whatever it speaks."""

    @property
    def table(self) -> hub.Table:
        """What this API calls each field, for a refusal in the caller's words."""
        ...

    def question_of(self, body: bytes, /) -> hub.Question:
        """What a body asks. Raises Malformed with the field."""
        ...

    def encoder(self, call: Call, /) -> hub.Encoder:
        """Writes the answer to this call, with the tokens, whether the caller asked for them or not."""
        ...

    def finish_word(self, finish: hub.Finish, /) -> str:
        """What this API calls the end of an answer; `Chunk.finish` of its own streams."""
        ...


@runtime_checkable
class Typing(Protocol):
    """What a side has beside, whose bodies are not always JSON."""

    def content_type(self, body: bytes, /) -> bytes:
        """What a body that is sent is; b"" for JSON."""
        ...


@runtime_checkable
class Prefacing(Protocol):
    """A vendor's side whose API wants headers that not every caller sends."""

    @property
    def defaults(self) -> Headers:
        """They are sent where neither the caller nor the operator says others."""
        ...


@runtime_checkable
class Estimating(Dialect, Protocol):
    """A caller's side whose calls are answered without a vendor, where the vendor's API has nothing of the kind."""

    def estimated(self, body: bytes, /) -> bytes:
        """The answer's body, as far as it can be told from the caller's."""
        ...


@runtime_checkable
class TranslatedSide(VendorSide, Protocol):
    """A vendor's side that callers of any API can be served by."""

    def body_of(self, question: hub.Question, model: str, left_out: list[str] | None = None, /) -> bytes:
        """A body that asks this. Raises Unsupported with the field that it has no words for. left_out: gets the names of the
        hints that it has no words for."""
        ...

    def begun(self, body: bytes, form: Prefill, /) -> bytes:
        """The body, whose last message is the beginning of the answer, with what this form has to say of that."""
        ...

    def pieces(self) -> hub.Decoder:
        """Reads one answer of this vendor."""
        ...


@runtime_checkable
class EmbeddingCaller(Dialect, Protocol):
    """A caller's side whose texts any vendor can embed."""

    def embedding_of(self, body: bytes, /) -> hub.Embedding:
        """What a body asks. Raises Malformed, or Refused for what no other vendor can embed."""
        ...

    def written_vectors(self, vectors: hub.Vectors, call: Call, /) -> bytes:
        """The answer to this call."""
        ...


@runtime_checkable
class EmbeddingVendor(VendorSide, Protocol):
    """A vendor's side that embeds for callers of any API."""

    def embedding_body(self, asked: hub.Embedding, model: str, /) -> bytes:
        """A body that asks this. Raises Refused for what it has no words for."""
        ...

    def vectors_of(self, body: bytes, /) -> hub.Vectors:
        """What a whole answer says. Raises Garbled."""
        ...


VendorDialect: TypeAlias = Mapping[str, VendorSide]
"""What a vendor speaks: each side by the name of the callers' side whose bytes it takes as they are (`openai.chat`)."""
