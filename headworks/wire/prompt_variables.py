"""What every API's callers put into a prompt, and lists that are joined unread."""

from __future__ import annotations

from typing import Any

import msgspec

from headworks.core.errors import Malformed
from headworks.wire.json_body import kind
from headworks.wire.members import members


def variables(body: bytes) -> dict[str, Any]:
    """What the caller puts into the prompt: `{"prompt": {"variables": {...}}}`; nothing where it sends no `prompt`.

    Raises Malformed.
    """
    raw = members(body).get("prompt")
    if raw is None or bytes(raw) == b"null":
        return {}
    if bytes(memoryview(raw)[:1]) != b"{":
        raise Malformed(f"`prompt` must be an object, not {kind(raw)}.", param="prompt")
    inside = members(bytes(raw), "prompt")
    for name in inside:
        if name != "variables":
            shown = name if len(name) <= 64 else f"{name[:64]}..."
            raise Malformed(f"`prompt.{shown}` is not known: only `variables` is.", param=f"prompt.{shown}")
    given = inside.get("variables")
    if given is None:
        return {}
    if bytes(memoryview(given)[:1]) != b"{":
        raise Malformed(f"`prompt.variables` must be an object, not {kind(given)}.", param="prompt.variables")
    members(bytes(given), "prompt.variables")
    values: dict[str, Any] = msgspec.json.decode(given)
    return values


def joined(*parts: bytes) -> msgspec.Raw:
    """A list of what stands in other lists, without a look at it: a caller's own may be of any size."""
    return msgspec.Raw(b"[" + b",".join(part for part in parts if part) + b"]")
