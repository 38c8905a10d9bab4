"""Remedies: found where one change would do, two where none does alone, and none that does not hold on seeds of nobody's."""

from __future__ import annotations

import numpy as np
import pytest

from headworks.twin.simulation.confidence_interval import mean_interval
from headworks.twin.simulation.replications import Effort, replicate
from headworks.twin.verdicts.verdict import margin
from tests.twin.search.planted import KINDS, Searched, search

SEED = 11
NOBODYS = 5_000_000
"""A seed of neither the verdicts, nor the search, nor what confirms it."""


def found(kind: str, seed: int = SEED) -> Searched:
    rng = np.random.default_rng(seed)
    planted = KINDS[kind](rng, rng.uniform(2, 3), 60)
    return search(planted.system, Effort(calls=100, runs=4, seed=seed))


@pytest.mark.parametrize("kind", ["retries", "slots", "cached"])
def test_one_change_that_would_do_is_found_and_holds_on_seeds_of_nobodys(kind: str) -> None:
    seen = found(kind)
    [offer] = seen.remedies
    assert seen.verdict.verdict == "does not hold"
    assert offer.is_enough
    assert offer.turns == ["it"]
    assert offer.gained_low is not None
    assert offer.gained_high is not None
    assert 0 < offer.gained_low <= offer.gained <= offer.gained_high
    verdict, made = seen.checked(offer, Effort(calls=200, runs=4, seed=NOBODYS))
    assert verdict.margin is not None
    assert verdict.margin >= 0
    before = [replicate(seen.plan, one.seed, 200, course=one.course) for one in made]
    pairs = zip(made, before, strict=True)
    gained = [margin(seen.objective, two.values["it"]) - margin(seen.objective, one.values["it"]) for two, one in pairs]
    assert mean_interval(gained).low > 0


def test_two_changes_are_offered_where_no_single_one_is_enough() -> None:
    seen = found("both")
    [offer] = seen.remedies
    assert offer.is_enough
    assert {one.knob for one in offer.changes} == {"rpm of key web", "tpm of key web"}
    assert {one.path for one in offer.changes} == {"keys.web.rpm", "keys.web.tpm"}
    verdict, _ = seen.checked(offer, Effort(calls=200, runs=4, seed=NOBODYS))
    assert verdict.margin is not None
    assert verdict.margin >= 0


def test_a_remedy_says_what_it_costs_a_month() -> None:
    [offer] = found("requests").remedies
    assert offer.month_before is not None
    assert offer.month_after is not None
    assert offer.cost_after == pytest.approx(offer.cost_before, rel=0.05)  # a call costs what it did ...
    assert offer.month_after > 1.2 * offer.month_before  # ... but more of them are let in
