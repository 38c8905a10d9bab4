"""A capture: one request to a vendor and its answer, with filler for every text, as `headworks record` writes it.

Always true: a capture is read by the vendor's own side, exactly as a call's answer is. So a file that somebody adds is a test of
that side (`tests/wire/captured`).
"""

from __future__ import annotations

from base64 import b64decode, b64encode
from typing import Final, Literal

import msgspec

from headworks.core.call import Call
from headworks.core.errors import CallError
from headworks.core.reply import Usage
from headworks.wire.openai.caller import CHAT
from headworks.wire.sides import VendorSide

FORMAT: Final = 1

BINARY: Final = b"application/vnd.amazon.eventstream"


class Asked(msgspec.Struct, frozen=True, kw_only=True):
    """What was sent. path: below the provider's base URL."""

    path: str
    body: str


class Answered(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What came back. headers: those that say something of the answer or of limits. base64: the body, where it is no text."""

    status: int
    headers: dict[str, str] = {}
    body: str = ""
    base64: str = ""

    @property
    def data(self) -> bytes:
        return b64decode(self.base64) if self.base64 else self.body.encode()


class Capture(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One call. vendor: its word in the system file. api: the side of it that was asked (`openai.chat`). taken: the date."""

    format: Literal[1] = FORMAT
    vendor: str
    api: str
    call: str
    streamed: bool
    taken: str
    by: str
    request: Asked
    response: Answered


class Read(msgspec.Struct, frozen=True, kw_only=True):
    """What a vendor's side reads in an answer. error: the class of it, "" where there is none. events: how many with data."""

    error: str = ""
    is_whole: bool = False
    finish: str | None = None
    usage: Usage | None = None
    events: tuple[int, ...] = ()


def answered(status: int, headers: dict[str, str], data: bytes) -> Answered:
    try:
        return Answered(status=status, headers=headers, body=data.decode())
    except UnicodeDecodeError:
        return Answered(status=status, headers=headers, base64=b64encode(data).decode("ascii"))


def read(side: VendorSide, streamed: bool, sent: bytes, answer: Answered, *, step: int = 0) -> Read:
    """What the side reads. step: bytes that come at a time; 0 for all at once."""
    call = Call(id="capture", alias="capture", body=sent, dialect=CHAT, streamed=streamed, include_usage=True)
    data = answer.data
    if answer.status >= 300:
        headers = [(name.encode(), value.encode()) for name, value in answer.headers.items()]
        return Read(error=type(side.error(answer.status, headers, data, 0.0)).__name__)
    decoder = side.decoder(call, sent) if streamed else None
    if decoder is None:
        try:
            chunk = side.whole(data, call, sent)
        except CallError as error:
            return Read(error=type(error).__name__)
        return Read(is_whole=chunk.last, finish=chunk.finish, usage=chunk.usage, events=(len(chunk.data),))
    step = step or len(data) or 1
    chunks = [chunk for at in range(0, len(data), step) for chunk in decoder.feed(data[at : at + step])]
    chunks += decoder.end() if not decoder.is_done and decoder.fault is None else []
    return Read(
        error="" if decoder.fault is None else type(decoder.fault).__name__,
        is_whole=decoder.is_done,
        finish=decoder.finish,
        usage=decoder.usage,
        events=tuple([len(chunk.data) for chunk in chunks if chunk.data]),
    )
