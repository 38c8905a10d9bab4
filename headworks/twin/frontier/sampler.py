"""Which systems of a space are tried: all of them where they are few enough.

Where they are more, `proposals.py` says which; it needs optuna, and is loaded for that alone.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol, TypeAlias

from headworks.twin.frontier.space import Space

Chosen: TypeAlias = tuple[int, ...]
"""A system of a space: the number of each knob's value."""

Goals: TypeAlias = tuple[float, ...]
"""What is to be small: a number for each axis."""


class Sampler(Protocol):
    """Proposes systems, and learns from what became of them."""

    def ask(self) -> list[Chosen]:
        """The next systems to try; none where there are enough."""
        ...

    def tell(self, found: Sequence[tuple[Chosen, Goals | None]]) -> None:
        """What became of them; None of those that have no number."""
        ...


SamplerOf = Callable[[Space, int, int, int], Sampler]
"""Makes a sampler: of a space, for so many systems, by a seed, for so many goals."""


class WholeSpace:
    """All systems of a space at once."""

    def __init__(self, space: Space) -> None:
        self.left = [space.chosen(number) for number in range(space.size)]

    def ask(self) -> list[Chosen]:
        found, self.left = self.left, []
        return found

    def tell(self, found: Sequence[tuple[Chosen, Goals | None]]) -> None:
        """Nothing is to be learned where all are tried."""
