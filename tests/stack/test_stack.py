"""The assembled stack as a whole: nothing is left behind, and the same seed is the same run."""

from __future__ import annotations

from collections import Counter
from functools import cache
from random import Random

import pytest

from headworks.core.call import Call
from headworks.core.errors import CallError, Cut, Denied, Failed, Garbled, Rejected, Throttled, Unreachable
from headworks.core.service import Service
from headworks.core.vtime import run_virtual
from headworks.providers.scripted import Scripted, Stream
from tests.stack.systems import World


class Chaos:
    """A leaf a target, each answering from its own dice: whole, slow, silent, broken or refused."""

    def __init__(self, seed: int) -> None:
        self.seed = seed
        self.leaves: dict[str, Scripted] = {}

    def leaf(self, provider: str, model: str) -> Service:
        rng = Random(f"{self.seed}/{provider}")

        def answer(call: Call) -> Stream | CallError:
            chance = rng.random()
            if chance < 0.1:
                return rng.choice(
                    [Failed("500"), Unreachable("refused"), Garbled("html"), Throttled("429", retry_after=1.0)]
                )
            if chance < 0.12:
                return rng.choice([Rejected("400"), Denied("401")])
            pieces: list[str | float | CallError] = [rng.expovariate(2.0)]
            for number in range(rng.randrange(1, 6)):
                pieces += [f"word{number} ", rng.expovariate(20.0)]
            if chance < 0.2:
                pieces.append(rng.choice([Cut("cut"), 1000.0]))
            return Stream(pieces=pieces)

        self.leaves[provider] = Scripted([answer], repeat=True)
        return self.leaves[provider]


@cache
def chaotic(seed: int, calls: int = 3000) -> tuple[World, Chaos]:
    chaos = Chaos(seed)
    world = World(chaos.leaf, seed=seed)
    run_virtual(world.run(calls, 50.0, seed))
    return world, chaos


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_conservation_nothing_is_held_when_every_caller_has_left(seed: int) -> None:
    world, chaos = chaotic(seed)
    assert world.left_behind() == {}
    assert {name: leaf.in_flight for name, leaf in chaos.leaves.items() if leaf.in_flight} == {}


def test_conservation_every_call_has_exactly_one_record() -> None:
    world, _ = chaotic(1)
    records = world.journal.records
    never_begun = 3000 - len(records)  # cancelled before its task had run at all
    assert 0 <= never_begun < 10
    assert max(Counter(record.request_id for record in records).values()) == 1
    outcomes = Counter(record.outcome for record in records)
    assert {"ok", "refused", "cancelled", "cut"} <= set(outcomes)
    assert "broken" not in outcomes


def test_conservation_every_attempt_is_on_some_record() -> None:
    world, chaos = chaotic(2)
    attempts = Counter(attempt.target for record in world.journal.records for attempt in record.attempts)
    asked = {f"{name}/m": len(leaf.calls) for name, leaf in chaos.leaves.items()}
    # An attempt may end before the leaf is reached (no slot left), so there are never fewer on the records.
    assert all(attempts[target] >= count for target, count in asked.items())
    assert all(attempt.outcome for record in world.journal.records for attempt in record.attempts)


def test_no_call_asks_one_target_more_than_three_times() -> None:
    world, _ = chaotic(3)
    for record in world.journal.records:
        assert max(Counter(attempt.target for attempt in record.attempts).values(), default=0) <= 3


def test_determinism_the_same_seed_is_the_same_log_to_the_byte() -> None:
    first, second, other = (chaotic(seed, 800)[0].journal.lines() for seed in (7, 7, 8))
    assert first == second
    assert first != other


def test_an_answer_is_whole_or_it_is_not_shown_as_one() -> None:
    world, _ = chaotic(1)
    for record in world.journal.records:
        assert (record.outcome == "ok") == (record.status == 200)
        if record.outcome == "ok":
            assert record.attempts[-1].outcome == "ok"
            assert record.tokens is not None
