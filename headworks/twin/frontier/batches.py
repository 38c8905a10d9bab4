"""The same work on many candidates, on as many cores as there are workers.

Always true: each candidate is judged alone, and results come in the order of what was asked: the numbers are the same to the digit
whatever the number of workers.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeVar

from headworks.twin.workers.workers import Workers

One = TypeVar("One")
Found = TypeVar("Found")


def mapped(workers: Workers, work: Callable[[One], Found], ones: Sequence[One]) -> list[Found]:
    """What each gives, in their order. work: is sent once to each worker, for it may hold a whole ledger."""
    count = min(workers.count, len(ones))
    if count < 2:
        return [work(one) for one in ones]
    asked = [workers.submit(_each, work, ones[at::count]) for at in range(count)]
    found: dict[int, Found] = {}
    for at, part in enumerate(asked):
        found |= {at + number * count: made for number, made in enumerate(part.result())}
    return [found[number] for number in range(len(ones))]


def _each(work: Callable[[One], Found], ones: Sequence[One]) -> list[Found]:
    return [work(one) for one in ones]
