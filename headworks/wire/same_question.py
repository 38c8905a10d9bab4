"""What of a caller's body decides the answer: two bodies with the same `question` may share one.

Theory. The body is taken apart, what does not change the answer is left out, and the rest is written again with sorted
keys and no blanks. Everything that nobody here knows stays in: a field that is new may change everything.

Numbers are compared as doubles, as every JSON reader of a vendor does; `1` and `1.0` differ, which costs a miss, but for those
that are whole by their meaning. A key that occurs twice in one object is read differently by different readers, so such a body
is nobody's equal: otherwise one caller could put an answer in the place of another's. In the compact style the proof is that
writing what was read gives the same bytes; other bodies are read again by a reader that looks at each key.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any, Final

import msgspec

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

_decode = msgspec.json.Decoder().decode
_encode = msgspec.json.Encoder().encode
_encode_sorted = msgspec.json.Encoder(order="sorted").encode


class Spec(msgspec.Struct, frozen=True):
    """What an operation's bodies are compared by. left_out: what does not change the answer. whole: numbers that are whole by
    their meaning. deciding: what has a say in whether an answer may be kept, which `is_repeatable` decides."""

    left_out: tuple[str, ...]
    whole: tuple[str, ...]
    deciding: tuple[str, ...]
    is_repeatable: Callable[[Mapping[str, Any]], bool]


def same_question(spec: Spec, body: bytes) -> bytes | None:
    """Bytes that are the same for every body that asks the same; None where answers must not be shared."""
    try:
        if len(body) > LARGE or _nested(body) > DENSE:
            found = _deciding(spec, members(body))
            return body if found is not None and spec.is_repeatable(found) else None
        asked = _decode(body)
        if _encode(asked) != body:
            asked = json.loads(body, object_pairs_hook=_unique)
        if not isinstance(asked, dict) or not spec.is_repeatable(asked):
            return None
        for name in spec.left_out:
            if name in asked:
                del asked[name]
        for name in spec.whole:
            if isinstance(number := asked.get(name), float) and number.is_integer():
                asked[name] = int(number)
        return _encode_sorted(asked)
    except (Malformed, ValueError, RecursionError):  # msgspec's errors are ValueErrors
        return None


def _nested(data: bytes) -> int:
    return data.count(b"[") + data.count(b"{")


def _deciding(spec: Spec, found: Members) -> dict[str, Any] | None:
    """What decides whether the answer to a large body may be kept; None where that is too long to be read."""
    read: dict[str, Any] = {}
    for name in spec.deciding:
        if name in found:
            raw = bytes(found[name])
            if _nested(raw) > MOST_TOOLS if name == "tools" else len(raw) > MOST_READ:
                return None
            read[name] = _decode(raw)
    return read


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    made = dict(pairs)
    if len(made) != len(pairs):
        raise ValueError("a key occurs twice")
    return made
