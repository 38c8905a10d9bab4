"""A chaotic day of callers with budgets and limits: nothing is overrun, nothing stays held, and the records sum to what is spent."""

from __future__ import annotations

import asyncio
from collections import Counter
from functools import cache
from random import Random

import msgspec
import pytest

from headworks.core.clock import wall
from headworks.core.errors import CallError
from headworks.core.state import Budget
from headworks.core.vtime import run_virtual
from headworks.state.memory import Memory
from headworks.testing import call
from tests.stack.systems import World
from tests.stack.test_stack import Chaos

CENT = 10_000_000

FILE = """
version: 1
providers:
  first: {dialect: openai, base_url: "http://first/v1", concurrency: 6, rpm: 600}
  second: {dialect: openai, base_url: "http://second/v1"}
  last: {dialect: openai, base_url: "http://last/v1"}
models:
  assistant:
    targets:
      - [{provider: first, model: m, weight: 3}, {provider: second, model: m, rpm: 300}]
      - {provider: last, model: m}
    price: {input: $250/M, cached_input: $25/M, output: $2000/M}
    max_output: 20
keys:
  web: {key: secret-web-secret-web, budget: {amount: $2, every: 1h}, concurrency: 30}
  batch: {key: secret-batch-secret, rpm: 12, tpm: 20k, budget: {amount: $3, every: total, estimate: bytes}}
  free: {key: secret-free-secret-}
groups:
  product: {keys: [web, batch], budget: {amount: $4, every: 1d}}
"""
SECRETS = {"web": "secret-web-secret-web", "batch": "secret-batch-secret", "free": "secret-free-secret-"}
BUDGETS = {
    "web": Budget("key/web", 200 * CENT, "1h"),
    "batch": Budget("key/batch", 300 * CENT, "total"),
    "product": Budget("group/product", 400 * CENT, "1d"),
}


class Callers(World):
    """A world whose callers have keys, and that looks at every budget at every step."""

    def __init__(self, seed: int, text: str = FILE) -> None:
        super().__init__(Chaos(seed).leaf, text, seed)
        assert isinstance(self.assembled.shared.state, Memory)
        self.state = self.assembled.shared.state
        self.errors: Counter[str] = Counter()
        self.most: Counter[str] = Counter()

    async def caller(self, number: int, rng: Random) -> None:
        made = call(f"question {rng.randrange(50)}", streamed=rng.random() < 0.7, max_output=rng.choice([None, 5, 40]))
        asked = msgspec.structs.replace(
            made, id=f"call-{number}", credential=SECRETS[rng.choice(["web", "web", "batch", "free"])]
        )
        reading = asyncio.create_task(self.read(asked, rng.choice([0.0, 0.0, 0.05])))
        if rng.random() < 0.1:
            await asyncio.sleep(rng.expovariate(1.0))
            reading.cancel()
        try:
            await reading
        except CallError as error:
            self.errors[error.code] += 1
        except asyncio.CancelledError:
            pass
        for budget in BUDGETS.values():
            assert sum(self.state.spent(budget, wall())) <= budget.limit
        self.most.update({name: max(0, used - self.most[name]) for name, used in self.state.in_use.items()})


@cache
def day(seed: int) -> Callers:
    world = Callers(seed)
    run_virtual(world.run(2500, 1.2, seed))
    return world


@pytest.mark.parametrize("seed", [1, 2])
def test_conservation_nothing_is_held_or_reserved_when_every_caller_has_left(seed: int) -> None:
    world = day(seed)
    assert world.left_behind() == {}
    assert world.state.held == {}
    assert set(world.state.in_use.values()) == {0}
    assert all(account.reserved == 0 for account in world.state._accounts.values())


@pytest.mark.parametrize("seed", [1, 2])
def test_no_window_of_any_budget_is_overrun_by_its_records_and_they_sum_to_what_was_spent(seed: int) -> None:
    world = day(seed)
    hours: Counter[int] = Counter()
    sums: Counter[str] = Counter()
    for record in world.journal.records:
        if record.key in ("web", "batch"):
            assert record.cost_nano is not None
            sums[record.key] += record.cost_nano
            sums["product"] += record.cost_nano
            if record.key == "web":
                hours[int(record.at // 3600)] += record.cost_nano
    assert max(hours.values()) <= 200 * CENT
    assert sums["batch"] <= 300 * CENT
    assert sums["product"] <= 400 * CENT
    assert world.state.spent(BUDGETS["batch"], 0.0) == (sums["batch"], 0)
    assert sum(a.spent for (name, _), a in world.state._accounts.items() if name == "group/product") == sums["product"]
    assert sums["product"] > 350 * CENT, "the budgets were worth testing"


@pytest.mark.parametrize("seed", [1, 2])
def test_every_call_under_a_budget_was_opened_before_its_first_attempt_and_never_cost_more(seed: int) -> None:
    world = day(seed)
    reserved: dict[str, int] = {}
    for opened in world.journal.opened:
        assert opened.reserved_nano >= reserved.get(opened.opened, 0)
        reserved[opened.opened] = opened.reserved_nano
    for record in world.journal.records:
        if record.key == "free" or not record.attempts:
            continue
        assert record.cost_nano is not None
        assert record.cost_nano <= reserved[record.request_id]
    assert len(world.journal.opened) > len(reserved), "further attempts were paid for"


def test_refusals_say_which_it_was() -> None:
    errors = day(1).errors
    assert errors["insufficient_quota"] > 50
    assert errors["rate_limit_exceeded"] > 0


def test_targets_are_never_above_their_places() -> None:
    assert 0 < day(1).most["places/provider/first"] <= 6
    assert 0 < day(1).most["places/key/web"] <= 30


# The same day where answers are kept and journeys shared among the keys of a group: whoever pays, it is one of them.

SHARED = FILE.replace("    max_output: 20\n", "    max_output: 20\n    cache: {exact: 1s, share: group}\n")


class Sharers(Callers):
    """Callers who ask few questions, many at once."""

    def __init__(self, seed: int) -> None:
        super().__init__(seed, SHARED)

    async def caller(self, number: int, rng: Random) -> None:
        made = call(f"question {rng.randrange(4)}", streamed=rng.random() < 0.7, max_output=20)
        key = rng.choice(["web", "batch", "free"])
        asked = msgspec.structs.replace(made, id=f"call-{number}", credential=SECRETS[key])
        reading = asyncio.create_task(self.read(asked, rng.choice([0.0, 0.05, 1.0])))
        if rng.random() < 0.4:
            await asyncio.sleep(rng.expovariate(3.0))
            reading.cancel()
        try:
            await reading
        except CallError as error:
            self.errors[error.code] += 1
        except asyncio.CancelledError:
            pass
        for budget in BUDGETS.values():
            assert sum(self.state.spent(budget, wall())) <= budget.limit


@cache
def shared_day(seed: int) -> Sharers:
    world = Sharers(seed)
    run_virtual(world.run(3000, 12.0, seed))
    return world


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_sharing_answers_overruns_nothing_and_the_records_still_sum_to_what_was_spent(seed: int) -> None:
    world = shared_day(seed)
    assert world.left_behind() == {}
    assert world.state.held == {}
    assert all(account.reserved == 0 for account in world.state._accounts.values())
    sums: Counter[str] = Counter()
    for record in world.journal.records:
        assert record.cost_nano is not None
        sums[record.key] += record.cost_nano
    attempts = [attempt for record in world.journal.records for attempt in record.attempts]
    assert len({(attempt.target, attempt.started_at) for attempt in attempts}) == len(attempts)
    found = Counter(record.cache for record in world.journal.records)
    assert min(found["hit"], found["coalesced"], found["miss"]) > 100, found
    taken_over = [record for record in world.journal.records if record.cache == "coalesced" and record.attempts]
    assert len(taken_over) > 3, "the ones who began did leave"
    spent = {name: a.spent for (name, _), a in world.state._accounts.items()}
    web = sum(a.spent for (name, _), a in world.state._accounts.items() if name == "key/web")
    assert (web, spent["key/batch"]) == (sums["web"], sums["batch"])
    reserved: dict[str, int] = {}
    for opened in world.journal.opened:
        reserved[opened.opened] = max(opened.reserved_nano, reserved.get(opened.opened, 0))
    for record in world.journal.records:
        if record.key in ("web", "batch") and record.attempts and record.cost_nano is not None:
            assert record.cost_nano <= reserved[record.request_id]


@pytest.mark.parametrize(
    "more",
    [
        "    cache: {exact: 10s}\n",
        "    coalesce: true\n",
        "    mid_stream: restart\n",
        "    mid_stream: continue\n    cache: {exact: 10s}\n",
    ],
)
def test_conservation_shared_and_resumed_answers_are_paid_for_once(more: str) -> None:
    world = Callers(5, FILE.replace("    max_output: 20\n", f"    max_output: 20\n{more}"))
    run_virtual(world.run(900, 1.2, 5))
    sums: Counter[str] = Counter()
    for record in world.journal.records:
        assert record.key == "free" or record.cost_nano is not None
        sums[f"key/{record.key}"] += record.cost_nano or 0
    spent: Counter[str] = Counter()
    for (name, _), account in world.state._accounts.items():
        assert account.reserved == 0
        spent[name] += account.spent
    assert (spent["key/web"], spent["key/batch"]) == (sums["key/web"], sums["key/batch"])
    assert spent["group/product"] == sums["key/web"] + sums["key/batch"] > 100 * CENT
    assert world.state.held == {}
    assert world.left_behind() == {}
