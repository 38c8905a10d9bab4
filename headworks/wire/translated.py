"""Callers of one API, served by a vendor of another: through the hub.

Always true: what the vendor is sent and what it answers is read and written by its own side, as for its own callers; between
them stand only the hub's words. What the vendor's API has no words for is refused before anything is sent. A fault of the
translation is a fault of the stream: good chunks come first, and a cut answer never looks like a whole one.
"""

from __future__ import annotations

from typing import Final, TypeVar

import msgspec

from headworks.core.call import Call
from headworks.core.dialect import Dialect, Headers, Operation
from headworks.core.errors import CallError, Cut, Garbled
from headworks.core.reply import Chunk, Usage
from headworks.wire import hub
from headworks.wire.custom_calls import CustomCalls, custom_names, customized
from headworks.wire.density import require_sparse
from headworks.wire.sides import (
    CallerSide,
    EmbeddingCaller,
    EmbeddingVendor,
    Prefacing,
    Spent,
    StreamDecoder,
    TranslatedSide,
    VendorDialect,
    VendorSide,
)
from headworks.wire.translated_embeddings import TranslatedEmbeddings

E = TypeVar("E", bound=CallError)

_COUNTED: Final = Usage()

_UNFINISHED: Final[frozenset[hub.Reason]] = frozenset({"pause", "malformed_call", "other"})
"""Reasons for which an API without a word of its own says that the answer simply ended."""


def between(caller: Dialect, vendor: VendorDialect) -> VendorSide | None:
    """How these callers are served by this vendor: by its own side where both speak the same, so that bytes pass; else by
    one that translates through the hub. None where the vendor has nothing for what they ask."""
    own = vendor.get(caller.name)
    if own is not None:
        return own
    if isinstance(caller, EmbeddingCaller):
        return next(
            (TranslatedEmbeddings(caller, side) for side in vendor.values() if isinstance(side, EmbeddingVendor)), None
        )
    if isinstance(caller, CallerSide):
        for side in vendor.values():
            if side.operation == caller.operation and isinstance(side, TranslatedSide):
                return Translated(caller, side)
    return None


class Translated:
    """A vendor's side, for callers of another API."""

    def __init__(self, caller: CallerSide, vendor: TranslatedSide) -> None:
        self.caller = caller
        self.vendor = vendor
        self.operation: Operation = vendor.operation
        self._has_custom = caller.table.rows["tools.custom"].fate == "carried"

    @property
    def defaults(self) -> Headers:
        return self.vendor.defaults if isinstance(self.vendor, Prefacing) else ()

    def path(self, model: str, *, streamed: bool) -> bytes:
        return self.vendor.path(model, streamed=streamed)

    def request(self, call: Call, model: bytes, *, counted: bool) -> bytes:
        require_sparse(call.body)
        question = self.caller.question_of(call.body)
        if question.streamed != call.streamed:  # an API whose path says how the answer is delivered
            question = msgspec.structs.replace(question, streamed=call.streamed)
        if call.bound is not None:
            question = msgspec.structs.replace(question, max_output=call.bound)
        left_out: list[str] = []
        try:
            body = self.vendor.body_of(question, msgspec.json.decode(model, type=str), left_out)
        except hub.Unsupported as error:
            raise error.said_in(self.caller.table) from None
        if left_out and call.attempt is not None:
            rows = self.caller.table.rows
            call.attempt.left_out = tuple([rows[name].name or name if name in rows else name for name in left_out])
        if call.begun != "none":
            body = self.vendor.begun(body, call.begun)
        asked = msgspec.structs.replace(call, body=body, bound=None, include_usage=False)
        return self.vendor.request(asked, model, counted=counted or call.include_usage)

    def forwards(self, name: bytes) -> bool:
        return self.vendor.forwards(name)

    def returned(self, headers: Headers, more: frozenset[bytes]) -> tuple[str, tuple[tuple[bytes, bytes], ...]]:
        return self.vendor.returned(headers, more)

    def decoder(self, call: Call, sent: bytes = b"", /) -> StreamDecoder | None:
        inner = self.vendor.decoder(_asked(call, sent), sent)
        if inner is None:
            return None
        names = self._custom(call)
        custom = CustomCalls(names) if names else None
        return TranslatedDecoder(self.caller, call, inner, self.vendor.pieces(), custom)

    def _custom(self, call: Call) -> frozenset[str]:
        """The caller's tools that take free text. Looked for only where his API has such tools, and there may be one."""
        if not self._has_custom or b'"custom"' not in call.body:
            return frozenset()
        return custom_names(self.caller.question_of(call.body))

    def whole(self, body: bytes, call: Call, sent: bytes = b"", /) -> Chunk:
        try:
            chunk = self.vendor.whole(body, _asked(call, sent), sent)
        except CallError as error:
            raise spoken(error) from None
        answer = self.vendor.pieces().whole(chunk.data)
        if names := self._custom(call):
            answer = customized(answer, names)
        data = self.caller.encoder(call).whole(answer)
        finish = answer.choices[0].finish if answer.choices else None
        return msgspec.structs.replace(chunk, data=data, finish=None if finish is None else word(self.caller, finish))

    def spent(self, body: bytes) -> Spent:
        return self.vendor.spent(body)

    def error(self, status: int, headers: Headers, body: bytes, wall: float) -> CallError:
        return spoken(self.vendor.error(status, headers, body, wall))

    def refuses_counting(self, error: CallError, call: Call) -> bool:
        return self.vendor.refuses_counting(error, _asked(call, b""))


class TranslatedDecoder:
    """A vendor's stream as another API's: what of it is known the vendor's own decoder says."""

    def __init__(
        self,
        caller: CallerSide,
        call: Call,
        inner: StreamDecoder,
        pieces: hub.Decoder,
        custom: CustomCalls | None = None,
    ) -> None:
        self._caller = caller
        self._include_usage = call.include_usage
        self._inner = inner
        self._pieces = pieces
        self._custom = custom
        self._encoder = caller.encoder(call)
        self._fault: CallError | None = None
        self.finish: str | None = None
        self.is_headed = False
        self.is_done = False

    def feed(self, data: bytes, /) -> list[Chunk]:
        return self._told(self._inner.feed(data))

    def end(self) -> list[Chunk]:
        return self._told(self._inner.end())

    def give_up(self) -> None:
        self._inner.give_up()

    def _told(self, chunks: list[Chunk]) -> list[Chunk]:
        told: list[Chunk] = []
        if self._fault is not None:
            return told
        for chunk in chunks:
            try:
                told.append(self._chunk(chunk))
            except Garbled as error:
                self._fault = Cut(error.message) if self.is_headed else error.again()
                break
            self.is_headed |= chunk.has_content
            self.is_done = chunk.last
        return told

    def _chunk(self, chunk: Chunk) -> Chunk:
        pieces = self._pieces.feed(chunk.unasked + chunk.data)
        if chunk.last:
            pieces += self._pieces.end()
        if self._custom is not None:
            pieces = self._custom.told(pieces)
        is_counted = False
        for piece in pieces:
            if isinstance(piece, hub.Finished) and piece.choice == 0:
                self.finish = word(self._caller, piece.finish)
            is_counted = is_counted or isinstance(piece, hub.Counted)
        data = self._encoder.feed(pieces)
        usage, unasked = chunk.usage, b""
        if chunk.last:
            data += self._encoder.end()
            usage = usage or self.usage
        if not self._include_usage and (chunk.last or is_counted):
            data, unasked = self._parted(data, is_last=chunk.last)
        finish = None if chunk.finish is None else self.finish
        return msgspec.structs.replace(chunk, data=data, unasked=unasked, finish=finish, usage=usage)

    def _parted(self, data: bytes, *, is_last: bool) -> tuple[bytes, bytes]:
        """Events without the one that only has the tokens, and that one: this caller did not ask for it."""
        forms = self._caller.forms
        events, counts = forms.parted([Chunk(data=data, usage=_COUNTED, last=is_last)])
        return (events + forms.end if is_last else events), counts

    @property
    def fault(self) -> CallError | None:
        if self._fault is not None or (fault := self._inner.fault) is None:
            return self._fault
        return spoken(fault.again())

    @property
    def usage(self) -> Usage | None:
        return self._inner.usage

    @property
    def is_counted(self) -> bool:
        return self._inner.is_counted

    @property
    def is_complete(self) -> bool:
        return self._inner.is_complete

    @property
    def pending(self) -> int:
        return self._inner.pending

    @property
    def received(self) -> int:
        return self._inner.received

    @property
    def uncounted(self) -> int:
        return self._inner.uncounted


def word(caller: CallerSide, finish: hub.Finish) -> str:
    """What policies are told of an answer's end: the caller's word for it, but where it lacks something that this word does
    not say. Such an answer is nobody's finished one, and is not kept."""
    return finish.reason if finish.reason in _UNFINISHED else caller.finish_word(finish)


def spoken(error: E) -> E:
    """The error with our words for its kind in place of the vendor's own: another API has others, and its SDKs look for those."""
    if (said := error.said) is not None:
        error.said = msgspec.structs.replace(said, type=error.type, code=error.code, raw=b"")
    return error


def _asked(call: Call, sent: bytes) -> Call:
    """The call as the vendor's side sees it: its own body, and the tokens always told."""
    return msgspec.structs.replace(call, body=sent, include_usage=True)
