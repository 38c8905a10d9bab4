"""What of a body in OpenAI's dialect decides how many tokens it can have, beside its length. Read only under a budget.

Always true: what a body's bytes do not bound is named in `unbounded`, so nobody takes it for bounded. Pictures, sound and
choices are bounded by their number or length; files and video, things that are only pointed to, and a vendor's own search are
not: what the vendor reads then is not in the body.
"""

from __future__ import annotations

from typing import Final

import msgspec

from headworks.wire.dialect import Weight


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
    n: int | None = None
    audio: msgspec.Raw = msgspec.Raw()
    modalities: list[str] | None = None
    web_search_options: msgspec.Raw = msgspec.Raw()


_BODY = msgspec.json.Decoder(Body)
_LEAST: Final = Weight()
_NULL: Final = b"null"
_SOUND: Final = "input_audio"
_BOUNDED: Final = frozenset({"text", "refusal", "image_url", _SOUND})


def weigh_chat(body: bytes) -> Weight:
    """The weight of a chat body. What cannot be read is unbounded: the vendor may read it otherwise."""
    try:
        found = _BODY.decode(body)
    except (ValueError, RecursionError):
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
    choices = max(found.n or 1, 1)
    if not (low or high or is_audible) and choices == 1:
        return _LEAST
    return Weight(choices=choices, pictures=(low, high), is_audible=is_audible)


def weigh_embeddings(body: bytes) -> Weight:
    """Text and tokens are bounded by their bytes; there is no output."""
    return _LEAST


def _is_given(raw: msgspec.Raw) -> bool:
    return len(raw) > 0 and bytes(raw) != _NULL
