"""How often a law is tried."""

from __future__ import annotations

from hypothesis import settings

USUAL = 100
"""Examples of a law in the suite, where nothing else is said (Hypothesis' own default)."""


def examples(number: int) -> int:
    """So many in the suite; in a search (`make soak`) as many as every law has."""
    searched = settings().max_examples
    return searched if searched > USUAL else number
