"""What vendors' errors mean, whichever API they speak.

Theory. Many vendors speak one API and no two agree on errors: objects, strings, lists, plain text, a proxy's HTML.
So what was *said* is read leniently first, wherever its words stand; what it means is looked up (`error_meaning.py`, by the
table of `vendor_errors.py`), and what that does not know is told by the status. Whose fault it is follows, and of whom
it tells something (`about`):
- a refused key and used-up credit tell of the target, whoever met them; a 404 and what a vendor forbids without naming
  a reason may follow from the call's own body, so the layer that sets targets aside asks for more proof;
- a limit that one body is too large for tells of that call only, as does a refusal of what it asks for;
- a question that is too long, or that a content policy refuses, is the caller's fault, and yet another model may take
  it; being wrong here costs one more call at most.

What is shown again are a vendor's own words (`openai/errors.py`, `anthropic/errors.py`), except where it refuses *us*:
those may hold parts of our key.
"""

from __future__ import annotations

import re
import string
from typing import Any, TypeAlias

import msgspec

from headworks.core.dialect import Headers
from headworks.core.errors import (
    About,
    CallError,
    Cut,
    Denied,
    Failed,
    Filtered,
    Garbled,
    Rejected,
    Throttled,
    TooLong,
    Unsuited,
    VendorSaid,
)
from headworks.core.text import well_formed
from headworks.wire.error_meaning import meaning_of
from headworks.wire.json_text import write_json
from headworks.wire.retry_after import retry_after, wait_in
from headworks.wire.vendor_errors import Meaning

MOST_MESSAGE = 2_000
"""Characters of a vendor's message that are kept."""

MOST_STATUS = 599
"""The highest status that HTTP knows. What is above is treated as a 5xx (RFC 9110, section 15), and shown as our 502."""

MOST_NAME = 500
"""Characters of a vendor's type, code or parameter that are kept."""

MOST_TITLE = 200
"""Characters of a page's title; a longer one is none."""

MOST_WORDS = 200
"""Words of a refusal that are kept to be compared with the model's name."""

_ANY = msgspec.json.Decoder()
Said: TypeAlias = dict[str, Any]

_PROXY = 407
"""What a proxy answers in a vendor's place: the credentials that are wrong are those for the proxy (RFC 9110, 15.5.8)."""

_OURS = frozenset({401, 402, 403, 404, 405, _PROXY, 410, 412, 498})
"""Refusals of us: key, credit, model or path. 412 is what one vendor says for an account that is suspended, 498 an
expired token at another."""

_UNCLEAR: dict[int, About] = {403: "forbidden", 404: "unclear", 405: "unclear"}
"""Of those, what may follow from what the call asks for, where no words say what it is about."""

_PASSING = frozenset({408, 409, 423, 424, 425, 499})
"""4xx that are nobody's mistake: timeouts, conflicts, a dependency of theirs. 424 is what one vendor says for a crash."""

_LIMITED = frozenset({413, 429})
_WAITS = frozenset({413, 429, 503, 529})
"""Statuses whose words and fields may say how long to wait. Of others only the headers are read."""

_SIZED = re.compile(
    r"(?i)limit:?\s*([\d,]{1,15})[,;.]?\s+(?:used:?\s*[\d,]{1,15}[,;.]?\s+)?requested:?\s*([\d,]{1,15})"
)
"""`Limit 6000, Requested 12328`: what one call asks for, and what a minute admits."""

_FLEX = "capacity_exceeded"
"""One vendor's word for a tier of service that the call itself chose."""

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

_STATUS_BY_MEANING: dict[Meaning, int] = {
    "filtered": 400,
    "too_long": 400,
    "bad_key": 401,
    "no_credit": 402,
    "unknown_model": 404,
    "unsuited": 404,
    "rate_limited": 429,
    "overloaded": 503,
}
"""The same by what it means."""

_PLACES = ("error", "errors", "base_resp")
_TOLD_IN = (
    *("message", "detail", "msg", "error_description", "error", "errors", "error_msg", "errorMessage", "status_msg"),
    *("Message", "description", "reason", "title", "fault", "faultstring"),
)
"""Members in which vendors, their proxies and frameworks put words, the most telling first."""
_DEEPEST = 4
_NO_JSON: Any = object()

_LOWER = str.maketrans(string.ascii_uppercase, string.ascii_lowercase)
_WORD = re.compile(r"[^\s`'\"()<>{}\[\],;]+")
_SECRET = re.compile(r"[A-Za-z0-9_\-*.]{12,}")


def vendor_error(status: int, headers: Headers, body: bytes, wall: float) -> CallError:
    """What an answer that is not 200 means. wall: seconds since 1970, for waits that are given as dates."""
    named = dict(headers)
    said = said_in(status, body, _request_id(named))
    wait = retry_after(named, wall, is_limited=False)
    if wait is None and status in _WAITS:
        wait = wait_in(_content(body), said.message, wall)
        if wait is None and status in _LIMITED:
            wait = retry_after(named, wall)
    error = _judged(said, status, meaning_of(said, status), wait)
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
    meaning = meaning_of(said, 200) or meaning_of(said, status)
    if not status and meaning is not None:
        status = _STATUS_BY_MEANING[meaning]
    if status:
        said = msgspec.structs.replace(said, status=status)
    judged = _judged(said, status, meaning, None) if status else None
    if is_headed:
        cut = Cut(f"The stream ended with an error: {said.message}", said=said)
        if judged is not None and (judged.blame == "caller" or judged.about != "target"):
            cut.about = "call"
        return cut
    return judged or Garbled(f"The vendor answered 200 with an error: {said.message}", said=said)


def said_in(status: int, body: bytes, request_id: str | None = None) -> VendorSaid:
    """A vendor's error as far as it can be read: any JSON shape, text, or the title of an HTML page."""
    content = _content(body)
    if content is _NO_JSON:
        text = body[: 4 * MOST_MESSAGE].decode("utf-8", "replace").strip()
        return VendorSaid(status=status, message=_message_of_text(status, text), request_id=request_id)
    return _read(_unwrapped(content), status, request_id)


def garbled(body: bytes) -> Garbled:
    """A 200 whose body is no JSON: what it begins with says most."""
    said = said_in(200, body)
    return Garbled(f"The vendor's answer is not JSON: {said.message[:200]}", said=said)


def _judged(said: VendorSaid, status: int, meaning: Meaning | None, wait: float | None) -> CallError:
    if status > MOST_STATUS:
        return Failed(said.message, said=said, retry_after=wait)
    if meaning == "rate_limited" or (status == 429 and meaning not in ("no_credit", "bad_key", "unknown_model")):
        return _throttled(said, status, wait)
    if meaning == "filtered":
        return Filtered(said.message, said=said, param=said.param)
    if meaning == "too_long":
        return TooLong(said.message, said=said, param=said.param)
    if meaning == "unsuited":
        return _unsuited(said, status)
    if meaning == "overloaded":
        failed = Failed(said.message, said=said, retry_after=wait)
        failed.about = "call" if said.code == _FLEX else "target"
        return failed
    if meaning is not None:
        return _denied(said, status, "model" if meaning == "unknown_model" else "target", wait)
    if status in _OURS or status < 400:
        return _denied(said, status, _UNCLEAR.get(status, "target"), wait)
    if status >= 500 or status in _PASSING:
        return Failed(said.message, said=said, retry_after=wait)
    return Rejected(said.message, said=said, param=said.param)


def _denied(said: VendorSaid, status: int, about: About, wait: float | None) -> Denied:
    reason = said.code or said.type or "no code"
    masked = msgspec.structs.replace(said, message=_SECRET.sub(_mask, said.message))
    who = "proxy" if status == _PROXY else "vendor"
    denied = Denied(f"The {who} refuses us: {status} ({reason[:64]}).", said=masked, retry_after=wait)
    denied.about = about
    denied.words = frozenset(_WORD.findall(said.message)[:MOST_WORDS])
    return denied


def _unsuited(said: VendorSaid, status: int) -> CallError:
    if status != 402:
        return Unsuited(said.message, said=said, param=said.param)
    return _denied(said, status, "call", None)  # our credit, and enough of it for a smaller call


def _throttled(said: VendorSaid, status: int, wait: float | None) -> Throttled:
    """A limit. Where one body is too large for it, that says nothing to smaller ones; waiting may not help it either."""
    throttled = Throttled(said.message, said=said, retry_after=wait)
    sized = _SIZED.search(said.message)
    admits, asks = (float(number.replace(",", "") or 0) for number in sized.groups()) if sized else (0.0, 0.0)
    if status == 413 or asks > admits or said.message.lower().startswith("request too large"):
        throttled.about = "call"
        throttled.retry = "elsewhere"
    elif asks > admits / 2:
        throttled.about = "call"
    return throttled


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


def _content(body: bytes) -> Any:
    """The JSON value, or _NO_JSON."""
    try:
        return _ANY.decode(body)
    except (ValueError, RecursionError):  # ValueError: no JSON, or no UTF-8
        return _NO_JSON


def _unwrapped(content: Any) -> Any:
    """Gemini's compatible API wraps its errors in a list."""
    return content[0] if isinstance(content, list) and content else content


def _read(content: Any, status: int, request_id: str | None) -> VendorSaid:
    if not isinstance(content, dict):
        return VendorSaid(status=status, message=_message_of_text(status, _text(content)), request_id=request_id)
    error = _error_of(content)
    kind = error.get("type", error.get("error_type"))
    if not isinstance(kind, str) and isinstance(error.get("status"), str):
        kind = error["status"]  # Gemini: {"code": 400, "status": "INVALID_ARGUMENT"}
    code = error.get("code", error.get("status_code"))
    param = error.get("param")
    return VendorSaid(
        status=status,
        message=_bounded(_words(error, 0)) or _message_of_text(status, ""),
        type=_named(kind) if isinstance(kind, str) else None,
        code=_named(str(code)) if isinstance(code, (str, int)) else None,
        param=_named(param) if isinstance(param, str) else None,
        request_id=request_id,
    )


def _named(name: str) -> str:
    """A type, code or parameter as it may be shown again: bounded, and text that can be encoded."""
    return well_formed(name[:MOST_NAME])


def _encoded(value: Any) -> str:
    """A JSON value as text. It was decoded in a shallower place of the stack, so that it may be nested too deep here."""
    try:
        return write_json(value).decode()
    except RecursionError:
        return ""


def _error_of(content: dict[str, Any]) -> dict[str, Any]:
    """The object that has the words, the type and the code: `error`, what stands in `errors`, `base_resp`, or the body itself."""
    for place in _PLACES:
        whole = content.get(place)
        error = _unwrapped(whole)
        if isinstance(error, dict) and error:
            return error if place != "errors" else {**error, "message": whole}
        if isinstance(error, str) and error:
            return {**content, "message": content.get("message") or whole}
    return content


def _words(value: Any, depth: int) -> str:
    """A vendor's words, wherever they stand: in a text, in the member that has them, in JSON within a text."""
    if depth > _DEEPEST or value is None:
        return ""
    if isinstance(value, str):
        if (
            depth <= 2
            and value[:1] in ("{", "[")
            and (inner := _content(value.encode("utf-8", "replace"))) is not _NO_JSON
        ):
            return _words(inner, depth + 1) or value
        return value
    if isinstance(value, list) and value and all(isinstance(item, (dict, str)) for item in value):
        return "; ".join(f"{_placed(item)}{words}" for item in value[:8] if (words := _words(item, depth + 1)))
    if not isinstance(value, dict):
        return _encoded(value)
    for name in _TOLD_IN:
        if value.get(name) and (words := _words(value[name], depth + 1)):
            return f"{words}{_raw(value, depth)}"
    return _encoded(value) if depth and value else ""


def _placed(value: Any) -> str:
    """Where in the body, as FastAPI's vendors say it: `[{"loc": ["body", "stream_options"], "msg": "not permitted"}]`."""
    if not isinstance(value, dict) or "msg" not in value:
        return ""
    loc = value.get("loc")
    return f"{'.'.join(str(step) for step in loc) if isinstance(loc, list) and loc else 'body'}: "


def _raw(value: dict[str, Any], depth: int) -> str:
    """What a router repeats of the vendor behind it, whose words say more than its own ("Provider returned error")."""
    metadata = value.get("metadata")
    raw = metadata.get("raw") if isinstance(metadata, dict) else None
    words = _words(raw, depth + 1) if raw else ""
    return f" {words}" if words else ""


def _text(message: Any) -> str:
    """A body that is no object, as text."""
    if message is None:
        return ""
    return _words(message, 1) or _encoded(message)


def _message_of_text(status: int, text: str) -> str:
    if not text:
        return f"The vendor answered {status} without a message."
    if text[:256].lstrip().lower().startswith(("<!doctype", "<html", "<?xml", "<head")):
        title = _title(text)
        said = f": {title}" if title else ""
        return f"The vendor answered {status} with an HTML page{said}."
    return _bounded(text)


def _title(page: str) -> str:
    """What stands between the first `<title ...>` and the next `</title>`; "" where that is nothing, or too long for one."""
    lowered = page.translate(_LOWER)  # `lower` would move what stands behind some letters
    opens = lowered.find("<title")
    begins = lowered.find(">", opens) + 1 if opens >= 0 else 0
    ends = lowered.find("</title>", begins) if begins else -1
    title = page[begins:ends].strip() if ends >= 0 else ""
    return title if len(title) <= MOST_TITLE else ""


def _bounded(text: str) -> str:
    return well_formed(text) if len(text) <= MOST_MESSAGE else f"{well_formed(text[:MOST_MESSAGE])}..."


def _request_id(headers: dict[bytes, bytes]) -> str | None:
    value = headers.get(b"x-request-id") or headers.get(b"apim-request-id") or headers.get(b"request-id")
    return value.decode("latin-1") if value is not None else None
