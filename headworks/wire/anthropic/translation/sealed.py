"""What another vendor's model thought, in a block that Anthropic's callers send back unchanged.

Theory. Clients of this API send `thinking` and `redacted_thinking` back as they came, for Anthropic refuses a changed one. So
what another vendor wants back (`thought_signature`, encrypted reasoning) rides in the signature of such a block, marked as
ours. On the way to a vendor that signature is opened again; a vendor of this API, to which it is no signature at all, is not
sent the block (`without_foreign`).
"""

from __future__ import annotations

import base64
from collections.abc import Mapping
from typing import Any, Final

import msgspec

from headworks.wire.json_body import replaced
from headworks.wire.json_text import read_json, write_json
from headworks.wire.members import members, places

MARK: Final = "hw1."
_NEEDLE: Final = b'"hw1.'


class Sealed(msgspec.Struct, frozen=True, omit_defaults=True):
    """kind: what the rest belongs to: the block's own thinking, the call behind it, or the text before it."""

    origin: str
    kind: str
    signature: str = ""
    redacted: str = ""
    id: str = ""
    is_summary: bool = False


_DECODER: Final = msgspec.json.Decoder(Sealed)


def sealed(said: Sealed) -> str:
    return MARK + base64.urlsafe_b64encode(write_json(said)).decode()


def opened(signature: str) -> Sealed | None:
    """What was sealed; None where it is a signature of Anthropic's."""
    if not signature.startswith(MARK):
        return None
    try:
        return _DECODER.decode(base64.urlsafe_b64decode(signature[len(MARK) :].encode()))
    except ValueError:  # binascii's and msgspec's
        return None


def without_foreign(body: bytes) -> bytes:
    """The body without blocks that are sealed: only a vendor of another API can use them."""
    if _NEEDLE not in body:
        return body
    found = members(body)
    messages = read_json(found["messages"]) if "messages" in found else None
    if not isinstance(messages, list):
        return body
    kept = [said for message in messages if (said := _without(message)) is not None]
    if kept == messages:
        return body
    return replaced(body, {places(body, found)["messages"]: write_json(kept)})


def _without(message: Any) -> Any:
    """A message without such blocks; None where nothing of it is left."""
    content = message.get("content") if isinstance(message, dict) else None
    if not isinstance(content, list):
        return message
    kept = [block for block in content if not _is_foreign(block)]
    if len(kept) == len(content):
        return message
    return {**message, "content": kept} if kept else None


def _is_foreign(block: Any) -> bool:
    if not isinstance(block, Mapping) or block.get("type") not in ("thinking", "redacted_thinking"):
        return False
    said = block.get("signature", block.get("data"))
    return isinstance(said, str) and said.startswith(MARK)
