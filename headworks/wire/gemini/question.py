"""What of a caller's body decides the answer: two bodies with the same `question` may share one.

Theory as in `wire/openai/question.py`: the body is taken apart and written again with sorted keys and no blanks; everything that nobody
here knows stays in. The model and the way of delivery stand in the path and are nobody's part of it. A key that occurs twice in
one object is read differently by different readers, so such a body is nobody's equal.
"""

from __future__ import annotations

import json
from typing import Any, Final

import msgspec

from headworks.core.errors import Malformed
from headworks.wire.gemini.names import camel

LARGE: Final = 200_000
"""Bytes from which bodies are compared as they are: taking one of 200 kB apart takes 2 ms, and the loop waits."""

DENSE: Final = 5000
"""Lists and objects from which it is the same."""

_decode = msgspec.json.Decoder().decode
_encode = msgspec.json.Encoder().encode
_encode_sorted = msgspec.json.Encoder(order="sorted").encode


class _Tool(msgspec.Struct, forbid_unknown_fields=True):
    functions: Any = msgspec.field(default=None, name="functionDeclarations")
    also_functions: Any = msgspec.field(default=None, name="function_declarations")


class _Config(msgspec.Struct):
    temperature: float | None = None
    modalities: list[str] | None = msgspec.field(default=None, name="responseModalities")
    also_modalities: list[str] | None = msgspec.field(default=None, name="response_modalities")


class _Deciding(msgspec.Struct):
    """What has a say in whether an answer may be kept. Tools of the vendor's own are refused by their unknown names."""

    config: _Config | None = msgspec.field(default=None, name="generationConfig")
    also_config: _Config | None = msgspec.field(default=None, name="generation_config")
    tools: list[_Tool] | None = None
    cached: Any = msgspec.field(default=None, name="cachedContent")
    also_cached: Any = msgspec.field(default=None, name="cached_content")
    store: bool | None = None


_DECIDING: Final = msgspec.json.Decoder(_Deciding)


def question(body: bytes, /) -> bytes | None:
    """Bytes that are the same for every body that asks the same; None where answers must not be shared."""
    try:
        if not _is_repeatable(_DECIDING.decode(body)):
            return None
        if len(body) > LARGE or body.count(b"[") + body.count(b"{") > DENSE:
            return body
        asked = _decode(body)
        if _encode(asked) != body:
            asked = json.loads(body, object_pairs_hook=_unique)
        named = {camel(name): value for name, value in asked.items()}
        return _encode_sorted(named) if len(named) == len(asked) else None
    except (Malformed, ValueError, RecursionError, AttributeError):  # msgspec's errors are ValueErrors
        return None


def _is_repeatable(asked: _Deciding) -> bool:
    """Whether the same question may get the same answer again.

    An explicit temperature above 0 asks for chance. What is cached at the vendor's expires; what a model draws or speaks is made
    anew each time; of the vendor's own tools nobody knows what they do, or when.
    """
    config = asked.config or asked.also_config or _Config()
    modalities = config.modalities or config.also_modalities or ()
    return (
        not config.temperature
        and all(one.upper() == "TEXT" for one in modalities)
        and not (asked.cached or asked.also_cached or asked.store)
    )


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    made = dict(pairs)
    if len(made) != len(pairs):
        raise ValueError("a key occurs twice")
    return made
