"""What our vendor says in each dialect, once of each kind, for the SDKs' own types to judge."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Iterator

import msgspec

from tools.clients.vendor import anthropic, bedrock, chat, gemini, responses
from tools.clients.vendor.script import Answer, Use

DIALECTS = {"chat": chat, "responses": responses, "anthropic": anthropic, "gemini": gemini, "bedrock": bedrock}
"""Azure's is chat under another path."""

SIGNED = b64encode(b"sig:a1:1").decode()
TEXT = Answer(id="a1x1", model="ours", words=("Hello ", "world"), input_tokens=2000, cached_tokens=1500)
CALLED = Answer(
    id="a1x2",
    model="ours",
    words=("Step ", "1. "),
    use=Use("call_a1_1_1", "lookup", {"text": "hw-a1-1"}),
    signature=SIGNED,
    input_tokens=9,
)


class Sample(msgspec.Struct, frozen=True):
    """body: base64, as a stream of Bedrock's is no text."""

    dialect: str
    form: str
    status: int
    body: str


def samples() -> Iterator[Sample]:
    """Each dialect: two answers, whole and streamed, and four errors."""
    for name, dialect in DIALECTS.items():
        for answer in (TEXT, CALLED):
            yield Sample(name, "whole", 200, b64encode(dialect.whole(answer)).decode())
            yield Sample(name, "stream", 200, b64encode(b"".join(dialect.stream(answer))).decode())
        for status in (429, 529, 400, 402):
            said_status, _, body = dialect.error(status)
            yield Sample(name, "error", said_status, b64encode(body).decode())
