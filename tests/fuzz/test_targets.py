"""Every target of the fuzzing harness takes its first seed, so that the harness keeps up with the code; the search itself is `make fuzz`."""

from __future__ import annotations

import pytest

from tests.fuzz.run import tried
from tests.fuzz.seeds import CUT, SEEDS
from tests.fuzz.targets import TARGETS


@pytest.mark.parametrize("target", TARGETS)
def test_a_target_takes_its_first_seed_and_what_is_nothing_at_all(target: str) -> None:
    tried(target, CUT + SEEDS[target][0])
    tried(target, CUT)
