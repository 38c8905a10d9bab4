"""When a cached answer may be used: its age, who may share it, and the caller's `Cache-Control`.

Theory. A caller speaks HTTP's own words (RFC 9111, `Cache-Control` of a request): `no-store` is neither read nor kept,
`no-cache` is asked anew and kept for others, `max-age=N` takes an answer of at most N seconds. What cannot be understood
counts as the strictest reading (a `max-age` that is no number is 0), and words that nobody here knows are ignored, as
the RFC wants it. A caller can only ask for fresher answers than the system file allows, never for staler ones.
"""

from __future__ import annotations

from typing import Final, Literal

import msgspec

from headworks.core.reply import Usage
from headworks.core.units import Seconds, Size

Sharing = Literal["key", "group", "all"]
CacheStatus = Literal["hit", "miss", "bypass", "coalesced"]
"""hit: an answer that was kept. miss: looked for and not there, or too old. bypass: not looked for. coalesced: another \
caller's equal call was under way, and both got its answer."""

MOST_ANSWER: Final = 2_000_000
"""Bytes of the longest answer that is kept or shared: some 400k tokens of text, more than models write."""


class Caching(msgspec.Struct, frozen=True, kw_only=True):
    """What an alias keeps of its answers. exact: seconds; None keeps nothing. size: bytes in this process."""

    exact: Seconds | None = None
    share: Sharing = "key"
    size: Size = 64_000_000


class CacheControl(msgspec.Struct, frozen=True):
    """A request's `Cache-Control`. max_age: seconds, None for as old as the system file allows."""

    may_read: bool = True
    may_keep: bool = True
    max_age: float | None = None


ANY: Final = CacheControl()
NO_CACHE: Final = CacheControl(may_read=False)
NO_STORE: Final = CacheControl(may_read=False, may_keep=False)


def parse_cache_control(said: str) -> CacheControl:
    """What a `Cache-Control` of a request asks for."""
    if not said:
        return ANY
    found = ANY
    for part in said.lower().split(","):
        name, _, value = part.strip().partition("=")
        if name == "no-store":
            return NO_STORE
        if name == "no-cache":
            found = NO_CACHE
        elif name == "max-age" and found.may_read:
            value = value.strip('" ')
            seconds = int(value) if value.isascii() and value.isdecimal() and len(value) < 12 else 0
            # An answer of age 0 may have been asked for before this call came: 0 means anew.
            found = CacheControl(max_age=float(seconds)) if seconds else NO_CACHE
    return found


class CachedAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """A cached answer: it was read to its end, and is kept in the form in which it came.

    body: a whole body, or every event of a stream but the two that follow. counts: a stream's event with the tokens, b""
    where it had none: it goes to those who ask for it. The end mark of a stream is not kept. text, finish: the first
    choice's. made_at: seconds since 1970, when its last chunk came. user: the digest of the name of whose call it answered,
    "" where the call named nobody, None where that was not written down. asked_at: when that call came. is_uncounted: it says
    nothing of its tokens, and nobody waited for them.
    """

    streamed: bool
    body: bytes
    counts: bytes = b""
    text: str = ""
    finish: str | None = None
    usage: Usage | None = None
    made_at: float
    user: str | None = None
    asked_at: float = 0.0
    is_uncounted: bool = False

    def age(self, wall: float) -> float:
        """Seconds; a calendar that was set back makes nothing younger than new."""
        return max(0.0, wall - self.made_at)

    def size(self) -> int:
        """Bytes that keeping it takes, near enough: text of other alphabets takes up to four bytes a letter."""
        wide = 1 if self.text.isascii() else 4
        return len(self.body) + len(self.counts) + wide * len(self.text) + OVERHEAD


OVERHEAD: Final = 700
"""Bytes of the objects around one kept answer, its key and its place in the order: 630 by tracemalloc, and some room."""


def is_fresh(kept: CachedAnswer, asked: CacheControl, ttl: float, wall: float) -> bool:
    """Whether a cached answer is fresh enough for this request."""
    age = kept.age(wall)
    return age < ttl and (asked.max_age is None or age <= asked.max_age)
