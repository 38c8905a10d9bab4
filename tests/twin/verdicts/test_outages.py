"""Months of outages: their mean is the closed form's, and single months differ as they do."""

from __future__ import annotations

import numpy as np
import pytest

from headworks.system.verdicts.closed_forms import Cause, unavailability
from headworks.twin.verdicts.outages import outage_causes, simulate_windows

MONTH = 30 * 86400.0


def down(names: str, q: float = 0.01, beta: float = 0.10, windows: int = 2000) -> np.ndarray:  # type: ignore[type-arg]
    """The share of each of many months in which nobody of these is up."""
    outages = dict.fromkeys(names, q)
    causes = [Cause(frozenset(names), beta)] if len(names) > 1 else []
    made = simulate_windows(outages, causes, MONTH, 1800.0, 1, windows=windows)
    return made.shares[:, [state == frozenset(names) for state in made.states]].sum(axis=1)


@pytest.mark.parametrize(("names", "said"), [("a", 1.00e-2), ("ab", 1.08e-3), ("abc", 1.00e-3)])
def test_one_in_a_hundred_and_a_tenth_in_common_are_what_the_table_says(names: str, said: float) -> None:
    assert unavailability(dict.fromkeys(names, 0.01), [Cause(frozenset(names), 0.1)] if len(names) > 1 else []) == (
        pytest.approx(said, rel=0.005)
    )
    assert down(names).mean() == pytest.approx(said, rel=0.05)


def test_a_mean_that_holds_is_not_every_month_that_does() -> None:
    months = down("ab")
    assert months.mean() < 0.0012
    # An outage in common of half an hour is 0.7e-3 of a month: some months have none, some have three.
    assert 0.05 < float((months > 0.002).mean()) < 0.3
    assert 0.1 < float((months < 0.0003).mean()) < 0.5


def test_every_second_of_every_window_is_in_one_state() -> None:
    made = simulate_windows({"a": 0.05, "b": 0.2}, [Cause(frozenset("ab"), 0.3)], MONTH, 3600.0, 7, windows=50)
    assert made.shares.sum(axis=1) == pytest.approx(np.ones(50))
    assert made.shares.min() >= 0


def test_a_provider_that_never_works_is_down_all_the_time() -> None:
    assert down("a", q=1.0, windows=3).tolist() == [1.0, 1.0, 1.0]


def test_what_is_common_is_not_counted_twice() -> None:
    found = outage_causes({"a": 0.01, "b": 0.02}, [Cause(frozenset("abz"), 0.25)])
    assert [(sorted(one.providers), pytest.approx(one.share)) for one in found] == [
        (["a", "b"], 0.005),
        (["a"], 0.0075),
        (["b"], 0.015),
    ]


def test_a_provider_is_down_at_the_same_times_whatever_else_is_down() -> None:
    alone = simulate_windows({"v": 0.01}, [], 86_400.0, 600.0, 1, windows=50)
    beside = simulate_windows({"w": 0.05, "v": 0.01}, [], 86_400.0, 600.0, 1, windows=50)
    before, after = (
        sum(made.shares[:, number] for number, state in enumerate(made.states) if "v" in state)
        for made in (alone, beside)
    )
    assert before == pytest.approx(after, abs=1e-12)
    other = simulate_windows({"w": 0.01}, [], 86_400.0, 600.0, 1, windows=50)
    assert other.shares[:, other.states.index(frozenset({"w"}))] != pytest.approx(before)
