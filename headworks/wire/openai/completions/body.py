"""A caller's body of legacy completions: what policies need of it."""

from __future__ import annotations

from typing import Final

import msgspec

from headworks.core.dialect import Asked, Weight
from headworks.core.errors import Malformed
from headworks.wire.members import members, places
from headworks.wire.openai import body as openai_body
from headworks.wire.openai.body import whole

BOUND: Final = "max_tokens"


class _Body(msgspec.Struct):
    prompt: msgspec.Raw = msgspec.Raw(b'""')
    n: msgspec.Raw = msgspec.Raw(b"1")
    best_of: msgspec.Raw = msgspec.Raw(b"1")


_BODY: Final = msgspec.json.Decoder(_Body)
_LIST: Final = msgspec.json.Decoder(list[msgspec.Raw])


def read_completions(body: bytes, path: str = "") -> Asked:
    """What a caller asks. Raises Malformed, with `param` where one field is the reason."""
    found = members(body)
    model = openai_body.read_model(found)
    openai_body.require_content(found, "prompt", "send a string", listed=False)
    include_usage = False
    options = found.get("stream_options")
    if options is not None and bytes(options) != b"null":
        if bytes(options)[:1] != b"{":
            message = f"`stream_options` must be an object, not {openai_body.kind(options)}."
            raise Malformed(message, param="stream_options")
        include_usage = openai_body.read_flag(
            members(bytes(options), "stream_options"), "include_usage", "stream_options."
        )
    for name in ("n", "best_of"):
        if name in found:
            openai_body.read_whole(found, name)
    return Asked(
        model=model,
        streamed=openai_body.read_flag(found, "stream"),
        include_usage=include_usage,
        max_output=openai_body.read_bound(found, BOUND) if BOUND in found else None,
        user=openai_body.read_user(found) if "user" in found else None,
    )


def bounded(body: bytes, most: int) -> bytes:
    """The body with a bound on its output, in tokens, where the caller set none."""
    found = members(body)
    where = places(body, found)
    if BOUND in where:
        return openai_body.replaced(body, {where[BOUND]: b"%d" % most})
    return b'%b,"max_tokens":%d}' % (body[: body.rindex(b"}")], most)


def prompts_in(raw: msgspec.Raw) -> int:
    """How many prompts there are: a list of texts or of lists is as many, one text or a list of tokens is one."""
    if bytes(memoryview(raw)[:1]) != b"[":
        return 1
    items = _LIST.decode(raw)
    return len(items) if items and bytes(memoryview(items[0])[:1]) in (b'"', b"[") else 1


def answers_asked(body: bytes) -> int:
    """How many choices the answer has."""
    try:
        asked = _BODY.decode(body)
        return max(whole(asked.n) or 1, 1) * prompts_in(asked.prompt)
    except (ValueError, RecursionError):
        return 1


def weigh(body: bytes) -> Weight:
    """What adds tokens beyond the body's length: the choices, and those that are written and not shown (`best_of`)."""
    try:
        asked = _BODY.decode(body)
        number, best = whole(asked.n), whole(asked.best_of)
        prompts = prompts_in(asked.prompt)
    except (ValueError, RecursionError):
        return Weight(unbounded="prompt")
    if number is None and bytes(asked.n) != b"null":
        return Weight(unbounded="n")
    if best is None and bytes(asked.best_of) != b"null":
        return Weight(unbounded="best_of")
    return Weight(choices=max(number or 1, best or 1, 1) * prompts)
