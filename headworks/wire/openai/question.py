"""What of a caller's body decides the answer: two bodies with the same `question` may share one.

Theory. The body is taken apart, what does not change the answer is left out, and the rest is written again with sorted
keys and no blanks. Everything that nobody here knows stays in: a field that is new may change everything. Left out are

- `model`: the alias stands beside the question, see `layers/fingerprint.py`;
- `stream`, `stream_options`: how the answer is delivered, not what it says;
- `user`, `safety_identifier`: whom the vendor may hold responsible for abuse; `prompt_cache_key` and
  `prompt_cache_retention`: which of the vendor's machines has the prompt's beginning ready. OpenAI documents all four as
  without effect on the answer. `metadata` stays in: vendors that are more than a model act on it.

Numbers are compared as doubles, as every JSON reader of a vendor does; `1` and `1.0` differ, which costs a miss, but for those
that are whole by their meaning (`n`, `max_tokens`, `max_completion_tokens`). A key
that occurs twice in one object is read differently by different readers, so such a body is nobody's equal: otherwise one
caller could put an answer in the place of another's. In the compact style the proof is that writing what was read gives
the same bytes; other bodies are read again by a reader that looks at each key.

Some calls have no question at all (None): their answers depend on chance, on the hour, or do something outside.
"""

from __future__ import annotations

import json
from typing import Any, Final

import msgspec

from headworks.core.dialect import Operation
from headworks.core.errors import Malformed
from headworks.wire.members import Members, members

LARGE: Final = 200_000
"""Bytes from which bodies are compared as they are: taking one of 200 kB apart takes 2 ms, and the loop waits."""

DENSE: Final = 5000
"""Lists and objects, or their signs in a text, from which it is the same: each takes about 0.2 us."""

MOST_READ: Final = 10_000
"""Bytes of a field that decides whether an answer may be kept, in a large body. No vendor's is longer, but for tools."""

MOST_TOOLS: Final = 20_000
"""Lists and objects in the tools of a large body: an agent's eighty tools have some three thousand."""

_LEFT_OUT: Final = (
    "model",
    "stream",
    "stream_options",
    "user",
    "safety_identifier",
    "prompt_cache_key",
    "prompt_cache_retention",
)

_decode = msgspec.json.Decoder().decode
_encode = msgspec.json.Encoder().encode
_encode_sorted = msgspec.json.Encoder(order="sorted").encode


def question(operation: Operation, body: bytes) -> bytes | None:
    """Bytes that are the same for every body that asks the same; None where answers must not be shared."""
    try:
        if len(body) > LARGE or _nested(body) > DENSE:
            found = _deciding(members(body))
            return body if found is not None and _is_repeatable(operation, found) else None
        asked = _decode(body)
        if _encode(asked) != body:
            asked = json.loads(body, object_pairs_hook=_unique)
        if not isinstance(asked, dict) or not _is_repeatable(operation, asked):
            return None
        for name in _LEFT_OUT:
            if name in asked:
                del asked[name]
        for name in _WHOLE:
            if isinstance(number := asked.get(name), float) and number.is_integer():
                asked[name] = int(number)
        return _encode_sorted(asked)
    except (Malformed, ValueError, RecursionError):  # msgspec's errors are ValueErrors
        return None


_WHOLE: Final = ("n", "max_tokens", "max_completion_tokens")
_DECIDING: Final = ("temperature", "store", "web_search_options", "modalities", "audio", "tools")
"""What has a say in whether an answer may be kept."""


def _nested(data: bytes) -> int:
    return data.count(b"[") + data.count(b"{")


def _deciding(found: Members) -> dict[str, Any] | None:
    """What decides whether the answer to a large body may be kept; None where that is too long to be read."""
    read: dict[str, Any] = {}
    for name in _DECIDING:
        if name in found:
            raw = bytes(found[name])
            if _nested(raw) > MOST_TOOLS if name == "tools" else len(raw) > MOST_READ:
                return None
            read[name] = _decode(raw)
    return read


_OFF: Final = (None, False, "none")


def _is_repeatable(operation: Operation, asked: dict[str, Any]) -> bool:
    """Whether the same question may get the same answer again.

    An explicit temperature above 0 asks for chance; without one most callers have not thought about it. A seed changes
    nothing in that: vendors promise no more than to try, and it is a part of the question.
    """
    if operation == "embeddings":
        return True
    if asked.get("temperature") not in (None, 0):
        return False
    if asked.get("store") not in _OFF or asked.get("web_search_options") not in _OFF:
        return False  # kept at the vendor's for later; or about the world as it is now
    modalities = asked.get("modalities")
    if asked.get("audio") is not None or (isinstance(modalities, list) and "audio" in modalities):
        return False  # what is spoken has an id at the vendor's, and that expires
    tools = asked.get("tools")
    if isinstance(tools, list):  # of the vendor's own tools nobody knows what they do, or when
        return all(isinstance(tool, dict) and tool.get("type") in ("function", "custom") for tool in tools)
    return True


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    made = dict(pairs)
    if len(made) != len(pairs):
        raise ValueError("a key occurs twice")
    return made
