"""A target at its stated limit: the call goes elsewhere, or waits; nobody was asked, so nothing is held against anybody."""

from __future__ import annotations

import asyncio
from collections import Counter

import msgspec
import pytest

from headworks.core.call import Call
from headworks.core.clock import now
from headworks.core.errors import AtLimit, Cut, Failed
from headworks.providers.scripted import Stream
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

RESUMED = """
providers:
  first: {dialect: openai, base_url: "http://first/v1", rpm: 2}
  second: {dialect: openai, base_url: "http://second/v1", rpm: 2}
models:
  both: {targets: [[first/m, second/m]], balance: least_busy, mid_stream: restart, timeouts: {total: 300s}}
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


def slow_then_broken(good: int) -> Scripted:
    """A vendor that takes four seconds for each of its first answers, and fails at once from then on."""
    return Scripted([*[Stream(pieces=[4.0, "hi"])] * good, Failed("boom")], repeat=True)


@virtual
async def test_a_tier_at_its_limit_is_the_last_resort_of_a_failed_one_once_and_then_waited_for() -> None:
    """The second tier fails with less time left than its fastest answer takes; the first is at its limit."""
    second = slow_then_broken(30)
    leaves = {"first": Scripted(["hi"], repeat=True), "second": second}
    world = World(lambda provider, model: leaves[provider], LIMITED)
    await ask(world.assembled.front, numbered(0, "tiers"))
    await asyncio.gather(*(ask(world.assembled.front, numbered(number, "tiers")) for number in range(1, 31)))
    late = msgspec.structs.replace(numbered(31, "tiers"), deadline_at=now() + 3.5)
    began = now()
    with pytest.raises(Failed, match="boom"):
        await ask(world.assembled.front, late)
    assert now() < began + 0.5, (
        "the first tier has room in a minute, which is no reason to hold back what the vendor said"
    )
    patient = msgspec.structs.replace(numbered(32, "tiers"), deadline_at=62.0)
    await asyncio.sleep(59.0 - now())
    assert (await ask(world.assembled.front, patient)).text == "hi"
    assert now() == pytest.approx(60.0, abs=0.1), "here it has room in time"
    assert world.left_behind() == {}


@virtual
async def test_a_target_at_its_limit_beside_one_that_was_asked_often_enough_is_not_asked_in_a_circle() -> None:
    leaves = {"first": Scripted(["hi"], repeat=True), "second": Scripted([Failed("boom")], repeat=True)}
    world = World(lambda provider, model: leaves[provider], LIMITED)
    await ask(world.assembled.front, numbered(0, "only"))
    with pytest.raises(Failed, match="boom"):
        await ask(world.assembled.front, msgspec.structs.replace(numbered(1, "both"), deadline_at=5.0))
    assert len(leaves["second"].calls) == 3
    assert now() < 5.0
    assert world.left_behind() == {}


@virtual
async def test_a_stream_that_goes_on_asks_who_is_free_and_does_not_wait_because_its_beginning_had_to() -> None:
    whole, broken = Stream(pieces=["one ", "two"]), Stream(pieces=["one ", 1.0, Cut("cut")])
    leaf = Scripted([whole, whole, whole, whole, broken, whole])
    world = World(lambda provider, model: leaf, RESUMED)
    for number in range(4):
        await ask(world.assembled.front, numbered(number, "both"))
    streamed = msgspec.structs.replace(numbered(4, "both"), streamed=True)
    assert (await ask(world.assembled.front, streamed)).text == "one two"
    first, second = world.journal.records[-1].attempts
    assert first.target != second.target
    assert now() == pytest.approx(31.0, abs=0.1), "the other target has room when the stream breaks"
    assert world.left_behind() == {}


TWO = """
providers:
  small: {dialect: openai, base_url: "http://small/v1", tpm: 100}
  slow: {dialect: openai, base_url: "http://slow/v1", rpm: 1}
  soon: {dialect: openai, base_url: "http://soon/v1", rpm: 6}
models:
  all: {targets: [[small/m, slow/m, soon/m]], balance: least_busy, timeouts: {total: 300s}}
"""


def test_of_several_targets_at_their_limit_the_one_that_has_room_first_is_waited_for() -> None:
    """Whatever the order in which they said so; one that never has room for such a call is no reason to give up."""

    @virtual
    async def run(seed: int) -> None:
        leaf = Scripted(["hi"], repeat=True)
        world = World(lambda provider, model: leaf, TWO, seed=seed)
        for number in range(7):
            await ask(world.assembled.front, msgspec.structs.replace(numbered(number, "all"), max_output=1000))
        assert now() == 0.0
        await ask(world.assembled.front, msgspec.structs.replace(numbered(8, "all"), max_output=1000))
        assert now() == pytest.approx(10.0, abs=0.1)
        assert world.journal.records[-1].attempts[0].target == "soon/m"

    for seed in range(6):
        run(seed)


TOKENS = """
providers:
  v: {dialect: openai, base_url: "http://v/v1", tpm: 60k}
  w: {dialect: openai, base_url: "http://w/v1", tpm: 60k}
models:
  m: {targets: v/x, timeouts: {total: 40s}}
  slow: {targets: [[{provider: w, model: x, rpm: 1}]], timeouts: {total: 300s}}
  free: {targets: w/y, timeouts: {total: 300s}}
"""


def of(tokens: int, number: int, alias: str) -> Call:
    """A call that is counted as so many tokens."""
    made = numbered(number, alias)
    return msgspec.structs.replace(made, body=b"x" * (4 * tokens), deadline_at=now() + 40.0)


@virtual
async def test_nobody_passes_a_larger_call_that_came_earlier() -> None:
    """1,100 tokens a second are asked for, 1,000 drip: whoever takes what is there leaves nothing for who needs more."""
    world = World(lambda provider, model: Scripted(["hi"], repeat=True), TOKENS)
    ended: list[tuple[int, float]] = []

    async def one(number: int, tokens: int) -> None:
        came_at = now()
        await ask(world.assembled.front, of(tokens, number, "m"))
        ended.append((number, now() - came_at))

    asking = [asyncio.create_task(one(0, 59_900))]
    await asyncio.sleep(1.0)
    asking.append(asyncio.create_task(one(1, 6000)))
    for number in range(2, 200):
        await asyncio.sleep(0.1)
        asking.append(asyncio.create_task(one(number, 110)))
    await asyncio.gather(*asking)
    assert [number for number, _ in ended] == list(range(200))
    assert dict(ended)[1] == pytest.approx(4.9, abs=0.1)
    assert max(took for _, took in ended) < 8.0
    assert world.left_behind() == {}


@virtual
async def test_a_newcomer_does_not_take_the_place_of_who_is_told_in_the_same_turn_that_there_is_room() -> None:
    world = World(lambda provider, model: Scripted(["hi"], repeat=True), LIMITED)
    await ask(world.assembled.front, numbered(0, "only"))
    order: list[int] = []

    async def one(number: int) -> None:
        await ask(world.assembled.front, numbered(number, "only"))
        order.append(number)

    asyncio.get_running_loop().call_at(60.0, lambda: tasks.append(asyncio.create_task(one(2))))
    tasks = [asyncio.create_task(one(1))]
    await asyncio.sleep(130.0)
    assert order == [1, 2]


@virtual
async def test_who_waits_for_one_target_does_not_hold_up_the_others_of_its_provider() -> None:
    world = World(lambda provider, model: Scripted(["hi"], repeat=True), TOKENS)
    await ask(world.assembled.front, of(10, 0, "slow"))
    waiting = asyncio.create_task(ask(world.assembled.front, of(10, 1, "slow")))
    await asyncio.sleep(1.0)
    await ask(world.assembled.front, of(10, 2, "free"))
    assert now() == 1.0
    with pytest.raises(AtLimit):
        await waiting
