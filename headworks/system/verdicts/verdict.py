"""The words of verdicts, and an assessment: a verdict with its reason."""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal
from typing import Final, Literal

import msgspec

from headworks.system.schema.requirements import Objective

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


def on_which_side(objective: Objective, low: float, high: float) -> VerdictWord:
    """What an interval says of an objective: *holds* and *does not hold* need all of it on one side of the bound."""
    limit = float(objective.limit.value)
    if objective.at_most is not None:
        return "holds" if high <= limit else "does not hold" if low > limit else "cannot say"
    return "holds" if low >= limit else "does not hold" if high < limit else "cannot say"


def overall(said: Iterable[VerdictWord]) -> VerdictWord:
    """`does not hold` where one objective does not, else `cannot say` where one cannot be said, else `holds`. What is not judged
    does not count."""
    known = set(said)
    return "does not hold" if "does not hold" in known else "cannot say" if "cannot say" in known else "holds"


class Served(msgspec.Struct, frozen=True):
    """Of all that is asked, the share that the limits and budgets of keys, groups and aliases let in: a verdict is about that share
    alone. by: which of them refuse the rest."""

    share: float
    by: tuple[str, ...] = ()

    @property
    def is_all(self) -> bool:
        return self.share >= 1


ALL_SERVED: Final = Served(1.0)


def served_words(verdict: VerdictWord, served: Served) -> str:
    """What a verdict is about, where it is not all that is asked: `holds for 12% of what is asked: 88% is never served (...)`."""
    part, rest = parted(served.share)
    by = f" ({', '.join(served.by)})" if served.by else ""
    if verdict == "holds":
        return f"holds for {part} of what is asked: {rest} is never served{by}"
    return f"{part} of what is asked is served, {rest} is never served{by}"


def said_of(verdict: VerdictWord, share: float) -> str:
    """A verdict in a few words: of which share of what is asked it holds."""
    if verdict != "holds" or share >= 1:
        return verdict
    return f"holds for {parted(share)[0]} of what is asked"


def parted(share: float) -> tuple[str, str]:
    """A share and what is left of one, to two digits of the smaller: together 100 %."""
    small = Decimal(f"{100 * min(share, 1 - share):.2g}")
    texts = (f"{small.normalize():f}%", f"{(100 - small).normalize():f}%")
    return texts if share <= 0.5 else (texts[1], texts[0])
