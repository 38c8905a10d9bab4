"""A caller's body in OpenAI's API: what policies need of it, and what a vendor is sent instead.

Always true: every byte that is not a replaced value is the caller's own. What we do not know (fields, roles, parts)
reaches the vendor as it came. What is checked here is what we act on ourselves (`openai_types`: what no vendor takes); the
rest is the vendor's to judge. What every API's body has is in `wire/json_body.py`.
"""

from __future__ import annotations

import re
from typing import Final

import msgspec

from headworks.core.dialect import Headers
from headworks.wire.json_body import (
    MOST_TOKENS as MOST_TOKENS,
)
from headworks.wire.json_body import (
    is_filled_list as is_filled_list,
)
from headworks.wire.json_body import (
    kind as kind,
)
from headworks.wire.json_body import (
    may_escape_names as may_escape_names,
)
from headworks.wire.json_body import (
    read_bound as read_bound,
)
from headworks.wire.json_body import (
    read_field as read_field,
)
from headworks.wire.json_body import (
    read_flag as read_flag,
)
from headworks.wire.json_body import (
    read_model as read_model,
)
from headworks.wire.json_body import (
    read_whole as read_whole,
)
from headworks.wire.json_body import (
    replaced as replaced,
)
from headworks.wire.json_body import (
    require_content as require_content,
)
from headworks.wire.json_body import (
    whole as whole,
)
from headworks.wire.json_body import (
    with_model as with_model,
)
from headworks.wire.members import Members, members, places

_OPTIONAL_STRING = msgspec.json.Decoder(str | None).decode
_BLANK: Final = b" \t\r\n"

_NEWER = re.compile(rb'"(?:[a-z-]+/)?(?:o[1-9]|gpt-(?:[5-9]|[1-9][0-9]))')
"""Names of models that take `max_completion_tokens` only."""

_FORWARDED = frozenset({b"traceparent", b"idempotency-key"})
_OUR_ACCOUNT = frozenset({b"openai-organization", b"openai-project"})
"""They choose an account of the key's owner. With *our* key a caller's choice is refused, and would set the target aside."""

_RETURNED = frozenset({b"openai-processing-ms", b"openai-version", b"openai-model", b"apim-request-id", b"request-id"})
"""Headers of a vendor that SDKs and their users read; beside them the rate limits, which have one beginning."""


# Reading


def read_user(found: Members) -> str | None:
    """Whose call it is, as the caller says it. OpenAI's newer word for `user` is `safety_identifier`."""
    user: str | None = read_field(found, "user", _OPTIONAL_STRING, "a string")
    if not user and "safety_identifier" in found:
        user = read_field(found, "safety_identifier", _OPTIONAL_STRING, "a string")
    return user


def read_session(found: Members) -> str | None:
    """What the body calls its conversation, in the first of `prompt_cache_key` and `conversation` that says it."""
    for name in ("prompt_cache_key", "conversation"):
        if name in found:
            try:
                said = _SESSION.decode(found[name])
            except msgspec.ValidationError:  # of another type: the vendor's to judge
                continue
            if name_of := said if isinstance(said, str) else said and said.id:
                return name_of
    return None


class _Conversation(msgspec.Struct):
    id: str = ""


_SESSION: Final = msgspec.json.Decoder(str | _Conversation | None)


class _Choices(msgspec.Struct):
    n: msgspec.Raw = msgspec.Raw(b"1")


_CHOICES = msgspec.json.Decoder(_Choices)


def choices_asked(body: bytes) -> int:
    """How many choices a caller asked for: looked up only where it matters, which is seldom."""
    try:
        return max(whole(_CHOICES.decode(body).n) or 1, 1)
    except (msgspec.DecodeError, RecursionError):
        return 1


def may_ask_several(body: bytes) -> bool:
    """Whether it may ask for more than one choice: False is certain, and costs no reading."""
    return b'"n"' in body or may_escape_names(body)


# Writing


def with_usage(body: bytes, model: bytes) -> bytes:
    """The same, and `stream_options.include_usage` is true, whatever else `stream_options` says."""
    if b'"stream_options"' not in body and not may_escape_names(body):
        return with_model(body, model, b',"stream_options":{"include_usage":true}')
    found = members(body)
    where = places(body, found)
    place = where.get("stream_options")
    if place is None:
        return with_model(body, model, b',"stream_options":{"include_usage":true}')
    options = body[place[0] : place[1]]
    return replaced(body, {where["model"]: model, place: _counting(options)})


def with_bound(body: bytes, model: bytes, most: int) -> bytes:
    """The body with a bound on its output, in tokens, where the caller set none (or null, or -1, which are none).

    The newer of the two names goes to models that refuse the older one; other servers may know the older one only.
    """
    name = b"max_completion_tokens" if _NEWER.match(model) else b"max_tokens"
    if b'"max_' not in body and not may_escape_names(body):
        return b'%s,"%s":%d}' % (body[: body.rindex(b"}")], name, most)
    found = members(body)
    where = places(body, found)
    values = {where[key]: b"null" for key in ("max_tokens", "max_completion_tokens") if key in where}
    place = where.get(name.decode())
    if place is None:
        body = replaced(body, values)
        return b'%s,"%s":%d}' % (body[: body.rindex(b"}")], name, most)
    values[place] = b"%d" % most
    return replaced(body, values)


def _counting(options: bytes) -> bytes:
    if options == b"null":
        return b'{"include_usage":true}'
    found = members(options)
    place = places(options, found).get("include_usage")
    if place is not None:
        return replaced(options, {place: b"true"})
    return b'{"include_usage":true' + (b"," if found else b"") + options[1:].lstrip(_BLANK)


# Headers


def forwards(name: bytes) -> bool:
    """Whether a caller's header of this name may go to a vendor."""
    return name in _FORWARDED or (name[:7] == b"openai-" and name not in _OUR_ACCOUNT)


def returned(headers: Headers, more: frozenset[bytes]) -> tuple[str, tuple[tuple[bytes, bytes], ...]]:
    """The vendor's id of the answer, and its headers that pass to the caller: what the SDKs read, and `more`,
    without what speaks of our account.

    `x-request-id` is not among them: with that header the caller is told our own id, and the record has both.
    """
    request_id = b""
    passing = []
    for pair in headers:
        name = pair[0]
        if name == b"x-request-id":
            request_id = pair[1]
        elif name in _RETURNED or name[:12] == b"x-ratelimit-" or (name in more and name not in _OUR_ACCOUNT):
            passing.append(pair)
            if name == b"apim-request-id" and not request_id:
                request_id = pair[1]
    return request_id.decode("latin-1"), tuple(passing)
