"""What a vendor's error means, held against the table of vendors' forms.

Theory. Nobody knows which vendor speaks: a base URL may lead anywhere. So an error is held against every vendor's forms:
first against a whole form (status, code, type and words, as far as the form states them), then by a name that means the
same wherever it comes (`context_length_exceeded` with any status), then by words that more than one vendor uses. What
remains is told by the status, in `error_reading.py`.

Always true: words about us count only where the message begins with them; every other word within the first
MOST_LOOKED_AT characters; a name that many vendors use for many things (`invalid_request_error`, a number) never counts
alone.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import pairwise
from typing import Final

from headworks.core.errors import VendorSaid
from headworks.wire.vendor_errors import VENDORS, Form, Meaning

MOST_LOOKED_AT: Final = 500
"""Characters of a message in which a vendor's own words are looked for: what it quotes of a caller's comes later."""

MOST_BETWEEN: Final = 200
"""Characters for which `...` may stand within a form's words."""

ABOUT_US: Final = frozenset[Meaning]({"no_credit", "bad_key", "unknown_model"})

_COMMON: Final = frozenset(
    {
        *("invalid_request_error", "badrequesterror", "badrequest", "error", "api_error", "unknown_error"),
        *("not_found_error", "notfounderror", "notfound", "not_found", "invalid_argument", "permission_denied"),
        *("unavailable", "resource_exhausted", "tokens", "forbidden", "toomanyrequests", "precondition_failed"),
        *("image_generation_user_error", "validationexception", "too_many_requests_error", "invalid_prompt"),
    }
)
"""Types and codes that say too little to count without the rest of their form."""

_MORE: Final[dict[str, Meaning]] = {
    **dict.fromkeys(
        ("content_filter", "content_policy_violation", "content_policy", "responsibleaipolicyviolation", "safety"),
        "filtered",
    ),
    "string_above_max_length": "too_long",
    "model_context_window_exceeded": "too_long",
    **dict.fromkeys(
        (
            *("billing_hard_limit_reached", "billing_not_active", "insufficient_credits", "insufficient_balance"),
            *("insufficient_balance_error", "credit_exhausted", "account_deactivated", "insufficient_user_quota"),
        ),
        "no_credit",
    ),
    "authentication_error": "bad_key",
    "unsupported_country_region_territory": "bad_key",
    "rate_limit_error": "rate_limited",
    "ratelimiterror": "rate_limited",
}
"""Names that several vendors or their proxies use, and that are in no single vendor's row."""

_BY_WORDS: Final[tuple[tuple[Meaning, re.Pattern[str]], ...]] = (
    ("no_credit", re.compile(r"(?i)(your credit balance|insufficient (balance|credits))")),
    ("bad_key", re.compile(r"(?i)(incorrect api key|invalid api key|api key not valid)")),
    ("unknown_model", re.compile(r"(?i)(model not exist\b|the model `[^`]{1,128}` does not exist)")),
)
_TOO_LONG: Final = re.compile(
    r"(?i)(context (length|window|size|limit)|prompt is too long|input is too long|too many (input )?tokens"
    r"|exceeds? the (model's )?maximum (number of tokens|input|context)|reduce the length of the messages)"
)
"""OpenAI and vLLM, llama.cpp, Anthropic, Bedrock, Gemini, Mistral: no two say it alike."""

_FILTERED: Final = re.compile(
    r"(?i)(content violates|safety_check|(inappropriate|sensitive) content|considered high risk"
    r"|(input|prompt|content|messages?) (was|were|is|has been|have been) flagged"
    r"|content (management|filtering|moderation) policy)"
)
"""Only what speaks of the content: an account that is blocked for what it did is no refusal of one question."""

_RATE: Final = re.compile(r"(?i)(\b(per|a) (second|minute|min|hour|day)\b|\b[tr]p[mds]\b|rate.?limit)")
_UNSUITED: Final = re.compile(
    r"(?i)(\b(does not|doesn't|do not|don't) support\b|is not a chat model|not supported in the v1/)"
)
_LENGTHY: Final = frozenset({400, 413, 422})
_MODERATED: Final = frozenset({403, 451, 498})
"""Statuses with which words alone tell a refusal of content. With 400 they may be about anything that a caller sent."""


def meaning_of(said: VendorSaid, status: int) -> Meaning | None:
    """What the error means; None where only its status tells. status: as the vendor sent it, 200 inside a success."""
    message = said.message[:MOST_LOOKED_AT]
    kinds = frozenset(kind.lower() for kind in (said.type, said.code) if kind)
    lowered = message.lower()
    for form, type_, code, parts in _FORMS:
        if form.status != status or (type_ and type_ not in kinds) or (code and code not in kinds):
            continue
        if not parts or _has(lowered, parts, begins=form.meaning in ABOUT_US):
            return form.meaning
    for kind in (said.code, said.type):
        if kind is not None and (known := _NAMES.get(kind.lower())) is not None:
            return known
    return _by_words(message, status)


def _by_words(message: str, status: int) -> Meaning | None:
    for meaning, words in _BY_WORDS:
        if words.match(message):
            return meaning
    if status == 413 and _RATE.search(message):
        return "rate_limited"
    if status in _LENGTHY and _TOO_LONG.search(message):
        return "too_long"
    if status in _MODERATED and _FILTERED.search(message):
        return "filtered"
    if status in (403, 404) and _UNSUITED.search(message):
        return "unsuited"
    return None


def _has(message: str, parts: tuple[str, ...], *, begins: bool) -> bool:
    """Whether these parts stand in the message one after another, MOST_BETWEEN characters apart at most."""
    at = message.find(parts[0], 0, len(parts[0]) + (0 if begins else MOST_LOOKED_AT))
    for before, part in pairwise(parts):
        if at < 0:
            return False
        at += len(before)
        at = message.find(part, at, at + MOST_BETWEEN + len(part))
    return at >= 0


def _forms() -> Iterator[tuple[Form, str, str, tuple[str, ...]]]:
    for vendor in VENDORS:
        for form in vendor.forms:
            if form.words or form.type or form.code:  # a bare status is told without the table
                parts = tuple(part.strip() for part in form.words.lower().split("..."))
                yield form, form.type.lower(), form.code.lower(), parts if form.words else ()


def _names() -> Iterator[tuple[str, Meaning]]:
    yield from _MORE.items()
    for vendor in VENDORS:
        for form in vendor.forms:
            for name in (form.type.lower(), form.code.lower()):
                if name and not name.isdecimal() and name not in _COMMON:
                    yield name, form.meaning


_FORMS: Final = tuple(_forms())
_NAMES: Final = dict(_names())
