"""`/messages`, as Anthropic and those who follow it serve it; and what a vendor of Anthropic's API speaks."""

from __future__ import annotations

from types import MappingProxyType
from typing import Final

from headworks.core.call import Call
from headworks.core.dialect import Operation, Prefill
from headworks.core.errors import CallError, Cut, Garbled
from headworks.core.reply import Chunk
from headworks.wire.anthropic import headers as own
from headworks.wire.anthropic.count_tokens import CountedTokens
from headworks.wire.anthropic.decoder import BLANK, MessagesDecoder
from headworks.wire.anthropic.errors import vendor_error
from headworks.wire.anthropic.forms import as_body, parted
from headworks.wire.anthropic.request import with_bound
from headworks.wire.anthropic.translation.decoder import MessagesPieces
from headworks.wire.anthropic.translation.question_writer import body_of
from headworks.wire.anthropic.translation.sealed import without_foreign
from headworks.wire.anthropic.whole import answer_chunk, spent_in
from headworks.wire.json_body import with_model
from headworks.wire.sides import Spent, VendorDialect


class AnthropicMessages:
    operation: Final[Operation] = "chat"
    defaults: Final = own.DEFAULTS
    forwards = staticmethod(own.forwards)
    returned = staticmethod(own.returned)
    error = staticmethod(vendor_error)
    body_of = staticmethod(body_of)

    def path(self, model: str, *, streamed: bool) -> bytes:
        return b"/messages"

    def request(self, call: Call, model: bytes, *, counted: bool) -> bytes:
        body = call.body if call.bound is None else with_bound(call.body, call.bound)
        return without_foreign(with_model(body, model))

    def decoder(self, call: Call, sent: bytes = b"", /) -> MessagesDecoder:
        return MessagesDecoder()

    def whole(self, body: bytes, call: Call, sent: bytes = b"", /) -> Chunk:
        return from_stream(body) if is_stream(body) else answer_chunk(body)

    def spent(self, body: bytes) -> Spent:
        if is_stream(body):
            decoder = MessagesDecoder(len(body) + 1)
            decoder.feed(body)
            return Spent(decoder.usage, decoder.received, decoder.uncounted)
        return spent_in(body)

    def refuses_counting(self, error: CallError, call: Call) -> bool:
        return False  # tokens are always told, and nothing asks for them

    # To and from the hub

    def begun(self, body: bytes, form: Prefill, /) -> bytes:
        return body  # a last message of the assistant is enough

    def pieces(self) -> MessagesPieces:
        return MessagesPieces()


def is_stream(body: bytes) -> bool:
    lead = body[:64].lstrip(BLANK)
    return lead[:5] in (b"data:", b"event") or lead[:1] == b":"


def from_stream(body: bytes) -> Chunk:
    """The answer to a call that is not streamed, from a vendor that streams all the same. Raises CallError."""
    decoder = MessagesDecoder(len(body) + 1)
    chunks = decoder.feed(body)
    chunks += decoder.end()
    if (fault := decoder.fault) is not None:
        # Nobody has seen anything of it: it is no cut.
        raise Garbled(fault.message, said=fault.said) if isinstance(fault, Cut) else fault.again()
    made = as_body(*parted(chunks))
    if made is None:
        raise Garbled("The vendor answered with a stream that cannot be put together to one body.")
    return answer_chunk(made)


ANTHROPIC: Final[VendorDialect] = MappingProxyType(
    {"anthropic.messages": AnthropicMessages(), "anthropic.count_tokens": CountedTokens()}
)
