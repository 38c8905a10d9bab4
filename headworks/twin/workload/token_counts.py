"""How long one call's prompt and answer are."""

from __future__ import annotations

import msgspec


class TokenCounts(msgspec.Struct, frozen=True):
    """Tokens of a call."""

    prompt: int
    output: int
