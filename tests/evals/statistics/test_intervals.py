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
    assert stats.gap_seen(969) == pytest.approx(0.03, abs=1e-5)


def test_clustered_errors_are_those_of_statsmodels() -> None:
    rng = np.random.default_rng(3)
    clusters = np.repeat(np.arange(25), rng.integers(1, 9, 25))
    values = (rng.random(len(clusters)) < 0.7).astype(np.float64)
    found = stats.clustered(values, clusters)
    fitted = sm.OLS(values, np.ones(len(values))).fit(
        cov_type="cluster", cov_kwds={"groups": clusters, "use_correction": False}, use_t=True
    )
    assert found.se == pytest.approx(float(fitted.bse[0]) * (25 / 24) ** 0.5)
    assert found.value == pytest.approx(float(fitted.params[0]))
    assert found.clusters == 25


def test_clusters_of_one_are_independent_samples() -> None:
    values = np.array([1.0, 1, 0, 1, 0, 0, 1, 1, 1, 1, 0, 1])
    found = stats.clustered(values, np.arange(12))
    assert found.se == pytest.approx(float(values.std(ddof=1)) / 12**0.5)


def test_a_share_that_is_all_right_still_has_an_interval() -> None:
    clusters = np.repeat(np.arange(12), 4)
    found = stats.share(np.ones(48), clusters)
    assert found.low == pytest.approx(stats.wilson(12, 12).low)
    assert (found.high, found.n, found.clusters) == (1.0, 48, 12)


def test_pairs_without_a_difference_still_have_an_interval() -> None:
    same = np.ones(20)
    found = stats.paired(same, same)
    assert (found.difference.value, found.p, found.p_exact) == (0.0, 1.0, 1.0)
    assert found.difference.low == pytest.approx(-(1 - 0.025 ** (1 / 20)))


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


def test_below_ten_clusters_nobody_can_say() -> None:
    found = one(90, 90, 0.5, clusters=np.repeat(np.arange(9), 10))
    assert (found.verdict, found.missing) == ("not enough data", 1)
    assert one(100, 100, 0.5, clusters=np.repeat(np.arange(10), 10)).verdict == "holds"


def test_what_has_no_verdict_counts_against_both_sides() -> None:
    low, high = np.r_[np.ones(95), np.zeros(5)], np.ones(100)
    seen = Evidence(low=low, high=high)
    [found] = judge([Gate(id="g", what="w", bound=0.96, confidence=0.95, evidence=seen)])
    assert found.verdict == "not enough data"
    assert (found.estimate.value, found.estimate.high) == (0.95, 1.0)


def test_trouble_is_no_verdict() -> None:
    assert one(100, 100, 0.5, trouble="3 answers were not judged").why == "3 answers were not judged"


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
        seen = Evidence(low=gap, high=gap, is_gap=True, many_looks=many)
        [found] = judge([Gate(id="g", what="w", bound=-0.05, confidence=0.95, evidence=seen)])
        assert found.verdict == "holds"
        [found] = judge([Gate(id="g", what="w", bound=0.08, confidence=0.95, evidence=seen)])
        assert found.verdict == "does not hold"


def test_a_bet_against_the_truth_never_pays() -> None:
    values = np.r_[np.ones(50), np.zeros(50)]
    assert sequential.evidence(values, 0.5) < 0.1
    assert sequential.evidence(values, 0.2) > 10
    assert sequential.evidence(np.zeros(0), 0.2) == 0.0
    assert sequential.p_above(values, 1.0) == 1.0
    assert sequential.p_above(values, 0.0) == 0.0
    low, high = sequential.interval(values)
    assert 0.3 < low < 0.4
    assert high == pytest.approx(1 - low, abs=1e-6)
