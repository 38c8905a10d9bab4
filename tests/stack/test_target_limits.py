"""A target at its stated limit: the call goes elsewhere, or waits; nobody was asked, so nothing is held against anybody."""

from __future__ import annotations

import asyncio
from collections import Counter

import msgspec
import pytest

from headworks.core.call import Call
from headworks.core.clock import now
from headworks.core.errors import AtLimit
from headworks.testing import Scripted, ask, call, virtual
from tests.stack.systems import World

LIMITED = """
providers:
  first: {dialect: openai, base_url: "http://first/v1", rpm: 1}
  second: {dialect: openai, base_url: "http://second/v1"}
models:
  both: {targets: [[first/m, second/m]], balance: least_busy}
  tiers: {targets: [first/m, second/m]}
  only: {targets: first/m, timeouts: {total: 300s}}
"""


def limited_world() -> World:
    leaves = {name: Scripted(["hi"], repeat=True) for name in ("first", "second")}
    return World(lambda provider, model: leaves[provider], LIMITED)


def numbered(number: int, alias: str) -> Call:
    return msgspec.structs.replace(call(alias=alias), id=f"call-{number}", arrived_at=now())


@pytest.mark.parametrize("alias", ["both", "tiers"])
def test_a_target_at_its_limit_sends_the_call_on_and_nothing_is_held_against_it(alias: str) -> None:
    @virtual
    async def run() -> None:
        world = limited_world()
        for number in range(6):
            await ask(world.assembled.front, numbered(number, alias))
        asked = Counter(attempt.target for record in world.journal.records for attempt in record.attempts)
        assert asked["first/m"] == 1
        assert asked["second/m"] == 5
        assert all(len(record.attempts) == 1 for record in world.journal.records)
        assert world.assembled.shared.circuits["first/m"].state == "closed"
        assert world.left_behind() == {}

    run()


@virtual
async def test_where_nobody_else_is_left_a_call_waits_for_its_turn_or_its_deadline() -> None:
    world = limited_world()
    await ask(world.assembled.front, numbered(0, "only"))
    waiting = [asyncio.create_task(ask(world.assembled.front, numbered(number, "only"))) for number in (1, 2)]
    with pytest.raises(AtLimit) as error:
        await ask(world.assembled.front, msgspec.structs.replace(numbered(3, "only"), deadline_at=now() + 5))
    assert (error.value.status, now()) == (503, pytest.approx(5.0))
    await waiting[0]
    assert now() == pytest.approx(60.0, abs=0.1)
    await waiting[1]
    assert now() == pytest.approx(120.0, abs=0.1)
    assert world.left_behind() == {}
