"""Which of the systems that were tried are worth a whole plan: the best along each axis, and some between them.

Theory. The points of a frontier are those that no other beats along every axis. A short run tells numbers that are nearly the same from
chance by no more than `ALIKE`, so of systems that are alike the one with the fewest changes stands for all.

Always true: the order in which systems were tried decides where nothing else does, so the same trials give the same finalists.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import inf
from typing import Final

from headworks.twin.frontier.trial import Numbers, Tried

MOST_POINTS: Final = 6
"""Systems that are confirmed: more rows nobody compares, and each takes a whole plan."""

MOST_RESERVES: Final = 3
"""Systems that are confirmed too where none of those met every promise."""

ALIKE: Final = 0.03
"""The share of a number below which two short runs do not differ; of unavailability, which is counted in single calls, more."""

ALIKE_DOWN: Final = 0.1


def finalists(tried: Sequence[Tried], most: int = MOST_POINTS) -> list[Tried]:
    """The systems to confirm."""
    known = sorted((one for one in tried if one.numbers is not None), key=lambda one: len(one.candidate.changes))
    apart: list[Tried] = []
    for one in known:
        if not any(_is_alike(one, other) for other in apart):
            apart.append(one)
    front = [one for one in apart if not any(_beats(other, one) for other in apart)]
    found: list[Tried] = []
    for pool in (_promising(front), front):
        for key in AXES:
            for one in sorted(pool, key=key)[:1]:
                if one not in found:
                    found.append(one)
    for one in sorted(front, key=lambda one: (_open(one), _month(one))):
        if one not in found:
            found.append(one)
    return found[:most]


def reserves(tried: Sequence[Tried], chosen: Sequence[Tried], most: int = MOST_RESERVES) -> list[Tried]:
    """More systems to confirm, where none of the chosen ones met every promise: the cheapest that may, and are not like those."""
    found: list[Tried] = []
    promising = [one for one in tried if one.numbers is not None and _open(one) == (0, 0) and one not in chosen]
    for one in sorted(promising, key=_month):
        if len(found) < most and not any(_is_alike(one, other) for other in (*chosen, *found)):
            found.append(one)
    return found


def _numbers(one: Tried) -> Numbers:
    assert one.numbers is not None
    return one.numbers


def _month(one: Tried) -> float:
    return inf if (month := _numbers(one).month) is None else month


def _first(one: Tried) -> float:
    return inf if (first := _numbers(one).first_token) is None else first


def _down(one: Tried) -> float:
    return 1 - _numbers(one).availability


def _wrong(one: Tried) -> float:
    return inf if (quality := _numbers(one).quality) is None else 1 - quality


AXES: Final[Sequence[Callable[[Tried], float]]] = (_month, _first, _down, _wrong)
"""Every axis, as a number that is to be small."""


def goals(one: Tried, count: int) -> tuple[float, ...] | None:
    """A system's numbers for a sampler; None where one is unknown."""
    if one.numbers is None:
        return None
    values = tuple(axis(one) for axis in AXES[:count])
    return None if inf in values else values


def _open(one: Tried) -> tuple[int, int]:
    """How many promises it misses, and how many it may miss."""
    return len(_numbers(one).missed), len(_numbers(one).unsure)


def _promising(front: Sequence[Tried]) -> list[Tried]:
    """Those that miss fewest promises."""
    least = min(map(_open, front), default=(0, 0))
    return [one for one in front if _open(one) == least]


def _is_near(one: float, other: float, share: float) -> bool:
    return one == other or abs(one - other) <= share * max(abs(one), abs(other))


def _is_alike(one: Tried, other: Tried) -> bool:
    """Whether a short run does not tell two systems apart."""
    mine, theirs = _numbers(one), _numbers(other)
    return (
        mine.missed == theirs.missed
        and mine.unsure == theirs.unsure
        and _is_near(_month(one), _month(other), ALIKE)
        and _is_near(_first(one), _first(other), ALIKE)
        and _is_near(_down(one), _down(other), ALIKE_DOWN)
        and mine.quality == theirs.quality
    )


def _beats(one: Tried, other: Tried) -> bool:
    """Whether a system is better along an axis, and worse along none, nor in promises. What is unknown is beaten by nothing."""
    if not set(_numbers(one).missed + _numbers(one).unsure) <= set(_numbers(other).missed + _numbers(other).unsure):
        return False
    pairs = [(axis(one), axis(other)) for axis in AXES]
    if any(theirs == inf != mine for mine, theirs in pairs):
        return False
    return all(mine <= theirs for mine, theirs in pairs) and any(mine < theirs for mine, theirs in pairs)
