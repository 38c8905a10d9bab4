"""Do the error bars of an evaluation keep their word? Simulated, with the table of docs/evals/statistics.md as output (`-s`).

Each row is a claim about how often an interval has the truth in it, or how often a gate is wrong, over thousands of
simulated evaluations. Seeds are fixed: the table is the same in every run.
"""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from headworks.evals.statistics import intervals as stats
from headworks.evals.statistics import sequential
from headworks.evals.statistics.gate import Evidence, Gate, judge

pytestmark = pytest.mark.soak

SHARES = tuple(round(0.01 * n, 2) for n in range(10, 91))
LOOKS = 20


def say(row: str) -> None:
    print(row)  # noqa: T201  # the table is what `make soak ARGS=-s` is run for


@pytest.mark.parametrize("n", [20, 50, 200])
def test_wilson_covers_what_it_says(n: int) -> None:
    rng = np.random.default_rng(n)
    covered = []
    for p in SHARES:
        counts = rng.binomial(n, p, 20_000)
        known = [stats.wilson(k, n) for k in range(n + 1)]
        covered.append(float(np.mean([known[k].low <= p <= known[k].high for k in counts])))
    say(
        f"| Wilson, one share | n = {n}, p = .10, .11, ... .90 | {np.mean(covered):.1%} mean, {min(covered):.1%} worst |"
    )
    assert 0.94 <= np.mean(covered) <= 0.96
    assert min(covered) >= 0.91


def clustered_sample(rng: np.random.Generator, clusters: int, size: int, p: float, icc: float) -> NDArray[np.float64]:
    """Right and wrong answers whose clusters' shares are beta-distributed, with this correlation within a cluster."""
    strength = 1 / icc - 1
    shares = rng.beta(p * strength, (1 - p) * strength, clusters)
    return (rng.random((clusters, size)) < shares[:, None]).astype(np.float64)


@pytest.mark.parametrize("clusters", [20, 40, 100])
def test_clustered_intervals_cover_what_they_say(clusters: int) -> None:
    rng = np.random.default_rng(clusters)
    index = np.repeat(np.arange(clusters), 10)
    known = [stats.wilson(k, clusters * 10) for k in range(clusters * 10 + 1)]
    for p in (0.5, 0.7):
        hits = naive = 0
        rounds = 2000
        for _ in range(rounds):
            values = clustered_sample(rng, clusters, 10, p, 0.3).ravel()
            found = stats.share(values, index)
            hits += found.low <= p <= found.high
            plain = known[int(values.sum())]
            naive += plain.low <= p <= plain.high
        covered = hits / rounds
        say(
            f"| clustered, t with C - 1 | C = {clusters}, 10 each, ICC .3, p = {p} | {covered:.1%} "
            f"(as if independent: {naive / rounds:.1%}) |"
        )
        assert 0.92 <= covered <= 0.96


def gate_of(values: NDArray[np.float64], bound: float, *, gap: bool, many: bool) -> str:
    seen = Evidence(low=values, high=values, is_gap=gap, many_looks=many)
    return judge([Gate(id="g", what="w", bound=bound, confidence=0.95, evidence=seen)])[0].verdict


@pytest.mark.parametrize("n", [100, 400])
def test_two_equal_systems_raise_few_false_alarms(n: int) -> None:
    """A/A: the same system twice, held to "not worse" without any margin: the hardest bound that is still true."""
    rng = np.random.default_rng(n)
    rounds, alarms, passes = 1500, 0, 0
    for _ in range(rounds):
        p = rng.beta(2, 1, n)  # samples differ in how hard they are
        gap = (rng.random(n) < p).astype(np.float64) - (rng.random(n) < p)
        verdict = gate_of(gap, 0.0, gap=True, many=False)
        alarms += verdict == "does not hold"
        passes += verdict == "holds"
    say(f"| A/A, one look | {n} pairs | {alarms / rounds:.1%} alarms, {passes / rounds:.1%} false passes |")
    # Its level is 5%; three standard errors of the simulation beside it.
    assert alarms / rounds <= 0.05 + 3 * (0.05 * 0.95 / rounds) ** 0.5
    assert passes / rounds <= 0.05 + 3 * (0.05 * 0.95 / rounds) ** 0.5


def test_two_equal_systems_raise_few_false_alarms_however_often_somebody_looks() -> None:
    rng = np.random.default_rng(20)
    rounds, alarms, naive, n = 600, 0, 0, 1000
    for _ in range(rounds):
        p = rng.beta(2, 1, n)
        gap = (rng.random(n) < p).astype(np.float64) - (rng.random(n) < p)
        looks = [n * (look + 1) // LOOKS for look in range(LOOKS)]
        alarms += any(sequential.p_below((gap[:at] + 1) / 2, 0.5) <= 0.05 for at in looks)
        naive += any(stats.p_gap_below(stats.difference(gap[:at], None), 0.0) <= 0.05 for at in looks)
    say(
        f"| A/A, {LOOKS} looks | 50 to 1000 pairs | {alarms / rounds:.1%} alarms (the fixed-n test: {naive / rounds:.1%}) |"
    )
    assert alarms / rounds <= 0.05


def test_a_share_at_its_bound_is_rarely_judged_however_often_somebody_looks() -> None:
    rng = np.random.default_rng(21)
    rounds, wrong, naive, n, bound = 600, 0, 0, 1000, 0.9
    for _ in range(rounds):
        values = (rng.random(n) < bound).astype(np.float64)
        looks = [n * (look + 1) // LOOKS for look in range(LOOKS)]
        wrong += any(sequential.p_above(values[:at], bound) <= 0.05 for at in looks)
        naive += any(stats.p_above(stats.share(values[:at], None), bound) <= 0.05 for at in looks)
    say(
        f"| share at its bound, {LOOKS} looks | p = .9, 50 to 1000 | {wrong / rounds:.1%} passes (the fixed-n test: {naive / rounds:.1%}) |"
    )
    assert wrong / rounds <= 0.05


def test_several_gates_are_wrong_together_no_more_often_than_one() -> None:
    rng = np.random.default_rng(22)
    rounds, wrong, n, bound, gates = 500, 0, 200, 0.8, 5
    for _ in range(rounds):
        made = []
        for number in range(gates):
            values = (rng.random(n) < bound).astype(np.float64)
            made.append(
                Gate(id=str(number), what="w", bound=bound, confidence=0.95, evidence=Evidence(low=values, high=values))
            )
        wrong += any(found.verdict == "holds" for found in judge(made))
    say(f"| Holm, {gates} gates at their bounds | n = {n}, p = {bound} | {wrong / rounds:.1%} with a false pass |")
    assert wrong / rounds <= 0.05 + 3 * (0.05 * 0.95 / rounds) ** 0.5


def test_the_power_formula_sees_what_it_says() -> None:
    """969 pairs, a true difference of three points, and differences that vary by 1/9."""
    rng = np.random.default_rng(23)
    rounds, seen = 4000, 0
    gaps = np.array([1.0, -1.0, 0.0])
    discordant = 1 / 9 + 0.03**2
    chances = np.array([(discordant + 0.03) / 2, (discordant - 0.03) / 2, 1 - discordant])
    for _ in range(rounds):
        found = stats.difference(rng.choice(gaps, size=stats.items_needed(0.03), p=chances), None)
        seen += found.low > 0
    say(f"| power | 969 pairs, a difference of 3 points | seen {seen / rounds:.1%} |")
    assert 0.78 <= seen / rounds <= 0.82
