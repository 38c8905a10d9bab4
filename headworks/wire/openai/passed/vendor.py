"""Vendors of APIs that pass through: the model's name is replaced, and what comes back goes on as it is.

Tokens are read where an answer says them (`usage`, as OpenAI's newer pictures and transcripts do). Where it says none the cost of the
call is unknown: it is paid by the picture, the minute or the search.
"""

from __future__ import annotations

from typing import Any, Final

import msgspec

from headworks.core.call import Call
from headworks.core.dialect import Headers, Operation
from headworks.core.errors import CallError, Cut, Garbled
from headworks.core.reply import Chunk, Usage
from headworks.wire.openai import body as openai_body
from headworks.wire.openai.errors import error_in, garbled, vendor_error
from headworks.wire.openai.passed import multipart
from headworks.wire.openai.passed.caller import PASSED
from headworks.wire.openai.responses.words import usage_in
from headworks.wire.openai.usage import read_usage
from headworks.wire.sides import Spent, StreamDecoder

CONTENT_TYPE: Final = b"content-type"
_OPENED: Final = b"{"
_MARKUP: Final = b"<"
"""How a page begins that a proxy answers in a vendor's place. No transcript begins so."""
_BLANK: Final = b" \t\r\n"


class Said(msgspec.Struct):
    usage: Any = None
    error: Any = None


_SAID: Final = msgspec.json.Decoder(Said)


class PassedVendor:
    """One path of a vendor."""

    def __init__(self, path: str, operation: Operation) -> None:
        self.operation = operation
        self._path = path.encode()

    def path(self, model: str, *, streamed: bool) -> bytes:
        return self._path

    def request(self, call: Call, model: bytes, *, counted: bool) -> bytes:
        if not multipart.is_multipart(call.body):
            return openai_body.with_model(call.body, model)
        start, end = multipart.fields(call.body, frozenset({"model"}))["model"]
        name: str = msgspec.json.decode(model)
        return b"".join((memoryview(call.body)[:start], name.encode(), memoryview(call.body)[end:]))

    def content_type(self, body: bytes) -> bytes:
        """What the vendor is told that the body is; b"" for JSON."""
        return b"multipart/form-data; boundary=%s" % multipart.boundary(body) if multipart.is_multipart(body) else b""

    def forwards(self, name: bytes) -> bool:
        return openai_body.forwards(name)

    def returned(self, headers: Headers, more: frozenset[bytes]) -> tuple[str, tuple[tuple[bytes, bytes], ...]]:
        request_id, passing = openai_body.returned(headers, more)
        kind = next((pair for pair in headers if pair[0] == CONTENT_TYPE), (CONTENT_TYPE, b"application/octet-stream"))
        return request_id, (kind, *passing)

    def decoder(self, call: Call, sent: bytes = b"", /) -> StreamDecoder | None:
        return PassedStream() if call.streamed else None

    def whole(self, body: bytes, call: Call, sent: bytes = b"", /) -> Chunk:
        if not body:
            raise Garbled("The vendor's answer is empty.")
        said = said_in(body)
        if said is None:
            if self.operation != "audio" or body.lstrip(_BLANK)[:1] == _MARKUP:
                raise garbled(body)
            said = Said()  # a transcript may be plain text
        if said.error:
            raise error_in(msgspec.json.decode(body), is_headed=False)
        return Chunk(data=body, has_content=True, usage=usage_of(said), last=True)

    def spent(self, body: bytes) -> Spent:
        return Spent(usage_of(said_in(body) or Said()))

    def error(self, status: int, headers: Headers, body: bytes, wall: float) -> CallError:
        return vendor_error(status, headers, body, wall)

    def refuses_counting(self, error: CallError, call: Call) -> bool:
        return False  # nothing is added for it


def said_in(body: bytes) -> Said | None:
    """What an answer says beside what was asked for; None where it is no JSON object."""
    if body.lstrip(_BLANK)[:1] == _OPENED:
        try:
            return _SAID.decode(body)
        except (ValueError, RecursionError):
            pass
    return None


def usage_of(said: Said) -> Usage | None:
    """Its tokens, in the words of OpenAI's pictures or of the rerankers; None where none are said, as where it is paid by the second
    (`type: duration`)."""
    if not isinstance(said.usage, dict):
        return None
    found = usage_in(said.usage) if "input_tokens" in said.usage else read_usage(said.usage).usage(is_answer=False)
    return found if found is not None and (found.input_tokens or found.output_tokens) else None


class PassedStream:
    """Bytes that go on as they come. Nothing of them is kept."""

    finish: Final = None
    pending: Final = 0
    uncounted: Final = 0
    is_complete: Final = False
    is_counted: Final = False
    usage: Usage | None = None

    def __init__(self) -> None:
        self.fault: CallError | None = None
        self.is_headed = False
        self.is_done = False
        self.received = 0

    def feed(self, data: bytes, /) -> list[Chunk]:
        self.is_headed = True
        return [Chunk(data=data, has_content=True)]

    def end(self) -> list[Chunk]:
        if self.fault is not None:
            return []
        if not self.is_headed:
            self.fault = Garbled("The vendor's answer is empty.")
            return []
        self.is_done = True
        return [Chunk(data=b"", last=True)]

    def broke(self) -> None:
        self.fault = Cut("The connection to the vendor broke before the answer was whole.")

    def give_up(self) -> None:
        if not self.is_done:
            self.fault = Cut("The answer was given up on.")


VENDORS: Final = {caller.name: PassedVendor(caller.path, caller.operation) for caller in PASSED}
"""What every vendor of OpenAI's dialect is asked by, at its own address: one that lacks a path answers 404."""
