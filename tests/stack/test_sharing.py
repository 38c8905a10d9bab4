"""Kept and shared answers in the whole stack: nothing is left behind, nothing is counted twice, nothing crosses over."""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from functools import cache
from random import Random

import msgspec
import pytest

from headworks.core.call import Call
from headworks.core.clock import now
from headworks.core.errors import CallError
from headworks.core.vtime import run_virtual
from headworks.gateway.assemble import assemble
from headworks.providers.scripted import Stream
from headworks.testing import Scripted, ask, call, virtual
from tests.stack.systems import STARTER, World, system
from tests.stack.test_stack import Chaos

CACHED = STARTER.replace("  assistant:\n", "  assistant:\n    cache: {exact: 20s, size: 30kB}\n").replace(
    "  plain: {", "  plain: {coalesce: true, "
)

KEYS = """
keys:
  web: {key: web-secret-web-secret}
  app: {key: app-secret-app-secret}
"""


@cache
def chaotic(seed: int) -> tuple[World, Chaos]:
    chaos = Chaos(seed)
    world = World(chaos.leaf, CACHED, seed=seed)
    run_virtual(world.run(3000, 50.0, seed))
    return world, chaos


@pytest.mark.parametrize("seed", [1, 2])
def test_conservation_nothing_is_held_when_every_caller_has_left(seed: int) -> None:
    world, chaos = chaotic(seed)
    assert world.left_behind() == {}
    assert {name: leaf.in_flight for name, leaf in chaos.leaves.items() if leaf.in_flight} == {}
    answers = world.assembled.shared.answers["assistant"]
    assert 0 < answers.bytes <= answers.most


@pytest.mark.parametrize("seed", [1, 2])
def test_conservation_every_attempt_is_on_exactly_one_record(seed: int) -> None:
    world, chaos = chaotic(seed)
    records = world.journal.records
    attempts = [attempt for record in records for attempt in record.attempts]
    # Callers arrive at instants of their own, so an attempt on two records would show.
    assert len({(attempt.target, attempt.started_at) for attempt in attempts}) == len(attempts)
    begun = Counter(attempt.target for attempt in attempts)
    # An attempt may end before the leaf is reached (no slot left), so there are never fewer on the records.
    assert all(begun[f"{name}/m"] >= len(leaf.calls) for name, leaf in chaos.leaves.items())
    assert all(attempt.outcome for attempt in attempts)


def test_fewer_calls_reach_the_vendors_and_every_outcome_occurs() -> None:
    world, chaos = chaotic(1)
    found = {record.cache for record in world.journal.records}
    assert found == {"", "hit", "miss", "coalesced"}
    asked = sum(len(leaf.calls) for leaf in chaos.leaves.values())
    assert asked < len(world.journal.records) / 2
    for record in world.journal.records:
        if record.cache == "hit":
            assert (record.outcome in ("ok", "cancelled"), record.attempts, record.cost_nano) == (True, [], 0)


def test_determinism_the_same_seed_is_the_same_log_to_the_byte() -> None:
    logs = []
    for _ in range(2):
        world = World(Chaos(7).leaf, CACHED, seed=7)
        run_virtual(world.run(600, 50.0, 7))
        logs.append(world.journal.lines())
    assert logs[0] == logs[1]


@pytest.mark.parametrize("share", ["key", "all"])
def test_isolation_under_load_nobody_gets_what_was_said_to_another_key(share: str) -> None:
    """Every answer names the tenant it was made for."""

    def answer(asked: Call) -> Stream:
        return Stream(pieces=[0.5, f"for {asked.tenant}"])

    @virtual
    async def run() -> int:
        leaves = {name: Scripted([answer], repeat=True) for name in ("first", "second", "last")}
        text = CACHED.replace("exact: 20s", f"exact: 20s, share: {share}") + KEYS
        world = World(lambda provider, model: leaves[provider], text)
        rng = Random(3)
        crossed = 0

        async def caller(tenant: str) -> None:
            nonlocal crossed
            made = call(f"{rng.randrange(5)}", streamed=rng.random() < 0.5)
            made = msgspec.structs.replace(made, credential=f"{tenant}-secret-{tenant}-secret", arrived_at=now())
            crossed += (await ask(world.assembled.front, made)).text != f"for {tenant}"

        async with asyncio.TaskGroup() as group:
            for _ in range(300):
                group.create_task(caller(rng.choice(["web", "app"])))
                await asyncio.sleep(rng.expovariate(10.0))
        return crossed

    assert (run() > 0) is (share == "all")


@virtual
async def test_another_target_behind_the_alias_gives_no_old_answers() -> None:
    leaf = Scripted(["old", "new"])
    first = World(lambda provider, model: leaf, CACHED)
    assert (await ask(first.assembled.front, call())).text == "old"
    assert (await ask(first.assembled.front, call())).text == "old"
    changed = system(CACHED.replace("{provider: second, model: m}", "{provider: second, model: other}"))
    stack = assemble(changed, lambda provider, model: leaf, first.journal, seed=1, before=first.assembled.shared)
    assert (await ask(stack.front, call())).text == "new"
    same = assemble(first.system, lambda provider, model: leaf, first.journal, seed=1, before=stack.shared)
    assert (await ask(same.front, call())).text == "old"  # kept over both reloads


@virtual
async def test_an_error_is_nobodys_kept_answer_through_the_whole_stack() -> None:
    leaf = Scripted([Stream(pieces=["half ", CallError("broken")]), "whole"])
    world = World(lambda provider, model: leaf, CACHED)
    with pytest.raises(CallError):
        await ask(world.assembled.front, call(streamed=True))
    answer = await ask(world.assembled.front, call(streamed=True))
    assert answer.text == "whole"
    assert json.loads(answer.data.split(b"\n\n")[0].removeprefix(b"data: "))["choices"]
