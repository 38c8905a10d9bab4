"""Work is divided among workers, and its results come in the order of what was asked."""

from collections.abc import Callable
from concurrent.futures import Future
from typing import Any

from headworks.twin.frontier.batches import mapped
from headworks.twin.workers.workers import ThisProcess


def double(number: int) -> int:
    return 2 * number


class Three(ThisProcess):
    """Says that it is three, and notes what each of them gets."""

    count = 3

    def __init__(self) -> None:
        self.parts: list[Any] = []

    def submit(self, function: Callable[..., Any], *args: Any) -> Future[Any]:
        self.parts.append(args[1])
        return super().submit(function, *args)


def test_each_worker_gets_a_part_once_and_results_keep_their_order() -> None:
    workers = Three()
    assert mapped(workers, double, range(5)) == [0, 2, 4, 6, 8]
    assert [list(part) for part in workers.parts] == [[0, 3], [1, 4], [2]]


def test_one_worker_or_one_thing_needs_no_part() -> None:
    workers = Three()
    assert mapped(workers, double, [4]) == [8]
    assert mapped(workers, double, []) == []
    assert workers.parts == []
    assert mapped(ThisProcess(), double, [1, 2]) == [2, 4]
