"""A JSON body that keeps its bytes: what is read of its top level, and what of it is replaced.

Always true: every byte that is not a replaced value is the caller's own. For every API whose body has `model`.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from decimal import Decimal, InvalidOperation
from typing import Any, Final

import msgspec

from headworks.core.errors import Malformed
from headworks.wire.members import Members, Place, members, places

MOST_TOKENS = 2**31 - 1
"""The largest bound on output that is taken: no vendor's field is wider."""

_STRING = msgspec.json.Decoder(str).decode
_INT = msgspec.json.Decoder(int).decode
_OPTIONAL_BOOL = msgspec.json.Decoder(bool | None).decode

_BLANK: Final = b" \t\r\n"
_BLANK_OR_END: Final = b" \t\r\n]"
_MODEL: Final = b'"model"'
_MODEL_FIRST: Final = b'{"model"'
_MODEL_VALUE = re.compile(rb'"model"[ \t\r\n]*+:[ \t\r\n]*+("[^"\\]*+(?:\\.[^"\\]*+)*+")', re.DOTALL)


# Reading


def read_model(found: Members) -> str:
    """The alias that is asked for. Raises Malformed."""
    raw = found.get("model")
    if raw is None:
        raise Malformed("`model` is missing: name one of the models that this gateway serves.", param="model")
    try:
        model = _STRING(raw)
    except msgspec.DecodeError:
        raise Malformed(f"`model` must be a string, not {kind(raw)}.", param="model") from None
    if not model:
        raise Malformed("`model` is empty: name one of the models that this gateway serves.", param="model")
    return model


def read_flag(found: Members, name: str, within: str = "") -> bool:
    """A field that is true, false, null or missing. within: the path of the object that it stands in, with its dot."""
    return bool(read_field(found, name, _OPTIONAL_BOOL, "true or false", within))


def read_bound(found: Members, name: str) -> int | None:
    """Tokens. Some local servers take -1 for "no bound": so do we, whatever a vendor makes of it."""
    bound = read_whole(found, name)
    return None if bound is None or bound < 0 else bound


def read_whole(found: Members, name: str) -> int | None:
    """A whole number in any of JSON's notations, None where it is null. Raises Malformed for anything else, and where it is
    too large."""
    raw = found[name]
    number = whole(raw)
    if number is None and bytes(memoryview(raw)[:5]) != b"null":
        raise Malformed(f"`{name}` must be a whole number, not {kind(raw)}.", param=name)
    if number is not None and number > MOST_TOKENS:
        raise Malformed(f"`{name}` is too large: at most {MOST_TOKENS}.", param=name)
    return number


MOST_DIGITS: Final = 100
"""Characters of a number that is read: `2.000` is 2, and so is a million noughts, but nobody writes it so."""


def whole(raw: msgspec.Raw) -> int | None:
    """The whole number that a JSON value is, however it is written: `2`, `2.0`, `2e0`, `20e-1`. None where it is none.

    What it is beyond `MOST_DIGITS` digits is only that it is too large.
    """
    if len(raw) > MOST_DIGITS:
        return None
    try:
        return _INT(raw)
    except msgspec.DecodeError:
        pass
    try:
        number = Decimal(bytes(raw).decode("latin-1"))
    except InvalidOperation:  # no number at all, or one with an exponent of twenty digits
        return None
    if not number:
        return 0
    if number.adjusted() > MOST_DIGITS:
        return None if number < 0 else MOST_TOKENS + 1
    found = int(number)
    return found if found == number else None


def require_content(found: Members, name: str, what: str, *, listed: bool) -> None:
    """Refuses a field that is missing, null or empty; where `listed`, also one that is no list."""
    raw = found.get(name)
    if raw is None:
        raise Malformed(f"`{name}` is missing: {what}.", param=name)
    start = bytes(memoryview(raw)[:5])
    if start[:1] == b"[":
        if start[1] not in _BLANK_OR_END or is_filled_list(raw):  # the second byte mostly tells
            return
    elif listed:
        raise Malformed(f"`{name}` must be a list, not {kind(raw)}.", param=name)
    if start in (b"null", b'""') or start[:1] == b"[":
        raise Malformed(f"`{name}` is empty: {what}.", param=name)


def is_filled_list(raw: msgspec.Raw) -> bool:
    """Whether a JSON value is a list with something in it."""
    view = memoryview(raw)
    if bytes(view[:1]) != b"[":
        return False
    # The second byte mostly tells; only a list that begins with blanks is looked at further.
    return view[1] not in _BLANK_OR_END or bool(bytes(view[1:-1]).strip(_BLANK))


def read_field(found: Members, name: str, decode: Callable[[Any], Any], wanted: str, within: str = "") -> Any:
    raw = found.get(name)
    if raw is None:
        return None
    try:
        return decode(raw)
    except msgspec.DecodeError:
        path = within + name
        raise Malformed(f"`{path}` must be {wanted}, not {kind(raw)}.", param=path) from None


def kind(raw: msgspec.Raw) -> str:
    """What a JSON value is, in words: the value itself may hold what must not be repeated."""
    first = bytes(memoryview(raw)[:1])
    kinds = {b'"': "a string", b"{": "an object", b"[": "a list", b"t": "true", b"f": "false", b"n": "null"}
    return kinds.get(first, "a number of another kind")


# Writing


def with_model(body: bytes, model: bytes, more: bytes = b"") -> bytes:
    """The body with another `model` (a JSON string), and `more` members (`,"name":value`) after it.

    Where the body begins with `"model"`, as most clients write it, that is the key, for no key occurs twice in a body
    that was read (`members`): 0.5 us. Where `"model"` occurs once and no escape could spell it, that occurrence is the
    key: 2 us. Otherwise the keys of the top level are walked.
    """
    if body.startswith(_MODEL_FIRST):
        match = _MODEL_VALUE.match(body, 1)
        if match is not None:
            start, end = match.span(1)
            return b"".join((body[:start], model, more, body[end:]))
    at = body.find(_MODEL)
    if at >= 0 and body.find(_MODEL, at + 7) < 0 and not may_escape_names(body):
        match = _MODEL_VALUE.match(body, at)
        if match is not None:
            start, end = match.span(1)
            return b"".join((body[:start], model, more, body[end:]))
    start, end = places(body, members(body))["model"]
    return b"".join((body[:start], model, more, body[end:]))


def may_escape_names(body: bytes) -> bool:
    """Whether a name of ASCII letters could be spelled with escapes: `mod\\u0065l`. The first look is a memchr."""
    return b"\\" in body and b"\\u00" in body


def replaced(body: bytes, values: dict[Place, bytes]) -> bytes:
    pieces: list[bytes] = []
    at = 0
    for start, end in sorted(values):
        pieces += (body[at:start], values[start, end])
        at = end
    pieces.append(body[at:])
    return b"".join(pieces)
