"""The top-level members of a JSON object: which there are, and where their values stand.

Theory. A body keeps its bytes on the way through, so only slices of it are ever replaced, and never a key is guessed:
`"model"` may also stand inside a tool's schema, or be spelled `"mod\\u0065l"`. One decode gives each key (unescaped) and
its value's bytes; what it cannot show is a key that occurs twice, for the last one wins. Two readers that disagree on
which one wins are a hole (a gateway checks one model, the vendor serves the other), so a second occurrence is refused.

The proof that there is none: the keys and values that were decoded, with the least punctuation, are as long as the
body. Every further byte, a second member above all, would make it longer. 0.8 us for a body in the compact style that
most clients write; another style is walked key by key in the decoded order, at about 0.7 us a key: where a key or value
is not the one that is due, it is a second occurrence.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Mapping
from typing import TypeAlias

import msgspec

from headworks.core.errors import Malformed

Members: TypeAlias = dict[str, msgspec.Raw]

MOST_MEMBERS = 1000
"""Members on the top level: OpenAI's chat has some forty. A body of 10 MB could have a million, at a microsecond each."""

_SHORTEST = 5
"""Bytes of a member, with the comma behind it: `"":1,`."""

_DECODER = msgspec.json.Decoder(Members)
_KEY_DECODER = msgspec.json.Decoder(str)
_BLANK = rb"[ \t\r\n]*+"
_KEY = re.compile(_BLANK + rb"[{,]" + _BLANK + rb'("[^"\\]*+(?:\\.[^"\\]*+)*+")' + _BLANK + rb":" + _BLANK, re.DOTALL)


Place: TypeAlias = tuple[int, int]
"""Where a value stands: `body[start:end]`."""


def members(body: bytes, param: str | None = None) -> Members:
    """The members of a JSON object. Raises Malformed: no JSON, no object, bad UTF-8, nested too deep, a key twice, too many.

    param: what the body is called in the error, where it is a part of another one.
    """
    what = f"`{param}`" if param else "The body"
    if not body.isascii():
        try:
            body.decode()
        except UnicodeDecodeError as error:
            raise Malformed(f"{what} is not UTF-8: byte {error.start} cannot be decoded.", param=param) from None
    # Most bodies have not even as many colons as there may be members: 0.1 ns a byte tells.
    is_counted = len(body) > _SHORTEST * MOST_MEMBERS and body.count(b":") > MOST_MEMBERS
    decoder = _counting(what, param) if is_counted else _DECODER
    try:
        found = decoder.decode(body)
        if is_counted:  # nobody can write a key that is no plain string
            found = {str(key): raw for key, raw in found.items()}
    except msgspec.ValidationError:
        raise Malformed(f"{what} must be a JSON object.", param=param) from None
    except msgspec.DecodeError as error:
        raise Malformed(f"{what} is not valid JSON: {_reason(error)}", param=param) from None
    except RecursionError:
        raise Malformed(f"{what} is nested too deep.", param=param) from None
    compact = sum(map(len, found.values())) + len("".join(found)) + 4 * len(found) + 1
    if compact != len(body):
        places(body, found, param)
    return found


class _Key(str):
    """A key that is counted."""

    __slots__ = ()


def _counting(what: str, param: str | None) -> msgspec.json.Decoder[Members]:
    """A decoder that stops at the first member too many. It asks Python about each key: 0.3 us."""
    count = itertools.count(1)

    def counted(_: type, key: str) -> _Key:
        if next(count) > MOST_MEMBERS:
            raise Malformed(f"{what} has more than {MOST_MEMBERS} members.", param=param)
        return _Key(key)

    return msgspec.json.Decoder(dict[_Key, msgspec.Raw], dec_hook=counted)


def places(body: bytes, found: Mapping[str, msgspec.Raw], param: str | None = None) -> dict[str, Place]:
    """Where each value stands, by key. `found` is `members(body)`. Raises Malformed for a key that occurs twice."""
    at = 0
    where: dict[str, Place] = {}
    key = ""
    for due, raw in found.items():
        match = _KEY.match(body, at)
        if match is None:  # `1` was due and `12` is here: the start of an earlier value of the same key
            raise _twice(key, param)
        key = _KEY_DECODER.decode(match[1])
        at = match.end()
        if key != due or not body.startswith(raw, at):
            raise _twice(key, param)
        end = at + len(raw)
        where[key] = (at, end)
        at = end
    if (
        found and body[at:].translate(None, b" \t\r\n") != b"}"
    ):  # three times as fast as `strip`: there may be 10 MB of them
        match = _KEY.match(body, at)
        raise _twice(key if match is None else _KEY_DECODER.decode(match[1]), param)
    return where


def _twice(key: str, param: str | None) -> Malformed:
    name = f"{param}.{key}" if param else key
    shown = name if len(name) <= 64 else f"{name[:64]}..."
    return Malformed(f"`{shown}` occurs twice. Send it once: which of the two would count is not defined.", param=shown)


def _reason(error: msgspec.DecodeError) -> str:
    reason = str(error).removeprefix("JSON is malformed: ")
    if reason == "Input data was truncated":
        return "it ends too early, or holds half of a surrogate pair."
    return f"{reason}."
