"""A caller's body in OpenAI's API: what policies need of it, and what a vendor is sent instead.

Always true: every byte that is not a replaced value is the caller's own. What we do not know (fields, roles, parts)
reaches the vendor as it came. What is checked here is what we act on ourselves (`openai_types`: what no vendor takes); the
rest is the vendor's to judge.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from decimal import Decimal, InvalidOperation
from typing import Any, Final

import msgspec

from headworks.core.dialect import Headers
from headworks.core.errors import Malformed
from headworks.wire.members import Members, Place, members, places

MOST_TOKENS = 2**31 - 1
"""The largest bound on output that is taken: no vendor's field is wider."""

_STRING = msgspec.json.Decoder(str).decode
_OPTIONAL_STRING = msgspec.json.Decoder(str | None).decode
_INT = msgspec.json.Decoder(int).decode
_OPTIONAL_BOOL = msgspec.json.Decoder(bool | None).decode

_BLANK: Final = b" \t\r\n"
_BLANK_OR_END: Final = b" \t\r\n]"
_MODEL: Final = b'"model"'
_MODEL_FIRST: Final = b'{"model"'
_MODEL_VALUE = re.compile(rb'"model"[ \t\r\n]*+:[ \t\r\n]*+("[^"\\]*+(?:\\.[^"\\]*+)*+")', re.DOTALL)

_NEWER = re.compile(rb'"(?:[a-z-]+/)?(?:o[1-9]|gpt-(?:[5-9]|[1-9][0-9]))')
"""Names of models that take `max_completion_tokens` only."""

_FORWARDED = frozenset({b"traceparent", b"idempotency-key"})
_OUR_ACCOUNT = frozenset({b"openai-organization", b"openai-project"})
"""They choose an account of the key's owner. With *our* key a caller's choice is refused, and would set the target aside."""

_RETURNED = frozenset({b"openai-processing-ms", b"openai-version", b"openai-model", b"apim-request-id", b"request-id"})
"""Headers of a vendor that SDKs and their users read; beside them the rate limits, which have one beginning."""


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
    return bool(_read(found, name, _OPTIONAL_BOOL, "true or false", within))


def read_user(found: Members) -> str | None:
    """Whose call it is, as the caller says it. OpenAI's newer word for `user` is `safety_identifier`."""
    user: str | None = _read(found, "user", _OPTIONAL_STRING, "a string")
    if not user and "safety_identifier" in found:
        user = _read(found, "safety_identifier", _OPTIONAL_STRING, "a string")
    return user


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
    return b'"n"' in body or _may_escape_names(body)


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


def _read(found: Members, name: str, decode: Callable[[Any], Any], wanted: str, within: str = "") -> Any:
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
    if at >= 0 and body.find(_MODEL, at + 7) < 0 and not _may_escape_names(body):
        match = _MODEL_VALUE.match(body, at)
        if match is not None:
            start, end = match.span(1)
            return b"".join((body[:start], model, more, body[end:]))
    start, end = places(body, members(body))["model"]
    return b"".join((body[:start], model, more, body[end:]))


def with_usage(body: bytes, model: bytes) -> bytes:
    """The same, and `stream_options.include_usage` is true, whatever else `stream_options` says."""
    if b'"stream_options"' not in body and not _may_escape_names(body):
        return with_model(body, model, b',"stream_options":{"include_usage":true}')
    found = members(body)
    where = places(body, found)
    place = where.get("stream_options")
    if place is None:
        return with_model(body, model, b',"stream_options":{"include_usage":true}')
    options = body[place[0] : place[1]]
    return _replaced(body, {where["model"]: model, place: _counting(options)})


def with_bound(body: bytes, model: bytes, most: int) -> bytes:
    """The body with a bound on its output, in tokens, where the caller set none (or null, or -1, which are none).

    The newer of the two names goes to models that refuse the older one; other servers may know the older one only.
    """
    name = b"max_completion_tokens" if _NEWER.match(model) else b"max_tokens"
    if b'"max_' not in body and not _may_escape_names(body):
        return b'%s,"%s":%d}' % (body[: body.rindex(b"}")], name, most)
    found = members(body)
    where = places(body, found)
    values = {where[key]: b"null" for key in ("max_tokens", "max_completion_tokens") if key in where}
    place = where.get(name.decode())
    if place is None:
        body = _replaced(body, values)
        return b'%s,"%s":%d}' % (body[: body.rindex(b"}")], name, most)
    values[place] = b"%d" % most
    return _replaced(body, values)


def _may_escape_names(body: bytes) -> bool:
    """Whether a name of ASCII letters could be spelled with escapes: `mod\\u0065l`. The first look is a memchr."""
    return b"\\" in body and b"\\u00" in body


def _counting(options: bytes) -> bytes:
    if options == b"null":
        return b'{"include_usage":true}'
    found = members(options)
    place = places(options, found).get("include_usage")
    if place is not None:
        return _replaced(options, {place: b"true"})
    return b'{"include_usage":true' + (b"," if found else b"") + options[1:].lstrip(_BLANK)


def _replaced(body: bytes, values: dict[Place, bytes]) -> bytes:
    pieces: list[bytes] = []
    at = 0
    for start, end in sorted(values):
        pieces += (body[at:start], values[start, end])
        at = end
    pieces.append(body[at:])
    return b"".join(pieces)


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
