"""A caller's body in Gemini's API: what policies need of it, and what a vendor is sent instead.

Always true: the model and the way of delivery stand in the path, so the body passes as it came, byte for byte; only where a bound on
the answer is added it is taken apart. Names are read in both spellings that proto3 takes: `maxOutputTokens` and
`max_output_tokens` (protobuf.dev/programming-guides/json, read 2026-11-30).
"""

from __future__ import annotations

from typing import Final
from urllib.parse import parse_qs, unquote

import msgspec

from headworks.core.call import PROMPT_PREFIX
from headworks.core.dialect import Asked, Headers
from headworks.core.errors import Malformed
from headworks.wire.json_body import MOST_TOKENS, kind, may_escape_names, require_content, whole
from headworks.wire.json_text import read_json, write_json
from headworks.wire.members import Members, members, places

CONFIG: Final = ("generationConfig", "generation_config")
BOUND: Final = ("maxOutputTokens", "max_output_tokens")
CHOICES: Final = ("candidateCount", "candidate_count")

_FORWARDED: Final = frozenset({b"traceparent", b"x-goog-api-client", b"x-server-timeout"})
"""The client's name and version, and how long it waits: what Google's SDKs send of themselves."""

_RETURNED: Final = frozenset({b"server-timing", b"x-gemini-service-tier"})


# Reading


def read_generate(body: bytes, path: str = "") -> Asked:
    """What a caller asks. Raises Malformed, with `param` where one field is the reason."""
    model, streamed = asked_in(path)
    found = members(body)
    if not model.startswith(PROMPT_PREFIX):  # a prompt brings its own
        require_content(found, "contents", "send at least one content", listed=True)
    bound = None
    if (name := named(found, CONFIG)) is not None and bytes(found[name]) != b"null":
        config = inside(found, name)
        if named(config, CHOICES) is not None:
            read_count(config, CHOICES, name)
        if named(config, BOUND) is not None:
            bound = read_count(config, BOUND, name)
    return Asked(model=model, streamed=streamed, include_usage=True, max_output=bound)


def asked_in(path: str) -> tuple[str, bool]:
    """The model that a path names, and whether the answer is streamed. Raises Malformed.

    `/v1beta/models/gemini-2.5-pro:streamGenerateContent?alt=sse`
    """
    at, _, query = path.partition("?")
    rest, _, method = at.rpartition(":")
    model = unquote(rest.partition("/models/")[2])
    streamed = method == "streamGenerateContent"
    if streamed and "alt" in (said := parse_qs(query)) and said["alt"] != ["sse"]:
        raise Malformed(
            f"`alt` must be `sse`, not `{said['alt'][0][:32]}`: add `?alt=sse` to the address.", param="alt"
        )
    if streamed and path and "alt=sse" not in query:
        raise Malformed("A stream is sent as server-sent events only: add `?alt=sse` to the address.", param="alt")
    return model, streamed


def named(found: Members, names: tuple[str, str]) -> str | None:
    """Under which of its two names a field is there. Raises Malformed where it is under both."""
    first, second = names
    if first in found:
        if second in found:
            raise Malformed(f"`{second}` occurs twice: it is `{first}`, too. Send it once.", param=second)
        return first
    return second if second in found else None


def inside(found: Members, name: str) -> Members:
    """The members of an object within the body. Raises Malformed."""
    raw = found[name]
    if bytes(memoryview(raw)[:1]) != b"{":
        raise Malformed(f"`{name}` must be an object, not {kind(raw)}.", param=name)
    return members(bytes(raw), name)


def read_count(config: Members, names: tuple[str, str], within: str) -> int | None:
    """A whole number; proto3 takes it as a string too. None where it is null or 0, which is none."""
    name = named(config, names)
    assert name is not None
    raw = config[name]
    text = bytes(raw)
    if text[:1] == b'"':
        raw = msgspec.Raw(text.strip(b'"'))
    number = whole(raw)
    path = f"{within}.{name}"
    if number is None and text != b"null":
        raise Malformed(f"`{path}` must be a whole number, not {kind(config[name])}.", param=path)
    if number is not None and number > MOST_TOKENS:
        raise Malformed(f"`{path}` is too large: at most {MOST_TOKENS}.", param=path)
    return number if number is not None and number > 0 else None


def choices_asked(body: bytes) -> int:
    """How many candidates a caller asked for, however he writes it: `read_generate` takes a number in a string too."""
    if b"candidate" not in body and not may_escape_names(body):
        return 1
    try:
        found = members(body)
        name = named(found, CONFIG)
        if name is None or bytes(found[name]) == b"null":
            return 1
        config = inside(found, name)
        return (read_count(config, CHOICES, name) or 1) if named(config, CHOICES) is not None else 1
    except Malformed:
        return 1


# Writing


def with_bound(body: bytes, most: int) -> bytes:
    """The body with a bound on its output, in tokens, where the caller set none."""
    found = members(body)
    name = named(found, CONFIG)
    if name is None:
        comma = b"," if found else b""
        return b'%b%b"generationConfig":{"maxOutputTokens":%d}}' % (body[: body.rindex(b"}")], comma, most)
    config = read_json(found[name]) or {}
    for spelled in BOUND:
        config.pop(spelled, None)
    return replaced(body, found, name, write_json({**config, "maxOutputTokens": most}))


def replaced(body: bytes, found: Members, name: str, value: bytes) -> bytes:
    """The body with another value for one of its members; every other byte is the caller's own."""
    start, end = places(body, found)[name]
    return b"".join((body[:start], value, body[end:]))


# Headers


def forwards(name: bytes) -> bool:
    """Whether a caller's header of this name may go to a vendor."""
    return name in _FORWARDED


def returned(headers: Headers, more: frozenset[bytes]) -> tuple[str, tuple[tuple[bytes, bytes], ...]]:
    """Google gives an answer no id in its headers: it stands in the body (`responseId`)."""
    passing = [pair for pair in headers if pair[0] in _RETURNED or pair[0] in more]
    return "", tuple(passing)
