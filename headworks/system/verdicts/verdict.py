"""A verdict by arithmetic before it has a name, and the words that all of them use."""

from __future__ import annotations

from typing import Final, Literal

import msgspec

Said = Literal["holds", "does not hold", "cannot say", "not judged"]
"""What every command says of an objective: `check`, `plan` and `load` use these four. `not judged`: another command's turn."""

Needs = Literal["", "numbers", "plan", "eval"]

CLOSE: Final = 1e-12
"""Shares are sums of floats: what differs by less was written the same."""

SIMULATION: Final = "needs a simulation: headworks plan"


class Finding(msgspec.Struct, frozen=True):
    """A verdict before it has a name."""

    verdict: Said
    why: str
    needs: Needs = ""


def percent(share: float) -> str:
    """To the digits that matter: 99.892%, 99%."""
    return f"{share * 100:.5f}".rstrip("0").rstrip(".") + "%" if share < 1 else "100%"
