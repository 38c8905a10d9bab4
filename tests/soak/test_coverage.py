"""Do the error bars of an evaluation keep their word? Simulated, with the table of docs/evals/statistics.md as output (`-s`).

Each row is a claim about how often an interval has the truth in it, or how often a gate is wrong, over thousands of
simulated evaluations. Seeds are fixed: the table is the same in every run.
"""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.stats import binom
from statsmodels.stats.proportion import proportion_confint

from headworks.evals.statistics import exact, sequential
from headworks.evals.statistics import intervals as stats
from headworks.evals.statistics.gate import Evidence, Gate, judge

pytestmark = pytest.mark.soak

SHARES = tuple(round(0.01 * n, 2) for n in range(1, 100))
LOOKS = 20


def say(row: str) -> None:
    print(row)  # noqa: T201  # the table is what `make soak ARGS=-s` is run for


@pytest.mark.parametrize("n", [20, 50, 200])
def test_a_share_of_independent_samples_is_covered(n: int) -> None:
    """Exactly, not simulated: every count has its chance."""
    counts = np.arange(n + 1)
    known = [exact.clopper_pearson(k / n, n, 0.95) for k in counts]
    wilson = [proportion_confint(k, n, method="wilson") for k in counts]
    covered, other, widths = [], [], []
    for p in SHARES:
        chances = binom.pmf(counts, n, p)
        covered.append(sum(c for c, (low, high) in zip(chances, known, strict=True) if low <= p <= high))
        other.append(sum(c for c, (low, high) in zip(chances, wilson, strict=True) if low <= p <= high))
        ours = chances @ np.array([high - low for low, high in known])
        widths.append(ours / (chances @ np.array([high - low for low, high in wilson])))
    say(
        f"| one share | n = {n}, p = .01, .02, ... .99 | {np.mean(covered):.1%} mean, {min(covered):.1%} worst "
        f"(Wilson's: {min(other):.1%} worst; ours is {max(widths):.2f} times as wide at most) |"
    )
    assert min(covered) >= 0.95


def gate_of(values: NDArray[np.float64], bound: float, *, gap: bool, many: bool) -> str:
    seen = Evidence(low=values, high=values, is_difference=gap, many_looks=many)
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
    ones = np.ones(n)
    for _ in range(rounds):
        p = rng.beta(2, 1, n)
        gap = (rng.random(n) < p).astype(np.float64) - (rng.random(n) < p)
        looks = [n * (look + 1) // LOOKS for look in range(LOOKS)]
        alarms += any(sequential.p_below((gap[:at] + 1) / 2, ones[:at], 0.5) <= 0.05 for at in looks)
        naive += any(stats.difference_p_values(stats.changes(gap[:at], None), 0.0)[1] <= 0.05 for at in looks)
    say(
        f"| A/A, {LOOKS} looks | 50 to 1000 pairs | {alarms / rounds:.1%} alarms (the fixed-n test: {naive / rounds:.1%}) |"
    )
    assert alarms / rounds <= 0.05


def test_a_share_at_its_bound_is_rarely_judged_however_often_somebody_looks() -> None:
    rng = np.random.default_rng(21)
    rounds, wrong, naive, n, bound = 600, 0, 0, 1000, 0.9
    ones = np.ones(n)
    for _ in range(rounds):
        values = (rng.random(n) < bound).astype(np.float64)
        looks = [n * (look + 1) // LOOKS for look in range(LOOKS)]
        wrong += any(sequential.p_above(values[:at], ones[:at], bound) <= 0.05 for at in looks)
        naive += any(stats.share_p_values(stats.cluster_sums(values[:at], None), bound)[0] <= 0.05 for at in looks)
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
