"""The plan's simulation and the independent one, over the same calls: every call ends in both at the same instant.

What is left between a plan and the truth is then where a run begins, how long it is, and chance: `tests/soak/test_random_systems.py`.
The systems are the first four of those, over peaks of 2,500 calls.
"""

from __future__ import annotations

import pytest

from tests.twin.random_systems import drawn
from tests.twin.replayed import replayed

ROUNDING = 1e-9


@pytest.mark.parametrize("number", range(4))
def test_each_of_2_500_calls_of_a_random_system_ends_as_in_the_other_simulation(number: int) -> None:
    case = drawn(number, calls=2500)
    seen = replayed(case, seed=1)
    assert len(seen.first) > 2000
    assert 0.2 < seen.other.availability < 1
    assert seen.apart < ROUNDING
