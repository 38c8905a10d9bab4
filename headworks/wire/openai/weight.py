"""What of a body in OpenAI's dialect decides how many tokens it can have, beside its length. Read only under a budget.

Always true: what a body's bytes do not bound is named in `unbounded`, so nobody takes it for bounded. Pictures, sound and
choices are bounded by their number or length; files and video, things that are only pointed to, and a vendor's own search are
not: what the vendor reads then is not in the body.
"""

from __future__ import annotations

import re
from typing import Final

import msgspec

from headworks.core.dialect import Weight
from headworks.core.errors import Malformed
from headworks.wire.members import members
from headworks.wire.openai.body import whole


class Picture(msgspec.Struct):
    detail: str | None = None


class Part(msgspec.Struct):
    type: str = "text"
    image_url: Picture | str | None = None


class Message(msgspec.Struct):
    content: str | list[Part] | None = None
    audio: msgspec.Raw = msgspec.Raw()


class Body(msgspec.Struct):
    messages: list[Message] = []
    n: msgspec.Raw = msgspec.Raw(b"1")
    audio: msgspec.Raw = msgspec.Raw()
    modalities: list[str] | None = None
    web_search_options: msgspec.Raw = msgspec.Raw()


_BODY = msgspec.json.Decoder(Body)
_LEAST: Final = Weight()
_NOTHING: Final = msgspec.Raw(b"")
_ONE: Final = msgspec.Raw(b"1")
_NULL: Final = b"null"
_SOUND: Final = "input_audio"
_BOUNDED: Final = frozenset({"text", "refusal", "image_url", _SOUND})

DENSE: Final = 20_000
"""Braces from which a body's parts are counted by their names, and not read one by one at 0.1 us each."""

MOST_DENSE: Final = 5_000_000
"""Bytes of such a body, beyond which it is not weighed: it would hold the loop for 50 ms."""

MOST_PARTS: Final = 50_000
"""Names that are counted."""

_TYPE = re.compile(rb'"type"[ \t\r\n]*+:[ \t\r\n]*+"([^"\\]*+)"')
_SPELLED = re.compile(rb"\\u00[4-7]")
"""How a letter of ASCII may be written in a name; nobody writes one so who does not mean to hide it."""

_TOOL_CALLS: Final = frozenset({b"function", b"custom", b"ephemeral"})
"""Types that stand in messages too, and are no parts: of tool calls, and of marks for a vendor's cache."""


def weigh_chat(body: bytes) -> Weight:
    """The weight of a chat body. What cannot be read is unbounded: the vendor may read it otherwise."""
    try:
        if len(body) > 3 * DENSE and body.count(b"{") > DENSE:
            return _weigh_dense(body) if len(body) <= MOST_DENSE else Weight(unbounded="messages")
        found = _BODY.decode(body)
    except (Malformed, ValueError, RecursionError):
        return Weight(unbounded="messages")
    if _is_given(found.web_search_options):
        return Weight(unbounded="web_search_options")
    low = high = 0
    is_audible = _is_given(found.audio) or "audio" in (found.modalities or ())
    for message in found.messages:
        if _is_given(message.audio):
            return Weight(unbounded="audio")
        if not isinstance(message.content, list):
            continue
        for part in message.content:
            if part.type not in _BOUNDED:
                return Weight(unbounded=part.type)
            is_audible = is_audible or part.type == _SOUND
            if part.image_url is not None:
                is_low = isinstance(part.image_url, Picture) and part.image_url.detail == "low"
                low, high = (low + 1, high) if is_low else (low, high + 1)
    return _weight(found.n, (low, high), is_audible=is_audible)


def _weight(n: msgspec.Raw, pictures: tuple[int, int], *, is_audible: bool) -> Weight:
    number = whole(n)
    if number is None and bytes(n) != _NULL:
        return Weight(unbounded="n")
    choices = max(number or 1, 1)
    if not (any(pictures) or is_audible) and choices == 1:
        return _LEAST
    return Weight(choices=choices, pictures=pictures, is_audible=is_audible)


def _weigh_dense(body: bytes) -> Weight:
    """The weight by names that are found in the bytes. In a text a name has no quotes of its own, so what is found stands for
    a part, or for more than there are. Raises Malformed."""
    found = members(body)
    if _is_given(found.get("web_search_options", _NOTHING)):
        return Weight(unbounded="web_search_options")
    messages = bytes(found.get("messages", _NOTHING))
    number = messages.count(b'"type"')
    kinds = _TYPE.findall(messages) if 0 < number <= MOST_PARTS else []
    if len(kinds) != number or _SPELLED.search(messages):
        return Weight(unbounded="messages")  # too many, or a name that may be spelled otherwise
    for kind in set(kinds) - _TOOL_CALLS:
        if kind.decode("utf-8", "replace") not in _BOUNDED:
            return Weight(unbounded=kind.decode("utf-8", "replace"))
    if b'"audio"' in messages:
        return Weight(unbounded="audio")
    is_audible = (
        _SOUND.encode() in kinds
        or _is_given(found.get("audio", _NOTHING))
        or b"audio" in bytes(found.get("modalities", _NOTHING))
    )
    return _weight(found.get("n", _ONE), (0, messages.count(b'"image_url"')), is_audible=is_audible)


def weigh_embeddings(body: bytes) -> Weight:
    """Text and tokens are bounded by their bytes; there is no output."""
    return _LEAST


def _is_given(raw: msgspec.Raw) -> bool:
    return len(raw) > 0 and bytes(raw) != _NULL
