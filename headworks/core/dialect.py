"""What everybody asks of the API in which a call was made: it stands on the call (`Call.dialect`).

Always true: a dialect knows bytes and errors, no call, no clock and no vendor. Bodies are those of its own callers. Who asks
it names no vendor, so an API that is added changes nothing outside of its folder in `wire/` (`docs/architecture/adding-a-dialect.md`). What
speaks of the hub stands in `wire/sides.py`, for only a leaf needs it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final, Literal, Protocol, TypeAlias, runtime_checkable

import msgspec

from headworks.core.errors import CallError, Unkept
from headworks.core.kept_answer import Conversation, ItemPlace
from headworks.core.reply import Chunk, Usage

Operation = Literal["chat", "embeddings", "count", "images", "audio", "moderations", "rerank", "passthrough"]
"""A kind of work, whatever the API calls it. count: how many tokens a question has, which nobody is billed for."""

PASSED_OPERATIONS: Final = frozenset({"images", "audio", "moderations", "rerank", "passthrough"})
"""Those whose bodies and answers pass as they are: no tokens are estimated of them, and no event can be put into them."""

Prefill = Literal["none", "message", "prefix", "repeated_prefix", "final_message"]
"""The form in which a model takes the beginning of its own answer (`wire/prefill.py`)."""

KEY_HEADERS: Final = (b"x-api-key", b"x-goog-api-key")
"""Where SDKs of Anthropic and of Gemini send the caller's key, beside `authorization`. What a caller writes there is never sent
to a vendor."""

Headers: TypeAlias = Sequence[tuple[bytes, bytes]]
"""Names in lower case, in the order in which they came."""


class Asked(msgspec.Struct, frozen=True):
    """What policies need to know of a caller's body. max_output: tokens a choice, None where the caller set no bound.

    include_usage: the caller wants to be told the tokens of a stream. session: what the body calls the conversation it belongs to.
    unkept: it goes on from an earlier answer, and is refused where none are kept.
    """

    model: str
    streamed: bool = False
    include_usage: bool = False
    max_output: int | None = None
    user: str | None = None
    session: str | None = None
    unkept: Unkept | None = None


class Weight(msgspec.Struct, frozen=True):
    """What of a body decides how many tokens it can have, beside its length.

    pictures: how many of low, and of other detail. is_audible: sound is asked for or sent. unbounded: the field or kind of
    part that the body's bytes set no bound for, or "".
    """

    choices: int = 1
    pictures: tuple[int, int] = (0, 0)
    is_audible: bool = False
    unbounded: str = ""


class Schema(msgspec.Struct, frozen=True):
    """An output schema: the name that it has, and the JSON Schema as JSON."""

    name: str
    text: bytes


class Forms(Protocol):
    """The two forms of an answer, whole and streamed. Asked by what keeps answers and gives them again."""

    @property
    def end(self) -> bytes:
        """What ends a stream."""
        ...

    def parted(self, chunks: Sequence[Chunk], /) -> tuple[bytes, bytes]:
        """A stream's events without those that end it, and the one that only has the tokens (b"" where there is none)."""
        ...

    def as_body(self, events: bytes, counts: bytes, /) -> bytes | None:
        """A stream as the body of an answer; None where that cannot be told for certain."""
        ...

    def as_events(self, body: bytes, /) -> tuple[bytes, bytes] | None:
        """An answer's body as `parted` gives a stream; None where that cannot be told for certain."""
        ...

    def is_finished(
        self, asked: bytes, answer: bytes, finish: str | None, /, *, streamed: bool, is_bounded: bool
    ) -> bool:
        """Whether the answer (a body, or a stream's events) lacks nothing that `asked` asked for. finish: its last word on
        why it ended. is_bounded: the call has a bound, so that ending there is what was asked for."""
        ...


class Before(msgspec.Struct, frozen=True):
    """The tokens of an answer before another attempt went on with it.

    asked: of the question, as the first attempt read it; None where nobody said. said: of the answer so far. handed: about
    how many of those the next vendor counts as question, for they were handed to it as one.
    """

    asked: Usage | None = None
    said: int = 0
    handed: int = 0

    def joined(self, usage: Usage) -> Usage:
        """Tokens of the whole answer: asked as the first attempt read it, said by all of them."""
        output = usage.output + self.said
        if (asked := self.asked) is None:
            return msgspec.structs.replace(usage, input=max(0, usage.input - self.handed), output=output)
        return msgspec.structs.replace(
            usage,
            input=asked.input,
            cached_input=asked.cached_input,
            cache_write=asked.cache_write,
            cache_write_1h=asked.cache_write_1h,
            audio_input=asked.audio_input,
            output=output,
        )


class Seam(Protocol):
    """What of another attempt's pieces is new. Each raises where they do not fit what was said."""

    def text(self, piece: str, /) -> str: ...
    def reasoning(self, piece: str, /) -> str: ...
    def other(self) -> None:
        """Something that is no text comes: a tool call, a finish reason."""
        ...


class Rewriting(Protocol):
    """Rewrites the chunks of one attempt so that the caller sees one stream that never broke."""

    def chunk(self, chunk: Chunk, /) -> Chunk | None:
        """The chunk as the caller may see it, None where nothing of it is left. Raises what the seam raises."""
        ...


class Splice(Protocol):
    """How a stream that broke goes on with another attempt."""

    def may_resume(self, body: bytes, /) -> bool:
        """Whether another attempt may go on with an answer to this: one choice, text, and no numbers beside each token."""
        ...

    def may_continue(self, body: bytes, /) -> bool:
        """Whether an answer may be gone on with from its middle."""
        ...

    def reasoning_in(self, data: bytes, /) -> str | None:
        """The reasoning of a chunk's events; None where they carry something that is neither that nor text."""
        ...

    def rewriting(self, first: bytes, seam: Seam, before: Before | None, /) -> Rewriting:
        """first: an event with content of the first attempt. before: what of the answer was there, where it goes on; None
        where it begins anew."""
        ...

    def prefilled(self, body: bytes, text: str, form: Prefill, /) -> bytes:
        """The body with the beginning of the answer as its last message, in this form as far as the API has words for it,
        and its bounds lowered by as much."""
        ...


@runtime_checkable
class NotingSplice(Splice, Protocol):
    """The splice of an API whose events build on each other: more than one event of what was sent has to be known."""

    def noted(self, known: bytes, chunks: Sequence[Chunk], /) -> bytes:
        """What `rewriting` is given as `first`, once the caller has these chunks too. known: what it was, b"" at first."""
        ...


class Turns(Protocol):
    """How a body is rewritten by who speaks for the caller: a prompt, and a schema that the answer must fit."""

    def variables(self, body: bytes, /) -> dict[str, Any]:
        """What the caller puts into the prompt. Raises Malformed."""
        ...

    def prompted(
        self,
        body: bytes,
        messages: Sequence[Mapping[str, str]],
        parameters: Mapping[str, msgspec.Raw],
        schema: Schema | None,
        /,
    ) -> bytes:
        """The body with the prompt's messages before the caller's own, its parameters where the caller sets none, and its
        schema. Raises Malformed."""
        ...

    def says_no_format(self, error: CallError, /) -> bool:
        """Whether a vendor's error says that it cannot take a schema."""
        ...

    def in_words(self, body: bytes, schema: bytes, /) -> bytes:
        """The body with the schema asked for in words, for a vendor that takes none."""
        ...

    def mended(self, body: bytes, text: str, why: str, /) -> bytes:
        """The body that asks again, after this answer and with the reason why it does not fit."""
        ...


class Dialect(Protocol):
    """One operation of an API, as its callers use it. Stateless: one object serves every call."""

    @property
    def name(self) -> str:
        """`openai.chat`: a vendor's side of the same name speaks the same bytes."""
        ...

    @property
    def operation(self) -> Operation: ...
    @property
    def own_headers(self) -> bytes:
        """How the names of this API's own headers begin, those that a vendor of the same API may be sent; b"" for none."""
        ...

    @property
    def bound_name(self) -> str:
        """What its callers call the bound on an answer; "" where there is none."""
        ...

    @property
    def id_header(self) -> bytes:
        """The header in which its SDKs look for the id of an answer, beside `x-request-id`; b"" for none."""
        ...

    @property
    def keepalive(self) -> bytes:
        """What a caller whose stream has no content yet may be sent, and its SDKs pass over; b"" where there are no streams."""
        ...

    @property
    def forms(self) -> Forms: ...
    @property
    def splice(self) -> Splice | None:
        """None where the operation has no streams, or none that another attempt can go on with."""
        ...

    @property
    def turns(self) -> Turns | None:
        """None where no prompt can be asked for by this operation."""
        ...

    def read(self, body: bytes, path: str = "", /) -> Asked:
        """What a caller asks. Raises Refused, with `param` where one field is the reason.

        path: of the request, with its query, as it came, for an API whose model stands in it; "" where only the body is asked
        about.
        """
        ...

    def question(self, body: bytes, /) -> bytes | None:
        """Bytes that are the same for every body that asks the same; None where answers must not be shared."""
        ...

    def weigh(self, body: bytes, /) -> Weight:
        """The weight of a body, read only under a budget."""
        ...

    def is_ordinary(self, body: bytes, headers: Headers, /) -> bool:
        """Whether nothing in a call can be the reason why a model is not found. headers: those that may go to a vendor."""
        ...

    def status(self, error: CallError, /) -> int:
        """The HTTP status of an error answer, by which this API's SDKs choose the class that they raise."""
        ...

    def problem(self, error: CallError, request_id: str = "", /) -> bytes:
        """The body of an error answer (JSON), as this API's SDKs read it. request_id: ours, for an API that tells it there."""
        ...

    def event(self, error: CallError, /) -> bytes:
        """The event that ends a stream which broke."""
        ...


@runtime_checkable
class Numbering(Protocol):
    """What a dialect has beside, whose events are numbered without a gap."""

    def event_after(self, error: CallError, sent: bytes, /) -> bytes:
        """The event that ends a stream which broke. sent: what the caller was sent last."""
        ...


class Said(msgspec.Struct, frozen=True):
    """What an answer says of itself where answers are kept. earlier: the id of the one that it goes on from, "" for none."""

    id: str
    earlier: str
    is_kept: bool


class Keeping(Protocol):
    """How answers of an API are kept, and how a call goes on from one."""

    def opened(
        self, body: bytes, before: Conversation | None, items: Mapping[str, bytes], /
    ) -> tuple[bytes, bytes, bool]:
        """The body with everything that came before, and with what an answer needs that is gone on from; what the call itself has added;
        and whether its answer is to be kept. items: what its input refers to, by id. Raises Malformed."""
        ...

    def item_places(self, turn: bytes, /) -> Sequence[ItemPlace]:
        """Where those items of a turn's output stand that a later call may refer to."""
        ...

    def told(self, data: bytes, said: Said, /, *, streamed: bool) -> bytes:
        """A chunk's bytes, in which an answer speaks of itself as `said`."""
        ...

    def closed(self, data: bytes, added: bytes, said: Said, /, *, streamed: bool) -> tuple[bytes, bytes] | None:
        """The turn and the head (`core/kept_answer.py`) of the answer that ends with these bytes; None where it did not come to an end.
        added: what `opened` said that the call has added."""
        ...

    def body(self, found: Conversation, /) -> bytes:
        """A kept answer as its body."""
        ...

    def events(self, found: Conversation, after: int, /) -> bytes:
        """A kept answer as its events, those with a greater number."""
        ...

    def inputs(self, found: Conversation, query: Mapping[str, str], /) -> bytes:
        """A page of what a kept answer was made from. Raises Malformed."""
        ...


@runtime_checkable
class Kept(Protocol):
    """What a dialect has beside, whose answers may be kept. prefix: how their ids begin."""

    @property
    def keeping(self) -> Keeping: ...
    @property
    def kept_prefix(self) -> str: ...
