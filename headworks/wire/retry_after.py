"""How long a vendor asks us to wait, in the several ways in which vendors say it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from email.utils import parsedate_to_datetime
from math import isfinite

_DURATION = re.compile(r"(?:(\d+)h)?(?:(\d+)m(?!s))?(?:(\d+(?:\.\d+)?)s)?(?:(\d+(?:\.\d+)?)ms)?")
_EPOCH = 1e9
"""A reset above this is an instant, not a wait: 1e9 seconds are 31 years. Above a thousand times it, milliseconds."""

_LIMITS = (b"requests", b"tokens")


def retry_after(headers: Mapping[bytes, bytes], wall: float) -> float | None:
    """Seconds until asking again may help, or None where the vendor does not say. wall: seconds since 1970, now.

    `retry-after-ms` goes before `retry-after` (seconds or a date), as the official SDKs read them; then come the resets
    of the limits that are used up, or the longest reset where it is not said which limit it was.
    """
    if (wait := _number(headers.get(b"retry-after-ms"))) is not None:
        return max(wait / 1000, 0.0)
    if (said := headers.get(b"retry-after")) is not None:
        wait = _number(said)
        if wait is None:
            wait = _until(said, wall)
        if wait is not None:
            return max(wait, 0.0)
    return _reset(headers, wall)


def _reset(headers: Mapping[bytes, bytes], wall: float) -> float | None:
    every = []
    used_up = []
    for limit in (b"", *(b"-" + limit for limit in _LIMITS)):
        wait = _duration(headers.get(b"x-ratelimit-reset" + limit), wall)
        if wait is not None:
            every.append(wait)
            if _number(headers.get(b"x-ratelimit-remaining" + limit)) == 0:
                used_up.append(wait)
    return max(used_up or every, default=None)


def _number(said: bytes | None) -> float | None:
    try:
        number = float(said) if said is not None else None
    except ValueError:
        return None
    return number if number is not None and isfinite(number) else None


def _until(said: bytes, wall: float) -> float | None:
    try:
        return parsedate_to_datetime(said.decode("latin-1")).timestamp() - wall
    except (ValueError, TypeError, OverflowError, IndexError):  # what email.utils raises on odd dates
        return None


def _duration(said: bytes | None, wall: float) -> float | None:
    """`6m0s`, `20ms`, `1.5` (seconds) or an instant."""
    if said is None:
        return None
    number = _number(said)
    if number is not None:
        if number > _EPOCH * 1000:
            number /= 1000
        return max(number - wall if number > _EPOCH else number, 0.0)
    match = _DURATION.fullmatch(said.decode("latin-1"))
    if match is None or not match[0]:
        return None
    hours, minutes, seconds, milliseconds = (float(part or 0) for part in match.groups())
    return hours * 3600 + minutes * 60 + seconds + milliseconds / 1000
