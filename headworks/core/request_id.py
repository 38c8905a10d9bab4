"""The id of a request: `req_`, 12 hex digits of the milliseconds since 1970, 20 of chance (80 bits).

With the time first, ids sort as the calls came, and the ledger finds one by its time, without an index on ids.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from headworks.core.clock import wall

PREFIX = "req_"
TIME_DIGITS = 12
BEGINNING = re.compile(r"req_([0-9a-f]{4,32})")
"""How one of ours begins: a few of its digits name a call as well, as with commits."""

FIRST = 1 << 40
"""Milliseconds from which an id's digits are read as its time: 2004. What a caller of an older version has begins
with chance, as a rule far beyond `LAST`."""

LAST = 4_000_000_000_000
"""Milliseconds up to which they are: 2096."""


def request_id(chance: Callable[[int], int]) -> str:
    """A new id. `chance` gives so many random bits, as `random.Random.getrandbits` does."""
    number = int(wall() * 1000) << 80 | chance(80)
    return f"req_{number.to_bytes(16, 'big').hex()}"  # in half the time of a format with leading zeros


def time_range(beginning: str) -> tuple[float, float] | None:
    """When requests came whose ids begin so: from, and before, in seconds since 1970. None where the ids are not ours,
    or say no time."""
    ours = BEGINNING.fullmatch(beginning)
    if ours is None:
        return None
    digits = ours[1][:TIME_DIGITS]
    width = 16 ** (TIME_DIGITS - len(digits))
    first = int(digits, 16) * width
    if not FIRST <= first < LAST:
        return None
    return first / 1000, (first + width) / 1000
