"""What another vendor's model thought before it called a function, in the signature of that call.

Theory. Gemini's clients send a call's `thoughtSignature` back as it came, and many drop the thoughts themselves. So what another vendor wants
back (Anthropic's signed and redacted thinking, encrypted reasoning) rides there, as base64 of JSON that begins as no signature of
Google's does. On the way to a vendor it is opened again; to a vendor of this API it is no signature at all, and Google's placeholder
goes in its place (`without_foreign`).
"""

from __future__ import annotations

import base64
import re
from collections.abc import Sequence
from typing import Final

import msgspec

from headworks.wire import hub
from headworks.wire.gemini.translation.calls import UNSIGNED
from headworks.wire.hub.values import GENERATE
from headworks.wire.json_text import write_json

MARK: Final = "eyJodyI6"
"""How it begins: `{"hw":`."""

_NEEDLE: Final = MARK.encode()
_SEALED: Final = re.compile(
    rb'("thought(?:Signature|_signature)"[ \t\r\n]*+:[ \t\r\n]*+)"%b[A-Za-z0-9+/=_-]*+"' % MARK.encode()
)


class _Thought(msgspec.Struct, omit_defaults=True):
    origin: str
    text: str = ""
    signature: str = ""
    redacted: str = ""
    id: str = ""
    is_summary: bool = False


class _Sealed(msgspec.Struct):
    hw: int
    thoughts: list[_Thought]


_DECODER: Final = msgspec.json.Decoder(_Sealed)


def is_worth_it(thought: hub.Thinking) -> bool:
    """Whether a vendor of another API wants it back."""
    return thought.origin != GENERATE and bool(thought.signature or thought.redacted)


def sealed(thoughts: Sequence[hub.Thinking]) -> str:
    """The signature that carries them."""
    said = [_Thought(one.origin, one.text, one.signature, one.redacted, one.id, one.is_summary) for one in thoughts]
    return base64.b64encode(write_json(_Sealed(1, said))).decode()


def opened(signature: str) -> tuple[hub.Thinking, ...] | None:
    """What was sealed; None where it is a signature of Google's."""
    if not signature.startswith(MARK):
        return None
    try:
        found = _DECODER.decode(base64.b64decode(signature.encode().translate(_STANDARD)))
    except ValueError:  # binascii's and msgspec's
        return None
    return tuple(
        [
            hub.Thinking(
                origin=one.origin,
                text=one.text,
                signature=one.signature,
                redacted=one.redacted,
                id=one.id,
                is_summary=one.is_summary,
            )
            for one in found.thoughts
        ]
    )


_STANDARD: Final = bytes.maketrans(b"-_", b"+/")
"""Google's SDKs write base64 in the other alphabet."""


def without_foreign(body: bytes) -> bytes:
    """The body with Google's placeholder for what only a vendor of another API can use."""
    if _NEEDLE not in body:
        return body
    return _SEALED.sub(rb'\1"%b"' % UNSIGNED.encode(), body)
