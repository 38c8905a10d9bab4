"""Statistics: reference numbers, laws, and the reference implementation where there is one."""

from __future__ import annotations

import csv
import gc
import os
from math import ceil
from pathlib import Path

import numpy as np
import pytest
import statsmodels.api as sm
from statsmodels.stats.multitest import multipletests
from statsmodels.stats.proportion import proportion_confint

from headworks.evals.statistics import intervals as stats
from headworks.evals.statistics import sequential
from headworks.evals.statistics.gate import Evidence, Gate, Judged, judge

DATA = Path(os.environ.get("HEADWORKS_DATA", Path(__file__).parents[3] / "shared" / "data"))
TWO_MODELS = DATA / "gsm8k_two_models.csv"


@pytest.mark.skipif(
    not TWO_MODELS.exists(), reason="needs gsm8k_two_models.csv in the folder that HEADWORKS_DATA names"
)
def test_two_models_on_gsm8k_give_the_reference_numbers() -> None:
    with TWO_MODELS.open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    small, large = (
        np.array([row[name] == "True" for row in rows], dtype=np.float64)
        for name in ("mistralai/Mixtral-8x7B-Instruct-v0.1", "gpt-4-1106-preview")
    )
    found = stats.paired(large, small)
    assert (round(found.theirs, 4), round(found.ours, 4)) == (0.6384, 0.8567)
    assert round(found.correlation, 3) == 0.116
    assert round(found.se_unpaired, 5) == 0.01638
    assert round(found.difference.se, 5) == 0.01545
    assert (found.better, found.worse) == (383, 95)
    assert round(found.chi2, 1) == 173.5
    assert found.p_exact < 1e-30


def test_to_see_three_points_you_need_969_items() -> None:
    assert stats.items_needed(0.03) == 969
    assert stats.detectable_difference(969) == pytest.approx(0.03, abs=1e-5)


def test_errors_of_clusters_are_those_of_statsmodels() -> None:
    rng = np.random.default_rng(3)
    clusters = np.repeat(np.arange(25), 4)
    values = (rng.random(len(clusters)) < 0.7).astype(np.float64)
    found = stats.share(values, clusters)
    fitted = sm.OLS(values, np.ones(len(values))).fit(
        cov_type="cluster", cov_kwds={"groups": clusters, "use_correction": False}, use_t=True
    )
    # CR2 of equal clusters is the clustered variance with C / (C - 1).
    assert found.se == pytest.approx(float(fitted.bse[0]) * (25 / 24) ** 0.5)
    assert found.value == pytest.approx(float(fitted.params[0]))
    assert found.clusters == 25


def test_a_share_of_independent_samples_is_clopper_and_pearsons() -> None:
    for right, asked in ((0, 20), (1, 20), (18, 20), (97, 100), (20, 20)):
        found = stats.share(np.r_[np.ones(right), np.zeros(asked - right)], None)
        assert (found.low, found.high) == pytest.approx(proportion_confint(right, asked, method="beta"))


def test_clusters_of_one_are_independent_samples() -> None:
    values = np.array([1.0, 1, 0, 1, 0, 0, 1, 1, 1, 1, 0, 1])
    found, alone = stats.share(values, np.arange(12)), stats.share(values, None)
    assert (found.low, found.high, found.effective) == (alone.low, alone.high, 12.0)
    assert found.se == pytest.approx(float(values.std(ddof=1)) / 12**0.5)
    found, alone = stats.difference(values - 0.5, np.arange(12)), stats.difference(values - 0.5, None)
    assert (found.low, found.high) == (alone.low, alone.high)


def test_a_share_that_is_all_right_is_worth_its_clusters() -> None:
    found = stats.share(np.ones(48), np.repeat(np.arange(12), 4))
    assert found.low == pytest.approx(stats.share(np.ones(12), None).low, abs=0.001)
    assert (found.high, found.n, found.clusters, found.effective) == (1.0, 48, 12, 12.0)


def test_pairs_without_a_difference_still_have_an_interval() -> None:
    same = np.ones(20)
    found = stats.paired(same, same)
    assert (found.difference.value, found.p, found.p_exact) == (0.0, 1.0, 1.0)
    assert found.difference.low == pytest.approx(-(1 - 0.025 ** (1 / 20)), abs=1e-4)
    assert found.difference.high == pytest.approx(-found.difference.low, abs=1e-4)


def test_nothing_asked_says_nothing() -> None:
    nothing = np.zeros(0)
    assert (stats.share(nothing, None).low, stats.share(nothing, None).high) == (0.0, 1.0)
    assert (stats.difference(nothing, None).low, stats.difference(nothing, None).high) == (-1.0, 1.0)


def test_an_interval_contains_what_was_seen_in_any_clusters() -> None:
    rng = np.random.default_rng(5)
    for _ in range(3):
        sizes = rng.integers(1, 30, int(rng.integers(5, 30)))
        clusters = np.repeat(np.arange(len(sizes)), sizes)
        values = (rng.random(len(clusters)) < rng.beta(4, 1, len(sizes))[clusters]).astype(np.float64)
        other = (rng.random(len(clusters)) < 0.8).astype(np.float64)
        for found in (stats.share(values, clusters), stats.difference(values - other, clusters)):
            assert found.cannot_say or found.low <= found.value <= found.high


@pytest.mark.parametrize(
    ("sizes", "why"),
    [
        ([5], "only 1 cluster: 5 at least"),
        ([5, 5, 5, 5], "only 4 clusters: 5 at least"),
        ([80, 5, 5, 5, 5], "80 % of the samples are one cluster"),
        ([50, 20, 10, 10, 10], ""),
    ],
)
def test_few_clusters_or_one_that_is_most_of_the_samples_say_nothing(sizes: list[int], why: str) -> None:
    clusters = np.repeat(np.arange(len(sizes)), sizes)
    values = (np.arange(len(clusters)) % 3 > 0).astype(np.float64)
    for found, widest in (
        (stats.share(values, clusters), (0.0, 1.0)),
        (stats.difference(values - 1, clusters), (-1.0, 1.0)),
    ):
        assert found.cannot_say == why
        assert ((found.low, found.high) == widest) is bool(why)
    assert (stats.paired(values, 1 - values, clusters).p is None) is bool(why)


def test_what_ignores_clusters_is_not_said_of_clusters() -> None:
    rng = np.random.default_rng(23)
    clusters = np.repeat(np.arange(20), 20)
    ours, theirs = ((rng.random(400) < rng.beta(0.7, 0.3, 20)[clusters]).astype(np.float64) for _ in range(2))
    alone, found = stats.paired(ours, theirs), stats.paired(ours, theirs, clusters)
    assert (found.chi2, found.p_exact) == (None, None)
    assert alone.p is not None
    assert found.p is not None
    assert alone.p < 0.01 < 0.1 < found.p  # equal systems, whose clusters differ
    assert found.se_unpaired > 2 * alone.se_unpaired


def test_the_power_of_clusters_is_that_of_what_they_are_worth() -> None:
    assert stats.detectable_difference(100) == pytest.approx(stats.detectable_difference(400) * 2)
    assert stats.detectable_difference(100, clusters=5.0) > 1.3 * stats.detectable_difference(100)
    assert stats.detectable_difference(0.1) == 1.0


def test_flicker_counts_without_bias() -> None:
    assert stats.pass_at(3, 5, 1) == pytest.approx(0.6)
    assert stats.pass_all(3, 5, 1) == pytest.approx(0.6)
    assert stats.pass_at(3, 5, 5) == 1.0
    assert stats.pass_all(3, 5, 5) == 0.0
    assert stats.pass_at(1, 5, 2) == pytest.approx(0.4)
    assert stats.pass_all(4, 5, 2) == pytest.approx(0.6)


def test_holm_is_no_stricter_than_bonferroni_and_no_laxer_than_none() -> None:
    raw = [0.01, 0.04, 0.03]
    assert stats.holm(raw) == pytest.approx([0.03, 0.06, 0.06])
    assert stats.holm([]) == []
    gc.freeze()  # the other implementation collects garbage in each call
    for seed in range(5):
        some = list(np.random.default_rng(seed).random(7) ** 3)
        assert stats.holm(some) == pytest.approx(list(multipletests(some, method="holm")[1]))
    gc.unfreeze()


def one(right: int, asked: int, bound: float, **evidence: object) -> Judged:
    values = np.r_[np.ones(right), np.zeros(asked - right)]
    seen = Evidence(low=values, high=values, **evidence)  # type: ignore[arg-type]
    return judge([Gate(id="g", what="w", bound=bound, confidence=0.95, evidence=seen)])[0]


@pytest.mark.parametrize(
    ("right", "asked", "bound", "verdict"),
    [
        (12, 12, 0.5, "holds"),
        (99, 100, 0.9, "holds"),
        (80, 100, 0.9, "does not hold"),
        (93, 100, 0.9, "not enough data"),
        (90, 100, 0.9, "not enough data"),
    ],
)
def test_a_gate_has_three_values(right: int, asked: int, bound: float, verdict: str) -> None:
    assert one(right, asked, bound).verdict == verdict


def test_the_missing_samples_would_decide() -> None:
    found = one(93, 100, 0.9)
    assert found.missing is not None
    more = 100 + found.missing
    assert one(ceil(0.93 * more), more, 0.9).verdict == "holds"
    assert one(round(0.93 * more * 0.9), round(more * 0.9), 0.9).verdict == "not enough data"
    assert one(90, 100, 0.9).missing is None


@pytest.mark.parametrize("many", [False, True])
def test_below_five_clusters_nobody_can_say(many: bool) -> None:
    found = one(40, 40, 0.5, clusters=np.repeat(np.arange(4), 10), many_looks=many)
    assert (found.verdict, found.missing, found.why) == ("not enough data", 1, "only 4 clusters: 5 at least")
    assert one(100, 100, 0.5, clusters=np.repeat(np.arange(10), 10), many_looks=many).verdict == "holds"


@pytest.mark.parametrize("many", [False, True])
def test_where_one_cluster_is_most_of_the_samples_nobody_can_say(many: bool) -> None:
    found = one(
        100, 100, 0.5, clusters=np.r_[np.zeros(80), np.repeat(np.arange(1, 11), 2)].astype(int), many_looks=many
    )
    assert (found.verdict, found.missing) == ("not enough data", None)
    assert found.why == "80 % of the samples are one cluster"
    assert (found.estimate.low, found.estimate.high) == (0.0, 1.0)


def case(many: bool) -> Judged:
    """Three clusters of 200 samples, half of them right, and 40 of one sample, all right: 53.1 % of the samples."""
    clusters = np.r_[np.repeat(np.arange(3), 200), 3 + np.arange(40)]
    values = np.r_[np.tile(np.repeat([1.0, 0.0], 100), 3), np.ones(40)]
    seen = Evidence(low=values, high=values, clusters=clusters, many_looks=many)
    return judge([Gate(id="eighty", what="w", bound=0.8, confidence=0.95, evidence=seen)])[0]


def test_many_looks_at_clusters_weigh_them_by_their_samples() -> None:
    once, often = case(many=False), case(many=True)
    assert once.verdict == "does not hold"
    # Three large clusters can at most multiply a bet by 2.5 each: the 20 that decide at any look are out of reach.
    assert often.verdict == "not enough data"
    for found in (once, often):
        assert found.estimate.value == pytest.approx(0.53125)
        assert found.estimate.low < 0.53125 < found.estimate.high
    assert often.p_fails < 0.5 < often.p_holds


@pytest.mark.parametrize("is_gap", [False, True])
@pytest.mark.parametrize("many", [False, True])
def test_the_clusters_that_are_missing_would_decide(many: bool, is_gap: bool) -> None:
    clusters = np.repeat(np.arange(12), 5)
    values = np.r_[np.ones(55), np.zeros(5)] - is_gap

    def after(times: int) -> Judged:
        seen = Evidence(
            low=np.tile(values, times), high=np.tile(values, times), is_difference=is_gap, many_looks=many,
            clusters=np.concatenate([clusters + 12 * number for number in range(times)]),
        )  # fmt: skip
        return judge([Gate(id="g", what="w", bound=-0.2 if is_gap else 0.8, confidence=0.95, evidence=seen)])[0]

    first = after(1)
    assert first.verdict == "not enough data"
    assert first.missing
    assert first.why == f"{first.missing} more clusters like these would decide"
    assert after(1 + -(-first.missing // 12)).verdict == "holds"


def test_what_has_no_verdict_counts_against_both_sides() -> None:
    low, high = np.r_[np.ones(95), np.zeros(5)], np.ones(100)
    seen = Evidence(low=low, high=high)
    [found] = judge([Gate(id="g", what="w", bound=0.96, confidence=0.95, evidence=seen)])
    assert found.verdict == "not enough data"
    assert (found.estimate.value, found.estimate.high) == (0.95, 1.0)


def test_trouble_is_no_verdict() -> None:
    assert one(100, 100, 0.5, reason_for_no_verdict="3 answers were not judged").why == "3 answers were not judged"


def test_looking_many_times_takes_more_samples() -> None:
    assert one(97, 100, 0.9).verdict == "holds"
    found = one(97, 100, 0.9, many_looks=True)
    assert found.verdict == "not enough data"
    assert found.missing
    more = 100 + found.missing
    assert one(ceil(0.97 * more), more, 0.9, many_looks=True).verdict == "holds"


def test_several_gates_are_judged_together() -> None:
    values = np.r_[np.ones(96), np.zeros(4)]
    gates = [
        Gate(id=str(n), what="w", bound=0.9, confidence=0.95, evidence=Evidence(low=values, high=values))
        for n in range(5)
    ]
    assert judge(gates[:1])[0].verdict == "holds"
    assert {found.verdict for found in judge(gates)} == {"not enough data"}


def test_the_gap_of_pairs_is_a_gate_too() -> None:
    gap = np.r_[np.ones(3), -np.ones(4), np.zeros(400)]
    for many in (False, True):
        seen = Evidence(low=gap, high=gap, is_difference=True, many_looks=many)
        [found] = judge([Gate(id="g", what="w", bound=-0.05, confidence=0.95, evidence=seen)])
        assert found.verdict == "holds"
        [found] = judge([Gate(id="g", what="w", bound=0.08, confidence=0.95, evidence=seen)])
        assert found.verdict == "does not hold"


def test_a_bet_against_the_truth_never_pays() -> None:
    values = np.r_[np.ones(50), np.zeros(50)]
    each = np.ones(100)
    assert sequential.evidence(values, each, 0.5) < 0.1
    assert sequential.evidence(values, each, 0.2) > 10
    assert sequential.evidence(np.zeros(0), np.zeros(0), 0.2) == 0.0
    assert sequential.p_above(values, each, 1.0) == 1.0
    assert sequential.p_above(values, each, 0.0) == 0.0
    low, high = sequential.interval(values, each)
    assert 0.3 < low < 0.4
    assert high == pytest.approx(1 - low, abs=1e-6)
