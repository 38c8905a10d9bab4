from __future__ import annotations

import msgspec

from headworks.core.units import Count, Seconds


class Breaking(msgspec.Struct, frozen=True, kw_only=True):
    """A circuit opens after `failures` in a row (or half of the last 20), for `open` seconds, doubling up to 60."""

    failures: Count = 5
    open: Seconds = 5.0
