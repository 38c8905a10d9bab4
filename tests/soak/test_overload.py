"""Overloaded and busy systems of an hour's peak: the plan against an independent simulation (`tests/twin/independent.py`).

The cases are those that were wrong on 2026-11-30 (a peak was taken for over after 2,000 calls), named before any constant of
the plan's courses was set. `pytest -m soak -s tests/soak/test_overload.py` prints the table of docs/plan/accuracy.md.
"""

from __future__ import annotations

import pytest

from headworks.twin.simulation.replications import Effort
from tests.twin.cases import Case, predicted

FIRST, PACE = (0.3, 0.6524), (0.02, 0.03823)
"""First tokens of 300 ms and 900 ms (p99), tokens of 20 ms and 50 ms (p99): with these lengths a call takes 3.4 s."""

CASES = {
    "slots at 1.06": Case(rate=10, seconds=3600, tiers=({"concurrency": 32},), first=FIRST, pace=PACE),
    "tokens at 1.24": Case(
        rate=20, seconds=3600, tiers=({"rpm": 2000, "tpm": 1_400_000},), prompt=(900, 3200), output=(180, 600),
        first=(0.3, 0.9), pace=(0.012, 0.02),
    ),
    "a small second tier": Case(
        rate=10, seconds=3600, tiers=({"rpm": 300, "tpm": 400_000}, {"tpm": 200_000}), firsts=((0.2, 0.4), (1.0, 2.0))
    ),
    "9 slots at 0.9": Case(rate=2.384, seconds=3600, tiers=({"concurrency": 9},), first=FIRST, pace=PACE),
    "34 slots at 0.9": Case(rate=9.005, seconds=3600, tiers=({"concurrency": 34},), first=FIRST, pace=PACE),
}  # fmt: skip


@pytest.mark.soak
@pytest.mark.parametrize("name", CASES)
def test_an_hours_peak_is_predicted_as_another_simulation_has_it(name: str) -> None:
    case = CASES[name]
    is_busy = name.endswith("0.9")
    _, whole, made = case.planned(Effort())
    seen = case.independent(40 if is_busy else 12, is_empty=not is_busy)
    known = {
        "first50": seen.percentile("first", 50),
        "first95": seen.percentile("first", 95),
        "duration95": seen.percentile("duration", 95),
        "up": seen.availability,
    }
    outside = []
    for id, found in predicted(whole, made).items():
        is_inside = found.low <= known[id] <= found.high
        print(  # noqa: T201  a row of the table
            f"\n| {name} | {id} | {found.value:.4g} | {found.low:.4g} to {found.high:.4g} | {known[id]:.4g} | {is_inside} |"
        )
        # Of twenty intervals one may miss: what is missed by less than two hundredths of the value is no fault.
        if not is_inside and abs(found.value - known[id]) > 0.02 * known[id]:
            outside.append(id)
    assert outside == []


@pytest.mark.soak
def test_the_two_readings_of_a_small_second_tier_are_eight_points_apart() -> None:
    """71 % is the gateway's; 63 % takes whole answers of the bucket before they are written, also those that never are. Why the first is
    right stands at `tests/twin/test_overload.py`."""
    case = CASES["a small second tier"]
    written = case.independent(12, is_empty=True).availability
    foreseen = case.independent(12, is_empty=True, is_all_at_once=True).availability
    print(f"\n| read as the gateway counts: {written:.3f}; all at once: {foreseen:.3f} |")  # noqa: T201  both
    assert written == pytest.approx(0.71, abs=0.015)
    assert foreseen == pytest.approx(0.63, abs=0.015)
