"""What a chaotic hour cost: every attempt is counted once, and what is unknown is not zero."""

from __future__ import annotations

from collections import Counter
from functools import cache

from headworks.core.money import Price
from headworks.core.record import Record
from headworks.core.vtime import run_virtual
from tests.stack.systems import STARTER, World
from tests.stack.test_stack import Chaos

PRICED = STARTER.replace(
    "  assistant:\n", "  assistant:\n    price: {input: $0.25/M, cached_input: $0.025/M, output: $2/M}\n"
)


@cache
def chaotic(seed: int) -> World:
    world = World(Chaos(seed).leaf, PRICED, seed=seed)
    run_virtual(world.run(1500, 50.0, seed))
    return world


def records(seed: int, alias: str) -> list[Record]:
    found = [record for record in chaotic(seed).journal.records if record.model == alias]
    assert len(found) > 250
    return found


def test_conservation_a_call_costs_what_its_attempts_cost() -> None:
    for record in records(1, "assistant"):
        costs = [attempt.cost_nano for attempt in record.attempts]
        assert None not in costs
        assert record.cost_nano == sum(cost for cost in costs if cost is not None)


def test_conservation_an_attempt_costs_what_the_tokens_beside_it_cost() -> None:
    rates = chaotic(2).system.models["assistant"].price
    assert rates is not None
    price = Price(rates=rates)
    seen: Counter[str] = Counter()
    for record in records(2, "assistant"):
        for attempt in record.attempts:
            assert attempt.cost_nano == (0 if attempt.tokens is None else price.cost(attempt.tokens))
            seen["billed" if attempt.cost_nano else "free"] += 1
            seen["estimated" if attempt.estimated else "told"] += 1
            seen["a retry was billed"] += attempt.cost_nano != 0 and attempt.why != "first"
            if attempt.outcome == "ok":
                assert not attempt.estimated
                assert attempt.cost_nano
    assert len(+seen) == 5
    assert seen["billed"] > seen["free"] > 0


def test_answers_that_nobody_read_to_the_end_are_not_free() -> None:
    costs = [record.cost_nano for record in records(3, "assistant") if record.outcome == "cut"]
    assert costs
    assert 0 not in costs
    hung_up = [record for record in records(3, "assistant") if record.outcome == "cancelled" and record.attempts]
    for record in hung_up:
        last = record.attempts[-1]
        assert last.estimated
        assert last.tokens is not None
        assert last.tokens.input > 0
        assert last.cost_nano
    assert any(record.attempts[-1].tokens.output for record in hung_up)  # type: ignore[union-attr]


def test_conservation_without_a_price_what_used_tokens_is_unknown_and_the_rest_is_free() -> None:
    for record in records(1, "plain"):
        used = [attempt for attempt in record.attempts if attempt.tokens is not None]
        assert all(attempt.cost_nano is None for attempt in used)
        assert all(attempt.cost_nano == 0 for attempt in record.attempts if attempt.tokens is None)
        assert record.cost_nano == (None if used else 0)
        assert record.price_at == ""


def test_a_call_that_reached_nobody_costs_nothing() -> None:
    strange = records(1, "unknown")
    assert {record.cost_nano for record in strange} == {0}
