"""A caller's body in Anthropic's API: what policies need of it, and what a vendor is sent instead.

Always true: every byte that is not a replaced value is the caller's own. What we do not know (fields, roles, blocks) reaches the
vendor as it came. What is checked here is what we act on ourselves, and types that no vendor of this API takes otherwise.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

import msgspec

from headworks.core.call import PROMPT_PREFIX
from headworks.core.dialect import Asked
from headworks.core.errors import Malformed
from headworks.wire.json_body import (
    kind,
    may_escape_names,
    read_bound,
    read_flag,
    read_model,
    replaced,
    require_content,
)
from headworks.wire.members import Members, members, places

BOUND: Final = "max_tokens"

_NUMBER: Final = (b"-0123456789n", "a number")
_LIST: Final = (b"[n", "a list")
_OBJECT: Final = (b"{n", "an object")

KINDS: Final[Mapping[str, tuple[bytes, str]]] = MappingProxyType(
    {
        "temperature": _NUMBER,
        "top_p": _NUMBER,
        "top_k": _NUMBER,
        "tools": _LIST,
        "stop_sequences": _LIST,
        "tool_choice": _OBJECT,
        "thinking": _OBJECT,
        "output_config": _OBJECT,
        "metadata": _OBJECT,
        "system": (b'"[n', "a string or a list"),
    }
)
"""How a field's value may begin, and what that is in words."""


class _Message(msgspec.Struct):
    role: str


class _Metadata(msgspec.Struct):
    user_id: str | None = None


class _Parts(msgspec.Struct):
    device_id: str = ""
    account_uuid: str = ""
    session_id: str = ""


_MESSAGES: Final = msgspec.json.Decoder(list[_Message])
_METADATA: Final = msgspec.json.Decoder(_Metadata)
_PARTS: Final = msgspec.json.Decoder(_Parts)

MOST_OBJECTS: Final = 20_000
"""Braces up to which messages are looked at one by one, 0.1 us each. A longer list is left to the vendor."""

_SHORTEST: Final = 3
"""Bytes of an object, with the comma behind it."""


def read_messages(body: bytes, path: str = "") -> Asked:
    """What a caller asks. Raises Malformed, with `param` where one field is the reason."""
    found = members(body)
    user, session = caller(found) if "metadata" in found else (None, None)
    asked = Asked(
        model=read_model(found),
        streamed=read_flag(found, "stream"),
        include_usage=True,
        max_output=read_bound(found, BOUND) if BOUND in found else None,
        user=user,
        session=session,
    )
    require(found, asked.model)
    return asked


def require(found: Members, model: str) -> None:
    """Raises Malformed for the first field whose value no vendor takes."""
    for name in found.keys() & KINDS.keys():
        firsts, wanted = KINDS[name]
        if memoryview(found[name])[0] not in firsts:
            raise Malformed(f"`{name}` must be {wanted}, not {kind(found[name])}.", param=name)
    if model.startswith(PROMPT_PREFIX):  # a prompt brings its own
        return
    require_content(found, "messages", "send at least one message", listed=True)
    raw = found["messages"]
    if len(raw) > _SHORTEST * MOST_OBJECTS and bytes(raw).count(b"{") > MOST_OBJECTS:
        return
    try:
        _MESSAGES.decode(raw)
    except msgspec.ValidationError as error:
        message, _, where = str(error).partition(" - at `$")  # Expected `str`, got `int` - at `$[3].role`
        name = "messages" + where.rstrip("`")
        wanted = "a string" if message.startswith("Expected `str`") else "an object with a `role`"
        raise Malformed(f"`{name}` must be {wanted}.", param=name) from None


def caller(found: Members) -> tuple[str | None, str | None]:
    """Whose call it is, and of which session, as the caller says both in `metadata.user_id`. What is of another type is the
    vendor's to judge.

    Claude Code writes a user, an account and a session into it: as JSON, or with underscores between them (before 2.1). Of any
    other text nothing tells the two apart: it is both.
    """
    try:
        said = _METADATA.decode(found["metadata"]).user_id
    except msgspec.ValidationError:
        return None, None
    if not said:
        return said, None
    if said[0] == "{":
        try:
            parts = _PARTS.decode(said)
        except (msgspec.DecodeError, RecursionError):
            return said, said
        return parts.account_uuid or parts.device_id or said, parts.session_id or said
    user, between, session = said.rpartition("_session_")
    return (user, session) if between and user and session else (said, said)


def with_bound(body: bytes, most: int) -> bytes:
    """The body with a bound on its output, in tokens, where the caller set none (or null)."""
    if b'"max_' in body or may_escape_names(body):
        place = places(body, members(body)).get(BOUND)
        if place is not None:
            return replaced(body, {place: b"%d" % most})
    return b'%s,"max_tokens":%d}' % (body[: body.rindex(b"}")], most)
