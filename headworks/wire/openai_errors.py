"""OpenAI's error shape, both ways: what vendors' errors mean, and how errors are shown to callers.

Theory. Many vendors speak OpenAI's API and no two agree on errors: objects, strings, lists, plain text, a proxy's HTML.
So what was *said* is read leniently first; whose fault it is follows from the status, with two corrections:
- credit that is used up comes as 400, 402, 403 or 429 and never passes by waiting: the vendor refuses us, not the call;
- a refused key or an unknown model may come as 400. It is told by type and code, and by message only where the message
  *begins* with a vendor's fixed words: a caller whose text is quoted in an error must not be able to have a target set
  aside;
- a question that is too long, or that a content policy refuses, is the caller's fault, and yet another model may take it.
  It is told by code, and for want of one by a message's words: being wrong here costs one more call at most.

What is shown again are a vendor's own words, except where it refuses *us*: those may hold parts of our key.
"""

from __future__ import annotations

import re
from typing import Any, TypeAlias

import msgspec

from headworks.core.errors import (
    CallError,
    Cut,
    Denied,
    Failed,
    Filtered,
    Garbled,
    Rejected,
    Throttled,
    TooLong,
    Upstream,
    VendorSaid,
)
from headworks.wire.dialect import Headers
from headworks.wire.retry_after import retry_after

MOST_MESSAGE = 2_000
"""Characters of a vendor's message that are kept."""

MOST_LOOKED_AT = 500
"""Characters of a message in which a vendor's own words are looked for: what it quotes of a caller's comes later."""

_ANY = msgspec.json.Decoder()
Said: TypeAlias = dict[str, Any]

_OURS = frozenset({401, 402, 403, 404, 405, 407, 410, 498})
"""Refusals of us: key, credit, model or path, a proxy's credentials (407). 498 is an expired token at one vendor."""

_PASSING = frozenset({408, 409, 423, 424, 425, 499})
"""4xx that are nobody's mistake: timeouts, conflicts, a dependency of theirs. 424 is what one vendor says for a crash."""

_OUT_OF_CREDIT = frozenset(
    {
        "insufficient_quota",
        "billing_hard_limit_reached",
        "billing_not_active",
        "insufficient_credits",
        "insufficient_balance",
        "credit_exhausted",
        "account_deactivated",
    }
)
_REFUSES_US = (
    frozenset({"invalid_api_key", "authentication_error", "model_not_found", "invalid_model"}) | _OUT_OF_CREDIT
)

_REFUSES_US_WORDS = re.compile(
    r"(?i)(incorrect api key|invalid api key|api key not valid|your credit balance|insufficient balance"
    r"|insufficient credits|model not exist\b|the model `[^`]{1,128}` does not exist)"
)

_TOO_LONG = frozenset({"context_length_exceeded", "exceed_context_size_error", "string_above_max_length"})
_TOO_LONG_WORDS = re.compile(
    r"(?i)(context (length|window|size|limit)|prompt is too long|input is too long|too many (input )?tokens"
    r"|exceeds? the (model's )?maximum (number of tokens|input|context)|reduce the length of the messages)"
)
"""OpenAI and vLLM, llama.cpp, Anthropic, Bedrock, Gemini, Mistral: no two say it alike."""

_FILTERED = frozenset(
    {
        *("content_filter", "content_policy_violation", "content_policy", "responsibleaipolicyviolation"),
        *("moderation_blocked", "data_inspection_failed", "safety"),
    }
)

_STATUS_BY_KIND = {
    "invalid_request_error": 400,
    "badrequesterror": 400,
    "content_filter": 400,
    "content_policy_violation": 400,
    "context_length_exceeded": 400,
    "authentication_error": 401,
    "permission_error": 403,
    "not_found_error": 404,
    "rate_limit_error": 429,
    "rate_limit_exceeded": 429,
    "insufficient_quota": 429,
    "server_error": 500,
    "internal_server_error": 500,
    "internalservererror": 500,
    "overloaded_error": 529,
}
"""What an error in a stream or in a 200 would have had as status, by its type or code in lower case."""

_SECRET = re.compile(r"[A-Za-z0-9_\-*.]{12,}")
_TITLE = re.compile(r"(?is)<title[^>]*>\s*(.{1,200}?)\s*</title>")


# From vendors


def vendor_error(status: int, headers: Headers, body: bytes, wall: float) -> CallError:
    """What an answer that is not 200 means. wall: seconds since 1970, for waits that are given as dates."""
    named = dict(headers)
    said = said_in(status, body, _request_id(named))
    error = _judged(said, status, retry_after(named, wall))
    should_retry = named.get(b"x-should-retry")
    if should_retry == b"true":
        error.retry = "here"
    elif should_retry == b"false" and error.retry == "here":
        error.retry = "elsewhere"  # the vendor speaks for itself only
    return error


def error_in(content: Any, *, is_headed: bool) -> CallError:
    """What an error means that came with status 200, in a stream or as a whole body. After the head it is a Cut."""
    content = _unwrapped(content)
    said = _read(content, 200, None)
    status = _stated_status(content, said)
    if status:
        said = msgspec.structs.replace(said, status=status)
    if is_headed:
        return Cut(f"The stream ended with an error: {said.message}", said=said)
    if not status:
        return Garbled(f"The vendor answered 200 with an error: {said.message}", said=said)
    return _judged(said, status, None)


def said_in(status: int, body: bytes, request_id: str | None = None) -> VendorSaid:
    """A vendor's error as far as it can be read: any JSON shape, text, or the title of an HTML page."""
    try:
        content = _ANY.decode(body)
    except (ValueError, RecursionError):  # ValueError: no JSON, or no UTF-8
        text = body[: 4 * MOST_MESSAGE].decode("utf-8", "replace").strip()
        return VendorSaid(status=status, message=_message_of_text(status, text), request_id=request_id)
    return _read(_unwrapped(content), status, request_id)


def garbled(body: bytes) -> Garbled:
    """A 200 whose body is no JSON: what it begins with says most."""
    said = said_in(200, body)
    return Garbled(f"The vendor's answer is not JSON: {said.message[:200]}", said=said)


def _judged(said: VendorSaid, status: int, wait: float | None) -> CallError:
    kinds = {said.type, said.code}
    refuses_us = bool(kinds & _REFUSES_US) or _REFUSES_US_WORDS.match(said.message) is not None
    if status in _OURS or status < 400 or (status in (400, 429) and refuses_us):
        reason = said.code or said.type or "no code"
        masked = msgspec.structs.replace(said, message=_SECRET.sub(_mask, said.message))
        return Denied(f"The vendor refuses us: {status} ({reason[:64]}).", said=masked, retry_after=wait)
    message = said.message
    if status == 429:
        return Throttled(message, said=said, retry_after=wait)
    if status >= 500 or status in _PASSING:
        return Failed(message, said=said, retry_after=wait)
    kind = _rejection(said, status)
    return kind(message, said=said, param=said.param)


def _rejection(said: VendorSaid, status: int) -> type[Rejected]:
    """Which kind of the caller's fault it is."""
    kinds = {kind.lower() for kind in (said.type, said.code) if kind}
    if kinds & _FILTERED:
        return Filtered
    if kinds & _TOO_LONG or (status in (400, 413, 422) and _TOO_LONG_WORDS.search(said.message[:MOST_LOOKED_AT])):
        return TooLong
    return Rejected


def _mask(match: re.Match[str]) -> str:
    """Hides what may be a part of a key: vendors quote it in their errors. Words have no digits."""
    word = match[0]
    return "***" if any(letter.isdigit() or letter == "*" for letter in word) else word


def _stated_status(content: Any, said: VendorSaid) -> int:
    """The status that an error without one of its own states, or 0."""
    error = content.get("error", content) if isinstance(content, dict) else None
    for place in (error, content):
        if isinstance(place, dict):
            for name in ("code", "status", "status_code"):
                stated = place.get(name)
                if isinstance(stated, str) and stated.isdecimal() and len(stated) == 3:
                    stated = int(stated)
                if isinstance(stated, int) and 400 <= stated <= 599:
                    return stated
    for kind in (said.code, said.type):
        if kind is not None and kind.lower() in _STATUS_BY_KIND:
            return _STATUS_BY_KIND[kind.lower()]
    return 0


def _unwrapped(content: Any) -> Any:
    """Gemini's compatible API wraps its errors in a list."""
    return content[0] if isinstance(content, list) and content else content


def _read(content: Any, status: int, request_id: str | None) -> VendorSaid:
    if not isinstance(content, dict):
        return VendorSaid(status=status, message=_message_of_text(status, _text(content)), request_id=request_id)
    error = content.get("error", content)
    if not isinstance(error, dict):
        error = {**content, "message": content.get("message") or error}
    message = next((error[name] for name in ("message", "detail", "msg", "error_description") if error.get(name)), None)
    kind = error.get("type")
    if not isinstance(kind, str) and isinstance(error.get("status"), str):
        kind = error["status"]  # Gemini: {"code": 400, "status": "INVALID_ARGUMENT"}
    code = error.get("code")
    param = error.get("param")
    return VendorSaid(
        status=status,
        message=_bounded(_text(message)) or _message_of_text(status, ""),
        type=kind if isinstance(kind, str) else None,
        code=str(code) if isinstance(code, (str, int)) else None,
        param=param if isinstance(param, str) else None,
        request_id=request_id,
    )


def _text(message: Any) -> str:
    """A message as text. FastAPI's vendors send `[{"loc": ["body", "stream_options"], "msg": "not permitted"}]`."""
    if message is None:
        return ""
    if isinstance(message, str):
        return message
    if isinstance(message, list) and message and all(isinstance(item, dict) and "msg" in item for item in message):
        return "; ".join(
            f"{'.'.join(str(step) for step in item.get('loc') or ('body',))}: {item['msg']}" for item in message[:8]
        )
    return msgspec.json.encode(message).decode()


def _message_of_text(status: int, text: str) -> str:
    if not text:
        return f"The vendor answered {status} without a message."
    if text[:256].lstrip().lower().startswith(("<!doctype", "<html", "<?xml", "<head")):
        title = _TITLE.search(text)
        said = f": {title[1]}" if title else ""
        return f"The vendor answered {status} with an HTML page{said}."
    return _bounded(text)


def _bounded(text: str) -> str:
    return text if len(text) <= MOST_MESSAGE else f"{text[:MOST_MESSAGE]}..."


def _request_id(headers: dict[bytes, bytes]) -> str | None:
    value = headers.get(b"x-request-id") or headers.get(b"apim-request-id") or headers.get(b"request-id")
    return value.decode("latin-1") if value is not None else None


# To callers


class _Shown(msgspec.Struct, frozen=True):
    message: str
    type: str | None
    param: str | None
    code: str | None


class _Problem(msgspec.Struct, frozen=True):
    error: _Shown


def problem(error: CallError) -> bytes:
    """The body of an error answer, as the official SDKs read it: `{"error": {message, type, param, code}}`.

    A vendor's own words where it speaks to the caller; never its words to us.
    """
    said = error.said
    if said is not None and isinstance(error, Garbled):  # a piece of an answer is no message: ours says what it is
        shown = _Shown(error.message, said.type or error.type, said.param, said.code or error.code)
    elif said is not None and isinstance(error, Upstream) and not isinstance(error, Denied):
        shown = _Shown(said.message, said.type or error.type, said.param, said.code)
    elif isinstance(error, Denied):
        shown = _Shown(
            "The upstream provider refused the gateway, not your request: its operator has to look at the provider's key, credit "
            "and model name.",
            error.type,
            None,
            error.code,
        )
    else:
        shown = _Shown(error.message, error.type, error.param, error.code)
    return msgspec.json.encode(_Problem(shown))


def event(error: CallError) -> bytes:
    """The event that ends a stream which broke: the official SDKs raise APIError on it."""
    return b"data: " + problem(error) + b"\n\n"
