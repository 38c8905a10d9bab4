from __future__ import annotations

import msgspec

from headworks.core.units import Count, Seconds


class Backoff(msgspec.Struct, frozen=True, kw_only=True):
    """The pause before a second attempt is at most `shortest` seconds, doubling with each attempt up to `longest`."""

    shortest: Seconds = 0.1
    longest: Seconds = 5.0


class Retrying(msgspec.Struct, frozen=True, kw_only=True):
    """At most `attempts` calls to one target for one call, with pauses drawn from `backoff` (`100ms..5s` in a file)."""

    attempts: Count = 3
    backoff: Backoff = Backoff()
