"""Random numbers that are the same on every machine and in every version of Python.

Theory. `random.Random` promises the same numbers for `random()` only, and has changed what it makes of them before
(`randrange` in 3.2, `sample` and `shuffle` after). A perturbed input must stay the same for years, or two reports could
not be compared; so the numbers come from BLAKE2b, a standard (RFC 7693), in counter mode over a label: block *i* is
BLAKE2b(label, person=*i*), cut into sixteen whole numbers of 32 bits, little-endian. Only whole numbers decide: no
float is rounded on the way.
"""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import blake2b
from struct import unpack
from typing import TypeVar

T = TypeVar("T")

BITS = 32
SPACE = 1 << BITS


class DeterministicRandom:
    """Random numbers that depend on a label and nothing else."""

    __slots__ = ("_block", "_label", "_numbers")

    def __init__(self, *label: object) -> None:
        self._label = "\x1f".join(map(str, label)).encode("utf-8", "surrogatepass")
        self._block = 0
        self._numbers: list[int] = []

    def bits(self) -> int:
        """A whole number of 32 bits."""
        if not self._numbers:
            block = blake2b(self._label, person=self._block.to_bytes(16, "little")).digest()
            self._numbers = list(unpack("<16I", block))[::-1]
            self._block += 1
        return self._numbers.pop()

    def below(self, most: int) -> int:
        """A whole number from 0 to `most` - 1. The bias of the plain product is below most / 2**32."""
        return (self.bits() * most) >> BITS

    def is_one_in(self, parts: int) -> bool:
        """True with a probability of 1 / `parts`."""
        return self.below(parts) == 0

    def choice(self, among: Sequence[T]) -> T:
        return among[self.below(len(among))]

    def shuffled(self, items: Sequence[T]) -> list[T]:
        """The same items in another order (Fisher and Yates)."""
        made = list(items)
        for last in range(len(made) - 1, 0, -1):
            other = self.below(last + 1)
            made[last], made[other] = made[other], made[last]
        return made

    def places(self, size: int, rate: int) -> list[int]:
        """Places below `size`, rising, about `rate` in a thousand of them, one at least where there is any place.

        Gaps are even from 1 to 2 * 1000 / rate - 1, so a text of a million characters costs as many draws as it has
        places, not as many as it has characters.
        """
        if size <= 0 or rate <= 0:
            return []
        widest = max(1, 2000 // rate - 1)
        found = []
        at = self.below(widest)
        while at < size:
            found.append(at)
            at += 1 + self.below(widest)
        return found or [self.below(size)]
