"""What a vendor of another API wants back of its thinking, as the `encrypted_content` of a reasoning item.

Theory. Clients of Responses give reasoning items back as they came, and read nothing but their texts; some give back no text
either. So what only its vendor understands (a signature, a hidden block, the text that was signed) is written into the one
field that comes back for certain. It is not encrypted: it holds nothing that its reader has not been told. A vendor of Responses would refuse it, so it is sent to none (`is_ours`).

of: what a signature belongs to: "" the thinking itself, `text` the text before the item, else the id of a tool call.
"""

from __future__ import annotations

import binascii
from base64 import urlsafe_b64decode, urlsafe_b64encode
from typing import Final

import msgspec

from headworks.wire import hub
from headworks.wire.json_text import write_json

MARK: Final = "hw1."
"""How ours begins."""

TEXT: Final = "text"


class Sealed(msgspec.Struct, frozen=True, omit_defaults=True):
    """What stands in an envelope."""

    origin: str
    text: str = ""
    signature: str = ""
    redacted: str = ""
    id: str = ""
    is_summary: bool = False
    of: str = ""


_SEALED: Final = msgspec.json.Decoder(Sealed)


def sealed(what: Sealed) -> str:
    """The envelope as text."""
    return MARK + urlsafe_b64encode(write_json(msgspec.to_builtins(what))).decode()


def is_ours(text: object) -> bool:
    """Whether an `encrypted_content` is of our making."""
    return isinstance(text, str) and text.startswith(MARK)


def opened(text: str) -> Sealed | None:
    """What stands in an envelope of ours; None where it is none, or was changed."""
    try:
        return _SEALED.decode(urlsafe_b64decode(text.removeprefix(MARK).encode()))
    except (binascii.Error, ValueError, RecursionError):
        return None


def thinking_in(said: Sealed) -> hub.Thinking:
    return hub.Thinking(
        origin=said.origin,
        text=said.text,
        signature=said.signature,
        redacted=said.redacted,
        id=said.id,
        is_summary=said.is_summary,
    )
