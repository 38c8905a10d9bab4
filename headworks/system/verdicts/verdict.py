"""The words of verdicts, and an assessment: a verdict with its reason."""

from __future__ import annotations

from typing import Final, Literal

import msgspec

VerdictWord = Literal["holds", "does not hold", "cannot say", "not judged"]
"""The verdicts of `check`, `plan` and `load`. `not judged`: another command judges it."""

Needs = Literal["", "numbers", "plan", "eval"]

ROUNDING: Final = 1e-12
"""Shares are sums of floats: what differs by less was written the same."""

NEEDS_SIMULATION: Final = "needs a simulation: headworks plan"


class Assessment(msgspec.Struct, frozen=True):
    """A verdict on one objective with its reason. needs: what could judge it."""

    verdict: VerdictWord
    why: str
    needs: Needs = ""


def percent(share: float) -> str:
    """To the digits that matter: 99.892%, 99%."""
    return f"{share * 100:.5f}".rstrip("0").rstrip(".") + "%" if share < 1 else "100%"
