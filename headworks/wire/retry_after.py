"""How long a vendor asks us to wait, in the several ways in which vendors say it: in headers, and in an error's body.

Always true: a wait is between 0 and MOST_BELIEVED. A vendor that asks for longer means a date far away or has made a
mistake, and is asked again after MOST_BELIEVED. Resets of limits are read only from an error that speaks of a limit, or
where a limit is used up: vendors send them with every answer, and a 500 says nothing about them.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from math import copysign, isfinite
from typing import Any, Final

MOST_BELIEVED: Final = 86_400.0
"""Seconds: a day, after which every quota that vendors have by the day begins anew."""

MOST_LOOKED_AT: Final = 500
"""Characters of a message in which a wait is looked for: what it quotes of a caller's comes later."""

_DURATION = re.compile(
    r"(?:([0-9]+)d)?(?:([0-9]+)h)?(?:([0-9]+)m(?!s))?(?:([0-9]+(?:\.[0-9]+)?)s)?(?:([0-9]+(?:\.[0-9]+)?)ms)?",
    re.IGNORECASE,
)
MOST_HEADER: Final = 512
"""Bytes of a header in which a wait is looked for: no date and no duration is longer, but a mistake with 400 digits is a wait."""

_LARGEST: Final = 1e300
_EPOCH = 1e9
"""A reset above this is an instant, not a wait: 1e9 seconds are 31 years. Above a thousand times it, milliseconds."""

_LIMITS = (
    *(("x-ratelimit-reset" + end, "x-ratelimit-remaining" + end) for end in ("", "-requests", "-tokens")),
    *(
        (f"x-ratelimit-reset-{what}-{span}", f"x-ratelimit-remaining-{what}-{span}")
        for what in ("requests", "tokens")
        for span in ("minute", "hour", "day")
    ),
    *(
        (f"anthropic-ratelimit-{what}-reset", f"anthropic-ratelimit-{what}-remaining")
        for what in ("requests", "tokens", "input-tokens", "output-tokens")
    ),
    ("ratelimit-reset", "ratelimit-remaining"),
)
"""The header that says when a limit is full again, and the one that says what is left of it."""
_HEADERS = tuple((reset.encode(), remaining.encode()) for reset, remaining in _LIMITS)

_FIELDS = ("retry_after_ms", "retryAfterMs", "retry_after", "retryAfter", "retry_after_seconds", "retryDelay")
_NESTED = ("error", "details", "detail", "metadata", "headers", "errors")
_DEEPEST = 5

_WORDS = re.compile(
    r"(?i)\b(?:try again|retry|retry your request|reset)\b[a-z ]{0,20}?\b(?:in|after)\s{1,4}"
    r"(?:(?P<number>[0-9][0-9.]{0,31})\s{1,4}(?P<unit>milliseconds?|seconds?|minutes?|hours?)"
    r"|(?P<duration>[0-9][0-9.dhms]{0,31}[dhms]))\b"
)
_UNITS = {"m": 60.0, "s": 1.0, "h": 3600.0}


def retry_after(headers: Mapping[bytes, bytes], wall: float, *, is_limited: bool = True) -> float | None:
    """Seconds until asking again may help, or None where the headers do not say. wall: seconds since 1970, now.

    `retry-after-ms` goes before `retry-after` (seconds, a duration, a date or an instant), as the official SDKs read them; then come
    the resets of the limits that are used up, or, where the error speaks of a limit (`is_limited`) and it is not said
    which one, the longest reset.
    """
    if (milliseconds := _number(headers.get(b"retry-after-ms"))) is not None:
        return _believed(_as_wait(milliseconds / 1000, wall))
    said = headers.get(b"retry-after")
    wait = _duration(said, wall)
    if wait is None:
        wait = _until(said, wall)
    return _believed(_reset(headers, wall, is_limited) if wait is None else wait)


def wait_in(content: Any, message: str, wall: float) -> float | None:
    """The same from an error's body: a field that says it (Gemini's `retryDelay`), a header that a router repeats in it, or words
    (`Please try again in 6.78s`)."""
    wait = next(_waits(content, wall, 0), None)
    return _believed(_in_words(message[:MOST_LOOKED_AT]) if wait is None else wait)


def _waits(value: Any, wall: float, depth: int) -> Iterator[float]:
    if depth > _DEEPEST:
        return
    if isinstance(value, list):
        for item in value[:8]:
            yield from _waits(item, wall, depth + 1)
    if not isinstance(value, dict):
        return
    for name in _FIELDS:
        wait = _duration(_bytes(value.get(name)), wall)
        if wait is not None:
            yield wait / 1000 if name.lower().endswith("ms") else wait
    named = {name.lower().encode(): said for name, given in value.items() if (said := _bytes(given)) is not None}
    if (wait := retry_after(named, wall)) is not None:
        yield wait
    for name in _NESTED:
        yield from _waits(value.get(name), wall, depth + 1)


def _bytes(given: Any) -> bytes | None:
    """A value as a header would have it; None where it is no text and no number."""
    if isinstance(given, (int, float)) and not isinstance(given, bool):
        return str(given).encode()
    return given.encode("utf-8", "replace") if isinstance(given, str) and len(given) <= 64 else None


def _in_words(message: str) -> float | None:
    match = _WORDS.search(message)
    if match is None:
        return None
    if (duration := match["duration"]) is not None:
        return _duration(duration.encode(), 0.0)
    unit = match["unit"].lower()
    number = _number(match["number"].encode())
    return None if number is None else number * (0.001 if unit.startswith("mill") else _UNITS[unit[0]])


def _reset(headers: Mapping[bytes, bytes], wall: float, is_limited: bool) -> float | None:
    every = []
    used_up = []
    for reset, remaining in _HEADERS:
        said = headers.get(reset)
        wait = _duration(said, wall)
        if wait is None:
            wait = _until(said, wall)
        if wait is not None:
            every.append(wait)
            if _number(headers.get(remaining)) == 0:
                used_up.append(wait)
    return max(used_up or (every if is_limited else ()), default=None)


def _believed(wait: float | None) -> float | None:
    return None if wait is None else min(max(wait, 0.0), MOST_BELIEVED)


def _number(said: bytes | None) -> float | None:
    """A number; one that is too large for any clock is the largest there is, whose wait is cut to MOST_BELIEVED."""
    try:
        number = float(said) if said is not None else None
    except ValueError:
        return None
    if number is None or isfinite(number):
        return number
    return copysign(_LARGEST, number) if said is not None and said.strip()[-1:].isdigit() else None


def _as_wait(number: float, wall: float) -> float:
    if number > _EPOCH * 1000:
        number /= 1000
    return number - wall if number > _EPOCH else number


def _until(said: bytes | None, wall: float) -> float | None:
    """Seconds until a date, as HTTP or RFC 3339 writes it."""
    if said is None:
        return None
    text = said[:MOST_HEADER].decode("latin-1")
    try:
        at = datetime.fromisoformat(text) if text[:4].isdecimal() else parsedate_to_datetime(text)
        return (at if at.tzinfo is not None else at.replace(tzinfo=UTC)).timestamp() - wall
    except (ValueError, TypeError, OverflowError, IndexError):  # what email.utils raises on odd dates
        return None


def _duration(said: bytes | None, wall: float) -> float | None:
    """`6m0s`, `20ms`, `2s`, `1.5` (seconds) or an instant in seconds or milliseconds since 1970."""
    if said is None:
        return None
    said = said[:MOST_HEADER]
    number = _number(said)
    if number is not None:
        return _as_wait(number, wall)
    match = _DURATION.fullmatch(said.decode("latin-1").strip())
    if match is None or not match[0]:
        return None
    days, hours, minutes, seconds, milliseconds = (float(part or 0) for part in match.groups())
    return days * 86_400 + hours * 3600 + minutes * 60 + seconds + milliseconds / 1000
