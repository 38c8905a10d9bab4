"""Tokens as Converse counts them.

Cached tokens stand beside `inputTokens`: the total has all of them
(https://docs.aws.amazon.com/bedrock/latest/userguide/prompt-caching.html, read in November 2026).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from headworks.core.reply import Usage

_CLASSES: Final = (
    ("input", "inputTokens"),
    ("cached_input", "cacheReadInputTokens"),
    ("cache_write", "cacheWriteInputTokens"),
    ("output", "outputTokens"),
)
_OF_HOURS: Final = "1h"


def usage_of(said: Any) -> Usage | None:
    """`usage`; None where it is none."""
    if not isinstance(said, Mapping) or not ("inputTokens" in said or "outputTokens" in said):
        return None
    counts = {name: counted(said.get(field)) for name, field in _CLASSES}
    hours = min(_hours_of(said), counts["cache_write"])
    return Usage(**{**counts, "cache_write": counts["cache_write"] - hours, "cache_write_1h": hours})


def _hours_of(said: Mapping[str, Any]) -> int:
    """Tokens that were written to the cache for an hour."""
    details = said.get("cacheDetails")
    kept = [one for one in details if isinstance(one, Mapping)] if isinstance(details, list) else []
    return sum(counted(one.get("inputTokens")) for one in kept if one.get("ttl") == _OF_HOURS)


def counted(value: Any) -> int:
    """A count; 0 for what is none."""
    return value if isinstance(value, int) and not isinstance(value, bool) and value > 0 else 0
