"""Closed forms against cases by hand, against each other, and against chance."""

from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headworks.system.verdicts.closed_forms import (
    ASSUMED_UNAVAILABILITY,
    BETA_FACTOR,
    Cause,
    LogNormal,
    littles_law_rate,
    unavailability,
)

SHARES = st.floats(0, 1)


def test_the_mean_of_a_log_normal_by_its_percentiles() -> None:
    spread = LogNormal.of(900, 3200, 95)
    rng = Random(7)
    drawn = [rng.lognormvariate(6.802394763, spread.sigma) for _ in range(200_000)]  # the logarithm of 900
    assert spread.mean == pytest.approx(sum(drawn) / len(drawn), rel=0.01)
    assert spread.at(50) == pytest.approx(900)
    assert spread.at(95) == pytest.approx(3200)


def test_equal_percentiles_are_a_constant() -> None:
    spread = LogNormal.of(5, 5, 99)
    assert (spread.mean, spread.at(99.9)) == (5, 5)


@pytest.mark.parametrize(("providers", "share"), [("a", 1e-2), ("ab", 1.081e-3), ("abc", 1.000729e-3)])
def test_the_beta_factor(providers: str, share: float) -> None:
    """((1 - beta) Q)^n + beta Q: a third provider buys next to nothing."""
    causes = [Cause(frozenset(providers), BETA_FACTOR)]
    assert unavailability(dict.fromkeys(providers, ASSUMED_UNAVAILABILITY), causes) == pytest.approx(share, rel=1e-9)
    assert share == pytest.approx(
        ((1 - BETA_FACTOR) * ASSUMED_UNAVAILABILITY) ** len(providers) + BETA_FACTOR * ASSUMED_UNAVAILABILITY
    )


def test_without_a_cause_outages_multiply_and_with_all_in_common_nothing_is_won() -> None:
    assert unavailability({"a": 0.01, "b": 0.02}, []) == pytest.approx(2e-4)
    assert unavailability({"a": 0.01, "b": 0.01}, [Cause(frozenset("ab"), 1.0)]) == pytest.approx(0.01)


def test_a_cause_elsewhere_changes_nothing() -> None:
    assert unavailability({"a": 0.01}, [Cause(frozenset("xy"), 0.5)]) == pytest.approx(0.01)


def test_the_sum_is_close_to_what_happens_and_never_below_it() -> None:
    outages = {"a": 0.2, "b": 0.2, "c": 0.2}
    causes = [Cause(frozenset("ab"), 0.3), Cause(frozenset("bc"), 0.2)]
    rng = Random(3)
    own = {"a": 0.7 * 0.2, "b": 0.5 * 0.2, "c": 0.8 * 0.2}
    failed = 0
    for _ in range(200_000):
        down = {name for name, share in own.items() if rng.random() < share}
        down |= {name for cause in causes if rng.random() < cause.share * 0.2 for name in cause.providers}
        failed += len(down) == 3
    assert failed / 200_000 == pytest.approx(unavailability(outages, causes), rel=0.25)
    assert failed / 200_000 <= unavailability(outages, causes)


@given(SHARES, SHARES, SHARES)
def test_another_provider_never_makes_it_worse_and_more_in_common_never_better(
    q: float, beta: float, other: float
) -> None:
    two, three = dict.fromkeys("ab", q), dict.fromkeys("abc", q)
    low, high = sorted((beta, other))
    one = unavailability(two, [Cause(frozenset("ab"), low)])
    assert unavailability(three, [Cause(frozenset("abc"), low)]) <= one + 1e-12
    assert 0 <= one <= 1
    # A little in common and a little of its own can be more than either alone only where outages are frequent.
    if q <= 0.5:
        assert one <= unavailability(two, [Cause(frozenset("ab"), high)]) + 1e-12


def test_littles_law() -> None:
    assert littles_law_rate(200, 4.0) == 50


def test_the_smaller_of_two_lengths_has_its_percentiles() -> None:
    asked, stated = LogNormal.of(180, 600, 95), LogNormal.of(100, 500, 95)
    rng = Random(8)
    drawn = sorted(
        min(rng.lognormvariate(5.192956851, asked.sigma), rng.lognormvariate(4.605170186, stated.sigma))
        for _ in range(50_000)
    )
    found = asked.smaller(stated)
    assert found.at(50) == pytest.approx(drawn[25_000], rel=0.03)
    assert found.at(95) == pytest.approx(drawn[47_500], rel=0.03)
    assert found == stated.smaller(asked)


def test_the_smaller_of_a_length_and_a_constant() -> None:
    never = LogNormal.of(40, 40, 95).smaller(LogNormal.of(4000, 9000, 95))
    assert never.at(95) == pytest.approx(40, rel=1e-6)
    assert LogNormal.of(10, 10, 95).smaller(LogNormal.of(10, 10, 95)).at(50) == pytest.approx(10, rel=1e-6)
