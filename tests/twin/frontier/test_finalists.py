"""Few of the systems that were tried are confirmed: the best along each axis, and of those that are alike one."""

from __future__ import annotations

from headworks.twin.frontier.candidates import Candidate
from headworks.twin.frontier.estimates import Estimate
from headworks.twin.frontier.finalists import finalists, goals, reserves
from headworks.twin.frontier.trial import Numbers, Tried


def tried(
    name: str,
    month: float | None = 100.0,
    first: float | None = 0.5,
    up: float = 0.99,
    changes: int = 1,
    *,
    missed: tuple[str, ...] = (),
    unsure: tuple[str, ...] = (),
    quality: float | None = None,
) -> Tried:
    numbers = Numbers(month=month, first_token=first, availability=up, quality=quality, missed=missed, unsure=unsure)
    estimate = Estimate(gives_way=None, slower=1.0, unknown=(), unpriced=())
    return Tried(candidate=Candidate((0,), name, (name,) * changes), digest=name, estimate=estimate, numbers=numbers)


def names(found: list[Tried]) -> list[str]:
    return [one.candidate.text for one in found]


def test_the_best_along_each_axis_is_confirmed() -> None:
    known = [
        tried("cheap", month=50, first=2.0, up=0.9),
        tried("fast", month=200, first=0.1, up=0.95),
        tried("available", month=300, first=1.0, up=0.999),
        tried("beaten", month=310, first=1.5, up=0.99),
        tried("between", month=100, first=0.8, up=0.92),
    ]
    assert names(finalists(known)) == ["cheap", "fast", "available", "between"]
    assert names(finalists(known, 2)) == ["cheap", "fast"]


def test_those_that_keep_every_promise_come_before_those_that_are_cheaper() -> None:
    known = [
        tried("cheap", month=50, missed=("first",)),
        tried("maybe", month=80, first=0.2, unsure=("first",)),
        tried("sure", month=120),
    ]
    assert names(finalists(known))[0] == "sure"
    assert set(names(finalists(known))) == {"cheap", "maybe", "sure"}


def test_of_systems_that_are_alike_the_one_with_the_fewest_changes_stands_for_all() -> None:
    known = [tried("many", month=100, changes=3), tried("few", month=101, first=0.505, changes=1)]
    assert names(finalists(known)) == ["few"]


def test_what_is_unknown_is_beaten_by_nothing() -> None:
    known = [tried("known"), tried("blind", month=200, first=None, up=0.9)]
    assert set(names(finalists(known))) == {"known", "blind"}
    assert goals(known[1], 3) is None
    assert goals(known[0], 3) == (100.0, 0.5, 1 - 0.99)


def test_quality_is_an_axis_where_it_was_measured() -> None:
    known = [tried("cheap", month=50, quality=0.7), tried("good", month=90, quality=0.9)]
    assert names(finalists(known)) == ["cheap", "good"]


def test_reserves_are_the_cheapest_that_may_do_and_are_not_like_those_that_failed() -> None:
    known = [
        tried("failed", month=50),
        tried("alike", month=50.5),
        tried("next", month=80),
        tried("misses", month=60, missed=("first",)),
        tried("unsure", month=60, unsure=("first",)),
    ]
    assert names(reserves(known, known[:1])) == ["next"]
