"""What a dialect is: how the callers' side is read, and how a vendor is asked, in the words of one API.

Always true: a dialect turns bytes into Calls, Chunks and errors and back, and does nothing else. Each operation of an
API (`chat`, `embeddings`) is one `Surface`; a leaf knows surfaces by this Protocol only, so no vendor's name stands
outside `wire/`. The idea: h11's readers, where "I need more data" is an answer; envoy ai-gateway's four methods a vendor.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol, TypeAlias

import msgspec

from headworks.core.call import Call, Operation
from headworks.core.errors import CallError
from headworks.core.reply import Chunk, Usage

Headers: TypeAlias = Sequence[tuple[bytes, bytes]]
"""Names in lower case, in the order in which they came."""


class Asked(msgspec.Struct, frozen=True):
    """What policies need to know of a caller's body. max_output: tokens a choice, None where the caller set no bound."""

    model: str
    streamed: bool = False
    include_usage: bool = False
    max_output: int | None = None
    user: str | None = None


class Spent(msgspec.Struct, frozen=True):
    """What was used for something that is no answer. received: bytes of content in it; uncounted: those behind the usage."""

    usage: Usage | None = None
    received: int = 0
    uncounted: int = 0


class Weight(msgspec.Struct, frozen=True):
    """What of a body decides how many tokens it can have, beside its length.

    pictures: how many of low, and of other detail. is_audible: sound is asked for or sent. unbounded: the field or kind of
    part that the body's bytes set no bound for, or "".
    """

    choices: int = 1
    pictures: tuple[int, int] = (0, 0)
    is_audible: bool = False
    unbounded: str = ""


class StreamDecoder(Protocol):
    """Turns a vendor's stream into chunks: the same chunks however the bytes are cut.

    `fault` is set once the stream cannot be an answer any more: Garbled or the vendor's own error before the head, Cut
    after it. It is a value, not an exception, because good chunks of the same bytes come first; nothing follows it.
    `is_headed` once content came, `is_done` once the `last` chunk was given. `usage` and `finish` are the newest known.
    `is_complete`: every choice has its finish reason, so that only tokens and the end mark can follow. `is_counted`: the
    tokens came then, so that they are those of the whole answer. `pending`: bytes of the event under way. `received`: bytes
    of content that came, `uncounted` those of them that came after `usage` was read.
    """

    usage: Usage | None
    finish: str | None
    fault: CallError | None
    is_headed: bool
    is_counted: bool
    is_done: bool
    pending: int
    received: int
    uncounted: int

    @property
    def is_complete(self) -> bool: ...

    def feed(self, data: bytes, /) -> list[Chunk]:
        """The chunks that these bytes complete; often none."""
        ...

    def end(self) -> list[Chunk]:
        """What is left when no more bytes will come: the last chunk, or nothing and a fault."""
        ...

    def give_up(self) -> None:
        """Nobody waits for the rest: what came until now is counted, also where it has not been told as chunks."""
        ...


class Surface(Protocol):
    """One operation of a vendor's API."""

    @property
    def path(self) -> bytes:
        """Where to post, below the provider's base URL: `/chat/completions`."""
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
        dialect, and `more`, which the operator names."""
        ...

    def decoder(self, call: Call) -> StreamDecoder | None:
        """A decoder for the answer to a streamed call; None where this operation has no streams."""
        ...

    def whole(self, body: bytes, call: Call) -> Chunk:
        """An unstreamed answer. Raises Garbled, or the vendor's error where a 200 carries one."""
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


Dialect: TypeAlias = Mapping[Operation, Surface]
