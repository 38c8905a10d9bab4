"""What `headworks check --live` found of a target. RenderProcess from what asks, which takes a moment to load."""

from __future__ import annotations

from typing import Literal

import msgspec

Verdict = Literal["right", "wrong", "cannot say"]


class Live(msgspec.Struct, frozen=True, kw_only=True):
    """The result of the live check of a target. cost_nano: nano-dollars of the call, 0 where none was made, None where it is unknown."""

    target: str
    verdict: Verdict
    why: str
    cost_nano: int | None = 0
