"""Types of a chat request that are the same in every server of the dialect, so that a slip costs no call of a vendor.

Always true: what is refused here no vendor takes. Fields that we do not know, roles, contents and parts are the vendor's to
judge, and null is what is missing. 1 us for a short body, a nanosecond a byte for a long one.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

import msgspec

from headworks.core.errors import Malformed
from headworks.wire.members import Members
from headworks.wire.openai.body import kind

_NUMBER: Final = (b"-0123456789n", "a number")
_LIST: Final = (b"[n", "a list")
_OBJECT: Final = (b"{n", "an object")

KINDS: Final[Mapping[str, tuple[bytes, str]]] = MappingProxyType(
    {
        "temperature": _NUMBER,
        "top_p": _NUMBER,
        "seed": _NUMBER,
        "presence_penalty": _NUMBER,
        "frequency_penalty": _NUMBER,
        "tools": _LIST,
        "response_format": _OBJECT,
        "stop": (b'"[n', "a string or a list"),
        "tool_choice": (b'"{n', "a string or an object"),
    }
)
"""How a field's value may begin, and what that is in words."""


class _Message(msgspec.Struct):
    role: str


_MESSAGES: Final = msgspec.json.Decoder(list[_Message])

MOST_OBJECTS: Final = 20_000
"""Braces up to which messages are looked at one by one, 0.1 us each. A longer list is left to the vendor."""

_SHORTEST: Final = 3
"""Bytes of an object, with the comma behind it."""


def require_types(found: Members) -> None:
    """Raises Malformed for the first field of KINDS whose value is something else."""
    for name in found.keys() & KINDS.keys():
        firsts, wanted = KINDS[name]
        if memoryview(found[name])[0] not in firsts:
            raise Malformed(f"`{name}` must be {wanted}, not {kind(found[name])}.", param=name)


def require_messages(raw: msgspec.Raw) -> None:
    """Refuses a list in which something is no message: an object whose `role` is a string. Raises Malformed."""
    if len(raw) > _SHORTEST * MOST_OBJECTS and bytes(raw).count(b"{") > MOST_OBJECTS:
        return
    try:
        _MESSAGES.decode(raw)
    except msgspec.ValidationError as error:
        message, _, where = str(error).partition(" - at `$")  # Expected `str`, got `int` - at `$[3].role`
        path = "messages" + where.rstrip("`")
        wanted = "a string" if message.startswith("Expected `str`") else "an object with a `role`"
        raise Malformed(f"`{path}` must be {wanted}.", param=path) from None
