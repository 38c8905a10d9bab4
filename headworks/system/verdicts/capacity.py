"""What a limit admits, and what several of them admit together."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import chain

import msgspec


class Capacity(msgspec.Struct, frozen=True):
    """Calls a second that a limit admits: at least, if every call is of the largest kind, and at most. by: which limit;
    missing: what the file would have to say."""

    least: float
    most: float
    by: str
    missing: tuple[str, ...] = ()


def combined_in_series(bounds: Sequence[Capacity]) -> Capacity:
    """The tightest of several limits that all apply; unlimited without any."""
    if not bounds:
        return Capacity(float("inf"), float("inf"), "")
    first = min(bounds, key=lambda bound: bound.most)
    missing = tuple(chain.from_iterable(bound.missing for bound in bounds))
    return Capacity(min(bound.least for bound in bounds), first.most, first.by, missing)


def combined_in_parallel(bounds: Sequence[Capacity]) -> Capacity:
    """Parallel limits: at most their sum; at least the smallest, if all load goes there."""
    missing = tuple(chain.from_iterable(bound.missing for bound in bounds))
    by = "; ".join(bound.by for bound in bounds if bound.by)
    return Capacity(min(bound.least for bound in bounds), sum(bound.most for bound in bounds), by, missing)
