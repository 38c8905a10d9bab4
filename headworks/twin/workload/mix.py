"""The traffic as means, for queueing formulas."""

from __future__ import annotations

import msgspec


class Mix(msgspec.Struct, frozen=True, kw_only=True):
    """One alias's part: calls a second and mean tokens."""

    alias: str
    rate: float
    prompt: float
    output: float
    output_variation: float = 1.0
